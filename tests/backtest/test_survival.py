"""The ladder started at every hour: each start is a run of its own, and no start is left out of the count."""

import random
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.crashes import CRASHES
from bot.backtest.exact import run_exact
from bot.backtest.figures import figures
from bot.backtest.first_cycle import exact_first_cycle
from bot.backtest.history import History
from bot.backtest.model import Terms
from bot.backtest.pools import InlinePool, LocalPool, ThreadPool
from bot.backtest.survival import (
    HOUR_MS,
    Study,
    Survival,
    _quantile_ms,
    _spread,
    crashes_in,
    hours_of,
    survive,
)
from bot.domain.market import Side
from bot.domain.money import Quote
from bot.domain.params import StrategyParams
from bot.errors import InvalidInput
from tests.backtest.candles import candles, from_columns, real, rules_of

D = Decimal
PARAMS = replace(StrategyParams(), limite_recompras=4, saldo_limite=D(3000), lucro_alvo_inicial=D("0.012"))
TERMS = Terms(rules_of())
DAY_MS = 24 * HOUR_MS


def wandering(count: int = 2500, seed: int = 5, *, spread: float = 0.003) -> History:
    draw, price, rows = random.Random(seed), 20_000.0, []
    for _ in range(count):
        opened, price = price, price * (1 + draw.gauss(0, spread))
        high = max(opened, price) * (1 + abs(draw.gauss(0, 0.001)))
        low = min(opened, price) * (1 - abs(draw.gauss(0, 0.001)))
        rows.append([f"{x:.2f}" for x in (opened, high, low, price)])
    return candles(rows)


def days(prices: list[int], first_day: str = "2020-03-10") -> History:
    """Hourly candles that stand at each price for a day."""
    start = int(np.datetime64(first_day, "ms").astype(np.int64))
    table = [[price * 100] * 4 for price in prices for _ in range(24)]
    return from_columns(
        "made up", [start + HOUR_MS * i for i in range(len(table))], table, step_ms=HOUR_MS, scale=2
    )


def surviving(history: History, params: StrategyParams = PARAMS, **more: object) -> Survival:
    found = survive(Study(history, params, TERMS, **more), InlinePool())  # type: ignore[arg-type]
    assert found is not None
    return found


def test_each_start_is_the_first_cycle_of_a_whole_run_from_there() -> None:
    history = wandering()
    found = surviving(history)
    assert found.starts == len(hours_of(history)) == 42
    for start, row, exit_ms in zip(hours_of(history), found.table.rows, found.table.exit_ms, strict=True):
        part = history.between(int(history.times[start]), None)
        run = run_exact(PARAMS, TERMS, part)
        first = [fill for fill in run.fills if fill.cycle == 1]
        assert row["rebuys"] == sum(fill.side is Side.BUY for fill in first) - 1
        if run.cycles:
            assert row["exit"] == start + first[-1].candle
            assert exit_ms == run.cycles[0].end - run.cycles[0].start
            upto = part.between(None, int(part.times[first[-1].candle]) + 1)
            told = figures(replace(run, fills=tuple(first), net_profit=run.cycles[0].net_profit), upto)
        else:
            assert row["exit"] == -1
            assert np.isnan(exit_ms)
            told = figures(run, part)
        assert row["worst_loss"] == pytest.approx(float(told.worst.amount.value), abs=1e-6)
        assert row["most_invested"] == pytest.approx(float(told.most_invested.value), abs=1e-6)


def test_both_paths_threads_and_processes_find_the_same() -> None:
    history = wandering()
    found = surviving(history)
    rows = [
        surviving(history, exact=True).table.rows,
        *(
            survive(Study(history, PARAMS, TERMS), pool).table.rows  # type: ignore[union-attr]
            for pool in (ThreadPool(2), LocalPool(2))
        ),
    ]
    for other in rows:
        for name in ("exit", "rebuys", "out_of_rebuys", "out_of_money", "started"):
            assert (other[name] == found.table.rows[name]).all(), name
        for name in ("worst_loss", "most_invested"):
            assert np.allclose(other[name], found.table.rows[name], rtol=1e-9, atol=1e-6)
    assert 0 < found.out_of_rebuys < 1
    assert 0 < found.still_open < 1


