"""HTML of a message text to plain text and entities, by the rules of TDLib's parse_html.

Only named tags and the four named character references exist; a bare ``&`` or an unknown ``&foo;`` is kept as it
is, a bare ``<`` fails. Offsets in errors count bytes, offsets and lengths of entities count UTF-16 code units.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from bot.sandbox.telegram_errors import ApiError, bad_request
from bot.sandbox.telegram_links import checked_link, user_of_link

Json = dict[str, Any]

_SIMPLE: Final = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
}
_TAGS: Final = {*_SIMPLE, "a", "pre", "code", "blockquote", "tg-emoji", "tg-time"}
_NAMED: Final = {b"lt": "<", b"gt": ">", b"amp": "&", b"quot": '"'}
_SPACE: Final = frozenset(b" \t\r\n\0\x0b")
_DIGITS: Final = frozenset(b"0123456789")
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_ALPHA: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NAME_END: Final = frozenset(b"=>/\"'") | _SPACE
_MIDDLE_OF_RUN: Final = range(0x80, 0xC0)


@dataclass
class _Open:
    """A start tag that waits for its end."""

    tag: str
    offset: int
    start: int
    argument: str = ""
    unix_time: int = 0


@dataclass
class _Parser:
    """One pass over the bytes; ``source`` ends in a NUL so that looking ahead never leaves it."""

    source: bytes
    at: int = 0
    offset: int = 0
    out: bytearray = field(default_factory=bytearray)
    stack: list[_Open] = field(default_factory=list)
    entities: list[Json] = field(default_factory=list)

    def run(self) -> tuple[str, list[Json]]:
        end = len(self.source) - 1
        while self.at < end:
            byte = self.source[self.at]
            if byte == ord("&") and (char := self.reference()) is not None:
                self.emit(char)
            elif byte != ord("<"):
                if byte not in _MIDDLE_OF_RUN:
                    self.offset += 2 if byte >= 0xF0 else 1
                self.out.append(byte)
                self.at += 1
            elif self.source[self.at + 1] == ord("/"):
                self.end_tag()
            else:
                self.start_tag()
        if self.stack:
            raise _cannot(f'Can\'t find end tag corresponding to start tag "{self.stack[-1].tag}"')
        for entity in self.entities:
            entity.pop("_code_language", None)
        return self.text_out(), self.entities

    def text_out(self) -> str:
        try:
            return self.out.decode()
        except UnicodeDecodeError as exc:
            raise _cannot(
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            ) from exc

    def emit(self, char: str) -> None:
        self.offset += 2 if ord(char) > 0xFFFF else 1
        self.out += char.encode("utf-8", "surrogatepass")

    def reference(self) -> str | None:
        """The character a reference at the cursor names; the cursor moves only when there is one."""
        start = self.at + 1
        if self.source[start] == ord("#"):
            is_hex = self.source[start + 1] == ord("x")
            first = start + (2 if is_hex else 1)
            end = self._skip(first, _HEX if is_hex else _DIGITS)
            code = int(self.source[first:end] or b"0", 16 if is_hex else 10)
            char = chr(code) if 0 < code < 0x10FFFF and end - self.at < 10 else None
        else:
            end = self._skip(start, _ALPHA)
            char = _NAMED.get(self.source[start:end])
        if char is not None:
            self.at = end + 1 if self.source[end] == ord(";") else end
        return char

    def _skip(self, start: int, allowed: frozenset[int]) -> int:
        end = start
        while self.source[end] in allowed and end < len(self.source) - 1:
            end += 1
        return end

    def _skip_space(self) -> None:
        while self.source[self.at] in _SPACE and self.source[self.at] != 0:
            self.at += 1

    def start_tag(self) -> None:
        begin = self.at
        self.at += 1
        while self.source[self.at] not in _SPACE and self.source[self.at] != ord(">"):
            self.at += 1
        if self.source[self.at] == 0:
            raise _cannot(f"Unclosed start tag at byte offset {begin}")
        tag = _lower(self.source[begin + 1 : self.at])
        if tag not in _TAGS:
            raise _cannot(f'Unsupported start tag "{tag}" at byte offset {begin}')
        opened = _Open(tag, self.offset, len(self.out))
        while self.source[self.at] != ord(">"):
            self._skip_space()
            if self.source[self.at] == ord(">"):
                break
            self.attribute(opened, begin)
        if tag == "span" and opened.argument != "spoiler":
            raise _cannot(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self.stack.append(opened)
        self.at += 1

    def attribute(self, opened: _Open, begin: int) -> None:
        name_start = self.at
        while self.source[self.at] not in _NAME_END:
            self.at += 1
        name = self.source[name_start : self.at].decode()
        if not name:
            raise _cannot(f'Empty attribute name in the tag "{opened.tag}" at byte offset {begin}')
        self._skip_space()
        unclosed = _cannot(f'Unclosed start tag "{opened.tag}" at byte offset {begin}')
        if self.source[self.at] != ord("="):
            if self.source[self.at] == 0:
                raise unclosed
            if opened.tag == "blockquote" and name == "expandable":
                opened.argument = "1"
            return
        self.at += 1
        self._skip_space()
        if self.source[self.at] == 0:
            raise unclosed
        value = self.quoted() if self.source[self.at] in b"'\"" else self.name_token()
        if self.source[self.at] == 0:
            raise _cannot(f"Unclosed start tag at byte offset {begin}")
        _take_attribute(opened, name, value)

    def name_token(self) -> str:
        start = self.at
        while (byte := self.source[self.at]) in _ALPHA or byte in _DIGITS or byte in b".-":
            self.at += 1
        if self.source[self.at] not in _SPACE and self.source[self.at] != ord(">"):
            raise _cannot(f"Unexpected end of name token at byte offset {start}")
        return _lower(self.source[start : self.at])

    def quoted(self) -> str:
        quote = self.source[self.at]
        self.at += 1
        value = bytearray()
        while self.source[self.at] not in (quote, 0):
            if self.source[self.at] == ord("&") and (char := self.reference()) is not None:
                value += char.encode("utf-8", "surrogatepass")
            else:
                value.append(self.source[self.at])
                self.at += 1
        if self.source[self.at] == quote:
            self.at += 1
        return value.decode("utf-8", "replace")

    def end_tag(self) -> None:
        begin = self.at
        if not self.stack:
            raise _cannot(f"Unexpected end tag at byte offset {begin}")
        self.at += 1
        while self.source[self.at] not in _SPACE and self.source[self.at] != ord(">"):
            self.at += 1
        found = _lower(self.source[begin + 2 : self.at])
        self._skip_space()
        if self.source[self.at] != ord(">"):
            raise _cannot(f"Unclosed end tag at byte offset {begin}")
        opened = self.stack.pop()
        if found not in {"", opened.tag}:
            raise _cannot(
                f'Unmatched end tag at byte offset {begin}, expected "</{opened.tag}>", found "</{found}>"'
            )
        self.at += 1
        if self.offset > opened.offset:
            self.close(opened)

    def close(self, opened: _Open) -> None:
        span: Json = {"offset": opened.offset, "length": self.offset - opened.offset}
        tag = opened.tag
        if tag in _SIMPLE:
            self.entities.append({"type": _SIMPLE[tag], **span})
        elif tag in {"pre", "code"}:
            self.close_code(opened, span)
        elif tag == "blockquote":
            kind = "expandable_blockquote" if opened.argument else "blockquote"
            self.entities.append({"type": kind, **span})
        elif tag == "a":
            self.close_link(opened, span)
        elif tag == "tg-emoji":
            if not re.fullmatch(r"-?[1-9][0-9]{0,18}", opened.argument):
                raise _cannot("Invalid custom emoji identifier specified")
            self.entities.append({"type": "custom_emoji", **span, "custom_emoji_id": opened.argument})
        elif opened.unix_time > 0:
            self.entities.append(
                {
                    "type": "date_time",
                    **span,
                    "unix_time": opened.unix_time,
                    "date_time_format": opened.argument,
                }
            )

    def close_code(self, opened: _Open, span: Json) -> None:
        last = self.entities[-1] if self.entities else None
        same_span = last is not None and all(last[key] == span[key] for key in span)
        if opened.tag == "pre" and last and same_span and last["type"] == "code" and "_code_language" in last:
            last.update(type="pre", language=last.pop("_code_language"))
        elif opened.tag == "code" and last and same_span and _is_plain_pre(last) and opened.argument:
            last["language"] = opened.argument
        elif opened.tag == "code" and opened.argument:
            self.entities.append({"type": "code", **span, "_code_language": opened.argument})
        else:
            self.entities.append({"type": opened.tag, **span})

    def close_link(self, opened: _Open, span: Json) -> None:
        url = opened.argument or self.out[opened.start :].decode("utf-8", "replace")
        user_id = user_of_link(url)
        if user_id is not None:
            self.entities.append({"type": "text_mention", **span, "_user_id": user_id})
        elif link := checked_link(url):
            self.entities.append({"type": "text_link", **span, "url": link})


def _take_attribute(opened: _Open, name: str, value: str) -> None:
    match opened.tag, name:
        case ("a", "href") | ("tg-emoji", "emoji-id") | ("tg-time", "format"):
            opened.argument = value
        case ("code", "class") if value.startswith("language-"):
            opened.argument = value.removeprefix("language-")
        case ("span", "class") if value.startswith("tg-"):
            opened.argument = value.removeprefix("tg-")
        case ("blockquote", "expandable"):
            opened.argument = "1"
        case ("tg-time", "unix"):
            opened.unix_time = int(value) if value.isdecimal() else 0
        case _:
            pass


def _is_plain_pre(entity: Json) -> bool:
    return entity["type"] == "pre" and "language" not in entity


def _lower(raw: bytes) -> str:
    """ASCII lower case only, as the real server does it."""
    return raw.lower().decode("utf-8", "replace")


def _cannot(reason: str) -> ApiError:
    return bad_request(f"Can't parse entities: {reason}")


def parse_html(text: str) -> tuple[str, list[Json]]:
    """Plain text and its entities in the order their tags end.

    Raises:
        ApiError: 400 "can't parse entities: ..." with the reason and, where there is one, the byte offset.
    """
    return _Parser(text.encode("utf-8", "surrogatepass") + b"\0").run()
