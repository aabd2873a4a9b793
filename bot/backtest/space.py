"""Which parameters a sweep varies, and how: `name=from:to:step`, `name=from:to`, or `name=a,b,c`.

A point is one value for each axis, in the axes' order. The base strategy gives what is not varied, its curves
included. Points are numbered, so that any worker can make any part of a sweep by itself.
"""

import math
import random
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any

from bot.domain.money import plain
from bot.domain.numbers import parse_yes_no
from bot.domain.params import BY_NAME, CURVES, PARAMETERS, Kind, Parameter, StrategyParams, Value
from bot.domain.validation import check_field, nearest, validated
from bot.errors import InvalidInput

Point = tuple[Value, ...]

MOST_VALUES = 10_000
"""Of one axis; more is a slip of the decimal point."""
MOST_POINTS = 50_000_000
"""Of one grid."""
_LOG_FROM = 10
"""An interval whose end is this many times its start is drawn on a log scale."""
_BRIEF = Context(prec=4)
_STEPS = 10_000
"""A drawn value lies on this many steps of its interval (on four digits, on a log scale): short to read and type."""
_NUMBER = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?%?")


@dataclass(frozen=True, slots=True)
class Axis:
    """One varied parameter: `values` in their order, or an interval from `low` to `high` where there are none."""

    name: str
    values: Point = ()
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)

    @property
    def log(self) -> bool:
        return not self.values and self.low > 0 and self.high / self.low >= _LOG_FROM

    def at(self, share: float) -> Value:
        """The value at `share` (0 to 1) of the way."""
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        if self.log:
            drawn = float(self.low) * math.exp(share * math.log(float(self.high) / float(self.low)))
            return min(max(_BRIEF.create_decimal(repr(drawn)), self.low), self.high)
        return self.low + (self.high - self.low) * round(share * _STEPS) / _STEPS

    def share(self, value: Value) -> float:
        """How far along the axis a value lies, 0 to 1."""
        if self.values:
            last = len(self.values) - 1
            return self.values.index(value) / last if last else 0.0
        if not isinstance(value, Decimal) or self.high == self.low:
            return 0.0
        if self.log:
            return math.log(float(value / self.low)) / math.log(float(self.high / self.low))
        return float((value - self.low) / (self.high - self.low))

    def __str__(self) -> str:
        if self.values:
            return f"{self.name}={','.join(written(value) for value in self.values)}"
        return f"{self.name}={plain(self.low)}:{plain(self.high)}"


@dataclass(frozen=True, slots=True)
class Space:
    """A base strategy and what varies about it."""

    base: StrategyParams
    axes: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """How many points the grid has; InvalidInput where an axis has no steps, or they are too many."""
        for axis in self.axes:
            if not axis.values:
                raise InvalidInput(
                    axis.name, f"a grid takes from:to:step or a list, not {axis}; or draw at random"
                )
        count = math.prod(len(axis.values) for axis in self.axes)
        if count > MOST_POINTS:
            raise InvalidInput("vary", f"takes at most {MOST_POINTS:,} combinations, not {count:,}")
        return count

    def grid_point(self, number: int) -> Point:
        """Point `number` of the grid, the last axis turning fastest."""
        chosen: list[Value] = []
        for axis in reversed(self.axes):
            number, place = divmod(number, len(axis.values))
            chosen.append(axis.values[place])
        return tuple(reversed(chosen))

    def random_point(self, seed: int, number: int) -> Point:
        """Point `number` of the draw `seed`: the same wherever and whenever it is drawn."""
        draw = random.Random(f"{seed}/{number}")  # noqa: S311 - a sweep, not a secret
        return tuple(axis.at(draw.random()) for axis in self.axes)

    def params(self, point: Point) -> StrategyParams:
        """The strategy at a point; unchecked."""
        chosen: dict[str, Any] = {axis.name: value for axis, value in zip(self.axes, point, strict=True)}
        return replace(self.base, **chosen)

    def base_point(self) -> Point:
        """The base strategy's own values on the axes; they need not be among the axes' values."""
        return tuple(getattr(self.base, axis.name) for axis in self.axes)


def read_space(base: StrategyParams, texts: Iterable[str]) -> Space:
    """The space of `--vary` texts; InvalidInput names the parameter and what it takes. `base` must be valid."""
    axes: dict[str, Axis] = {}
    for text in texts:
        axis = read_axis(text)
        if axis.name in axes:
            raise InvalidInput(axis.name, "is varied twice")
        axes[axis.name] = axis
    if not axes:
        raise InvalidInput("vary", "takes at least one parameter, such as lucro_alvo_inicial=0.01:0.05:0.005")
    return Space(validated(base), tuple(axes.values()))


