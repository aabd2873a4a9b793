"""One cycle of the ladder over candles in ticks, for numba.

Units: prices in ticks, coins in lots, quote in ticks * lots; `books.dust` in lots / whole[FEE_BOTTOM].
"""
# ruff: noqa: PLR0917 - compiled code takes its arguments by place

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.backtest import index
from bot.backtest.index import Whole
from bot.backtest.kernel_compile import compiled
from bot.backtest.kernel_sums import SLACK, UNPROVEN, exit_ticks, lots_for, passes, rebuy_ticks

Int = NDArray[np.int64]
Float = NDArray[np.float64]

# a set's whole numbers
(
    RUNGS,
    FEE_TOP,
    FEE_BOTTOM,
    REINVESTS,
    CAPPED,
    STARTS,
    FIRST,
    FULL,
    CASH,
    STEP,
    MIN_COST,
    MIN_LOTS,
    MAX_LOTS,
) = range(13)
WHOLE_SIZE = 13
# its fractional numbers
FEE, LIMIT, BALANCE = range(3)
REAL_SIZE = 3
# the cycle under way
K, BOUGHT, SPENT, SELL, SELL_LOTS, BUY, BUY_LOTS, LAST, BUY_CANDLE, END, FAULT = range(11)
LOW_BOUGHT, LOW_SPENT, LOW_FROM, FILLS, SEEN = range(11, 16)
NOW_SIZE = 16
# books kept over cycles: whole, and to an error
TURNOVER, GAIN, DUST = range(3)
EXTRA, EXTRA_ERROR, DUST_COST, DUST_ERROR = range(4)
# why no re-buy rests
GOES_ON, ALL_USED, LIMIT_REACHED, NO_FUNDS, AGAINST_RULES, NO_PRICE = range(6)
# why a run is not proven
PROVEN, TOO_NEAR, EXIT_TOO_SMALL, EXIT_TOO_LARGE, ENTRY_TOO_SMALL, TOO_LARGE, NOT_WHOLE = range(7)
# how a cycle ends
OPEN, NOT_STARTED, FAULTY = -1, -2, -3
# a mark's columns
ENTRY, OPENED, CLOSED, RISING = range(4)
# units, in ticks
DEPTH, CLOSE = range(2)
_MOST = 4e18

next_touch = compiled(index.next_touch)
lowest = compiled(index.lowest)


class World(NamedTuple):
    """Candles: the tree of bot.backtest.index, and a row of marks for each.

    A mark is what a first buy pays, the open (down to a tick where the candle rises, up where it falls), the close
    (down) and whether it rises. `depths` is a tree of lows as exact as the file has them, `units[DEPTH]` their unit;
    `units[CLOSE]` is the last close.
    """

    lows: Whole
    highs: Whole
    levels: Int
    marks: Whole
    depths: Whole
    times: Int
    units: Float


class Rows(NamedTuple):
    """A set of parameters, an entry a rung, `whole` and `real` by the names above.

    `amounts` are cut to whole numbers, `means` are the same in doubles; `rooms` is what may have been spent before
    for the rung to fit the limit; `sells` and `keeps` are 1 + target and 1 - drop (bot.backtest.kernel_sums).
    """

    amounts: Int
    means: Float
    rooms: Int
    sells: Int
    keeps: Int
    whole: Int
    real: Float


class Books(NamedTuple):
    """What is carried over cycles: TURNOVER, GAIN, DUST, and EXTRA (reinvested, with its error), DUST_COST."""

    exact: Int
    near: Float


@compiled
def begin(world: World, rows: Rows, books: Books, now: Int, first: int) -> int:
    """The lots of a first buy at the open of `first`; NOT_STARTED where money is short, FAULTY where unproven."""
    whole, real = rows.whole, rows.real
    price = int(world.marks[first, ENTRY])
    extra, error = books.near[EXTRA], books.near[EXTRA_ERROR]
    need, amount = rows.means[0] + extra, whole[FIRST]
    error += SLACK * need
    if extra > 0:
        amount = -1
        if whole[CAPPED]:
            full = passes(need, real[LIMIT], error + SLACK * real[LIMIT])
            if full == UNPROVEN:
                now[FAULT] = TOO_NEAR
                return FAULTY
            if full:
                need, error, amount = real[LIMIT], SLACK * real[LIMIT], whole[FULL]
    if books.exact[TURNOVER] == 0:
        if not whole[STARTS]:
            return NOT_STARTED
    else:
        fees = books.exact[TURNOVER] * real[FEE]
        free = real[BALANCE] + books.exact[GAIN] - fees
        short = passes(need, free, error + SLACK * (real[BALANCE] + abs(books.exact[GAIN]) + fees))
        if short == UNPROVEN:
            now[FAULT] = TOO_NEAR
            return FAULTY
        if short:
            return NOT_STARTED
    lots = lots_for(need, error, price, whole[STEP]) if amount < 0 else amount // price
    if lots < 1:
        now[FAULT] = TOO_NEAR if lots < 0 else ENTRY_TOO_SMALL
        return FAULTY
    return lots


