"""A strategy as a .js file: `module.exports = {...}` with exact numbers, written and read as data."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from bot.domain.faults import fault, shown
from bot.domain.literal import FILE, Node, read_object
from bot.domain.money import plain
from bot.domain.numbers import parse_number, parse_yes_no
from bot.domain.params import (
    BY_NAME,
    CURVES,
    PARAMETERS,
    Curve,
    CurveChoice,
    Kind,
    Parameter,
    StrategyParams,
    Value,
    from_answers,
)
from bot.domain.validation import nearest, problems
from bot.errors import InvalidInput

ENVIRONMENTS: tuple[str, ...] = (
    "bybit",
    "bybit-demo",
    "bybit-testnet",
    "binance",
    "binance-testnet",
    "binance-demo",
    "sandbox-bybit",
    "sandbox-binance",
)
MAX_NAME = 64
_HEADER = ("nome", "ambiente", "par")
_CURVE_KEYS = tuple(f"{which.name}{suffix}" for which in CURVES for suffix in ("", "_fim", "_pontos"))
KEYS: tuple[str, ...] = (*_HEADER, *BY_NAME, *_CURVE_KEYS)
"""Every name that a file may give."""
_ACCENTED = MappingProxyType(
    {"lucro_alvo_máximo": "lucro_alvo_maximo", "recompra_queda_máximo": "recompra_queda_maximo"}
)
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,60}(\.[0-9]{1,60})?")
_PAIR = re.compile(r"[A-Z0-9]{5,20}")


@dataclass(frozen=True, slots=True)
class StrategyFile:
    """What a file holds. `missing` lists the names that it did not give and that took their defaults."""

    nome: str = "estrategia"
    ambiente: str = "sandbox-bybit"
    par: str = "BTCUSDT"
    params: StrategyParams = StrategyParams()  # noqa: RUF009
    missing: tuple[str, ...] = ()


def dump(strategy: StrategyFile) -> str:
    """The file's text: numbers exact and without exponent, curves only where one was chosen."""
    lines = [f"  {name}: {json.dumps(getattr(strategy, name), ensure_ascii=False)}," for name in _HEADER]
    lines += [f"  {p.name}: {_written(getattr(strategy.params, p.name))}," for p in PARAMETERS]
    for which in CURVES:
        lines += [
            f"  {key}: {value},"
            for key, value in _curve_lines(which.name, getattr(strategy.params, which.name))
        ]
    return "\n".join(["module.exports = {", *lines, "};", ""])


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return '"s"' if value else '"n"'
    return plain(value) if isinstance(value, Decimal) else str(value)


def _curve_lines(name: str, choice: CurveChoice) -> Iterator[tuple[str, str]]:
    if choice == CurveChoice():
        return
    yield name, f'"{choice.curve.value}"'
    if choice.end is not None:
        yield f"{name}_fim", plain(choice.end)
    if choice.points:
        yield (
            f"{name}_pontos",
            "[" + ", ".join(f"[{rung}, {plain(value)}]" for rung, value in choice.points) + "]",
        )


def load(source: str | bytes) -> StrategyFile:
    """The strategy of a file of at most 64 kB, valid in every respect.

    Raises InvalidInput about the first fault, with its line and column (in `values` too).
    """
    members = _known(read_object(_decoded(source)))
    answers: dict[str, Value] = {}
    header: dict[str, str] = {}
    for name, node in members.items():
        try:
            if name in _HEADER:
                header[name] = _HEADER_READERS[name](_text(name, node))
            elif name in BY_NAME:
                answers[name] = _parameter(BY_NAME[name], node)
        except InvalidInput as found:
            raise _placed(found, node) from None
    answers |= _curves(members)
    params = from_answers(answers)
    faults = problems(params)
    if faults:
        raise _first_placed(faults, members)
    missing = tuple(name for name in (*_HEADER, *BY_NAME) if name not in members)
    return StrategyFile(**header, params=params, missing=missing)


def _decoded(source: str | bytes) -> str:
    if isinstance(source, str):
        return source
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fault("file_not_text", FILE) from None


def _known(root: Node) -> dict[str, Node]:
    """Each name's value, accents taken off; a name that is none, or stands twice, is refused."""
    assert isinstance(root.value, dict)  # noqa: S101 read_object gives an object
    members: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for name, (key, value) in root.value.items():
        known = _ACCENTED.get(unicodedata.normalize("NFC", name), name)
        place = {"line": str(key.line), "column": str(key.column)}
        if known not in KEYS:
            raise fault("file_unknown_key", shown(name), **place, nearest=nearest(name, KEYS))
        if known in members:
            raise fault("file_duplicate_key", shown(name), **place, first_line=str(lines[known]))
        members[known], lines[known] = value, key.line
    return members