def read_axis(text: str) -> Axis:
    """`name=from:to:step` and `name=a,b` (a grid), or `name=from:to` (to draw from; a count steps by 1).

    Decimals take a point; fractions are 0.035 or 3.5%.
    """
    name, equals, rest = (part.strip() for part in text.partition("="))
    name = _without_accents(name)
    parameter = BY_NAME.get(name)
    if parameter is None or not equals or not rest:
        raise _unknown(name) if parameter is None else _unreadable(parameter, text)
    if ":" not in rest:
        values = tuple(_value(parameter, part.strip()) for part in rest.split(","))
        if len(set(values)) < len(values):
            raise InvalidInput(name, "gives a value twice")
        return Axis(name, values)
    if parameter.kind is Kind.YES_NO:
        raise InvalidInput(name, "takes s,n")
    return _interval(parameter, [_decimal(parameter, part.strip()) for part in rest.split(":")], text)


def _interval(parameter: Parameter, ends: list[Decimal], text: str) -> Axis:
    if len(ends) not in {2, 3}:
        raise _unreadable(parameter, text)
    low, high = ends[:2]
    if low > high:
        raise InvalidInput(parameter.name, f"goes from the smaller to the larger, not {text}")
    for end in (low, high):
        _check(parameter, end)
    if len(ends) == 2 and parameter.kind is not Kind.COUNT:
        return Axis(parameter.name, low=low, high=high)
    step = ends[2] if len(ends) == 3 else Decimal(1)
    if step <= 0:
        raise InvalidInput(parameter.name, "takes a step above 0")
    count = int((high - low) / step) + 1
    if count > MOST_VALUES:
        raise InvalidInput(parameter.name, f"takes at most {MOST_VALUES:,} values, not {count:,}")
    return Axis(parameter.name, tuple(_check(parameter, low + step * i) for i in range(count)))


def _value(parameter: Parameter, text: str) -> Value:
    if parameter.kind is not Kind.YES_NO:
        return _check(parameter, _decimal(parameter, text))
    return parse_yes_no(text, parameter.name)


def _decimal(parameter: Parameter, text: str) -> Decimal:
    if not _NUMBER.fullmatch(text) or (text.endswith("%") and parameter.kind is not Kind.FRACTION):
        raise _unreadable(parameter, text)
    number = Decimal(text.removesuffix("%"))
    return number.scaleb(-2) if text.endswith("%") else number


def _check(parameter: Parameter, number: Decimal) -> Value:
    """The number as the parameter's value; InvalidInput where it is none by itself."""
    whole = parameter.kind is Kind.COUNT and number == number.to_integral_value()
    value: Value = int(number) if whole else number
    check_field({}, parameter.name, value)
    return value


def _without_accents(name: str) -> str:
    """As a file's own keys may be spelled: lucro_alvo_máximo."""
    return "".join(one for one in unicodedata.normalize("NFD", name) if not unicodedata.combining(one))


def _unknown(name: str) -> InvalidInput:
    curve = next((which.name for which in CURVES if name.startswith(which.name)), None)
    if curve is not None:
        return InvalidInput(
            name[:40],
            f"a curve does not vary: {curve} stays as the file has it. What varies with it is {_of_curve(curve)}; "
            "for another curve take another file",
        )
    like = nearest(name, BY_NAME)
    known = ", ".join(p.name for p in PARAMETERS)
    return InvalidInput(
        name[:40] or "vary", f"is no parameter that varies; the nearest is {like} (all: {known})"
    )


def _unreadable(parameter: Parameter, text: str) -> InvalidInput:
    example = f"{parameter.name}={_EXAMPLES[parameter.kind]}"
    return InvalidInput(
        parameter.name,
        f"“{text[:60]}” cannot be read; takes from:to:step, from:to or a list, decimals with a point: {example}",
    )


def _of_curve(curve: str) -> str:
    """The parameters that shape a curve."""
    which = next(one for one in CURVES if one.name == curve)
    return f"{which.start}, {which.multiplier}, {which.low}, {which.high}"


_EXAMPLES = {
    Kind.QUOTE: "100:500:50",
    Kind.MULTIPLIER: "1,1.02,1.05",
    Kind.FRACTION: "0.01:0.05:0.005",
    Kind.COUNT: "5:30:5",
    Kind.YES_NO: "s,n",
}


def written(value: Value) -> str:
    """A value as one types it."""
    if isinstance(value, bool):
        return "s" if value else "n"
    return plain(value) if isinstance(value, Decimal) else str(value)


def shares(space: Space, points: Iterable[Point]) -> Iterator[tuple[float, ...]]:
    """Each point in a cube of side 1, for distances between points."""
    for point in points:
        yield tuple(axis.share(value) for axis, value in zip(space.axes, point, strict=True))
