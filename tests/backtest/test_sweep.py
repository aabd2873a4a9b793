"""A sweep is the same however it is run: at once or in parts, here or elsewhere, undisturbed or with kills."""

import json
import os
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from multiprocessing import active_children
from pathlib import Path

import pytest

from bot.backtest.history import History
from bot.backtest.journal import Journal, JournalBusy
from bot.backtest.judging import Assignment, exact_outcome
from bot.backtest.model import Terms
from bot.backtest.optimise import Method
from bot.backtest.outcome import Outcome, choice, front
from bot.backtest.pools import InlinePool, LocalPool
from bot.backtest.shared_history import fingerprint, lay_down
from bot.backtest.space import Space, read_space
from bot.backtest.sweep import Progress, Sweep, Sweeper
from bot.domain.params import Curve, CurveChoice, StrategyParams
from tests.backtest.candles import candles, rules_of

D = Decimal
BASE = replace(StrategyParams(), limite_recompras=5, saldo_limite=D(3000))
TERMS = Terms(rules_of())
VARY = [
    "lucro_alvo_inicial=0.005:0.03:0.005",
    "recompra_queda_inicial=0.005:0.02:0.005",
    "lucro_reaplicar=s,n",
]


def wandering(count: int = 1500, seed: int = 1) -> History:
    """A random walk of one-minute candles about 20,000."""
    draw, price, rows = random.Random(seed), 20_000.0, []
    for _ in range(count):
        opened, price = price, price * (1 + draw.gauss(0, 0.003))
        high = max(opened, price) * (1 + abs(draw.gauss(0, 0.001)))
        low = min(opened, price) * (1 - abs(draw.gauss(0, 0.001)))
        rows.append([f"{x:.2f}" for x in (opened, high, low, price)])
    return candles(rows)


HISTORY = wandering()
SPACE = read_space(BASE, VARY)


def given(space: Space = SPACE) -> Assignment:
    return Assignment("k", space, TERMS, HISTORY)


def inline(space: Space = SPACE, **more: object) -> Sweeper:
    return Sweeper(given(space), InlinePool(), **more)  # type: ignore[arg-type]


def task(tmp_path: Path) -> Journal:
    return Journal(tmp_path, {"of": "this test"})


@pytest.fixture(scope="module")
def undisturbed() -> Sweep:
    return inline().grid()


def test_every_set_is_judged_as_a_run_of_its_own(undisturbed: Sweep) -> None:
    assert undisturbed.complete
    assert [row.number for row in undisturbed.rows] == list(range(48))
    for row in undisturbed.rows[::7]:
        assert row.outcome == exact_outcome(HISTORY, TERMS, SPACE.params(row.point))
    assert undisturbed.base is not None
    assert undisturbed.base.outcome == exact_outcome(HISTORY, TERMS, BASE)
    assert len({row.outcome.result for row in undisturbed.rows}) > 20


def test_processes_find_what_one_finds(undisturbed: Sweep) -> None:
    told: list[Progress] = []
    assert Sweeper(given(), LocalPool(2), on_progress=told.append).grid() == undisturbed
    assert told[-1].done == told[-1].total == 48
    assert told[-1].seconds_left == 0
    assert [p.done for p in told] == sorted(p.done for p in told)


def test_a_killed_worker_changes_nothing(undisturbed: Sweep) -> None:
    killed: list[int] = []

    def murder(progress: Progress) -> None:
        victims = [child.pid for child in active_children() if child.pid is not None]
        if progress.done > 5 and not killed and victims:
            killed.append(victims[0])
            os.kill(victims[0], signal.SIGKILL)

    assert Sweeper(given(), LocalPool(2), on_progress=murder).grid() == undisturbed
    assert killed


def stopping_at(count: int, stop: threading.Event) -> Callable[[Progress], None]:
    def look(progress: Progress) -> None:
        if progress.done >= count:
            stop.set()

    return look


def test_a_stopped_sweep_keeps_what_is_done_and_goes_on(tmp_path: Path, undisturbed: Sweep) -> None:
    stop = threading.Event()
    journal = task(tmp_path)
    first = inline(journal=journal, stop=stop, on_progress=stopping_at(10, stop)).grid()
    journal.close()
    assert not first.complete
    assert 10 <= len(first.rows) < 20
    told: list[Progress] = []
    journal = task(tmp_path)
    assert inline(journal=journal, on_progress=told.append).grid() == undisturbed
    journal.close()
    assert told[0].kept == len(first.rows)
    assert len(told) <= 48 - len(first.rows)
    journal = task(tmp_path)
    assert Sweeper(given(), NoPool(), journal).grid() == undisturbed  # type: ignore[arg-type]
    journal.close()


class NoPool:
    """Nothing may be asked of it."""

    workers = 1

    def end(self) -> None:
        pass


