"""The sixteen parameters of a strategy, by the names its users gave them (docs/strategy.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Curve(StrEnum):
    """How a progression runs from its start to its end; the names as a strategy file spells them."""

    GEOMETRIC = "geometrica"
    LINEAR = "linear"
    POWER = "potencia"
    EXPONENTIAL = "exponencial"
    LOGARITHMIC = "logaritmica"
    SPLINE = "spline"


@dataclass(frozen=True, slots=True)
class CurveChoice:
    """A chosen curve; `end` None takes the default end, `points` are (rung, value) pairs of a spline."""

    curve: Curve = Curve.GEOMETRIC
    end: Decimal | None = None
    points: tuple[tuple[int, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class StrategyParams:
    """Amounts in quote, ratios as fractions (0.035 is 3.5 %), counts as integers.

    Holds what it is given; `bot.domain.validation.validated` says whether a strategy may run on it.
    """

    qty_inicial: Decimal = Decimal(300)
    multiplicador_qty: Decimal = Decimal("1.02")
    qty_minima: Decimal = Decimal(50)
    qty_maxima: Decimal = Decimal(600)
    lucro_alvo_inicial: Decimal = Decimal("0.035")
    multiplicador_lucro: Decimal = Decimal("0.95")
    lucro_alvo_minimo: Decimal = Decimal("0.005")
    lucro_alvo_maximo: Decimal = Decimal("0.05")
    recompra_queda_inicial: Decimal = Decimal("0.01")
    multiplicador_recompra: Decimal = Decimal(1)
    recompra_queda_minimo: Decimal = Decimal("0.005")
    recompra_queda_maximo: Decimal = Decimal("0.03")
    limite_recompras: int = 20
    taxa: Decimal = Decimal("0.001")
    saldo_limite: Decimal = Decimal(5000)
    lucro_reaplicar: bool = True
    curva_qty: CurveChoice = field(default=CurveChoice())
    curva_lucro: CurveChoice = field(default=CurveChoice())
    curva_recompra: CurveChoice = field(default=CurveChoice())


Value = Decimal | int | bool | CurveChoice
"""What a field of StrategyParams holds."""

MAX_AMOUNT = Decimal(10) ** 12
MAX_MULTIPLIER = Decimal(1000)
MAX_PLACES = 18
"""Bounds of our own, beyond anything traded: within them nothing overflows the 60 digits of money.EXACT."""


class Kind(StrEnum):
    """What sort of answer a parameter takes, with its unit."""

    QUOTE = "quote"
    """An amount of the quote coin."""
    MULTIPLIER = "multiplier"
    FRACTION = "fraction"
    """A ratio: 0.035, shown and typed as 3.5 % too."""
    COUNT = "count"
    YES_NO = "yes_no"


@dataclass(frozen=True, slots=True)
class Limits:
    """An interval, each end included unless `*_open`. `str` gives it without words: `> 0, < 10`."""

    low: Decimal
    high: Decimal
    low_open: bool = False
    high_open: bool = False

    def hold(self, value: Decimal) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def __str__(self) -> str:
        return (
            f"{'>' if self.low_open else '>='} {self.low:f}, {'<' if self.high_open else '<='} {self.high:f}"
        )


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of the setup menu: `item` as the person knows it, `valid` in words, `limits` as numbers.

    What ties two parameters together stands in `valid` for the reader and in validation.py for the machine;
    `limits` is what holds for this one alone (0 and 1 for a yes or no).
    """

    item: str
    name: str
    kind: Kind
    valid: str
    limits: Limits

    @property
    def default(self) -> Value:
        value: Value = getattr(_DEFAULTS, self.name)
        return value