@compiled
def bought(rows: Rows, books: Books, now: Int, price: int, lots: int, candle: int) -> None:
    """A buy is booked; the exit and the next re-buy rest."""
    now[BOUGHT] += lots
    now[SPENT] += lots * price
    now[LAST] = price
    now[BUY_CANDLE] = candle
    _rest_exit(rows, books, now)
    _rest_rebuy(rows, books, now)


@compiled
def _rest_exit(rows: Rows, books: Books, now: Int) -> None:
    whole = rows.whole
    bottom = whole[FEE_BOTTOM]
    if now[BOUGHT] * float(bottom) > _MOST:
        now[FAULT] = TOO_LARGE
        return
    lots = (now[BOUGHT] * (bottom - whole[FEE_TOP]) + books.exact[DUST]) // bottom
    price = exit_ticks(now[SPENT], now[BOUGHT], rows.sells[now[K]])
    now[SELL], now[SELL_LOTS] = price, lots
    if price == UNPROVEN:
        now[FAULT] = TOO_NEAR
    elif lots > whole[MAX_LOTS]:
        now[FAULT] = EXIT_TOO_LARGE
    elif lots < whole[MIN_LOTS] or lots * price < whole[MIN_COST]:
        now[FAULT] = EXIT_TOO_SMALL


@compiled
def _rest_rebuy(rows: Rows, books: Books, now: Int) -> None:
    """The next re-buy, or why there is none (END)."""
    k = now[K] + 1
    now[BUY] = -1
    if k > rows.whole[RUNGS]:
        now[END] = ALL_USED
        return
    price = rebuy_ticks(now[LAST], rows.keeps[k])
    if price < 1:
        now[END] = NO_PRICE
        if price == UNPROVEN:
            now[FAULT] = TOO_NEAR
        return
    lots = _rung_lots(rows, books, now, k, price)
    if lots < 0:
        return
    cost = lots * price
    whole = rows.whole
    if lots < whole[MIN_LOTS] or lots > whole[MAX_LOTS] or cost < whole[MIN_COST]:
        now[END] = AGAINST_RULES
        return
    if books.exact[TURNOVER] == 0:
        short = 1 if now[SPENT] + cost > whole[CASH] else 0
    else:
        free, error = _free(rows, books)
        short = passes(now[SPENT] + cost, free, error)
    if short:
        now[END] = NO_FUNDS
        if short == UNPROVEN:
            now[FAULT] = TOO_NEAR
        return
    now[BUY], now[BUY_LOTS] = price, lots


