"""Many backtests over the same candles in machine code: whole runs, and single cycles from many starts.

Amounts are in ticks * lots, as in bot.backtest.kernel_cycle; bot.backtest.batch turns them into quote.
"""
# ruff: noqa: PLR0917 - compiled code takes its arguments by place

import numpy as np

from bot.backtest.kernel_compile import compiled, entry, inlined, uncounted
from bot.backtest.kernel_cycle import (
    BOUGHT,
    CLOSE,
    DEPTH,
    DUST,
    DUST_COST,
    DUST_ERROR,
    END,
    EXTRA,
    EXTRA_ERROR,
    FAULT,
    FEE,
    FEE_BOTTOM,
    FEE_TOP,
    GAIN,
    LOW_BOUGHT,
    LOW_END,
    LOW_FROM,
    LOW_SPENT,
    OPEN,
    PROVEN,
    SPENT,
    TURNOVER,
    Books,
    Float,
    Int,
    K,
    Rows,
    Scratch,
    World,
    cycle,
    sold,
)
from bot.backtest.kernel_search import lowest

# what a run counts
CYCLES, FILLS_DONE, REBUYS, OPEN_REBUYS, WHY = range(5)
COUNTS_SIZE = 5
# what it sums up
NET, UNREALISED, INVESTED, WORST, FEES = range(5)
SUMS_SIZE = 5
# what one cycle counts, and sums up
EXIT, USED, ENDED, FAULT_IN = range(4)
FIRST_COUNTS_SIZE = 4
FIRST_WORST, FIRST_INVESTED = range(2)
FIRST_SUMS_SIZE = 2


@compiled
def loss(world: World, rows: Rows, bought: int, cost: float, dust: int, first: int, end: int) -> float:
    """The largest paper loss of a holding at the lows of the candles in first <= i < end; 0 where there is none."""
    if first >= end:
        return 0.0
    bottom = rows.whole[FEE_BOTTOM]
    owned = (bought * (bottom - rows.whole[FEE_TOP]) + dust) / bottom
    low = lowest(world.depths, world.levels, first, end) * world.units[DEPTH]
    return float(max(0.0, cost - owned * low * (1.0 - rows.real[FEE])))


@compiled
def worst_loss(world: World, rows: Rows, dust: int, dust_cost: float, of: Int) -> float:
    """The largest paper loss of a cycle: at the lowest low that its last holding saw.

    A holding's loss at a low that touches no re-buy is less than its loss at that re-buy's price, and after the
    re-buy it is more: so no earlier holding of the cycle lost as much.
    """
    cost = of[LOW_SPENT] + dust_cost
    return loss(world, rows, of[LOW_BOUGHT], cost, dust, of[LOW_FROM], of[LOW_END])


@compiled
def open_worth(world: World, rows: Rows, dust: int, bought: int) -> float:
    """What is held at the end, at the last close less taxa."""
    bottom = rows.whole[FEE_BOTTOM]
    owned = (bought * (bottom - rows.whole[FEE_TOP]) + dust) / bottom
    return float(owned * world.units[CLOSE] * (1.0 - rows.real[FEE]))


@inlined
def uncounted_world(world: World) -> World:
    return World(
        uncounted(world.lows),
        uncounted(world.highs),
        uncounted(world.levels),
        uncounted(world.marks),
        uncounted(world.depths),
        uncounted(world.units),
    )


@inlined
def uncounted_scratch(scratch: Scratch) -> Scratch:
    books = Books(uncounted(scratch.books.exact), uncounted(scratch.books.near))
    return Scratch(books, uncounted(scratch.outcome), uncounted(scratch.fills))