def _placed(found: InvalidInput, node: Node) -> InvalidInput:
    """The same fault with the place of the value that it is about."""
    where = {"line": str(node.line), "column": str(node.column)}
    reason = f"line {node.line}, column {node.column}: {found.reason}"
    return InvalidInput(found.field, reason, key=found.key, values={**found.values, **where})


def _first_placed(found: tuple[InvalidInput, ...], members: dict[str, Node]) -> InvalidInput:
    """The fault that stands first in the file; one about a default, which has no place, only if there is no other."""
    written = [(members[f.field], f) for f in found if f.field in members]
    if not written:
        return found[0]
    node, first = min(written, key=lambda pair: (pair[0].line, pair[0].column))
    return _placed(first, node)


def _text(name: str, node: Node) -> str:
    if not isinstance(node.value, str):
        raise _wrong(name, "a text in quotes", node)
    return node.value


def _wrong(field: str, expected: str, node: Node) -> InvalidInput:
    match node.value:
        case dict():
            found = "an object"
        case tuple():
            found = "a list"
        case None:
            found = "nothing"
        case bool():
            found = "true" if node.value else "false"
        case Decimal():
            found = shown(plain(node.value))
        case str():
            found = f"“{shown(node.value)}”"
    return fault("file_wrong_value", field, expected=expected, found=found)


def strategy_name(text: str) -> str:
    """A strategy's name, trimmed; InvalidInput("bad_name")."""
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise fault("bad_name", "nome", value=shown(text), limit=str(MAX_NAME))
    return name


def _environment(text: str) -> str:
    name = text.strip().lower()
    if name not in ENVIRONMENTS:
        raise fault("unknown_environment", "ambiente", value=shown(text), known=", ".join(ENVIRONMENTS))
    return name


def pair_name(text: str) -> str:
    """A pair as the exchanges spell it: btc/usdt is BTCUSDT; InvalidInput("bad_pair"). Whether it exists is not asked."""
    name = re.sub(r"[/_ -]", "", text).upper()
    if not _PAIR.fullmatch(name):
        raise fault("bad_pair", "par", value=shown(text))
    return name


_HEADER_READERS = MappingProxyType({"nome": strategy_name, "ambiente": _environment, "par": pair_name})


def _parameter(parameter: Parameter, node: Node) -> Value:
    if parameter.kind is Kind.YES_NO:
        if isinstance(node.value, bool):
            return node.value
        if isinstance(node.value, str):
            return parse_yes_no(node.value, parameter.name)
        raise _wrong(parameter.name, "s or n", node)
    value = _number(parameter.name, parameter.kind, node)
    if parameter.kind is not Kind.COUNT:
        return value
    if value != value.to_integral_value():
        raise fault("whole_number", parameter.name, value=shown(plain(value)))
    return int(value)


def _number(field: str, kind: Kind, node: Node) -> Decimal:
    """A number, bare or in quotes.

    In quotes "1.025" is a factor as any program writes it, but "1.000" of an amount may be a Brazilian's thousand
    and is refused as a person's answer would be.
    """
    if isinstance(node.value, Decimal):
        return node.value
    if not isinstance(node.value, str):
        raise _wrong(field, "a number", node)
    if kind in {Kind.MULTIPLIER, Kind.FRACTION} and _PLAIN_NUMBER.fullmatch(node.value.strip()):
        return Decimal(node.value.strip())
    return parse_number(node.value, kind, field)


def _curves(members: dict[str, Node]) -> dict[str, Value]:
    chosen: dict[str, Value] = {}
    for which in CURVES:
        nodes = {suffix: members.get(f"{which.name}{suffix}") for suffix in ("", "_fim", "_pontos")}
        kind = BY_NAME[which.start].kind
        name, end, points = nodes[""], nodes["_fim"], nodes["_pontos"]
        try:
            at = name
            curve = Curve.GEOMETRIC if name is None else _curve(which.name, name)
            at = end
            last = None if end is None else _number(f"{which.name}_fim", kind, end)
            at = points
            pairs = () if points is None else tuple(_points(f"{which.name}_pontos", kind, points))
        except InvalidInput as found:
            raise (found if at is None else _placed(found, at)) from None
        chosen[which.name] = CurveChoice(curve, last, pairs)
    return chosen


def _curve(field: str, node: Node) -> Curve:
    text = _text(field, node).strip().lower()
    if text not in set(Curve):
        raise fault("unknown_curve", field, value=shown(text), known=", ".join(Curve))
    return Curve(text)


def _points(field: str, kind: Kind, node: Node) -> Iterator[tuple[int, Decimal]]:
    if not isinstance(node.value, tuple):
        raise _wrong(field, "a list of [rung, value]", node)
    for point in node.value:
        if not isinstance(point.value, tuple) or len(point.value) != 2:
            raise _wrong(field, "a list of [rung, value]", point)
        rung = _number(field, Kind.COUNT, point.value[0])
        if rung != rung.to_integral_value():
            raise fault("whole_number", field, value=shown(plain(rung)))
        yield int(rung), _number(field, kind, point.value[1])
