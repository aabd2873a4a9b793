"""Reads the object of a strategy file as data. It is never executed, and what would need that is refused.

Taken are JSON and the freedoms of a hand that edits JavaScript: comments, single quotes, bare names, trailing
commas, `module.exports =`, `export default`, `const x = {...}; module.exports = x`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from bot.domain.faults import fault, shown
from bot.errors import InvalidInput

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_DIGITS = 60
FILE = "file"
"""The field of a fault that is not about one name."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it begins, both counted from 1. A number keeps its text's exact value."""

    value: "Decimal | str | bool | tuple[Node, ...] | dict[str, tuple[Node, Node]] | None"
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int
    column: int


_TOKEN = re.compile(
    r"""
      (?P<space>[\s\ufeff]+)
    | (?P<comment>//[^\n\r\u2028\u2029]*|/\*.*?\*/)
    | (?P<number>(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9]+)?(?![\w.]))
    | (?P<string>"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')
    | (?P<name>(?:[^\W\d]|\$)[\w$\u0300-\u036f]*)
    | (?P<spread>\.\.\.)
    | (?P<mark>[{}\[\]:,;=.+-])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None}
_BARE_WORDS = frozenset({"s", "n", "sim", "não", "nao"})
"""Answers that a person may leave without quotes."""
_CODE = frozenset(
    {"function", "new", "require", "import", "class", "async", "await", "return", "if", "for", "while"}
)


def read_object(text: str) -> Node:
    """The file's one object: a Node whose value maps each name to its (name, value) nodes.

    Raises InvalidInput with the line and column of the first fault.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise fault("file_too_long", FILE, limit=str(MAX_BYTES), value=str(size))
    return _Reader(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")).file()


def _tokens(text: str) -> Iterator[_Token]:
    """Up to the end, or to the first character that no strategy has: all that follows it is never looked at."""
    line, line_start = 1, 0
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        if kind not in {"space", "comment"}:
            yield _Token(kind, found[0], line, found.start() - line_start + 1)
        if kind == "other":
            break
        breaks = found[0].count("\n")
        if breaks:
            line += breaks
            line_start = found.start() + found[0].rindex("\n") + 1
    yield _Token("end", "", line, len(text) - line_start + 1)


class _Reader:
    """Walks the tokens once, one ahead; `depth` bounds the recursion."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _skip(self, text: str) -> bool:
        if self._next.text == text and self._next.kind in {"mark", "name"}:
            self._take()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            self._refuse(f"“{text}”")

    def _refuse(self, expected: str) -> NoReturn:
        raise _misplaced(self._next, expected)

    def file(self) -> Node:
        """`module.exports = {...}`, `export default {...}`, a named constant with or without them, or the bare object."""
        if self._next.kind == "string" and self._next.text[1:-1] == "use strict":
            self._take()
            self._skip(";")
        if self._next.text in {"const", "let", "var"} and self._next.kind == "name":
            found = self._named()
        else:
            self._export()
            found = self._object()
        self._skip(";")
        if self._next.kind != "end":
            self._refuse("the end of the file")
        return found

    def _named(self) -> Node:
        self._take()
        name = self._take()
        if name.kind != "name":
            raise _misplaced(name, "a name")
        self._expect("=")
        found = self._object()
        self._skip(";")
        if self._next.kind == "end":
            return found
        if not self._export():
            self._refuse(f"“module.exports = {name.text}”")
        self._expect(name.text)
        return found

    def _export(self) -> bool:
        if self._skip("module"):
            self._expect(".")
            self._expect("exports")
            self._expect("=")
            return True
        if self._skip("export"):
            self._expect("default")
            return True
        return False

    def _object(self) -> Node:
        if self._next.text != "{":
            self._refuse("“{”")
        start = self._enter()
        members: dict[str, tuple[Node, Node]] = {}
        while not self._skip("}"):
            key = self._key(members)
            self._expect(":")
            members[str(key.value)] = (key, self._value())
            if self._next.text != "}":
                self._comma(str(key.value))
        self._depth -= 1
        return Node(members, start.line, start.column)

    def _key(self, members: dict[str, tuple[Node, Node]]) -> Node:
        token = self._next
        if token.kind not in {"name", "string"}:
            self._refuse("a name or “}”")
        self._take()
        name = token.text if token.kind == "name" else _unquoted(token)
        if name in members:
            raise fault(
                "file_duplicate_key", shown(name), **_place(token), first_line=str(members[name][0].line)
            )
        return Node(name, token.line, token.column)

    def _comma(self, after: str) -> None:
        """The comma after a member; a number behind it means that it was a decimal mark."""
        before = self._tokens[self._at - 1]
        if not self._skip(","):
            self._refuse("“,” or “}”")
        if before.kind == "number" and self._next.kind == "number":
            example = f"{before.text}.{self._next.text}"
            raise fault("file_decimal_comma", after, **_place(before), example=shown(example))

    def _array(self) -> Node:
        start = self._enter()
        items: list[Node] = []
        while not self._skip("]"):
            items.append(self._value())
            if self._next.text != "]":
                self._expect(",")
        self._depth -= 1
        return Node(tuple(items), start.line, start.column)

    def _enter(self) -> _Token:
        token = self._take()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise fault("file_too_deep", FILE, **_place(token))
        return token

    def _value(self) -> Node:
        token = self._next
        if token.text == "{":
            return self._object()
        if token.text == "[":
            return self._array()
        self._take()
        if token.kind == "string":
            return Node(_unquoted(token), token.line, token.column)
        if token.kind == "mark" and token.text in "+-" and self._next.kind == "number":
            size = _number(self._take())
            return Node(-size if token.text == "-" else size, token.line, token.column)
        if token.kind == "number":
            return Node(_number(token), token.line, token.column)
        if token.kind == "name" and token.text in _CONSTANTS:
            return Node(_CONSTANTS[token.text], token.line, token.column)
        if token.kind == "name" and token.text in _BARE_WORDS:
            return Node(token.text, token.line, token.column)
        raise _misplaced(token, "a number, a text in quotes, true or false")


def _place(token: _Token) -> dict[str, str]:
    return {"line": str(token.line), "column": str(token.column)}


def _misplaced(token: _Token, expected: str) -> InvalidInput:
    """What stands here is code, or an open comment or quote, or just not what is due."""
    found = f"“{shown(token.text)}”" if token.text else "the end of the file"
    if token.kind == "spread" or token.text in {"`", "("} or (token.kind == "name" and token.text in _CODE):
        return fault("file_code", FILE, **_place(token), found=found)
    return fault("file_syntax", FILE, **_place(token), expected=expected, found=found)


def _unquoted(token: _Token) -> str:
    def meant(escape: re.Match[str]) -> str:
        code = escape[1] or escape[2]
        return chr(int(code, 16)) if code else _ESCAPES.get(escape[3], escape[3])

    return _ESCAPE.sub(meant, token.text[1:-1])


def _number(token: _Token) -> Decimal:
    """The number exactly as written; more digits or a larger exponent than any parameter takes are refused."""
    digits, _, exponent = token.text.replace("_", "").lower().partition("e")
    if len(digits) > MAX_DIGITS or len(exponent) > 3:
        raise _misplaced(token, f"a number of at most {MAX_DIGITS} digits")
    return Decimal(f"{digits}e{exponent or 0}")