def test_a_line_cut_short_is_done_again(tmp_path: Path, undisturbed: Sweep) -> None:
    journal = task(tmp_path)
    inline(journal=journal).grid()
    journal.close()
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-30])
    again = task(tmp_path)
    told: list[Progress] = []
    assert inline(journal=again, on_progress=told.append).grid() == undisturbed
    again.close()
    assert len(told) == 1
    assert sorted(journal.path.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_journal_of_something_else_is_not_believed(tmp_path: Path) -> None:
    journal = task(tmp_path)
    journal.add("0-1", {"rows": []})
    journal.close()
    lines = journal.path.read_text().splitlines()
    journal.path.write_text("\n".join([json.dumps(["task", {"of": "another"}]), *lines[1:]]) + "\n")
    again = task(tmp_path)
    assert again.kept == {}
    again.close()


def test_two_processes_cannot_write_one_journal(tmp_path: Path) -> None:
    journal = task(tmp_path)
    with pytest.raises(JournalBusy):
        task(tmp_path)
    journal.close()
    task(tmp_path).close()


def test_points_that_are_no_strategy_are_counted_and_the_rest_judged() -> None:
    space = read_space(BASE, ["saldo_limite=100,3000", "qty_minima=50,700", "multiplicador_qty=0.001,1"])
    found = inline(replace_base(space)).grid()
    assert found.complete
    assert len(found.rows) + found.refused.total() == space.size == 8
    assert found.refused["saldo_limite"] == 2
    assert found.refused["qty_minima"] == 4
    assert found.rows


def replace_base(space: Space) -> Space:
    return replace(space, base=replace(BASE, qty_minima=D(1)))


def test_a_draw_is_a_sweep_too_and_the_same_each_time() -> None:
    space = read_space(BASE, ["lucro_alvo_inicial=0.004:0.04", "recompra_queda_inicial=0.004:0.03"])
    first, again, other = (inline(space).random(30, seed) for seed in (5, 5, 6))
    assert first == again
    assert [row.point for row in first.rows] != [row.point for row in other.rows]


@pytest.mark.parametrize("method", list(Method))
def test_the_optimiser_asks_better_than_chance_and_goes_on_where_it_was(
    tmp_path: Path, method: Method
) -> None:
    space = read_space(BASE, ["lucro_alvo_inicial=0.004:0.3", "recompra_queda_inicial=0.004:0.2"])
    whole = inline(space).search(60, 1, method, generation=15)
    assert whole.complete
    assert len(whole.rows) + whole.refused.total() == 60
    assert len({row.point for row in whole.rows}) > 30
    stop, journal = threading.Event(), task(tmp_path)
    inline(space, stop=stop, journal=journal, on_progress=stopping_at(25, stop)).search(60, 1, method, 15)
    journal.close()
    journal = task(tmp_path)
    told: list[Progress] = []
    assert inline(space, journal=journal, on_progress=told.append).search(60, 1, method, 15) == whole
    journal.close()
    assert told[0].kept >= 25
    early = [row.outcome.result for row in whole.rows if row.number < 15]
    late = [row.outcome.result for row in whole.rows if row.number >= 45]
    assert sum(late) / len(late) > sum(early) / len(early)


def outcome(result: str, loss: str) -> Outcome:
    return Outcome(D(result), D(0), D(loss), D(100), 1, 0, None)


def test_the_front_holds_what_nothing_beats() -> None:
    of = [outcome("10", "5"), outcome("12", "5"), outcome("9", "4"), outcome("11", "6"), outcome("20", "9")]
    assert front(of) == [2, 1, 4]
    assert front([]) == []
    assert front([outcome("1", "1"), outcome("1", "1")]) == [0]


def test_the_front_counts_what_the_open_cycle_would_lose() -> None:
    hiding = replace(outcome("100", "5"), unrealised=D(-99))
    assert front([hiding, outcome("50", "5")]) == [1]


def test_the_choice_is_the_largest_result_within_the_loss() -> None:
    of = [outcome("10", "5"), outcome("12", "6"), outcome("20", "9")]
    assert choice(of, D(6)) == 1
    assert choice(of, D(4)) is None


def test_the_best_is_no_riskier_than_the_strategy_as_it_is(undisturbed: Sweep) -> None:
    best = undisturbed.best()
    assert undisturbed.base is not None
    limit = undisturbed.base.outcome.worst_loss
    within = [row for row in undisturbed.rows if row.outcome.worst_loss <= limit]
    assert best is not None
    assert best.outcome.result == max(row.outcome.result for row in within)
    assert undisturbed.best(D(-1)) is None


def test_a_strategy_with_a_curve_is_swept_as_well() -> None:
    base = replace(BASE, curva_qty=CurveChoice(Curve.LINEAR))
    space = read_space(base, ["lucro_alvo_inicial=0.01,0.02"])
    found = inline(space).grid()
    assert [row.outcome for row in found.rows] == [
        exact_outcome(HISTORY, TERMS, replace(base, lucro_alvo_inicial=D(t))) for t in ("0.01", "0.02")
    ]


def test_candles_on_disk_are_the_candles(tmp_path: Path) -> None:
    laid = lay_down(HISTORY, tmp_path / "c.npy").open()
    assert fingerprint(laid) == fingerprint(HISTORY)
    assert fingerprint(wandering(seed=2)) != fingerprint(HISTORY)
