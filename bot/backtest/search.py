"""The next candle that matters, found in the columns: stretches of growing length, so that a near one costs little."""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
from numpy.typing import NDArray

from bot.backtest.history import History
from bot.domain.money import EXACT

_FIRST_STRETCH, _LONGEST_STRETCH = 64, 1 << 16
_MOST = np.iinfo(np.int64).max


def first_touch(history: History, start: int, buy: Decimal | None, sell: Decimal | None) -> int | None:
    """The first candle from `start` on whose path stands at or below `buy`, or at or above `sell`; None if none does."""
    low = -1 if buy is None else mantissa(history, buy, ROUND_FLOOR)
    high = _MOST if sell is None else mantissa(history, sell, ROUND_CEILING)
    lows, highs = history.lows, history.highs
    return _first(len(history), start, lambda a, b: (lows[a:b] <= low) | (highs[a:b] >= high))


def first_at_or_below(history: History, start: int, price: Decimal) -> int | None:
    """The first candle from `start` on that opens at or below `price`; None if none does."""
    most, opens = mantissa(history, price, ROUND_FLOOR), history.opens
    return _first(len(history), start, lambda a, b: opens[a:b] <= most)


def mantissa(history: History, price: Decimal, rounding: str) -> int:
    """The whole number of the history's smallest price steps at or beside `price`, within what a column holds."""
    whole = price.scaleb(history.scale, EXACT).to_integral_value(rounding=rounding)
    return max(-1, min(int(whole), _MOST))


def _first(end: int, start: int, hit: Callable[[int, int], NDArray[np.bool_]]) -> int | None:
    stretch = _FIRST_STRETCH
    while start < end:
        found = hit(start, start + stretch)
        at = int(found.argmax())
        if found[at]:
            return start + at
        start += stretch
        stretch = min(stretch * 2, _LONGEST_STRETCH)
    return None
