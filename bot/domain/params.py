"""The sixteen parameters of a strategy, by the names its users gave them (docs/strategy.md)."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


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
    """Amounts in quote, ratios as fractions (0.035 is 3.5 %), counts as integers."""

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
