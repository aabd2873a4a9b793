"""Parameters of a Bot API call in every form that clients send them.

Query string, urlencoded body, JSON body and multipart; nested values as JSON text or, in a JSON body, as objects;
an empty string counts as absent; files as a part of their own or as ``attach://part``.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from bot.sandbox.telegram_errors import bad_request
from bot.sandbox.telegram_multipart import read_parts

Json = dict[str, Any]

_BIGGEST: Final = (1 << 63) - 1


@dataclass(frozen=True)
class Upload:
    """A file that came with a request."""

    name: str
    mime_type: str
    content: bytes


@dataclass
class Params:
    """Values as text, nested ones as JSON text, and the files beside them."""

    values: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def names(self) -> set[str]:
        """Every parameter named, without the parts that only serve an ``attach://`` reference."""
        texts = " ".join(self.values.values())
        return set(self.values) | {name for name in self.uploads if f"attach://{name}" not in texts}

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in {"true", "yes", "1"}

    def integer(
        self, name: str, default: int = 0, *, lowest: int | None = None, highest: int | None = None
    ) -> int:
        """A number; what is not one reads as 0 and is drawn into the limits, as the real server does it."""
        raw = self.text(name).strip()
        if not raw:
            return default
        try:
            number = int(raw)
        except ValueError:
            number = 0
        if abs(number) > _BIGGEST:
            number = 0
        if lowest is not None:
            number = max(lowest, number)
        return number if highest is None else min(highest, number)

    def nested(self, name: str, complaint: str) -> Any:  # noqa: ANN401 - JSON of a client
        """The decoded JSON of a parameter, None when it is absent.

        Raises:
            ApiError: 400 with ``complaint`` for text that is no JSON.
        """
        raw = self.text(name)
        return decoded(raw, complaint) if raw else None

    def put(self, name: str, value: object) -> None:
        """Raises ApiError for half a surrogate pair, which a JSON body can spell and UTF-8 cannot."""
        text = value if isinstance(value, str) else json.dumps(value)
        if not _is_utf8(text):
            raise bad_request("Strings must be encoded in UTF-8")
        if text and value is not None:
            self.values[name] = text


def decoded(raw: str | bytes, complaint: str) -> Any:  # noqa: ANN401 - JSON of a client
    """JSON, or ApiError 400 with `complaint` for what is none or is nested without end."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise bad_request(complaint) from exc


def number_field(source: Json, name: str, where: str = "") -> int:
    """A required whole number of an object, as a number or as text; ApiError 400 in the words of JsonBuilder.cpp."""
    if name not in source:
        raise bad_request(f'{where}Can\'t find field "{name}"')
    value = source[name]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise bad_request(f'{where}Field "{name}" must be of type Number')
    try:
        number = int(value) if isinstance(value, int) else int(str(value))
    except ValueError:
        number = _BIGGEST + 1
    if abs(number) > _BIGGEST:
        raise bad_request(f'{where}Can\'t parse as an integer string "{str(value)[:64]}"')
    return number


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


async def read_params(request: web.Request) -> Params:
    """Query string first, body over it.

    Raises:
        ApiError: 400 for a body that says it is JSON and is not an object.
        ValueError: a multipart body that ends in the middle.
    """
    params = Params()
    for name, value in request.query.items():
        params.put(name, value)
    if request.content_type == "application/json":
        for name, value in (await _json_body(request)).items():
            params.put(name, value)
    elif request.content_type == "multipart/form-data":
        boundary = request.headers["Content-Type"].rpartition("boundary=")[2].partition(";")[0].strip('" ')
        for part in read_parts(await request.read(), boundary):
            if part.filename is None:
                params.put(part.name, part.content.decode("utf-8", "replace"))
            else:
                params.uploads[part.name] = Upload(part.filename, part.content_type, part.content)
    elif request.can_read_body:
        for name, field in (await request.post()).items():
            params.put(name, field)
    return params


async def _json_body(request: web.Request) -> Json:
    raw = await request.read()
    if not raw.strip():
        return {}
    body = decoded(raw, "can't parse request body: not valid JSON")
    if not isinstance(body, dict):
        raise bad_request("can't parse request body: an Object expected")
    return body
