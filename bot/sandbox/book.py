"""One pair's place on the stand-in: where the price stands, which orders rest, which one the path meets next."""

from dataclasses import dataclass, field
from decimal import Decimal

from bot.sandbox.orders import ZERO, Filters, Order, Side


def _trigger(order: Order, tick: Decimal) -> Decimal:
    """The price at which the path meets the order's next part: one tick deeper for each part after the first."""
    if order.price is None:
        raise ValueError("only limit orders rest")
    done = sum(1 for part in order.parts if part == ZERO)
    return order.price - done * tick if order.side is Side.BUY else order.price + done * tick


@dataclass(slots=True)
class Book:
    """State of one pair. `at_open`: the path stands on a candle's first point; `candle_ms`: when that candle opens."""

    filters: Filters
    price: Decimal = ZERO
    at_open: bool = False
    candle_ms: int | None = None
    resting: dict[str, Order] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    sold_in_candle: set[str] = field(default_factory=set)

    def open_candle(self, price: Decimal, candle_ms: int | None = None) -> None:
        """Jump to a candle's open: what the gap passes over is met at this point."""
        self.price = price
        self.candle_ms = candle_ms
        self.at_open = True
        self.sold_in_candle.clear()

    def crosses(self, order: Order) -> bool:
        """Whether a limit order would fill at the price as it stands."""
        if order.price is None:
            return True
        return order.price >= self.price if order.side is Side.BUY else order.price <= self.price

    def next_met(self, target: Decimal) -> tuple[Order, Decimal] | None:
        """The first resting order on the way from the price to `target`, and the point where the path meets it."""
        best: tuple[tuple[Decimal, Decimal, int], Order] | None = None
        low, high = min(self.price, target), max(self.price, target)
        for order in self.resting.values():
            trigger = _trigger(order, self.filters.tick)
            if order.side is Side.BUY:
                if trigger < low:
                    continue
                key = (max(ZERO, self.price - trigger), -trigger, order.seq)
            else:
                if trigger > high:
                    continue
                key = (max(ZERO, trigger - self.price), trigger, order.seq)
            if best is None or key < best[0]:
                best = (key, order)
        if best is None:
            return None
        (way, _, _), order = best
        return order, self.price if way == ZERO else _trigger(order, self.filters.tick)