@compiled
def run(world: World, rows: Rows, scratch: Scratch, counts: Int, sums: Float) -> None:
    """A whole run: `counts` and `sums`, zero before, are filled, and `scratch.fills` as far as it reaches."""
    exact, near, of = scratch.books.exact, scratch.books.near, scratch.outcome
    exact[TURNOVER], exact[GAIN], exact[DUST] = 0, 0, 0
    near[EXTRA], near[EXTRA_ERROR], near[DUST_COST], near[DUST_ERROR] = 0.0, 0.0, 0.0, 0.0
    counts[OPEN_REBUYS] = -1
    none = int(np.int64(0))  # a literal 0 would be compiled for by itself
    candle, done, open_cost, fault, last = none, none, none, none + PROVEN, len(world.marks) - 1
    while candle <= last and fault == PROVEN:
        exit_at, done = cycle(world, rows, scratch, candle, counts[CYCLES] + 1, done)
        fault = of[FAULT]
        if exit_at < OPEN:
            break
        counts[REBUYS] += of[K]
        sums[WORST] = max(sums[WORST], worst_loss(world, rows, exact[DUST], near[DUST_COST], of))
        sums[INVESTED] = max(sums[INVESTED], of[SPENT] + near[DUST_COST])
        if exit_at == OPEN:
            counts[OPEN_REBUYS], open_cost = of[K], of[SPENT]
            sums[UNREALISED] = open_worth(world, rows, exact[DUST], of[BOUGHT]) - open_cost - near[DUST_COST]
            break
        counts[CYCLES] += 1
        fault = sold(rows, scratch.books, of)
        candle = exit_at + 1
        alone = loss(world, rows, 0, near[DUST_COST], exact[DUST], of[LOW_END], candle)
        sums[WORST] = max(sums[WORST], alone)
    if counts[OPEN_REBUYS] < 0:  # no cycle to the end: what the last one left is held
        alone = loss(world, rows, 0, near[DUST_COST], exact[DUST], candle, last + 1)
        sums[WORST] = max(sums[WORST], alone)
        sums[UNREALISED] = open_worth(world, rows, exact[DUST], 0) - near[DUST_COST]
    counts[FILLS_DONE], counts[WHY] = done, fault
    sums[NET] = exact[GAIN] - exact[TURNOVER] * rows.real[FEE] + near[DUST_COST]
    sums[FEES] = (2.0 * exact[TURNOVER] - exact[GAIN] + open_cost) * rows.real[FEE]


@entry
def run_sets(world: World, sets: Rows, scratch: Scratch, counts: Int, sums: Float) -> None:
    """A run of each set; every array of `sets` has one row a set, and so have the answers, zero before.

    `scratch.fills` is left with the last set's fills (bot.backtest.kernel_cycle.cycle), as far as it reaches.
    """
    free, own = uncounted_world(world), uncounted_scratch(scratch)
    rungs, means = uncounted(sets.rungs), uncounted(sets.means)
    whole, real = uncounted(sets.whole), uncounted(sets.real)
    for one in range(len(counts)):
        rows = Rows(rungs[one], means[one], whole[one], real[one])
        run(free, rows, own, uncounted(counts)[one], uncounted(sums)[one])


@entry
def run_starts(world: World, rows: Rows, scratch: Scratch, starts: Int, counts: Int, sums: Float) -> None:
    """The first cycle of a run from each of `starts`, which are candles; one row of the answers each, zero before."""
    free, own, of = uncounted_world(world), uncounted_scratch(scratch), scratch.outcome
    one_set = Rows(uncounted(rows.rungs), uncounted(rows.means), uncounted(rows.whole), uncounted(rows.real))
    none = int(np.int64(0))
    for one in range(len(starts)):
        exit_at, _ = cycle(free, one_set, own, starts[one], none + 1, none)
        counts[one, EXIT], counts[one, USED], counts[one, ENDED] = exit_at, of[K], of[END]
        counts[one, FAULT_IN] = of[FAULT]
        if exit_at < OPEN:
            continue
        sums[one, FIRST_WORST] = worst_loss(free, one_set, 0, 0.0, of)
        sums[one, FIRST_INVESTED] = of[SPENT]
