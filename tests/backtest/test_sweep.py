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

import numpy as np
import pytest

from bot.backtest.exact import run_exact
from bot.backtest.history import History
from bot.backtest.journal import Journal, JournalBusy
from bot.backtest.judging import Assignment, Bench, Chunk, Ground, judge, made_ready, outcome_of
from bot.backtest.model import Terms
from bot.backtest.optimise import Method
from bot.backtest.outcome import SCORE, Outcome, Table, choice, front, results
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


def exact_outcome(history: History, terms: Terms, params: StrategyParams) -> Outcome:
    return outcome_of(run_exact(params, terms, history), history)


def given(space: Space = SPACE) -> Assignment:
    return Assignment(space, TERMS, HISTORY)


def inline(space: Space = SPACE, **more: object) -> Sweeper:
    return Sweeper(given(space), InlinePool(), **more)  # type: ignore[arg-type]


def task(tmp_path: Path) -> Journal:
    return Journal(tmp_path, {"of": "this test"})


def told(sweep: Sweep) -> dict[str, object]:
    """Everything that a sweep says, to be compared."""
    return {
        "rows": list(sweep.rows),
        "scores": sweep.scores.tolist(),
        "base": sweep.base,
        "rest": (sweep.refused, sweep.failed, sweep.total, sweep.complete),
    }


def same(found: Outcome, outcome: Outcome) -> bool:
    """What a row of doubles gives, and what it stands for."""
    pairs = zip(found.score(), outcome.score(), strict=True)
    return all(a == pytest.approx(b, rel=1e-9, abs=1e-9) for a, b in pairs)


def params_of(sweep: Sweep, place: int) -> StrategyParams:
    return SPACE.params(sweep.rows[place].point)


@pytest.fixture(scope="module")
def undisturbed() -> Sweep:
    return inline().grid()


def test_every_set_is_judged_as_a_run_of_its_own(undisturbed: Sweep) -> None:
    assert undisturbed.complete
    assert [row.number for row in undisturbed.rows] == list(range(48))
    for place in range(0, 48, 7):
        assert same(
            undisturbed.rows[place].outcome, exact_outcome(HISTORY, TERMS, params_of(undisturbed, place))
        )
    assert undisturbed.base is not None
    assert same(undisturbed.base.outcome, exact_outcome(HISTORY, TERMS, BASE))
    assert len(set(results(undisturbed.scores[:, 0]).tolist())) > 20
    assert undisturbed.rejudged == 0


def test_the_exact_path_judges_alike(undisturbed: Sweep) -> None:
    found = Sweeper(replace(given(), exact=True), InlinePool()).grid()
    assert np.allclose(results(found.scores[:, 0]), results(undisturbed.scores[:, 0]), rtol=1e-9, atol=1e-9)
    assert np.allclose(found.scores["worst_loss"], undisturbed.scores["worst_loss"], rtol=1e-9, atol=1e-9)
    assert [row.number for row in found.front()] == [row.number for row in undisturbed.front()]


def test_what_the_fast_path_cannot_prove_is_judged_by_the_exact_one() -> None:
    no_tick = Terms(rules_of(tick="0"))
    space = read_space(BASE, ["lucro_alvo_inicial=0.01,0.02,0.03"])
    found = Sweeper(Assignment(space, no_tick, HISTORY), InlinePool()).grid()
    assert found.rejudged == 3
    assert found.base is not None
    assert same(found.base.outcome, exact_outcome(HISTORY, no_tick, BASE))
    assert all(
        same(row.outcome, exact_outcome(HISTORY, no_tick, space.params(row.point))) for row in found.rows
    )


def test_a_set_is_known_only_where_it_is_known_in_every_window() -> None:
    prepared = made_ready(HISTORY, TERMS)
    assert prepared is not None
    known, unknown = Ground(HISTORY, prepared), Ground(HISTORY, None)
    for grounds, proven in (((known, known), 2), ((known, unknown), 0), ((unknown, known), 0)):
        judged = judge(Bench(SPACE, TERMS, grounds, exact=False), Chunk(0, 2))
        assert (len(judged.numbers), len(judged.unproven)) == (proven, 2 - proven)


@pytest.mark.parametrize("exact", [False, True])
def test_a_set_run_alone_comes_to_what_the_exact_path_says(*, exact: bool) -> None:
    """By the exact engine where that was asked for, else by the fast one in decimals, which is many times quicker."""
    terms = replace(TERMS, slippage=D("0.001"))
    bench = Assignment(SPACE, terms, HISTORY, exact=exact).open()
    for number in (0, 17, 40):
        (score,) = judge(bench, Chunk(0, 0).alone(SPACE, number)).scores
        expected = exact_outcome(HISTORY, terms, SPACE.params(SPACE.grid_point(number)))
        assert Outcome.of(score[0]) == Outcome.of(np.array([expected.score()], dtype=SCORE)[0])
    assert ("_trees" in vars(bench)) is not exact  # which the fast engine alone looks into


