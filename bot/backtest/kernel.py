"""Many backtests over the same candles in machine code: whole runs, and single cycles from many starts.

Amounts are in ticks * lots, times in ms, as in bot.backtest.kernel_cycle; bot.backtest.batch turns them into quote.
"""
# ruff: noqa: PLR0917 - compiled code takes its arguments by place

import numpy as np

from bot.backtest.kernel_compile import compiled
from bot.backtest.kernel_cycle import (
    ALL_USED,
    BOUGHT,
    BUY_CANDLE,
    CLOSE,
    DEPTH,
    DUST,
    DUST_COST,
    END,
    FAULT,
    FEE,
    FEE_BOTTOM,
    FEE_TOP,
    FILLS,
    GAIN,
    GOES_ON,
    LAST,
    LOW_BOUGHT,
    LOW_FROM,
    LOW_SPENT,
    NOW_SIZE,
    OPEN,
    PROVEN,
    SPENT,
    TURNOVER,
    Books,
    Float,
    Int,
    K,
    Rows,
    World,
    cycle,
    lowest,
    sold,
)

# what a run counts
CYCLES, FILLS_DONE, REBUYS, MOST_REBUYS, LOCKED, EXHAUSTED, ENDED_CYCLES, OPEN_REBUYS, WHY = range(9)
COUNTS_SIZE = 9
# what it sums up
NET, UNREALISED, INVESTED, WORST, FEES = range(5)
SUMS_SIZE = 5
# what one cycle counts, and sums up
EXIT, USED, OUT, ENDED, FAULT_IN = range(5)
FIRST_COUNTS_SIZE = 5
FIRST_WORST, FIRST_INVESTED = range(2)
FIRST_SUMS_SIZE = 2


@compiled
def worst_loss(world: World, rows: Rows, dust: int, dust_cost: float, now: Int, end: int) -> float:
    """The largest paper loss of a cycle: at the lowest low that its last holding saw.

    A holding's loss at a low that touches no re-buy is less than its loss at that re-buy's price, and after the
    re-buy it is more: so no earlier holding of the cycle lost as much.
    """
    first = now[LOW_FROM]
    if first >= end:
        return 0.0
    bottom = rows.whole[FEE_BOTTOM]
    owned = (now[LOW_BOUGHT] * (bottom - rows.whole[FEE_TOP]) + dust) / bottom
    low = lowest(world.depths, world.levels, first, end) * world.units[DEPTH]
    return float(now[LOW_SPENT] + dust_cost - owned * low * (1.0 - rows.real[FEE]))


@compiled
def run(world: World, rows: Rows, fills: Int, counts: Int, sums: Float) -> None:
    """A whole run: `counts` and `sums` are filled, and `fills` (candle, cycle, k, price, lots) as far as it reaches."""
    books = Books(np.zeros(3, np.int64), np.zeros(4, np.float64))
    now = np.zeros(NOW_SIZE, np.int64)
    exact, near, real = books.exact, books.near, rows.real
    counts[:], sums[:] = 0, 0.0
    counts[OPEN_REBUYS] = -1
    candle, candles, open_cost = 0, len(world.marks), 0
    while candle < candles:
        exit_at, end = cycle(world, rows, books, now, fills, candle)
        if exit_at < OPEN:
            break
        last = exit_at if exit_at >= 0 else candles - 1
        counts[REBUYS] += now[K]
        counts[MOST_REBUYS] = max(counts[MOST_REBUYS], now[K])
        counts[LOCKED] += world.times[last] - world.times[candle]
        if now[END] != GOES_ON:
            counts[EXHAUSTED] += world.times[last] - world.times[now[BUY_CANDLE]]
            counts[ENDED_CYCLES] += 1
        sums[WORST] = max(sums[WORST], worst_loss(world, rows, exact[DUST], near[DUST_COST], now, end))
        sums[INVESTED] = max(sums[INVESTED], now[SPENT] + near[DUST_COST])
        if exit_at == OPEN:
            counts[OPEN_REBUYS] = now[K]
            open_cost = now[SPENT]
            owned = now[BOUGHT] * (rows.whole[FEE_BOTTOM] - rows.whole[FEE_TOP]) + exact[DUST]
            value = owned / rows.whole[FEE_BOTTOM] * world.units[CLOSE] * (1.0 - real[FEE])
            sums[UNREALISED] = value - (now[SPENT] + near[DUST_COST])
            break
        counts[CYCLES] += 1
        sold(rows, books, now)
        if now[FAULT] != PROVEN:
            break
        candle = exit_at + 1
    counts[FILLS_DONE], counts[WHY] = now[FILLS], now[FAULT]
    sums[NET] = exact[GAIN] - exact[TURNOVER] * real[FEE] + near[DUST_COST]
    sums[FEES] = (2.0 * exact[TURNOVER] - exact[GAIN] + open_cost) * real[FEE]


@compiled
def run_sets(world: World, sets: Rows, counts: Int, sums: Float) -> None:
    """A run of each set; every array of `sets` has one row a set, and so have the answers."""
    fills = np.zeros((0, 5), np.int64)
    for one in range(len(counts)):
        rows = Rows(
            sets.amounts[one],
            sets.means[one],
            sets.rooms[one],
            sets.sells[one],
            sets.keeps[one],
            sets.whole[one],
            sets.real[one],
        )
        run(world, rows, fills, counts[one], sums[one])


@compiled
def run_starts(world: World, rows: Rows, starts: Int, counts: Int, sums: Float) -> None:
    """The first cycle of a run from each of `starts`, which are candles; one row of the answers each."""
    fills = np.zeros((0, 5), np.int64)
    books = Books(np.zeros(3, np.int64), np.zeros(4, np.float64))
    now = np.zeros(NOW_SIZE, np.int64)
    for one in range(len(starts)):
        exit_at, end = cycle(world, rows, books, now, fills, starts[one])
        counts[one, EXIT], counts[one, USED], counts[one, ENDED] = exit_at, now[K], now[END]
        counts[one, FAULT_IN] = now[FAULT]
        if exit_at < OPEN:
            continue
        sums[one, FIRST_WORST] = worst_loss(world, rows, 0, 0.0, now, end)
        sums[one, FIRST_INVESTED] = now[SPENT]
        if now[END] == ALL_USED and now[BUY_CANDLE] < end:
            low = lowest(world.depths, world.levels, now[BUY_CANDLE], end) * world.units[DEPTH]
            counts[one, OUT] = 1 if low < now[LAST] else 0
