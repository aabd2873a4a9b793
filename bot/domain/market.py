"""A pair, its trading rules, and every rounding of the house."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from bot.domain.money import EXACT, Base, Price, Quote


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A spot pair as both exchanges spell it, with its two coins."""

    name: str
    base: str
    quote: str

    def __str__(self) -> str:
        return self.name


def _to_multiple(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step == 0:  # Binance: a zero step means that the rule is off
        return value
    count = EXACT.divide(value, step).to_integral_value(rounding=rounding)
    return EXACT.multiply(count, step)


@dataclass(frozen=True, slots=True)
class MarketRules:
    """A pair's filters; zero turns a rule off.

    `tick` is in quote per base; `lot_step`, `min_quantity`, `max_quantity` in base; `quote_step` (the step of
    a quote-sized market buy) and `min_notional` in quote.
    """

    symbol: Symbol
    tick: Decimal
    lot_step: Decimal
    quote_step: Decimal
    min_notional: Quote
    min_quantity: Base = Base(Decimal(0))  # noqa: RUF009
    max_quantity: Base = Base(Decimal(0))  # noqa: RUF009

    def tick_down(self, price: Price) -> Price:
        """A buy's price: never above what was meant."""
        return Price(_to_multiple(price.value, self.tick, ROUND_FLOOR))

    def tick_up(self, price: Price) -> Price:
        """A sell's price: never below what was meant."""
        return Price(_to_multiple(price.value, self.tick, ROUND_CEILING))

    def lot_down(self, quantity: Base) -> Base:
        return Base(_to_multiple(quantity.value, self.lot_step, ROUND_FLOOR))

    def quote_down(self, amount: Quote) -> Quote:
        return Quote(_to_multiple(amount.value, self.quote_step, ROUND_FLOOR))

    def sellable(self, quantity: Base, price: Price) -> bool:
        """Whether an order of this (already rounded) quantity at this price would be taken."""
        return (
            quantity.value > 0
            and quantity >= self.min_quantity
            and (not self.max_quantity or quantity <= self.max_quantity)
            and quantity.at(price) >= self.min_notional
        )


@dataclass(frozen=True, slots=True)
class Candle:
    """One interval of a price path; `open_time` in ms UTC, volume in base."""

    open_time: int
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Base
