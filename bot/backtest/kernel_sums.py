"""Prices and quantities in whole ticks and lots, or UNPROVEN, for numba.

Values are computed in double precision; one that lies nearer to a rounding boundary than its error can be is decided
with whole numbers, or not at all. Units: prices in ticks, coins in lots, quote in ticks * lots.
"""

import numpy as np

from bot.backtest.kernel_compile import inlined

UNPROVEN = -1
DIGITS = 18
UNIT = 10**DIGITS
"""Ratios (1 + target, 1 - drop) are whole numbers of 1 / UNIT, cut off; negative where digits were lost."""
SLACK = 1e-15
"""More than the relative error of a few operations in double precision (2.2e-16 each)."""
_PER_UNIT = 1e-18
_MOST_EXACT = 1e15
"""Whole numbers up to here, and the difference of two products as below, are exact."""


@inlined
def exit_ticks(spent: int, bought: int, ratio: int) -> int:
    """ceil(spent / bought * ratio / UNIT): an exit's price.

    Where the double is too near a whole number r, the sign of spent * ratio - r * bought * UNIT decides. Both products
    are taken modulo 2**64: they differ by less than 1e-15 of spent * ratio, which is below 2**63.
    """
    cut = ratio < 0
    ratio = abs(ratio)
    worth = spent * (ratio * _PER_UNIT)
    price = worth / bought
    near = np.rint(price)
    if not worth < _MOST_EXACT:
        return UNPROVEN
    if abs(price - near) > price * SLACK:
        return int(np.ceil(price))
    whole = int(near)
    over = np.int64(
        np.uint64(spent) * np.uint64(ratio) - np.uint64(whole) * np.uint64(bought) * np.uint64(UNIT)
    )
    if over > 0:
        return whole + 1
    if not cut:
        return whole
    return whole if over + spent < 0 else UNPROVEN


@inlined
def rebuy_ticks(last: int, ratio: int) -> int:
    """floor(last * ratio / UNIT): a re-buy's price, decided as an exit's is."""
    cut = ratio < 0
    ratio = abs(ratio)
    price = last * (ratio * _PER_UNIT)
    if not price < _MOST_EXACT:
        return UNPROVEN
    near = np.rint(price)
    if abs(price - near) > price * SLACK:
        return int(np.floor(price))
    whole = int(near)
    over = np.int64(np.uint64(last) * np.uint64(ratio) - np.uint64(whole) * np.uint64(UNIT))
    if over >= 0:
        return whole
    return UNPROVEN if cut and over + last >= 0 else whole - 1


@inlined
def lots_for(amount: float, error: float, price: int, step: int) -> int:
    """floor(amount / price) where `amount`, to `error`, is first cut down to a multiple of `step` (0: it is not)."""
    if not amount < _MOST_EXACT:
        return UNPROVEN
    if step:
        least = np.floor((amount - error) / step - SLACK * (amount / step))
        most = np.floor((amount + error) / step + SLACK * (amount / step))
        lots = int(least) * step // price
        return lots if lots == int(most) * step // price else UNPROVEN
    lots_ = amount / price
    whole = np.floor(lots_)
    doubt = error / price + lots_ * SLACK
    if lots_ - whole <= doubt or whole + 1 - lots_ <= doubt:
        return UNPROVEN
    return int(whole)


@inlined
def passes(amount: float, limit: float, error: float) -> int:
    """1 where amount > limit, 0 where it is not, UNPROVEN where the error leaves that open."""
    if abs(amount - limit) <= error:
        return UNPROVEN
    return 1 if amount > limit else 0
