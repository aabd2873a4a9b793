"""One cycle of the ladder over candles in ticks, for numba.

Units: prices in ticks, coins in lots, quote in ticks * lots; dust in lots / whole[FEE_BOTTOM]. What is called at every
fill takes numbers rather than arrays, since compiled code counts the references to each array that it hands on.
"""
# ruff: noqa: PLR0917 - compiled code takes its arguments by place

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.backtest.index import Whole
from bot.backtest.kernel_compile import compiled, inlined
from bot.backtest.kernel_search import next_touch
from bot.backtest.kernel_sums import SLACK, UNPROVEN, exit_ticks, lots_for, passes, rebuy_ticks

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Means = tuple[float, float, float, float, float, float]
"""What a cycle has to spend: what is added to each buy, its limit, the quote that is free; each with its error."""
Bounds = tuple[int, int, int, int]
"""The quote that is free in a first cycle; least and most lots, least cost of an order."""

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
# its fractional numbers
FEE, LIMIT, BALANCE = range(3)
# a rung's whole numbers: its amount, what may have been spent before it, 1 + target, 1 - drop
AMOUNT, ROOM, SELL, KEEP = range(4)
# a mark's columns
ENTRY, OPENED, CLOSED, RISING = range(4)
# books kept over cycles: whole, and to an error
TURNOVER, GAIN, DUST = range(3)
EXTRA, EXTRA_ERROR, DUST_COST, DUST_ERROR = range(4)
# a cycle's outcome
K, BOUGHT, SPENT, PRICE, LOTS, END, FAULT, LOW_BOUGHT, LOW_SPENT, LOW_FROM, LOW_END = range(11)
OUTCOME_SIZE = 11
# why no re-buy rests
GOES_ON, ALL_USED, LIMIT_REACHED, NO_FUNDS, AGAINST_RULES, NO_PRICE = range(6)
# why a run is not proven
PROVEN, TOO_NEAR, EXIT_TOO_SMALL, EXIT_TOO_LARGE, ENTRY_TOO_SMALL, TOO_LARGE, NOT_WHOLE = range(7)
# how a cycle ends, other than at a candle
OPEN, NOT_STARTED, FAULTY = -1, -2, -3
# units, in ticks
DEPTH, CLOSE = range(2)
# what comes next on the path
NOTHING, BUYS, SELLS_BEFORE_LOW, SELLS_AFTER_LOW = range(4)
_MOST = 4e18


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
    units: Float


class Rows(NamedTuple):
    """A set of parameters (or, with one dimension more, several): a row a rung, `whole` and `real` by the names above.

    `means` are the amounts in doubles. Ratios are those of bot.backtest.kernel_sums.
    """

    rungs: Int
    means: Float
    whole: Int
    real: Float


class Books(NamedTuple):
    """What is carried over cycles: TURNOVER, GAIN, DUST, and EXTRA (reinvested, with its error), DUST_COST."""

    exact: Int
    near: Float


class Scratch(NamedTuple):
    """Where a run writes, and nobody else meanwhile: `outcome` of the last cycle, and `fills` (see `cycle`)."""

    books: Books
    outcome: Int
    fills: Int


def scratch(most_fills: int = 0) -> Scratch:
    books = Books(np.zeros(3, dtype=np.int64), np.zeros(4, dtype=np.float64))
    return Scratch(books, np.zeros(OUTCOME_SIZE, dtype=np.int64), np.zeros((most_fills, 5), dtype=np.int64))


@inlined
def next_fill(
    lows: Whole, highs: Whole, levels: Int, marks: Whole, at: int, past_open: bool, buy: int, sell: int
) -> tuple[int, int, bool]:
    """What fills next from candle `at` on, in which candle, and whether the path is past its open by then.

    `past_open`: it is already, in candle `at`, and on its way down to the low.
    """
    while at >= 0:
        low, opened = lows[at], marks[at, OPENED]
        if marks[at, RISING]:
            if opened >= sell and not past_open:
                return SELLS_BEFORE_LOW, at, True
            if low <= buy:
                return BUYS, at, True
            if highs[at] >= sell:
                return SELLS_AFTER_LOW, at, True
        else:
            if not past_open:
                if opened <= buy:
                    return BUYS, at, False
                if highs[at] >= sell:
                    return SELLS_BEFORE_LOW, at, True
            if low <= buy:
                return BUYS, at, True
            if marks[at, CLOSED] >= sell:
                return SELLS_AFTER_LOW, at, True
        at = next_touch(lows, highs, levels, at + 1, buy, sell)
        past_open = False
    return NOTHING, at, False


