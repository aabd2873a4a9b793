"""What was chosen is judged on what it has not seen, and beside its neighbours."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from bot.backtest.history import History
from bot.backtest.judging import Assignment
from bot.backtest.model import Terms
from bot.backtest.outcome import SCORE, Outcome
from bot.backtest.pools import InlinePool
from bot.backtest.space import Space, read_space
from bot.backtest.sweep import Row, Rows, Sweep, Sweeper
from bot.backtest.walk import Fold, edges, neighbours, walk_forward, windows_of
from bot.backtest.words import Words
from bot.cli.sweep_told import Shown, Study
from bot.cli.sweep_words import lines
from bot.domain.params import StrategyParams
from bot.errors import InvalidInput
from tests.backtest.candles import candles, from_columns, rules_of
from tests.backtest.draws import made_up

D = Decimal
W = ((0, 10), (10, 20), (20, 30))


def swept(
    space: Space, table: Sequence[Sequence[tuple[int, int]]], base: Sequence[tuple[int, int]] | None
) -> Sweep:
    """A sweep of the grid with these (result, worst loss) for each window."""

    def scores(pairs: Sequence[tuple[int, int]]) -> list[tuple[float, ...]]:
        return [(result, 0, loss, 100, 1, 0, -1) for result, loss in pairs]

    columns = np.array([scores(pairs) for pairs in table], dtype=SCORE)
    as_it_is = None
    if base is not None:
        rows = np.array(scores(base), dtype=SCORE)
        as_it_is = Row(-1, space.base_point(), tuple(Outcome.of(row) for row in rows))
    return Sweep(
        rows=Rows(np.arange(len(table)), columns, space.grid_point),
        scores=columns,
        base=as_it_is,
        refused=Counter(),
        failed=(),
        total=len(table),
        complete=True,
        rejudged=0,
    )


SPACE = read_space(StrategyParams(), ["lucro_alvo_inicial=0.01,0.02,0.03"])


def test_windows_are_equal_spans_that_leave_nothing_out() -> None:
    history = candles([[100, 100, 100, 100]] * 1003)
    windows = windows_of(history, 4)
    assert windows[0][0] == history.times[0]
    assert windows[-1][1] == history.times[-1] + history.step_ms
    assert all(a[1] == b[0] for a, b in pairwise(windows))
    assert sum(len(history.between(*window)) for window in windows) == 1003
    assert (
        max(len(history.between(*w)) for w in windows) - min(len(history.between(*w)) for w in windows) <= 1
    )


def test_a_window_without_candles_is_refused() -> None:
    times = [0, 60_000, 6_000_000]
    gapped = from_columns("gap", times, [[100] * 4] * 3, step_ms=60_000, scale=0)
    with pytest.raises(InvalidInput, match="candles in each"):
        windows_of(gapped, 3)
    for count in (1, 61):
        with pytest.raises(InvalidInput, match="2 to 60 windows"):
            windows_of(gapped, count)


def test_each_window_chooses_for_the_next_and_never_for_itself() -> None:
    table = [[(50, 5), (1, 5), (2, 5)], [(10, 5), (40, 5), (3, 5)], [(99, 9), (20, 5), (30, 5)]]
    walk = walk_forward(swept(SPACE, table, [(5, 6), (7, 6), (9, 6)]), W, first=0)
    first, second = walk.folds
    assert (first.chosen.number, first.before.result, first.after.result) == (0, 50, 1)
    assert (second.chosen.number, second.before.result, second.after.result) == (1, 40, 3)
    assert (first.seen, first.unseen, second.unseen) == (W[0], W[1], W[2])
    assert (walk.before, walk.after, walk.as_it_is, walk.middle) == (90, 4, 16, 23)
    assert (first.beaten, second.beaten) == (0.0, 0.5)
    assert not walk.believable


def test_a_riskier_set_than_the_strategy_as_it_is_is_not_chosen() -> None:
    table = [[(99, 9), (99, 1)], [(10, 5), (20, 8)]]
    space = read_space(StrategyParams(), ["taxa=0,0.001"])
    [fold] = walk_forward(swept(space, table, [(1, 6), (1, 6)]), W[:2], first=0).folds
    assert fold.chosen.number == 1
    assert walk_forward(swept(space, table, [(1, 2), (1, 2)]), W[:2], first=0).folds == ()
    [free] = walk_forward(swept(space, table, None), W[:2], first=0).folds
    assert free.chosen.number == 0
    assert free.as_it_is is None


def test_candles_that_a_choice_has_not_seen_change_nothing_about_it() -> None:
    """The second half is lived through twice, once upside down: what was chosen on the first half stays chosen."""
    history = made_up(21, 3_000, spread=0.002)
    windows = windows_of(history, 2)
    edge = len(history.between(*windows[0]))
    turned = {}
    for name, other in (("opens", "opens"), ("highs", "lows"), ("lows", "highs"), ("closes", "closes")):
        column = getattr(history, name).copy()
        column[edge:] = 12_000_000 - getattr(history, other)[edge:]
        turned[name] = column
    space = read_space(StrategyParams(), ["lucro_alvo_inicial=0.005:0.03:0.005", "limite_recompras=3,9,20"])

    def walked(one: History) -> Fold:
        given = Assignment(space, Terms(rules_of()), one, windows)
        [fold] = walk_forward(Sweeper(given, InlinePool()).grid(), windows, first=0).folds
        return fold

    lived, otherwise = walked(history), walked(replace(history, **turned))
    assert (lived.chosen.number, lived.before) == (otherwise.chosen.number, otherwise.before)
    assert lived.after != otherwise.after


@pytest.mark.parametrize("unseen", [1, 20])
def test_the_risk_that_a_choice_may_take_is_that_of_the_window_it_is_made_on(unseen: int) -> None:
    """What the strategy as it is comes to lose later is not known yet."""
    table = [[(99, 8), (0, 8)], [(10, 5), (0, 5)], [(5, 2), (0, 2)]]
    [fold] = walk_forward(swept(SPACE, table, [(1, 6), (1, unseen)]), W[:2], first=0).folds
    assert fold.chosen.number == 1


def test_a_set_that_did_as_well_is_not_beaten_and_the_worst_loss_is_the_unseen_one() -> None:
    table = [[(50, 5), (7, 4)], [(10, 5), (7, 5)], [(10, 5), (6, 5)]]
    walk = walk_forward(swept(SPACE, table, None), W[:2], first=0)
    assert walk.folds[0].beaten == 0.5
    assert walk.worst_after == 4


@pytest.mark.parametrize(
    ("after", "as_it_is", "others", "believable"),
    [(-1, -5, -9, False), (10, 12, 5, False), (10, 5, 12, True), (10, None, 12, False), (10, None, 5, True)],
)
def test_a_choice_is_believed_that_earned_and_earned_more_than_leaving_it_alone(
    after: int, as_it_is: int | None, others: int, believable: bool
) -> None:
    table = [[(50, 5), (after, 5)], [(10, 5), (others, 5)], [(10, 5), (others, 5)]]
    base = None if as_it_is is None else [(1, 6), (as_it_is, 6)]
    assert walk_forward(swept(SPACE, table, base), W[:2], first=0).believable is believable


def test_a_choice_that_holds_on_the_unseen_is_believable() -> None:
    table = [[(50, 5), (45, 4), (48, 5)], [(10, 5), (12, 5), (9, 5)], [(20, 5), (20, 5), (20, 5)]]
    walk = walk_forward(swept(SPACE, table, [(10, 6), (10, 6), (10, 6)]), W, first=0)
    assert walk.believable
    assert walk.worst_after == 5


def test_the_first_column_may_be_the_whole_history() -> None:
    table = [[(0, 0), (5, 1), (6, 1)], [(9, 0), (4, 1), (7, 1)], [(0, 0), (1, 1), (8, 1)]]
    [fold] = walk_forward(swept(SPACE, table, [(0, 0), (0, 2), (0, 2)]), W[:2], first=1).folds
    assert (fold.before.result, fold.after.result) == (5, 6)


def plane(results: Sequence[int]) -> tuple[Sweep, Space]:
    space = read_space(
        StrategyParams(), ["lucro_alvo_inicial=0.01:0.05:0.01", "recompra_queda_inicial=0.01:0.05:0.01"]
    )
    return swept(space, [[(result, 5)] for result in results], None), space


def test_a_peak_among_low_neighbours_stands_alone() -> None:
    results = [10] * 25
    results[12] = 100
    sweep, space = plane(results)
    found = neighbours(sweep, space, sweep.rows[12])
    assert (found.count, found.middle, found.alone) == (8, 10, True)


@pytest.mark.parametrize(
    ("language", "alone", "beside"),
    [
        ("en", "! it stands alone: the median of the 8 sets next to it is 10.00.", "next to it is 85.00"),
        ("pt_BR", "! ela está sozinha: a mediana das 8 variações vizinhas é 10,00.", "vizinhas é 85,00"),
    ],
)
def test_a_best_that_stands_alone_is_said_to_be_likely_luck(language: str, alone: str, beside: str) -> None:
    peak, hill = [10] * 25, [100 - 10 * (abs(i // 5 - 2) + abs(i % 5 - 2)) for i in range(25)]
    peak[12] = 100
    assert alone in told_of(peak, language)
    assert "luck" in told_of(peak, "en")
    assert alone.partition(":")[0] not in told_of(hill, language)
    assert beside in told_of(hill, language)


def told_of(results: Sequence[int], language: str) -> str:
    """What the command says of a sweep over the plane of which number 12 is the best."""
    sweep, space = plane(results)
    chosen = sweep.rows[12]
    best = Shown(12, {axis.name: "0.03" for axis in space.axes}, chosen.outcome, best=True)
    study = Study(
        given=Assignment(space, Terms(rules_of()), candles([[100, 100, 100, 100]] * 3)),
        sweep=sweep, base=replace(best, best=False), budget=D(100), front=(best,), front_size=1, best=best,
        limit=D(5), beside=neighbours(sweep, space, chosen), edges=(), warnings=(), walk=None, seconds=1.0, faults={},
    )  # fmt: skip
    return " ".join(" ".join(lines(Words(language), study)).split())


def test_a_hill_does_not_stand_alone() -> None:
    results = [100 - 10 * (abs(i // 5 - 2) + abs(i % 5 - 2)) for i in range(25)]
    sweep, space = plane(results)
    found = neighbours(sweep, space, sweep.rows[12])
    assert found.alone is False
    corner = neighbours(sweep, space, sweep.rows[0])
    assert corner.count == 8
    assert corner.alone is False


def test_what_loses_may_stand_alone_too() -> None:
    sweep, space = plane([-10] * 25)
    assert neighbours(sweep, space, sweep.rows[12]).alone is False
    sweep, space = plane([-10 if i == 12 else -30 for i in range(25)])
    assert neighbours(sweep, space, sweep.rows[12]).alone is True


def test_neighbours_are_those_a_step_away_on_one_axis_or_two() -> None:
    three = [f"{name}=0.01:0.03:0.01" for name in ("lucro_alvo_inicial", "recompra_queda_inicial", "taxa")]
    space = read_space(StrategyParams(), three)
    sweep = swept(space, [[(10, 5)]] * 27, None)
    assert neighbours(sweep, space, sweep.rows[13]).count == 18
    assert neighbours(sweep, space, sweep.rows[0]).count == 8  # six, and the nearest beyond them


@pytest.mark.parametrize(("beside", "alone"), [(50, False), (49, True)])
def test_a_best_stands_alone_where_its_neighbours_are_worse_by_more_than_half(
    beside: int, alone: bool
) -> None:
    sweep, space = plane([100 if i == 12 else beside for i in range(25)])
    assert neighbours(sweep, space, sweep.rows[12]).alone is alone


def test_neighbours_are_looked_at_where_the_choice_was_made() -> None:
    """On the first column, the whole history; not on a window of the walk."""
    _, space = plane([0] * 25)
    sweep = swept(space, [[(100 if i == 12 else 10, 5), (100, 5)] for i in range(25)], None)
    assert neighbours(sweep, space, sweep.rows[12]).middle == 10


def test_too_few_neighbours_tell_nothing() -> None:
    space = read_space(StrategyParams(), ["lucro_reaplicar=s,n"])
    sweep = swept(space, [[(5, 5)], [(1, 5)]], None)
    found = neighbours(sweep, space, sweep.rows[0])
    assert (found.count, found.middle, found.alone) == (1, None, None)


def test_a_choice_at_the_end_of_what_was_tried_is_told() -> None:
    space = read_space(
        StrategyParams(),
        ["lucro_alvo_inicial=0.01,0.02,0.03", "qty_inicial=50:500", "lucro_reaplicar=s,n", "taxa=0,0.001"],
    )
    inner = (D("0.02"), D(200), True, D(0))
    assert edges(space, Row(0, inner, ())) == ()
    assert edges(space, Row(0, (D("0.03"), *inner[1:]), ())) == ("lucro_alvo_inicial",)
    assert edges(space, Row(0, (inner[0], D("500"), *inner[2:]), ())) == ("qty_inicial",)
