"""A text with entities as the service stores it: parsed, cleaned, trimmed, links recognised, limits held."""

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from bot.sandbox.telegram_errors import bad_request, unsupported
from bot.sandbox.telegram_html import parse_html
from bot.sandbox.telegram_links import find_links
from bot.sandbox.telegram_request import number_field

Json = dict[str, Any]

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
_RAW_LIMIT: Final = 1 << 15
_STYLES: Final = ("bold", "italic", "underline", "strikethrough", "spoiler")
_QUOTES: Final = ("blockquote", "expandable_blockquote")
_PRE: Final = ("pre", "code", "date_time")
_WHERE: Final = "Can't parse MessageEntity: "
_GIVEN: Final = (*_QUOTES, *_PRE, "text_link", "text_mention", *_STYLES, "custom_emoji")
_FOUND_TYPES: Final = frozenset(
    ["mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bank_card_number"]
)
_ORDER: Final = (
    *_QUOTES,
    *_PRE,
    "text_link",
    "text_mention",
    *sorted(_FOUND_TYPES),
    *_STYLES,
    "custom_emoji",
)
_DROPPED: Final = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
_SPACED: Final = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class FormattedText:
    """Text and entities; offsets and lengths in UTF-16 code units, never reaching outside the text."""

    text: str
    entities: tuple[Json, ...] = ()


def message_text(raw: str, parse_mode: str, entities: str) -> FormattedText:
    """The text of a message to send.

    Raises:
        ApiError: 400 with the sentence of the real server: empty, too long, entities that cannot be parsed.
    """
    if not raw:
        raise bad_request("Message text is empty")
    formatted = _format(raw, parse_mode, entities)
    if not formatted.text:
        raise bad_request("Text must be non-empty")
    if len(formatted.text) > TEXT_LIMIT:
        raise bad_request("Message is too long")
    return formatted


def caption_text(raw: str, parse_mode: str, entities: str) -> FormattedText:
    """The caption under a photo or document; may be empty.

    Raises:
        ApiError: 400 as for message_text, with the caption's own limit.
    """
    formatted = _format(raw, parse_mode, entities)
    if len(formatted.text) > CAPTION_LIMIT:
        raise bad_request("Message caption is too long")
    return formatted


def user_text(raw: str) -> FormattedText:
    """What a person typed: no markup, only the recognised links (a command at offset 0 is an entity)."""
    return _finish(raw, [])


def _format(raw: str, parse_mode: str, entities: str) -> FormattedText:
    if len(raw.encode("utf-8", "surrogatepass")) > _RAW_LIMIT:
        raise bad_request("Text is too long")
    mode = parse_mode.lower()
    if mode in {"markdown", "markdownv2"} and raw:
        raise unsupported(f"parse_mode {parse_mode}")
    if mode not in {"", "none", "html"} and raw:
        raise bad_request("Unsupported parse_mode")
    if mode == "html":
        return _finish(*parse_html(raw))
    return _finish(raw, _given(entities) if entities else [])


def _given(entities: str) -> list[Json]:
    """Entities sent as JSON; those that the service recognises by itself are ignored, as the real one does."""
    try:
        listed = json.loads(entities)
    except (ValueError, RecursionError):
        return []
    kept: list[Json] = []
    for entity in listed if isinstance(listed, list) else []:
        if not isinstance(entity, dict):
            raise bad_request(f"{_WHERE}expected an Object")
        offset, length = (number_field(entity, name, _WHERE) for name in ("offset", "length"))
        if "type" not in entity:
            raise bad_request(f'{_WHERE}Can\'t find field "type"')
        if not isinstance(entity["type"], str):
            raise bad_request(f'{_WHERE}Field "type" must be of type String')
        if entity["type"] in _GIVEN:
            given = {key: value for key, value in entity.items() if value is not None}
            kept.append({**given, "offset": offset, "length": length})
        elif entity["type"] not in _FOUND_TYPES:
            raise bad_request(f"{_WHERE}Unsupported type specified")
    return kept


def _finish(text: str, entities: list[Json]) -> FormattedText:
    units = _Units(text)
    marks = [mark for entity in entities if (mark := units.mark(entity)) is not None]
    cleaned, marks = _trim(*_clean(text, marks))
    found = [_Mark(start, end, {"type": kind}) for start, end, kind in find_links(cleaned)]
    marks = sorted(_untangle(marks, found), key=_Mark.rank)
    return FormattedText(cleaned, tuple(_Units(cleaned).entity(mark) for mark in marks))


@dataclass
class _Mark:
    """An entity over Python characters start..end."""

    start: int
    end: int
    body: Json

    @property
    def kind(self) -> str:
        return str(self.body["type"])

    def rank(self) -> tuple[int, int, int]:
        return (self.start, -self.end, _ORDER.index(self.kind))