@inlined
def money(rows: Rows, books: Books) -> Means:
    """As a cycle begins: what is added to each buy, the cycle's limit, the free quote; each with its error (0: exact)."""
    real, turnover, gain = rows.real, books.exact[TURNOVER], books.exact[GAIN]
    fees = turnover * real[FEE]
    free = real[BALANCE] + gain - fees
    doubt = SLACK * (real[BALANCE] + abs(gain) + fees) if turnover else 0.0
    limit, limit_doubt = (real[LIMIT], 0.0) if rows.whole[CAPPED] else (free, doubt)
    return books.near[EXTRA], books.near[EXTRA_ERROR], limit, limit_doubt, free, doubt


@compiled
def first_lots(price: int, rows: Rows, books: Books, means: Means) -> int:
    """The lots of a first buy; UNPROVEN, or NOT_STARTED where the money is short."""
    whole, (extra, error, limit, _, free, doubt) = rows.whole, means
    need, amount = rows.means[0] + extra, whole[FIRST]
    error += SLACK * need
    if extra > 0:
        amount = -1
        if whole[CAPPED]:
            full = passes(need, limit, error + SLACK * limit)
            if full == UNPROVEN:
                return UNPROVEN
            if full:
                need, error, amount = limit, SLACK * limit, whole[FULL]
    if books.exact[TURNOVER] == 0:
        if not whole[STARTS]:
            return NOT_STARTED
    else:
        short = passes(need, free, error + doubt)
        if short:
            return UNPROVEN if short == UNPROVEN else NOT_STARTED
    return lots_for(need, error, price, whole[STEP]) if amount < 0 else amount // price


@inlined
def next_rung(
    last: int, spent: int, keep: int, amount: int, room: int, mean: float, means: Means, bounds: Bounds
) -> tuple[int, int, int]:
    """The next re-buy after a buy at `last`: its price, its lots and GOES_ON; or -1, 0 and why none rests; or UNPROVEN.

    With nothing reinvested and a limit that is known exactly, whole numbers decide.
    """
    extra, error, limit, limit_doubt, free, doubt = means
    cash, min_lots, max_lots, min_cost = bounds
    price = rebuy_ticks(last, keep)
    if price < 1:
        return -1, 0, (UNPROVEN if price == UNPROVEN else NO_PRICE)
    lots = amount // price
    if extra == 0 and limit_doubt == 0:
        over = 1 if spent > room else 0
    else:
        mean += extra
        error += SLACK * mean
        over = passes(spent + mean, limit, error + limit_doubt + SLACK * (spent + mean))
        if extra > 0:
            lots = lots_for(mean, error, price, 0)
    if over == UNPROVEN or (over == 0 and lots == UNPROVEN):
        return -1, 0, UNPROVEN
    if over:
        return -1, 0, LIMIT_REACHED
    if lots < min_lots or lots > max_lots or lots * price < min_cost:
        return -1, 0, AGAINST_RULES
    cost = spent + lots * price
    short = passes(cost, free, doubt) if doubt > 0 else (1 if cost > cash else 0)
    if short:
        return -1, 0, (UNPROVEN if short == UNPROVEN else NO_FUNDS)
    return price, lots, GOES_ON


@inlined
def exit_fault(price: int, lots: int, bought: int, bottom: int, bounds: Bounds) -> int:
    """Why an exit cannot be taken for granted, or PROVEN."""
    _, min_lots, max_lots, min_cost = bounds
    if bought * float(bottom) > _MOST:
        return TOO_LARGE
    if price == UNPROVEN:
        return TOO_NEAR
    if lots > max_lots:
        return EXIT_TOO_LARGE
    return EXIT_TOO_SMALL if lots < min_lots or lots * price < min_cost else PROVEN


@inlined
def note(fills: Int, done: int, candle: int, number: int, k: int, price: int, lots: int) -> int:
    """A row of `fills`, where there is room; the fills done by then."""
    if done < len(fills):
        fills[done, 0], fills[done, 1], fills[done, 2] = candle, number, k
        fills[done, 3], fills[done, 4] = price, lots
    return done + 1


