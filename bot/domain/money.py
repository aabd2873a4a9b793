"""Amounts with their unit in the type: only operations that mean something exist."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Self

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
"""Wide enough that sums and products of venue amounts are exact; only divisions and curves round."""


def exact(value: str | int | Decimal) -> Decimal:
    """A finite decimal from text, an integer or a decimal; a float or NaN is a bug (TypeError, ValueError)."""
    if not isinstance(value, str | int | Decimal):
        raise TypeError(f"money is never a {type(value).__name__}")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"not a finite number: {value}")
    return number


def plain(value: Decimal) -> str:
    """The value without exponent and without trailing zeros: `1E+2` gives `100`."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


@dataclass(frozen=True, slots=True, order=True)
class _Amount:
    value: Decimal

    @classmethod
    def of(cls, value: str | int | Decimal) -> Self:
        return cls(exact(value))

    @classmethod
    def zero(cls) -> Self:
        return cls(Decimal(0))

    def _same(self, other: Self) -> Decimal:
        if type(other) is not type(self):
            raise TypeError(f"{type(self).__name__} and {type(other).__name__} do not mix")
        return other.value

    def __add__(self, other: Self) -> Self:
        return type(self)(EXACT.add(self.value, self._same(other)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(EXACT.subtract(self.value, self._same(other)))

    def times(self, ratio: Decimal) -> Self:
        """Scaled by a plain ratio."""
        return type(self)(EXACT.multiply(self.value, ratio))

    def over(self, other: Self) -> Decimal:
        """The plain ratio of two amounts of the same unit; ZeroDivisionError on zero."""
        return EXACT.divide(self.value, self._same(other))

    def __bool__(self) -> bool:
        return self.value != 0

    def __str__(self) -> str:
        return plain(self.value)


@dataclass(frozen=True, slots=True, order=True)
class Price(_Amount):
    """Quote coins for one base coin."""


@dataclass(frozen=True, slots=True, order=True)
class Quote(_Amount):
    """An amount of the quote coin (USDT of BTCUSDT)."""

    def buys_at(self, price: Price) -> "Base":
        """The base this buys at `price`, unrounded."""
        return Base(EXACT.divide(self.value, price.value))

    def per(self, quantity: "Base") -> Price:
        """The average price of `quantity` for this cost."""
        return Price(EXACT.divide(self.value, quantity.value))


@dataclass(frozen=True, slots=True, order=True)
class Base(_Amount):
    """An amount of the base coin (BTC of BTCUSDT)."""

    def at(self, price: Price) -> Quote:
        """What this is worth at `price`."""
        return Quote(EXACT.multiply(self.value, price.value))


def total_quote(amounts: Iterable[Quote]) -> Quote:
    with localcontext(EXACT):
        return Quote(sum((a.value for a in amounts), Decimal(0)))


def total_base(amounts: Iterable[Base]) -> Base:
    with localcontext(EXACT):
        return Base(sum((a.value for a in amounts), Decimal(0)))