def test_what_the_fast_path_cannot_prove_is_judged_by_the_exact_one() -> None:
    history = wandering(400)
    no_tick = Terms(rules_of(tick="0"))
    found = survive(Study(history, PARAMS, no_tick), InlinePool())
    assert found is not None
    assert found.unproven == found.starts == len(hours_of(history))


def test_the_ladder_that_the_limit_ends_is_told_apart() -> None:
    history = wandering()
    short = surviving(history, replace(PARAMS, saldo_limite=D(1000)))
    assert short.out_of_rebuys == 0
    assert short.out_of_money > 0
    assert short.ran_out == short.out_of_money
    assert short.locked.worst <= Quote(D(1000))
    assert short.budget == Quote(D(1000))
    assert short.worst_of_budget == short.worst.worst.value / 1000


def test_open_ones_count_as_not_out_yet() -> None:
    """Two days of rest and a fall: starts before the fall are out within the step up, those after never."""
    found = surviving(days([10_000, 10_200, 9_000]))
    assert found.starts == 72
    assert float(found.still_open) == pytest.approx(48 / 72)
    assert found.exit_ms == (None, None, None)
    up = surviving(days([10_000, 10_200]), replace(PARAMS, limite_recompras=0))
    assert up.still_open == D(1) / 2
    assert up.exit_ms[0] == 24 * HOUR_MS
    assert up.exit_ms[1] is None
    assert up.longest_exit_ms == 24 * HOUR_MS
    assert up.longest_open_ms == 24 * HOUR_MS


def test_quantiles_are_of_all_starts() -> None:
    found = surviving(wandering())
    exits = sorted(found.table.exit_ms[~np.isnan(found.table.exit_ms)])
    half = int(np.ceil(found.starts / 2)) - 1
    assert found.exit_ms[0] == exits[half]
    assert found.worst.half <= found.worst.most <= found.worst.worst
    losses = sorted(found.table.rows["worst_loss"])
    assert float(found.worst.worst.value) == pytest.approx(losses[-1], abs=1e-7)
    assert float(found.worst.half.value) == pytest.approx(losses[half], abs=1e-7)


def test_quantiles_leave_none_of_a_small_odd_number_out() -> None:
    """Of seven starts half are four, nine of ten are all seven."""
    exits = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, np.nan])
    assert [_quantile_ms(exits, share) for share in (D("0.5"), D("0.85"), D("0.9"))] == [4, 6, None]
    spread = _spread(np.array([7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]))
    assert (spread.half, spread.most, spread.worst) == (Quote(D(4)), Quote(D(7)), Quote(D(7)))


def test_a_start_that_is_out_within_its_first_candle_is_out() -> None:
    found = surviving(days([10_000, 10_000]), replace(PARAMS, limite_recompras=0))
    assert found.still_open == 1
    start = int(np.datetime64("2020-03-10", "ms").astype(np.int64))
    at_once = from_columns("up", [start], [[100, 110, 100, 110]], step_ms=HOUR_MS, scale=0)
    found = surviving(at_once)
    assert (found.still_open, found.longest_exit_ms, found.longest_open_ms) == (0, 0, None)


def test_what_was_never_under_water_lost_nothing_and_what_was_locked_is_told() -> None:
    free = replace(PARAMS, taxa=D(0), lucro_reaplicar=False)
    for exact in (False, True):
        found = surviving(days([10_000, 10_100]), free, exact=exact)
        assert (found.worst.worst, found.locked.worst) == (Quote(D(0)), Quote(D(300)))
        assert (found.table.rows["worst_loss"] == 0).all()


def test_within_a_crash_those_that_ran_out_of_money_count_too() -> None:
    found = surviving(days([8_000, 8_000, 8_000, 5_000, 5_000, 5_000]), replace(PARAMS, saldo_limite=D(700)))
    [crash] = found.crashes
    assert (found.out_of_rebuys, crash.ran_out, crash.ran_out_within) == (0, True, 24)


def test_a_crash_that_is_all_of_the_history_is_within_it() -> None:
    exactly = days([8_000, 5_000], first_day="2020-03-12")
    assert [crash.key for crash in crashes_in(exactly)] == ["covid_2020"]