class _Units:
    """Character positions against UTF-16 offsets of one text."""

    def __init__(self, text: str) -> None:
        self._offsets = [0]
        for char in text:
            self._offsets.append(self._offsets[-1] + (2 if ord(char) > 0xFFFF else 1))
        self._characters = {offset: index for index, offset in enumerate(self._offsets)}

    def mark(self, entity: Json) -> _Mark | None:
        offset, length = entity["offset"], entity["length"]
        if length <= 0:
            return None
        start, end = self._characters.get(offset), self._characters.get(offset + length)
        if offset > self._offsets[-1]:
            raise bad_request(f"Entity begins after the end of the text at UTF-16 offset {offset}")
        if offset + length > self._offsets[-1]:
            raise bad_request(
                f"Entity beginning at UTF-16 offset {offset} ends after the end of the text "
                f"at UTF-16 offset {offset + length}"
            )
        if start is None or end is None:
            raise bad_request(f"Entity begins in a middle of a UTF-16 symbol at byte offset {offset}")
        body = {key: value for key, value in entity.items() if key not in {"offset", "length"}}
        return _Mark(start, end, body)

    def entity(self, mark: _Mark) -> Json:
        start, end = self._offsets[mark.start], self._offsets[mark.end]
        return {"type": mark.kind, "offset": start, "length": end - start} | {
            key: value for key, value in mark.body.items() if key != "type"
        }


def _clean(text: str, marks: list[_Mark]) -> tuple[str, list[_Mark]]:
    """Control characters become blanks, a few dangerous ones vanish."""
    gone = [match.start() for match in _DROPPED.finditer(text)]
    if gone:
        marks = [
            _Mark(
                mark.start - sum(1 for at in gone if at < mark.start),
                mark.end - sum(1 for at in gone if at < mark.end),
                mark.body,
            )
            for mark in marks
        ]
    return _SPACED.sub(" ", _DROPPED.sub("", text)), marks


def _trim(text: str, marks: list[_Mark]) -> tuple[str, list[_Mark]]:
    """Blank edges go; at the left only as far as the first entity, since that may be code."""
    end = len(text.rstrip(" \n"))
    first = min((mark.start for mark in marks if mark.end > mark.start), default=end)
    start = min(len(text[:end]) - len(text[:end].lstrip(" \n")), first)
    cut = [
        _Mark(mark.start - start, min(mark.end, end) - start, mark.body)
        for mark in marks
        if mark.start < min(mark.end, end)
    ]
    return text[start:end], [mark for mark in cut if mark.start < mark.end]


def _untangle(marks: list[_Mark], found: list[_Mark]) -> list[_Mark]:
    """The service's shape of nesting.

    Code, links and recognised names never overlap each other nor cross the edge of a quote; equal styles that
    touch are joined; a style is cut where any of these, or another style, begins; no style lives inside code.
    """
    quotes = _first_come([m for m in marks if m.kind in _QUOTES])
    solid = _first_come([m for m in marks if m.kind not in _STYLES + _QUOTES])
    solid += [m for m in found if all(m.end <= s.start or m.start >= s.end for s in solid)]
    solid = [m for m in solid if not any(_crosses(m, quote) for quote in quotes)]
    joined = [whole for kind in _STYLES for whole in _joined([m for m in marks if m.kind == kind])]
    cuts = {edge for mark in (*solid, *quotes) for edge in (mark.start, mark.end)}
    cuts |= {style.start for style in joined}
    code = [mark for mark in solid if mark.kind in _PRE]
    styles = [
        piece
        for style in joined
        for piece in _pieces(style, sorted(cuts))
        if not any(c.start <= piece.start and piece.end <= c.end for c in code)
    ]
    return [*solid, *quotes, *styles]


def _first_come(marks: list[_Mark]) -> list[_Mark]:
    kept: list[_Mark] = []
    for mark in sorted(marks, key=_Mark.rank):
        if not kept or mark.start >= kept[-1].end:
            kept.append(mark)
    return kept


def _crosses(mark: _Mark, quote: _Mark) -> bool:
    overlaps = mark.start < quote.end and quote.start < mark.end
    return overlaps and not (quote.start <= mark.start and mark.end <= quote.end)


def _joined(marks: list[_Mark]) -> list[_Mark]:
    joined: list[_Mark] = []
    for mark in sorted(marks, key=_Mark.rank):
        if joined and mark.start <= joined[-1].end:
            joined[-1].end = max(joined[-1].end, mark.end)
        else:
            joined.append(_Mark(mark.start, mark.end, mark.body))
    return joined


def _pieces(mark: _Mark, cuts: list[int]) -> list[_Mark]:
    edges = [mark.start, *(cut for cut in cuts if mark.start < cut < mark.end), mark.end]
    return [_Mark(a, b, mark.body) for a, b in pairwise(edges)]
