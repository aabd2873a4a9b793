"""The price path inside and between candles, leading a desk from fill to fill (docs/strategy.md, "Backtest rules").

Candles that touch neither resting order are passed over by a search in the columns.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from decimal import Decimal

from bot.backtest.desk import Desk
from bot.backtest.history import History
from bot.backtest.search import first_at_or_below, first_touch
from bot.domain.events import StartAsked, Tick
from bot.domain.market import Side
from bot.domain.orders import Leg, OwnOrder
from bot.errors import InvariantBroken


class Walk:
    """The price path over the candles, leading the desk from fill to fill."""

    def __init__(self, desk: Desk, history: History) -> None:
        self._desk = desk
        self._history = history
        self._position = Decimal(0)

    def to_the_end(self) -> None:
        self._desk.stand_at(0, int(self._history.times[0]))
        self._desk.tell(StartAsked())
        self.onwards(0, len(self._history))

    def onwards(self, candle: int, end: int, *, cycles: int | None = None) -> None:
        """From the open of `candle` on, before candle number `end`; no further than the close of `cycles` cycles."""
        at: int | None = candle
        while at is not None and at < end and (cycles is None or len(self._desk.booked) < cycles):
            self._desk.stand_at(at, int(self._history.times[at]))
            self._open(at)
            self._through(at)
            at = self._next(at + 1)

    def rest_of_candle(self, points: Sequence[Decimal]) -> None:
        """A cycle whose first buy was made within a candle: the path stood at `points` in the rest of it."""
        self._position = points[0]
        for point in points:
            self._meet(point)
            self._position = point

    def _open(self, candle: int) -> None:
        """The path's first point, where a cycle may begin; what a gap passed over is met on leaving it."""
        desk = self._desk
        self._position = self._history.price(self._history.opens[candle]).value
        if desk.wake_is_due():
            desk.tell(Tick())
        desk.answer_balance()
        desk.buy_at_open(self._position)

    def _through(self, candle: int) -> None:
        for point in self._path(candle):
            if not self._desk.resting:
                return
            self._meet(point)
            self._position = point

    def _path(self, candle: int) -> Iterator[Decimal]:
        """The points after the open."""
        history = self._history
        columns = (history.lows, history.highs, history.closes)
        if history.closes[candle] < history.opens[candle]:
            columns = (history.highs, history.lows, history.closes)
        return (history.price(column[candle]).value for column in columns)

    def _meet(self, target: Decimal) -> None:
        """Go straight to `target`, filling what is met, until nothing more is."""
        while met := self._next_met(target):
            order, self._position = met
            self._desk.fill_resting(order)

    def _next_met(self, target: Decimal) -> tuple[OwnOrder, Decimal] | None:
        """The resting order that is met first on the way, and where the path stands then."""
        best: tuple[Decimal, OwnOrder, Decimal] | None = None
        low, high = min(self._position, target), max(self._position, target)
        for order in self._desk.resting.values():
            price = limit_of(order)
            buys = order.leg.side is Side.BUY
            if price < low if buys else price > high:
                continue
            passed = price >= self._position if buys else price <= self._position
            stands = self._position if passed else price
            way = abs(stands - self._position)
            if best is None or way < best[0]:
                best = way, order, stands
        return None if best is None else (best[1], best[2])

    def _next(self, first: int) -> int | None:
        """The first candle from `first` on at which anything can happen; None where nothing will."""
        desk, history = self._desk, self._history
        if first >= len(history):
            return None
        if desk.balance_asked:
            return first
        if desk.entry is not None:
            return first_at_or_below(history, first, desk.highest_open_for_a_lot())
        found = None
        if desk.resting:
            limits = {leg: limit_of(order) for leg, order in desk.resting.items()}
            found = first_touch(history, first, limits.get(Leg.REBUY), limits.get(Leg.EXIT))
        if desk.wakes:
            woken = bisect_left(history.times, min(desk.wakes), lo=first)
            found = woken if found is None else min(found, woken)
        return found if found is None or found < len(history) else None


def limit_of(order: OwnOrder) -> Decimal:
    if order.price is None:
        raise InvariantBroken(f"{order.order_id} rests without a price")
    return order.price.value