def test_windows_are_runs_of_their_own(undisturbed: Sweep) -> None:
    windows = (
        (int(HISTORY.times[0]), int(HISTORY.times[700])),
        (int(HISTORY.times[700]), int(HISTORY.times[-1])),
    )
    found = Sweeper(replace(given(), windows=windows), LocalPool(2)).grid()
    for window, span in enumerate(windows):
        for place in (3, 30):
            expected = exact_outcome(HISTORY.between(*span), TERMS, params_of(found, place))
            assert same(found.rows[place].outcomes[window], expected)


def test_processes_find_what_one_finds(undisturbed: Sweep) -> None:
    seen: list[Progress] = []
    assert told(Sweeper(given(), LocalPool(2), on_progress=seen.append).grid()) == told(undisturbed)
    assert seen[-1].done == seen[-1].total == 48
    assert (seen[0].seconds, seen[0].seconds_left) == (0, None)
    assert seen[-1].seconds_left == 0
    assert [p.done for p in seen] == sorted(p.done for p in seen)


def test_a_killed_worker_changes_nothing(undisturbed: Sweep) -> None:
    killed: list[int] = []

    def murder(progress: Progress) -> None:
        victims = [child.pid for child in active_children() if child.pid is not None]
        if progress.done > 5 and not killed and victims:
            killed.append(victims[0])
            os.kill(victims[0], signal.SIGKILL)

    assert told(Sweeper(given(), LocalPool(2), on_progress=murder).grid()) == told(undisturbed)
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
    seen: list[Progress] = []
    journal = task(tmp_path)
    assert told(inline(journal=journal, on_progress=seen.append).grid()) == told(undisturbed)
    journal.close()
    assert seen[0].kept == len(first.rows)
    assert len(seen) <= 48 - len(first.rows)
    journal = task(tmp_path)
    assert told(Sweeper(given(), NoPool(), journal).grid()) == told(undisturbed)  # type: ignore[arg-type]
    journal.close()


class NoPool:
    """Nothing may be asked of it."""

    workers = 1

    def end(self) -> None:
        pass


@pytest.mark.parametrize("bytes_lost", [1, 30])
def test_a_line_cut_short_is_done_again(tmp_path: Path, undisturbed: Sweep, bytes_lost: int) -> None:
    journal = task(tmp_path)
    inline(journal=journal).grid()
    journal.close()
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-bytes_lost])
    again = task(tmp_path)
    seen: list[Progress] = []
    assert told(inline(journal=again, on_progress=seen.append).grid()) == told(undisturbed)
    again.close()
    assert len(seen) == 1
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
    assert len(found.rows)


def replace_base(space: Space) -> Space:
    return replace(space, base=replace(BASE, qty_minima=D(1)))


def test_a_draw_is_a_sweep_too_and_the_same_each_time() -> None:
    space = read_space(BASE, ["lucro_alvo_inicial=0.004:0.04", "recompra_queda_inicial=0.004:0.03"])
    first, again, other = (inline(space).random(30, seed) for seed in (5, 5, 6))
    assert told(first) == told(again)
    assert [row.point for row in first.rows] != [row.point for row in other.rows]


@pytest.mark.parametrize("method", list(Method))
def test_the_optimiser_asks_better_than_chance_and_goes_on_where_it_was(
    tmp_path: Path, method: Method
) -> None:
    space = read_space(BASE, ["lucro_alvo_inicial=0.004:0.3", "recompra_queda_inicial=0.004:0.2"])
    whole = inline(space).search(60, 1, method, generation=15)
    assert whole.complete
    assert len(whole.rows) + whole.refused.total() == 60
    assert len(set(whole.rows.points())) > 30
    stop, journal = threading.Event(), task(tmp_path)
    inline(space, stop=stop, journal=journal, on_progress=stopping_at(25, stop)).search(60, 1, method, 15)
    journal.close()
    journal = task(tmp_path)
    seen: list[Progress] = []
    again = inline(space, journal=journal, on_progress=seen.append).search(60, 1, method, 15)
    assert told(again) == told(whole)
    journal.close()
    assert seen[0].kept >= 25
    earned = results(whole.scores[:, 0])
    assert earned[-15:].mean() > earned[:15].mean()


def table(*rows: tuple[str, str]) -> Table:
    """Of results and worst losses."""
    return np.array([outcome(*row).score() for row in rows], dtype=SCORE)


def outcome(result: str, loss: str) -> Outcome:
    return Outcome(D(result), D(0), D(loss), D(100), 1, 0, None)