@compiled
def _rung_lots(rows: Rows, books: Books, now: Int, k: int, price: int) -> int:
    """The lots of re-buy k; -1 where the limit ends the ladder or it cannot be told."""
    whole, real = rows.whole, rows.real
    extra = books.near[EXTRA]
    if extra == 0 and (whole[CAPPED] or books.exact[TURNOVER] == 0):
        if now[SPENT] > rows.rooms[k]:
            now[END] = LIMIT_REACHED
            return -1
        return int(rows.amounts[k] // price)
    amount = rows.means[k] + extra
    error = books.near[EXTRA_ERROR] + SLACK * amount
    limit, doubt = (real[LIMIT], SLACK * real[LIMIT]) if whole[CAPPED] else _free(rows, books)
    total = now[SPENT] + amount
    over = passes(total, limit, error + doubt + SLACK * total)
    lots = rows.amounts[k] // price if extra == 0 else lots_for(amount, error, price, 0)
    if over:
        now[END] = LIMIT_REACHED
    if min(over, lots) < 0:
        now[FAULT] = TOO_NEAR
    return -1 if over else int(lots)


@compiled
def _free(rows: Rows, books: Books) -> tuple[float, float]:
    """The quote that was free when the cycle began, and its error."""
    fees = books.exact[TURNOVER] * rows.real[FEE]
    gain = books.exact[GAIN]
    return (
        rows.real[BALANCE] + gain - fees,
        SLACK * (rows.real[BALANCE] + abs(gain) + fees),
    )


@compiled
def sold(rows: Rows, books: Books, now: Int) -> None:
    """The exit is booked: what the cycle earned, what is reinvested of it, what is left as dust."""
    whole, exact, near = rows.whole, books.exact, books.near
    received = now[SELL] * now[SELL_LOTS]
    owned = now[BOUGHT] * (whole[FEE_BOTTOM] - whole[FEE_TOP]) + exact[DUST]
    left = owned - now[SELL_LOTS] * whole[FEE_BOTTOM]
    share = left / owned
    left_cost = (now[SPENT] + near[DUST_COST]) * share
    left_error = near[DUST_ERROR] * share + SLACK * left_cost
    gain, fees = received - now[SPENT], received * rows.real[FEE]
    profit = gain - fees - near[DUST_COST] + left_cost
    error = near[DUST_ERROR] + left_error + SLACK * (abs(gain) + fees + near[DUST_COST] + left_cost)
    exact[TURNOVER] += received
    exact[GAIN] += gain
    exact[DUST], near[DUST_COST], near[DUST_ERROR] = left, left_cost, left_error
    if whole[REINVESTS]:
        earned = passes(profit, 0.0, error)
        if earned == UNPROVEN:
            now[FAULT] = TOO_NEAR
        elif earned:
            near[EXTRA] += profit / (whole[RUNGS] + 1)
            near[EXTRA_ERROR] += error / (whole[RUNGS] + 1) + SLACK * near[EXTRA]
    if float(exact[TURNOVER]) > _MOST:
        now[FAULT] = TOO_LARGE


@compiled
def note(fills: Int, now: Int, candle: int, k: int, price: int, lots: int) -> None:
    """One row of `fills`, where there is room: candle, cycle, k (-1 - k for an exit), price, lots."""
    at = now[FILLS]
    if at < len(fills):
        fills[at, 0], fills[at, 1], fills[at, 2] = candle, now[SEEN], k
        fills[at, 3], fills[at, 4] = price, lots
    now[FILLS] += 1


@compiled
def rebuys_down_to(rows: Rows, books: Books, now: Int, fills: Int, price: int, candle: int) -> None:
    """The path comes down to `price`: each re-buy at or above it fills, those placed on the way too."""
    while now[BUY] >= price and now[FAULT] == PROVEN:
        now[K] += 1
        note(fills, now, candle, now[K], now[BUY], now[BUY_LOTS])
        bought(rows, books, now, now[BUY], now[BUY_LOTS], candle)


@compiled
def cycle(world: World, rows: Rows, books: Books, now: Int, fills: Int, first: int) -> tuple[int, int]:
    """A cycle from the open of candle `first` on: (the candle of its exit, the first candle after the lows it saw).

    The former is OPEN where the candles end first, NOT_STARTED or FAULTY (why in now[FAULT]).
    """
    now[:FILLS] = 0
    lots = begin(world, rows, books, now, first)
    if lots < 0:
        return lots, first
    now[SEEN] += 1
    price = int(world.marks[first, ENTRY])
    note(fills, now, first, 0, price, lots)
    bought(rows, books, now, price, lots, first)
    at = first
    while now[FAULT] == PROVEN:
        at = next_touch(world.lows, world.highs, world.levels, at, now[BUY], now[SELL])
        if at < 0:
            now[LOW_BOUGHT], now[LOW_SPENT], now[LOW_FROM] = now[BOUGHT], now[SPENT], now[BUY_CANDLE]
            return OPEN, len(world.marks)
        end = through(world, rows, books, now, fills, at)
        if end >= 0:
            note(fills, now, at, -1 - now[K], now[SELL], now[SELL_LOTS])
            return at, end
        at += 1
    return FAULTY, first


@compiled
def through(world: World, rows: Rows, books: Books, now: Int, fills: Int, at: int) -> int:
    """Along the path of candle `at`: -1, or where the exit fills, the first candle whose low comes after that."""
    opened = int(world.marks[at, OPENED])
    now[LOW_BOUGHT], now[LOW_SPENT], now[LOW_FROM] = now[BOUGHT], now[SPENT], now[BUY_CANDLE]
    if world.marks[at, RISING]:
        if opened >= now[SELL]:
            return at
    else:
        rebuys_down_to(rows, books, now, fills, opened, at)
        if world.highs[at] >= now[SELL] and now[FAULT] == PROVEN:
            return at
    rebuys_down_to(rows, books, now, fills, int(world.lows[at]), at)
    now[LOW_BOUGHT], now[LOW_SPENT], now[LOW_FROM] = now[BOUGHT], now[SPENT], now[BUY_CANDLE]
    last = world.highs[at] if world.marks[at, RISING] else world.marks[at, CLOSED]
    return at + 1 if last >= now[SELL] and now[FAULT] == PROVEN else -1
