"""Candles in whole ticks, rounded so that no comparison with an order's price is ever changed by it.

A buy at B ticks is touched by a price x if x <= B ticks, that is if ceil(x / tick) <= B; a sell at S ticks if
floor(x / tick) >= S. So lows are rounded up, highs down, and opens both ways. All of it is integer arithmetic.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bot.backtest.history import Column, History
from bot.errors import BotError

Flags = NDArray[np.bool_]
_MOST = 1 << 62


class NoTicks(BotError):  # noqa: N818 - it reads as the reason that it is
    """These candles cannot be had in whole ticks; the exact path can run on them."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """One row a candle, in whole ticks. `entries` is what a first buy at the open pays, slippage in it.

    `lows` and `opens_up` are rounded up, for buys; `highs`, `opens_down` and `closes_down` down, for sells.
    `rising`: the path is open, low, high, close; else open, high, low, close. `lows_are_whole`: none was rounded.
    """

    entries: Column
    lows: Column
    highs: Column
    opens_up: Column
    opens_down: Column
    closes_down: Column
    rising: Flags
    lows_are_whole: bool


def in_ticks(history: History, tick: Decimal, slippage: Decimal) -> Ticks:
    """NoTicks where the tick is off (0), a price rounds to nothing, or a number is too large for 64 bits."""
    if tick <= 0:
        raise NoTicks("the pair has no tick")
    unit = Fraction(1, 10**history.scale) / Fraction(tick)
    times, over = unit.as_integer_ratio()
    slipped = unit * (1 + Fraction(slippage))
    up = _scaled(history.opens, times, over, up=True)
    down = _scaled(history.opens, times, over, up=False)
    entries = up if slippage == 0 else _scaled(history.opens, *slipped.as_integer_ratio(), up=True)
    if int(up.min()) < 1:
        raise NoTicks("a price is less than nothing")
    return Ticks(
        entries=entries,
        lows=_scaled(history.lows, times, over, up=True),
        highs=_scaled(history.highs, times, over, up=False),
        opens_up=up,
        opens_down=down,
        closes_down=_scaled(history.closes, times, over, up=False),
        rising=history.closes >= history.opens,
        lows_are_whole=over == 1 or not (history.lows * times % over).any(),
    )


def _scaled(column: Column, times: int, over: int, *, up: bool) -> Column:
    """The column times `times` / `over`, rounded; a product beyond 64 bits is computed in Python's own integers."""
    if int(column.max()) * times >= _MOST or over >= _MOST:
        whole = [-(-m * times // over) if up else m * times // over for m in column.tolist()]
        if max(whole) >= _MOST:
            raise NoTicks("a price is too large in ticks")
        return np.array(whole, dtype=np.int64)
    product = column * times if times != 1 else column
    if over == 1:
        return product
    return -(-product // over) if up else product // over
