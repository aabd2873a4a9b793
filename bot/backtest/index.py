"""A tree of minima and maxima over the candles: the next candle that touches either order, found in O(log n).

Level 0 is the candles' lows (rounded up to ticks) and highs (rounded down); an entry of each level above is the
minimum or maximum of BRANCH entries below. All levels lie one after another in one array, each filled up to a
multiple of BRANCH with what no order touches, so that no search minds where the candles end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHIFT = 4
BRANCH = 1 << SHIFT
LAST = BRANCH - 1
NEVER_LOW, NEVER_HIGH = (1 << 63) - 1, -1

Whole = NDArray[np.int64]
Numbers = Sequence[int] | Whole


@dataclass(frozen=True, slots=True)
class Tree:
    """`levels[l]` is where level l begins in `lows` and `highs`; its last entry is their length."""

    lows: Whole
    highs: Whole
    levels: Whole


def grow(lows: Whole, highs: Whole) -> Tree:
    """The tree over candles of these lows and highs, 1 or more."""
    low_levels, high_levels = [_filled(lows, NEVER_LOW)], [_filled(highs, NEVER_HIGH)]
    while len(low_levels[-1]) > BRANCH:
        low_levels.append(_filled(low_levels[-1].reshape(-1, BRANCH).min(axis=1), NEVER_LOW))
        high_levels.append(_filled(high_levels[-1].reshape(-1, BRANCH).max(axis=1), NEVER_HIGH))
    starts = np.cumsum([0, *(len(level) for level in low_levels)], dtype=np.int64)
    return Tree(np.concatenate(low_levels), np.concatenate(high_levels), starts)


def _filled(level: Whole, never: int) -> Whole:
    spare = -len(level) % BRANCH
    return np.concatenate((level, np.full(spare, never, dtype=level.dtype))) if spare else level


def next_touch(  # noqa: PLR0917 - compiled code takes its arguments by place
    lows: Numbers, highs: Numbers, levels: Numbers, first: int, buy: int, sell: int
) -> int:
    """The first candle from `first` on with a low at or below `buy` or a high at or above `sell`; -1 if none is.

    `buy` is -1 for no buy. `first` may be one past the last candle.
    """
    top = len(levels) - 2
    level, at = 0, first
    start = levels[0]
    while True:
        if at >= levels[level + 1] - start:
            return -1
        end = (at | LAST) + 1
        while at < end and lows[start + at] > buy and highs[start + at] < sell:
            at += 1
        if at < end:
            break
        if level == top:
            return -1
        at >>= SHIFT
        level += 1
        start = levels[level]
    while level > 0:
        level -= 1
        start = levels[level]
        at <<= SHIFT
        while lows[start + at] > buy and highs[start + at] < sell:
            at += 1
    return at


def lowest(lows: Numbers, levels: Numbers, first: int, end: int) -> int:
    """The least low of the candles in first <= i < end, one or more."""
    level = 0
    least = lows[first]
    while first < end:
        start = levels[level]
        while first < end and first & LAST:
            least = min(least, lows[start + first])
            first += 1
        while first < end and end & LAST:
            end -= 1
            least = min(least, lows[start + end])
        first >>= SHIFT
        end >>= SHIFT
        level += 1
    return least