def test_a_start_falls_on_every_hour_and_gaps_make_no_other() -> None:
    minute = 60_000
    times = [m * minute for m in [*range(30, 130), *range(400, 410)]]
    history = from_columns("gap", times, [[100, 100, 100, 100]] * len(times), step_ms=minute, scale=0)
    assert [int(history.times[i]) // minute for i in hours_of(history)] == [30, 60, 120, 400]
    daily = from_columns("d", [0, DAY_MS], [[100] * 4] * 2, step_ms=DAY_MS, scale=0)
    assert hours_of(daily).tolist() == [0, 1]


def test_a_crash_in_the_candles_is_replayed_from_the_hour_before_it() -> None:
    history = days([8_000, 8_000, 5_000, 5_000, 5_000, 5_000, 9_000])
    [covid] = crashes_in(history)
    assert covid.key == "covid_2020"
    [replay] = surviving(history).crashes
    assert replay.crash is covid
    assert replay.started == covid.start
    found = surviving(days([8_000, 8_000, 8_000, 5_000, 5_000, 5_000, 9_000]))
    assert found.crashes[0].fall == D("0.375")
    assert found.crashes[0].rebuys == 4
    assert found.crashes[0].ran_out
    assert found.crashes[0].exit_ms == 4 * DAY_MS
    assert found.crashes[0].worst.value > 400
    assert (found.crashes[0].starts, found.crashes[0].ran_out_within) == (48, 24)
    assert found.crashes[0].worst_within == found.crashes[0].worst


def test_only_crashes_wholly_within_the_history_are_named() -> None:
    assert crashes_in(days([8_000, 8_000, 5_000])) == ()
    around = days([8_000, 8_000, 5_000, 5_000, 5_000])
    assert [crash.key for crash in crashes_in(around)] == ["covid_2020"]
    at = np.flatnonzero((around.times < CRASHES[2].start) | (around.times >= CRASHES[2].end))
    columns = {name: getattr(around, name)[at] for name in ("times", "opens", "highs", "lows", "closes")}
    gapped = replace(around, **columns)
    assert crashes_in(gapped) == ()
    assert surviving(gapped).crashes == ()
    assert [crash.first for crash in CRASHES] == sorted(crash.first for crash in CRASHES)
    assert len({crash.key for crash in CRASHES}) == len(CRASHES)
    assert all(crash.start < crash.end and crash.source for crash in CRASHES)


def test_a_balance_that_pays_for_no_first_buy_is_told() -> None:
    with pytest.raises(InvalidInput, match="first buy"):
        survive(Study(wandering(200), PARAMS, replace(TERMS, balance=Quote(D(10)))), InlinePool())


def test_a_stopped_study_gives_nothing() -> None:
    stop = threading.Event()
    stop.set()
    assert survive(Study(wandering(200), PARAMS, TERMS), InlinePool(), stop=stop) is None


def test_the_exact_start_looks_as_far_as_its_exit_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.backtest.first_cycle._FIRST_LOOK", 5)
    history = wandering(600)
    for start in (0, 60, 300):
        near = exact_first_cycle(history, PARAMS, TERMS, start)
        with monkeypatch.context() as whole:
            whole.setattr("bot.backtest.first_cycle._FIRST_LOOK", 10_000)
            assert exact_first_cycle(history, PARAMS, TERMS, start) == near


def test_a_real_year_has_its_crashes() -> None:
    history = real("binance_BTCUSDT_5m_202208-202309")
    found = survive(Study(history, StrategyParams(), TERMS), ThreadPool(2))
    assert found is not None
    assert found.starts > 10_000
    assert [replay.crash.key for replay in found.crashes] == ["ftx_2022", "usdc_2023", "august_2023"]
    assert all(replay.fall > D("0.05") for replay in found.crashes)
    assert found.unproven == 0


@pytest.mark.parametrize("language", ["en", "pt_BR"])
def test_the_chat_has_a_name_for_every_crash(language: str) -> None:
    catalogue = Path(__file__).resolve().parents[2] / f"handlers/locale/{language}/LC_MESSAGES/backtest.po"
    text = catalogue.read_text(encoding="utf-8")
    assert [crash.key for crash in CRASHES if f'msgid "crash.{crash.key}"' not in text] == []
