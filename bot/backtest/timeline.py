"""A run candle by candle, in columns: what pictures are drawn from and where extremes are looked for.

Columns are floats, fast and for the eye; `loss_at` and `equity_at` give any candle's amount exactly.
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.backtest.history import History
from bot.backtest.model import BacktestFill
from bot.backtest.replay import Standing
from bot.domain.market import Side
from bot.domain.money import EXACT, Price, Quote

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
_NEAR = 1e-9
_MOST_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns of one length, a value for each candle; amounts in quote.

    `equity` and `invested` at the candle's close; `loss` is the paper loss at its low (negative where there is a
    gain); `rebuys` that have filled at the close, -1 between cycles; `exhausted` at the close. `at_close` and
    `at_low` count the fills that stand by then: 0 is before the first.
    """

    history: History
    standings: tuple[Standing, ...]
    taxa: Decimal
    at_close: Whole
    at_low: Whole
    equity: Floats
    loss: Floats
    invested: Floats
    rebuys: Whole
    exhausted: NDArray[np.bool_]

    def loss_at(self, candle: int) -> Quote:
        """Cost of what is held - held * low * (1 - taxa), with what has filled by the low on the candle's path."""
        count = int(self.at_low[candle])
        if not count:
            return Quote.zero()
        standing = self.standings[count - 1]
        return standing.cost - _worth(standing, self.history.price(int(self.history.lows[candle])), self.taxa)

    def equity_at(self, candle: int) -> Quote:
        """Realised net profit + held * close * (1 - taxa) - cost of what is held, at the candle's close."""
        count = int(self.at_close[candle])
        if not count:
            return Quote.zero()
        standing = self.standings[count - 1]
        close = self.history.price(int(self.history.closes[candle]))
        return standing.realised + _worth(standing, close, self.taxa) - standing.cost

    def worst(self, first: int, last: int) -> int:
        """The candle in first <= i < last with the largest paper loss, compared exactly; the earliest of equals."""
        part = self.loss[first:last]
        top = float(part.max())
        near = np.flatnonzero(part >= top - _NEAR * max(1.0, abs(top)))[:_MOST_CANDIDATES] + first
        return max((int(i) for i in near), key=lambda i: (self.loss_at(i).value, -i))


def timeline_of(history: History, standings: tuple[Standing, ...], taxa: Decimal) -> Timeline:
    """The columns of a run with these standings over the candles that it ran on."""
    counts = np.zeros(len(history), dtype=np.int64)
    late = np.zeros(len(history), dtype=np.int64)
    for before, standing in zip((None, *standings), standings, strict=False):
        counts[standing.fill.candle] += 1
        if standing.fill.side is Side.SELL and after_low(
            history, standing.fill, before.fill if before else None
        ):
            late[standing.fill.candle] = 1
    at_close = np.cumsum(counts)
    at_low = at_close - late
    held, cost, invested, realised = _columns(standings)
    keep, unit = float(EXACT.subtract(Decimal(1), taxa)), 10.0**-history.scale
    closes, lows = history.closes * (unit * keep), history.lows * (unit * keep)
    rebuys = np.array([-1, *(-1 if s.rebuys is None else s.rebuys for s in standings)], dtype=np.int64)
    exhausted = np.array([False, *(s.exhausted for s in standings)], dtype=np.bool_)
    return Timeline(
        history=history,
        standings=standings,
        taxa=taxa,
        at_close=at_close,
        at_low=at_low,
        equity=realised[at_close] + held[at_close] * closes - cost[at_close],
        loss=cost[at_low] - held[at_low] * lows,
        invested=invested[at_close],
        rebuys=rebuys[at_close],
        exhausted=exhausted[at_close],
    )


def after_low(history: History, exit_fill: BacktestFill, before: BacktestFill | None) -> bool:
    """Whether an exit filled after its candle's low on the path of docs/strategy.md.

    An exit is its candle's last fill. It came before the low where it stood already at the open and was reached
    there, or on the way to the high of a falling candle (open, high, low, close). It stood at the open unless a
    re-buy below the open placed it, on the way down to the low (a first buy never pays less than the open).
    """
    candle = exit_fill.candle
    opened = history.price(int(history.opens[candle]))
    placed_below = before is not None and before.candle == candle and before.price < opened
    if placed_below:
        return True
    falling = bool(history.closes[candle] < history.opens[candle])
    return not falling and exit_fill.price > opened


def _worth(standing: Standing, price: Price, taxa: Decimal) -> Quote:
    return standing.held.at(price).times(EXACT.subtract(Decimal(1), taxa))


def _columns(standings: tuple[Standing, ...]) -> tuple[Floats, Floats, Floats, Floats]:
    """held, cost, invested, realised after each fill; the first row is before any."""
    rows = [(0.0, 0.0, 0.0, 0.0)] + [
        (float(s.held.value), float(s.cost.value), float(s.invested.value), float(s.realised.value))
        for s in standings
    ]
    table = np.array(rows, dtype=np.float64)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]