_DEFAULTS = StrategyParams()
_ZERO, _ONE = Decimal(0), Decimal(1)
_AMOUNT = Limits(_ZERO, MAX_AMOUNT, low_open=True)
_FACTOR = Limits(_ZERO, MAX_MULTIPLIER, low_open=True)
_FIRST_TARGET = Limits(_ZERO, Decimal(10), low_open=True, high_open=True)
_TARGET = Limits(_ZERO, MAX_MULTIPLIER, low_open=True)
_DROP = Limits(_ZERO, _ONE, low_open=True, high_open=True)

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("1", "qty_inicial", Kind.QUOTE, "a number above 0", _AMOUNT),
    Parameter("1.1", "multiplicador_qty", Kind.MULTIPLIER, "a number above 0", _FACTOR),
    Parameter("1.1a", "qty_minima", Kind.QUOTE, "a number above 0 and at most qty_maxima", _AMOUNT),
    Parameter("1.1b", "qty_maxima", Kind.QUOTE, "a number of at least qty_minima", _AMOUNT),
    Parameter("2", "lucro_alvo_inicial", Kind.FRACTION, "a fraction above 0 and below 10", _FIRST_TARGET),
    Parameter("2.1", "multiplicador_lucro", Kind.MULTIPLIER, "a number above 0", _FACTOR),
    Parameter(
        "2.1a",
        "lucro_alvo_minimo",
        Kind.FRACTION,
        "a fraction above 0 and at most lucro_alvo_maximo",
        _TARGET,
    ),
    Parameter(
        "2.1b", "lucro_alvo_maximo", Kind.FRACTION, "a fraction of at least lucro_alvo_minimo", _TARGET
    ),
    Parameter("3", "recompra_queda_inicial", Kind.FRACTION, "a fraction above 0 and below 1", _DROP),
    Parameter("3.1", "multiplicador_recompra", Kind.MULTIPLIER, "a number above 0", _FACTOR),
    Parameter(
        "3.1a",
        "recompra_queda_minimo",
        Kind.FRACTION,
        "a fraction above 0 and at most recompra_queda_maximo",
        _DROP,
    ),
    Parameter(
        "3.1b",
        "recompra_queda_maximo",
        Kind.FRACTION,
        "a fraction of at least recompra_queda_minimo and below 1",
        _DROP,
    ),
    Parameter(
        "3.1c", "limite_recompras", Kind.COUNT, "a whole number from 0 to 200", Limits(_ZERO, Decimal(200))
    ),
    Parameter("4", "taxa", Kind.FRACTION, "a fraction from 0 to 0.05", Limits(_ZERO, Decimal("0.05"))),
    Parameter("5", "saldo_limite", Kind.QUOTE, "0, or at least qty_inicial", Limits(_ZERO, MAX_AMOUNT)),
    Parameter("6", "lucro_reaplicar", Kind.YES_NO, "s or n", Limits(_ZERO, _ONE)),
)
"""The setup menu's items 1 to 6, in its order (docs/strategy.md)."""

BY_NAME: Mapping[str, Parameter] = MappingProxyType({p.name: p for p in PARAMETERS})


@dataclass(frozen=True, slots=True)
class CurveField:
    """A progression's curve: its field, the item it is an extra of, and the parameters that it reads."""

    item: str
    name: str
    start: str
    multiplier: str
    low: str
    high: str
    end: str
    first_rung: int


CURVES: tuple[CurveField, ...] = (
    CurveField(
        "1.1", "curva_qty", "qty_inicial", "multiplicador_qty", "qty_minima", "qty_maxima", "qty_maxima", 0
    ),
    CurveField(
        "2.1",
        "curva_lucro",
        "lucro_alvo_inicial",
        "multiplicador_lucro",
        "lucro_alvo_minimo",
        "lucro_alvo_maximo",
        "lucro_alvo_minimo",
        0,
    ),
    CurveField(
        "3.1",
        "curva_recompra",
        "recompra_queda_inicial",
        "multiplicador_recompra",
        "recompra_queda_minimo",
        "recompra_queda_maximo",
        "recompra_queda_maximo",
        1,
    ),
)


def as_answers(params: StrategyParams) -> dict[str, Value]:
    """Every field by its name, the three curves included."""
    return {f.name: getattr(params, f.name) for f in fields(params)}


def from_answers(answers: Mapping[str, Value]) -> StrategyParams:
    """Parameters from what was answered so far; what is missing takes its default. Unchecked."""
    chosen: dict[str, Any] = dict(answers)
    return StrategyParams(**chosen)
