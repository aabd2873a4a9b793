"""multipart/form-data read as leniently as the real server reads it.

Clients differ in how they write a file's name: quoted, percent-encoded beside it, or bare with blanks and letters of
any script (pyTelegramBotAPI). The parser of the HTTP library refuses the last, Telegram takes it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_FIELD: Final = re.compile(r';\s*(name|filename\*?)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.IGNORECASE)
_HEADER: Final = re.compile(r"^([^:\r\n]+):[ \t]*(.*?)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """One part of a form; ``filename`` is None for a plain value."""

    name: str
    filename: str | None
    content_type: str
    content: bytes


def read_parts(body: bytes, boundary: str) -> Iterator[Part]:
    """The parts in order, those without a name left out.

    Raises:
        ValueError: no boundary, or a body that does not end with it.
    """
    delimiter = b"--" + boundary.encode()
    at = body.find(delimiter)
    if not boundary or at < 0:
        raise ValueError("boundary not found")
    while True:
        at += len(delimiter)
        if body[at : at + 2] == b"--":
            return
        end = body.find(b"\r\n" + delimiter, at)
        split = body.find(b"\r\n\r\n", at)
        if end < 0 or not at <= split <= end:
            raise ValueError("unexpected end of the form")
        part = _part(body[at:split].decode("utf-8", "replace"), body[split + 4 : end])
        if part is not None:
            yield part
        at = end + 2


def _part(head: str, content: bytes) -> Part | None:
    headers = {name.strip().lower(): value for name, value in _HEADER.findall(head.replace("\r\n", "\n"))}
    fields = {
        name.lower(): _bare(value) for name, value in _FIELD.findall(headers.get("content-disposition", ""))
    }
    if not fields.get("name"):
        return None
    filename = fields.get("filename")
    if extended := fields.get("filename*"):
        filename = unquote(extended.rpartition("'")[2])
    content_type = headers.get("content-type", "application/octet-stream").partition(";")[0].strip()
    return Part(fields["name"], filename, content_type, content)


def _bare(value: str) -> str:
    if len(value) > 1 and value.startswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value.strip()