def test_the_front_holds_what_nothing_beats() -> None:
    of = table(("10", "5"), ("12", "5"), ("9", "4"), ("11", "6"), ("20", "9"), ("12", "5"))
    assert front(of).tolist() == [2, 1, 4]
    assert front(of[:0]).tolist() == []
    assert front(table(("1", "1"), ("1", "1"))).tolist() == [0]


def test_the_front_is_the_one_found_by_comparing_all_with_all() -> None:
    draw = random.Random(3)
    of = table(*((str(draw.randrange(30)), str(draw.randrange(30))) for _ in range(300)))
    earned, lost = results(of), of["worst_loss"]
    slow = {
        (earned[i], lost[i])
        for i in range(300)
        if not any(
            earned[j] >= earned[i] and lost[j] <= lost[i] and (earned[j], lost[j]) != (earned[i], lost[i])
            for j in range(300)
        )
    }
    found = [(earned[i], lost[i]) for i in front(of)]
    assert set(found) == slow
    assert len(found) == len(slow)


def test_the_front_counts_what_the_open_cycle_would_lose() -> None:
    of = table(("100", "5"), ("50", "5"))
    of["unrealised"][0] = -99
    assert front(of).tolist() == [1]


def test_the_choice_is_the_largest_result_within_the_loss() -> None:
    of = table(("10", "5"), ("12", "6"), ("20", "9"), ("12", "5"))
    assert choice(of, 6.0) == choice(of, 5.0) == 3
    assert choice(of, 4.0) is None


def test_the_best_is_no_riskier_than_the_strategy_as_it_is(undisturbed: Sweep) -> None:
    best = undisturbed.best()
    assert undisturbed.base is not None
    scores = undisturbed.scores[:, 0]
    within = scores["worst_loss"] <= float(undisturbed.base.outcome.worst_loss)
    assert best is not None
    assert best.outcome.worst_loss <= undisturbed.base.outcome.worst_loss
    assert float(best.outcome.result) == pytest.approx(results(scores)[within].max())
    assert undisturbed.best(D(-1)) is None


def test_a_strategy_with_a_curve_is_swept_as_well() -> None:
    base = replace(BASE, curva_qty=CurveChoice(Curve.LINEAR))
    found = inline(read_space(base, ["lucro_alvo_inicial=0.01,0.02"])).grid()
    for place, target in enumerate(("0.01", "0.02")):
        params = replace(base, lucro_alvo_inicial=D(target))
        assert same(found.rows[place].outcome, exact_outcome(HISTORY, TERMS, params))


def test_candles_on_disk_are_the_candles(tmp_path: Path) -> None:
    laid = lay_down(HISTORY, tmp_path / "c.npy").open()
    assert fingerprint(laid) == fingerprint(HISTORY)
    assert fingerprint(wandering(seed=2)) != fingerprint(HISTORY)


@pytest.mark.soak
def test_a_dask_cluster_sweeps_the_same_though_a_worker_is_killed(undisturbed: Sweep) -> None:
    """distributed's own LocalCluster with worker processes; what they share comes over the wire."""
    from distributed import LocalCluster

    from bot.backtest.pools import open_pool

    killed: list[int] = []

    def murder(progress: Progress) -> None:
        if progress.done > 5 and not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    ) as cluster:
        pool = open_pool(dask=cluster.scheduler_address)
        assert told(Sweeper(given(), pool, on_progress=murder).grid()) == told(undisturbed)
    assert killed


@pytest.mark.soak
def test_on_real_candles_both_paths_judge_alike() -> None:
    """Draws over all that shapes a ladder, on two months of minutes."""
    from tests.backtest.candles import real

    history = real("bitfinex_BTCUSD_1m_2018").between(None, 1_514_764_800_000 + 60 * 86_400_000)
    texts = [
        "qty_inicial=20:500", "multiplicador_qty=0.9:1.3", "lucro_alvo_inicial=0.004:0.06",
        "multiplicador_lucro=0.8:1.1", "recompra_queda_inicial=0.003:0.04", "multiplicador_recompra=0.8:1.3",
        "limite_recompras=0:30", "saldo_limite=600:8000", "lucro_reaplicar=s,n", "taxa=0,0.001",
    ]  # fmt: skip
    one = Assignment(read_space(StrategyParams(), texts), TERMS, history)
    fast = Sweeper(one, InlinePool()).random(80, 11)
    exact = Sweeper(replace(one, exact=True), LocalPool(2)).random(80, 11)
    assert len(fast.rows) == len(exact.rows) > 40
    for name in ("cycles", "rebuys", "open_rebuys"):
        assert (fast.scores[name] == exact.scores[name]).all()
    for name in ("net_profit", "unrealised", "worst_loss", "most_invested"):
        assert np.allclose(fast.scores[name], exact.scores[name], rtol=1e-9, atol=1e-8), name
