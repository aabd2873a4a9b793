"""What a real cycle and its backtest may differ by: one class for each name. Times are ms UTC, of the fill named."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.market import Side
from bot.domain.money import EXACT, Base, Price, Quote


@dataclass(frozen=True, slots=True)
class FirstBuySlipped:
    """A market buy pays the market's price of the moment, a backtest's an open: said of every first buy.

    (Not of one whose open is still to come.) `tested` is what the backtest pays: the next open after the exit before, or its own candle's for a first cycle.
    """

    cycle: int
    time: int
    tested: Price
    paid: Price
    quantity: Base

    @property
    def share(self) -> Decimal:
        """What was paid above that (below it where negative), as a fraction of it."""
        return EXACT.subtract(self.paid.over(self.tested), Decimal(1))


@dataclass(frozen=True, slots=True)
class FeesDiffer:
    """The cycle's fees in quote and base, and what taxa says of the same fills."""

    cycle: int
    paid: Quote
    expected: Quote


@dataclass(frozen=True, slots=True)
class MissedTouch:
    """The backtest filled this order, the real one never did: the price touched it and went, or it did not rest."""

    cycle: int
    time: int
    side: Side
    k: int
    price: Price


@dataclass(frozen=True, slots=True)
class ExtraFill:
    """The real order filled, the backtest's did not."""

    cycle: int
    time: int
    side: Side
    k: int
    price: Price


@dataclass(frozen=True, slots=True)
class OtherTime:
    """Both filled, more than a candle apart; `tested` is when the backtest's did."""

    cycle: int
    time: int
    side: Side
    k: int
    tested: int


@dataclass(frozen=True, slots=True)
class OtherPrice:
    """Both filled, at other prices (averages, where a fill came in parts)."""

    cycle: int
    time: int
    side: Side
    k: int
    price: Price
    tested: Price


@dataclass(frozen=True, slots=True)
class OtherQuantity:
    """Both filled, with other quantities: other fees, or profit reinvested under other parameters."""

    cycle: int
    time: int
    side: Side
    k: int
    quantity: Base
    tested: Base


@dataclass(frozen=True, slots=True)
class SoldByHand:
    """A stop sold the coins at the market: no backtest does."""

    cycle: int
    time: int
    price: Price
    quantity: Base


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """A stop ended the cycle without a sale: nothing after its last fill, at `time`, is compared."""

    cycle: int
    time: int


@dataclass(frozen=True, slots=True)
class NotComparable:
    """The cycle cannot be begun again as it was; `reason` in plain English."""

    cycle: int
    reason: str


Difference = (
    FirstBuySlipped
    | FeesDiffer
    | MissedTouch
    | ExtraFill
    | OtherTime
    | OtherPrice
    | OtherQuantity
    | SoldByHand
    | LeftOpen
    | NotComparable
)