@compiled
def cycle(world: World, rows: Rows, scratch: Scratch, first: int, number: int, done: int) -> tuple[int, int]:
    """A cycle from the open of candle `first` on: the candle of its exit (or OPEN, NOT_STARTED, FAULTY), fills done.

    `scratch.outcome` is filled; so is `scratch.fills`, as far as it reaches, with rows of candle, cycle `number`, k
    (-1 - k for an exit), price, lots.
    """
    lows, highs, levels, marks = world.lows, world.highs, world.levels, world.marks
    books, outcome, fills = scratch.books, scratch.outcome, scratch.fills
    rungs, whole, dust, means = rows.rungs, rows.whole, books.exact[DUST], money(rows, books)
    price = int(marks[first, ENTRY])
    lots = first_lots(price, rows, books, means)
    outcome[K], outcome[END], outcome[FAULT] = 0, GOES_ON, PROVEN
    if lots < 1:
        if lots == NOT_STARTED:
            return NOT_STARTED, done
        outcome[FAULT] = ENTRY_TOO_SMALL if lots == 0 else TOO_NEAR
        return FAULTY, done
    bottom, kept = whole[FEE_BOTTOM], whole[FEE_BOTTOM] - whole[FEE_TOP]
    bounds = (whole[CASH], whole[MIN_LOTS], whole[MAX_LOTS], whole[MIN_COST])
    what, at, past_open, room_for = BUYS, first, False, len(fills)
    k, bought, spent, buy_candle, sell, sell_lots, end, fault = -1, 0, 0, first, 0, 0, GOES_ON, PROVEN
    low_bought, low_spent, low_from = 0, 0, first
    while what == BUYS:
        if buy_candle < at:
            low_bought, low_spent, low_from = bought, spent, buy_candle
        k, bought, spent, buy_candle, last = k + 1, bought + lots, spent + lots * price, at, price
        done = done + 1 if done >= room_for else note(fills, done, at, number, k, last, lots)
        sell, sell_lots = exit_ticks(spent, bought, rungs[k, SELL]), (bought * kept + dust) // bottom
        fault = exit_fault(sell, sell_lots, bought, bottom, bounds)
        price, lots, end = -1, 0, ALL_USED
        if k < whole[RUNGS]:
            amount, room, keep = rungs[k + 1, AMOUNT], rungs[k + 1, ROOM], rungs[k + 1, KEEP]
            price, lots, end = next_rung(last, spent, keep, amount, room, rows.means[k + 1], means, bounds)
        if fault != PROVEN or end == UNPROVEN:
            outcome[FAULT] = TOO_NEAR if fault == PROVEN else fault
            return FAULTY, done
        what, at, past_open = next_fill(lows, highs, levels, marks, at, past_open, price, sell)
    if what != SELLS_BEFORE_LOW or buy_candle < at:
        low_bought, low_spent, low_from = bought, spent, buy_candle
    if what != NOTHING:
        done = note(fills, done, at, number, -1 - k, sell, sell_lots)
    low_end = at + 1 if what == SELLS_AFTER_LOW else at
    if what == NOTHING:
        at, low_end = OPEN, len(marks)
    outcome[K], outcome[BOUGHT], outcome[SPENT] = k, bought, spent
    outcome[PRICE], outcome[LOTS], outcome[END] = sell, sell_lots, end
    outcome[LOW_BOUGHT], outcome[LOW_SPENT] = low_bought, low_spent
    outcome[LOW_FROM], outcome[LOW_END] = low_from, low_end
    return at, done


@compiled
def sold(rows: Rows, books: Books, outcome: Int) -> int:
    """The exit is booked: what the cycle earned, what is reinvested of it, what is left as dust. PROVEN, or why not."""
    whole, exact, near = rows.whole, books.exact, books.near
    spent, received = outcome[SPENT], outcome[PRICE] * outcome[LOTS]
    owned = outcome[BOUGHT] * (whole[FEE_BOTTOM] - whole[FEE_TOP]) + exact[DUST]
    left = owned - outcome[LOTS] * whole[FEE_BOTTOM]
    share = left / owned
    left_cost = (spent + near[DUST_COST]) * share
    left_error = near[DUST_ERROR] * share + SLACK * left_cost
    gain, fees = received - spent, received * rows.real[FEE]
    profit = gain - fees - near[DUST_COST] + left_cost
    error = near[DUST_ERROR] + left_error + SLACK * (abs(gain) + fees + near[DUST_COST] + left_cost)
    exact[TURNOVER] += received
    exact[GAIN] += gain
    exact[DUST], near[DUST_COST], near[DUST_ERROR] = left, left_cost, left_error
    if whole[REINVESTS]:
        earned = passes(profit, 0.0, error)
        if earned == UNPROVEN:
            return TOO_NEAR
        if earned:
            near[EXTRA] += profit / (whole[RUNGS] + 1)
            near[EXTRA_ERROR] += error / (whole[RUNGS] + 1) + SLACK * near[EXTRA]
    return TOO_LARGE if float(exact[TURNOVER]) > _MOST else PROVEN
