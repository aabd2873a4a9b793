"""Files up and down: photos, documents, file ids, and the limits of the hosted Bot API."""

import mimetypes
import re
import secrets
import struct
from pathlib import PurePosixPath
from typing import Any, Final

from bot.sandbox.telegram_errors import ApiError, bad_request, unsupported
from bot.sandbox.telegram_request import Params, Upload
from bot.sandbox.telegram_rows import StoredFile
from bot.sandbox.telegram_world import World

Json = dict[str, Any]

PHOTO_BYTES: Final = 10 * 1024 * 1024
UPLOAD_BYTES: Final = 50 * 1024 * 1024
DOWNLOAD_BYTES: Final = 20 * 1024 * 1024
_LONGEST_SIDES: Final = 10_000
_STEEPEST_RATIO: Final = 20
_JPEG_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def input_file(world: World, params: Params, name: str, kind: str, given: str | None = None) -> StoredFile:
    """The file a parameter names: a part of the request, ``attach://part``, or the id of a stored file.

    Raises:
        ApiError: 400 in the words of the real server; a URL, since nothing is fetched here, says so.
    """
    value = params.text(name) if given is None else given
    upload = params.uploads.get(name) if given is None else None
    if value.startswith("attach://"):
        upload = params.uploads.get(value.removeprefix("attach://"))
    elif upload is None and not value:
        raise bad_request(f"There is no {kind} in the request")
    if upload is not None:
        return store_upload(world, upload, kind)
    if re.match(r"https?://", value, re.IGNORECASE):
        raise unsupported(f"{name} as a URL")
    stored = world.store.file(file_id=value)
    if stored is None:
        raise bad_request("Wrong file identifier/HTTP URL specified")
    if stored.kind != kind:
        raise bad_request(f"Can't use file of type {stored.kind.title()} as {kind.title()}")
    return stored


def store_upload(world: World, upload: Upload, kind: str) -> StoredFile:
    """Checks a new file against the limits of its kind and keeps it.

    Raises:
        ApiError: 400, or 413 above the limit of the hosted server.
    """
    size = len(upload.content)
    if size == 0:
        raise bad_request("File must be non-empty")
    if size > UPLOAD_BYTES:
        raise ApiError(413, "Request Entity Too Large")
    width, height = _checked_photo(upload.content) if kind == "photo" else (0, 0)
    name = PurePosixPath(upload.name.replace("\\", "/")).name or "file"
    number = world.store.file_count()
    suffix = ".png" if upload.content.startswith(b"\x89PNG") else ".jpg"
    path = f"photos/file_{number}{suffix}" if kind == "photo" else f"documents/file_{number}{_suffix(name)}"
    mime_type = mimetypes.guess_type(path)[0] or upload.mime_type or "application/octet-stream"
    file = StoredFile(
        file_id=("AgACAgEAAxkD" if kind == "photo" else "BQACAgEAAxkD") + secrets.token_urlsafe(36),
        unique_id="AQAD" + secrets.token_urlsafe(9),
        kind=kind,
        path=path,
        name=name,
        mime_type=mime_type,
        width=width,
        height=height,
        size=size,
    )
    world.store.add_file(file, upload.content)
    return file


def _checked_photo(content: bytes) -> tuple[int, int]:
    if len(content) > PHOTO_BYTES:
        raise bad_request(
            f"File of size {len(content)} bytes is too big for a photo; "
            f"the maximum size is {PHOTO_BYTES} bytes"
        )
    size = image_size(content)
    if size is None or 0 in size:
        raise bad_request("IMAGE_PROCESS_FAILED")
    if sum(size) > _LONGEST_SIDES or max(size) > _STEEPEST_RATIO * min(size):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return size


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,10}", suffix) else ""


def image_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG, GIF or WebP by its header, None for anything else."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    if content[:6] in {b"GIF87a", b"GIF89a"} and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        return int(width), int(height)
    if content[:2] == b"\xff\xd8":
        return _jpeg_size(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp_size(content)
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + length
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    if len(content) < 30:
        return None
    if content[12:16] == b"VP8X":
        width, height = content[24:27], content[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if content[12:16] == b"VP8 ":
        width_word, height_word = struct.unpack("<HH", content[26:30])
        return int(width_word) & 0x3FFF, int(height_word) & 0x3FFF
    if content[12:16] == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    return None


def photo_field(file: StoredFile) -> list[Json]:
    """The photo of a Message: one size, the original (the real service adds smaller ones and re-encodes)."""
    return [
        {
            "file_id": file.file_id,
            "file_unique_id": file.unique_id,
            "file_size": file.size,
            "width": file.width,
            "height": file.height,
        }
    ]


def document_field(file: StoredFile) -> Json:
    return {
        "file_name": file.name,
        "mime_type": file.mime_type,
        "file_id": file.file_id,
        "file_unique_id": file.unique_id,
        "file_size": file.size,
    }


def get_file(world: World, params: Params) -> Json:
    """getFile: the path to download at /file/bot<token>/<path>."""
    file = world.store.file(file_id=params.text("file_id")) if params.text("file_id") else None
    if file is None:
        raise bad_request("Invalid file_id" if params.text("file_id") else "file_id not specified")
    if file.size > DOWNLOAD_BYTES:
        raise bad_request("File is too big")
    return {
        "file_id": file.file_id,
        "file_unique_id": file.unique_id,
        "file_size": file.size,
        "file_path": file.path,
    }
