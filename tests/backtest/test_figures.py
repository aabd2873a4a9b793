"""Every figure against a hand-computed run, and against a slow walk along each candle's path."""

import doctest
import random
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.backtest import batch
from bot.backtest.as_json import figures_as_json
from bot.backtest.exact import run_exact
from bot.backtest.figures import DAY_MS, figures
from bot.backtest.model import Engine, Terms
from bot.domain.market import Side
from bot.domain.money import Quote, total_quote
from bot.domain.params import StrategyParams
from tests.backtest.candles import real
from tests.backtest.naive import RULES, D, history_of, walk

CLOSE_ENOUGH = D("1e-40")  # two orders of summing 60 digits
START = 1_700_000_000_000
MINUTE = 60_000

# 100 at 100 and 100 at 90; the average of 200 / (1 + 1.111) is 94.73694..., the exit 5 % above it
HAND = StrategyParams(
    qty_inicial=D(100),
    multiplicador_qty=D(1),
    qty_maxima=D(1000),
    lucro_alvo_inicial=D("0.05"),
    multiplicador_lucro=D(1),
    recompra_queda_inicial=D("0.1"),
    recompra_queda_maximo=D("0.5"),
    limite_recompras=1,
    taxa=D("0.001"),
    saldo_limite=D(250),
    lucro_reaplicar=False,
)
COARSE = replace(RULES, tick=D("0.01"), lot_step=D("0.001"))


def hand_run(rows):
    history = history_of(rows)
    run = walk(HAND, history, Terms(COARSE)).result()
    return figures(run, history), run


def test_a_run_without_any_cycle_counts_only_what_it_holds():
    found, run = hand_run([(100, 101, 99, 100)])
    assert len(run.fills) == 1
    # 1 coin bought at 100, 0.999 held: 0.999 * 100 * 0.999 = 99.8001 at the close, 98.8021... at the low
    assert found.net_profit == Quote.zero()
    assert found.unrealised == Quote.of("-0.1999") == found.result == found.open.unrealised
    assert found.worst.amount == Quote(D(100) - D("0.999") * 99 * D("0.999"))
    assert found.worst.at == START
    assert found.worst.of_budget == found.worst.amount.value / 250
    assert (found.cycles, found.won, found.lost) == (0, 0, 0)
    assert (found.longest_cycle_ms, found.median_cycle_ms) == (None, None)
    assert found.fees.buys == Quote.of("0.1")
    assert found.fees.sells == Quote.zero()
    assert found.most_invested == found.mean_invested == Quote.of(100)
    assert found.on_budget_a_year is None


def test_one_cycle_with_a_rebuy_by_hand():
    found, run = hand_run([(100, 101, 99, 100), (100, 100, 89, 92), (92, 99.5, 92, 99), (99, 99, 99, 99)])
    assert [(f.side, f.k, str(f.price), str(f.quantity)) for f in run.fills] == [
        (Side.BUY, 0, "100", "1"),
        (Side.BUY, 1, "90", "1.111"),
        (Side.SELL, 1, "99.48", "2.108"),
        (Side.BUY, 0, "99", "1.01"),
    ]
    # held 2.111 * 0.999 = 2.108889 for 199.99; sold 2.108 for 209.70384 less 0.20970384
    held, cost = D("2.108889"), D("199.99")
    profit = D("209.70384") * D("0.999") - cost * D("2.108") / held
    assert abs(found.net_profit.value - profit) < D("1e-20")
    assert found.most_invested == Quote(cost)
    assert found.on_invested == found.net_profit.over(Quote(cost))
    assert found.on_budget == found.net_profit.over(Quote.of(250))
    assert found.rebuys_used == (0, 1)
    assert (found.won, found.lost) == (1, 0)
    assert found.longest_cycle_ms == found.median_cycle_ms == 2 * MINUTE
    # the low of 89 comes after the re-buy at 90 on the way down
    assert found.worst.amount == Quote(cost - held * 89 * D("0.999"))
    assert found.worst.at == START + MINUTE
    assert found.fees.buys == Quote((D(100) + D("1.111") * 90 + D("1.01") * 99) * D("0.001"))
    assert found.fees.sells == Quote.of("0.20970384")
    # exhausted from the re-buy (close of candle 1) to the exit in candle 2
    assert found.exhausted_share == D("0.25")
    assert found.exhausted_longest_ms == MINUTE
    # held: lot_down(250 / 100) = 2.5, valued at 99 less two fees
    assert found.hold.net == Quote(D("2.5") * D("0.999") * 99 * D("0.999") - 250)
    assert found.hold.worst == Quote(250 - D("2.5") * D("0.999") * 89 * D("0.999"))
    assert found.drawdown.at == START + MINUTE


def test_the_mean_of_money_locked_counts_every_close():
    found, _ = hand_run([(100, 101, 99, 100), (100, 100, 89, 92), (92, 99.5, 92, 99), (99, 99, 99, 99)])
    dust_cost = D("199.99") - (D("209.70384") * D("0.999") - found.net_profit.value)
    mean = (D(100) + D("199.99") + dust_cost + (dust_cost + D("1.01") * 99)) / 4
    assert abs(found.mean_invested.value - mean) < D("1e-20")


def test_equity_under_its_peak_is_timed_from_the_close_of_the_peak():
    rows = [(100, 102, 100, 102), (102, 102, 95, 96), (96, 100, 96, 100), (100, 104, 100, 104)]
    rows += [(104, 104, 97, 98), (98, 98, 97, 97), (97, 98, 97, 98), (98, 99, 98, 98)]
    found, _ = hand_run(rows)
    assert found.under_water.start == START + 4 * MINUTE
    assert found.under_water.length_ms == 4 * MINUTE
    assert not found.under_water.ended


def test_a_stretch_under_water_that_ends_ends_at_the_close_that_reached_the_peak():
    rows = [(100, 102, 100, 102), (102, 102, 95, 96), (96, 100, 96, 100), (100, 104, 100, 104)]
    found, _ = hand_run(rows)
    assert (found.under_water.start, found.under_water.end) == (START + MINUTE, START + 4 * MINUTE)
    assert found.under_water.ended


def test_a_fill_after_the_low_is_not_in_the_loss_at_the_low():
    """A rising candle falls to 92 first, and only then reaches the exit: held at 92, sold at 105."""
    found, run = hand_run([(100, 100, 100, 100), (100, 106, 92, 106)])
    assert run.cycles
    assert found.worst.amount == Quote(100 - D("0.999") * 92 * D("0.999"))


def test_a_fill_before_the_low_is_in_the_loss_at_the_low():
    """A falling candle reaches the exit first: at its low only dust is left."""
    found, run = hand_run([(100, 100, 100, 100), (100, 106, 92, 95)])
    assert run.cycles
    assert found.worst.at == START


def test_an_exit_that_a_gap_placed_before_the_low_spares_the_loss_at_it():
    # the gap to 80 fills the re-buy at 90; the falling candle then goes up to the exit at 99.48, and only then to 70
    found, run = hand_run([(100, 101, 99, 100), (80, 100, 70, 75)])
    assert [(f.side, str(f.price)) for f in run.fills[1:]] == [(Side.BUY, "90"), (Side.SELL, "99.48")]
    assert found.worst.at == START
    assert found.worst.amount == Quote(D(100) - D("0.999") * 99 * D("0.999"))


def test_an_exit_that_a_re_buy_at_the_open_placed_is_reached_before_the_low():
    """The candle opens at 90, where the re-buy rests: the exit stands from there on, and the high comes first."""
    found, run = hand_run([(100, 101, 99, 100), (90, 100, 70, 75)])
    assert [str(f.price) for f in run.fills] == ["100", "90", "99.48"]
    assert found.worst.at == START


def test_an_exit_at_the_very_open_is_before_the_low():
    found, run = hand_run([(100, 101, 99, 100), (105, 110, 60, 110)])
    assert str(run.fills[1].price) == "105"
    assert found.worst.at == START


def test_a_candle_that_closes_where_it_opened_has_its_low_before_its_high():
    found, run = hand_run([(100, 100, 100, 100), (100, 106, 92, 100)])
    assert run.cycles
    assert found.worst.amount == Quote(100 - D("0.999") * 92 * D("0.999"))


def test_of_equal_losses_the_earliest_is_told_and_of_nearly_equal_ones_the_larger():
    found, _ = hand_run([(100, 101, 99, 100), (100, 101, 99, 100)])
    assert found.worst.at == START
    deep, deeper = "99.000000000002", "99.000000000001"
    history = history_of([(100, 101, deep, 100), (100, 101, deeper, 100)], scale=12)
    nearly = figures(walk(HAND, history, Terms(COARSE)).result(), history)
    assert nearly.worst.at == START + MINUTE
    assert nearly.worst.amount == Quote(100 - D("0.999") * D(deeper) * D("0.999"))


def test_returns_a_year_are_in_plain_proportion():
    history = history_of([(100, 106, 99, 104)] * 73, step_ms=DAY_MS)
    found = figures(walk(HAND, history, Terms(COARSE)).result(), history)
    assert found.on_budget_a_year == found.on_budget * 5
    short = history.between(None, int(history.times[29]))
    assert figures(walk(HAND, short, Terms(COARSE)).result(), short).on_budget_a_year is None


def test_the_budget_is_the_limit_or_a_smaller_balance_else_the_ladder():
    history = history_of([(100, 101, 99, 100)])
    free = replace(HAND, saldo_limite=D(0))

    def budget(params, balance):
        run = walk(HAND, history, Terms(COARSE)).result()
        terms = Terms(COARSE, balance=balance)
        return figures(replace(run, params=params, terms=terms), history).budget

    assert budget(HAND, Quote.of(400)) == Quote.of(250)
    assert budget(HAND, Quote.of(120)) == Quote.of(120)
    assert budget(free, Quote.of(400)) == Quote.of(400)
    assert budget(free, None) == Quote.of(200)


def test_a_limit_that_cuts_the_ladder_exhausts_it_too():
    cut = replace(HAND, limite_recompras=5, saldo_limite=D(150))
    history = history_of([(100, 101, 99, 100)] * 4)
    found = figures(walk(cut, history, Terms(COARSE)).result(), history)
    assert found.exhausted_share == 1
    assert found.exhausted_longest_ms == 4 * MINUTE


def test_gaps_are_counted_among_the_assumptions():
    times = [START, START + MINUTE, START + 5 * MINUTE]
    history = history_of([(100, 101, 99, 100)] * 3, times=times)
    run = replace(walk(HAND, history, Terms(COARSE)).result(), engine=Engine.EXACT, fell_back="a curve")
    told = figures(run, history).assumptions
    assert (told.gaps, told.missing, told.fell_back) == (1, 3, "a curve")


def test_a_loss_is_counted_as_lost():
    """A target under the fee of both sides can only lose; setup refuses it, a figure still says so."""
    losing = replace(HAND, lucro_alvo_inicial=D("0.001"), taxa=D("0.01"))
    history = history_of([(100, 101, 99, 101)] * 3)
    found = figures(walk(losing, history, Terms(COARSE)).result(), history)
    assert found.cycles == found.lost > 0
    assert found.months[0].lost == found.cycles


# --- against the walk -------------------------------------------------------------------------------------


def wild(seed: int, count: int = 400):
    """Candles wide enough that one takes several rungs, an exit, or both."""
    chance = random.Random(seed)
    price, rows = 10_000, []
    for _ in range(count):
        points = [price]
        for _ in range(3):
            points.append(max(2000, points[-1] + points[-1] * chance.randint(-70, 72) // 1000))
        first, last = points[0], points[-1]
        rows.append([Decimal(x).scaleb(-2) for x in (first, max(points), min(points), last)])
        price = max(2000, last + chance.choice((0, 0, 0, 1)) * last * chance.randint(-90, 90) // 1000)
    return history_of(rows, step_ms=chance.choice((MINUTE, 3_600_000, DAY_MS)))


def wild_params(seed: int) -> StrategyParams:
    chance = random.Random(-seed)
    return StrategyParams(
        recompra_queda_inicial=D(chance.randint(5, 60)) / 1000,
        multiplicador_recompra=D(chance.randint(80, 130)) / 100,
        lucro_alvo_inicial=D(chance.randint(5, 60)) / 1000,
        multiplicador_lucro=D(chance.randint(70, 120)) / 100,
        limite_recompras=chance.randint(0, 20),
        taxa=D(chance.choice((0, 1, 2, 5))) / 1000,
        saldo_limite=D(chance.choice((0, 600, 2000, 5000))),
        lucro_reaplicar=chance.random() < 0.7,
    )


@pytest.mark.parametrize("seed", range(25))
def test_loss_and_equity_of_every_candle_are_those_of_a_walk_along_its_path(seed):
    history = wild(seed)
    walked = walk(wild_params(seed), history)
    found = figures(walked.result(), history)
    for i in range(len(history)):
        assert abs(found.timeline.loss_at(i).value - walked.losses[i]) < CLOSE_ENOUGH, i
        assert abs(found.timeline.equity_at(i).value - walked.equities[i]) < CLOSE_ENOUGH, i
        assert found.timeline.loss[i] == pytest.approx(float(walked.losses[i]), abs=1e-6)
        assert found.timeline.equity[i] == pytest.approx(float(walked.equities[i]), abs=1e-6)
    assert abs(found.worst.amount.value - max(0, *walked.losses)) < CLOSE_ENOUGH
    peak = deepest = D(0)
    for equity in walked.equities:
        peak = max(peak, equity)
        deepest = max(deepest, peak - equity)
    assert abs(found.drawdown.amount.value - deepest) < CLOSE_ENOUGH


@pytest.mark.parametrize("seed", range(25))
def test_what_the_parts_come_to_is_the_whole(seed):
    history = wild(seed)
    run = walk(wild_params(seed), history).result()
    found = figures(run, history)

    def near(a, b) -> bool:
        return abs(a.value - b.value) < CLOSE_ENOUGH

    assert near(total_quote(c.net_profit for c in run.cycles), found.net_profit)
    assert near(found.result, found.net_profit + found.unrealised)
    assert near(total_quote(m.net_profit for m in found.months), found.net_profit)
    assert near(total_quote(m.result for m in found.months), found.result)
    assert near(total_quote(m.fees for m in found.months), found.fees.total)
    assert sum(m.cycles for m in found.months) == found.cycles == sum(found.rebuys_used)
    assert sum(m.rebuys for m in found.months) == sum(f.k > 0 for f in run.fills if f.side is Side.BUY)
    assert max(m.worst for m in found.months) == found.worst.amount
    assert found.days[-1].equity == found.result
    assert found.mean_invested <= found.most_invested
    if run.open is not None:
        assert near(found.unrealised, run.open.unrealised)
        assert near(found.timeline.standings[-1].cost, run.open.cost)
    if run.params.saldo_limite:
        carried = max((s.cost - s.invested for s in found.timeline.standings), default=Quote.zero())
        assert found.most_invested <= Quote(run.params.saldo_limite) + Quote.of(1) + carried
    buys = total_quote(c.base_fees_value for c in run.cycles)
    assert found.fees.buys >= buys
    assert near(found.fees.sells, total_quote(c.sell_fees for c in run.cycles))


def test_wild_candles_bring_every_order_of_fills_about():
    """(falling, after the low, bought in the same candle); the two that are missing cannot be."""
    seen = set()
    for seed in range(25):
        history = wild(seed)
        run = walk(wild_params(seed), history).result()
        timeline = figures(run, history).timeline
        for before, fill in zip(run.fills, run.fills[1:], strict=False):
            if fill.side is Side.SELL:
                late = timeline.at_low[fill.candle] != timeline.at_close[fill.candle]
                falling = history.closes[fill.candle] < history.opens[fill.candle]
                seen.add((bool(falling), bool(late), before.candle == fill.candle))
    assert seen == {
        (False, False, False),
        (False, True, False),
        (False, True, True),
        (True, False, False),
        (True, False, True),
        (True, True, True),
    }


@pytest.mark.parametrize("seed", range(25))
def test_the_walk_itself_fills_what_the_exact_path_fills(seed):
    history, params = wild(seed), wild_params(seed)
    assert walk(params, history).result().fills == run_exact(params, Terms(RULES), history).fills


def test_no_file_of_real_candles_parts_the_figures_from_the_walk():
    whole = real("binance_BTCUSDT_5m_202208-202309")
    history = whole.between(None, int(whole.times[30_000]))
    walked = walk(StrategyParams(), history)
    found = figures(walked.result(), history)
    assert abs(found.worst.amount.value - max(walked.losses)) < CLOSE_ENOUGH
    assert abs(found.result.value - walked.equities[-1]) < CLOSE_ENOUGH


@pytest.mark.parametrize("seed", range(6))
def test_a_sweep_means_the_same_by_its_sums(seed):
    """The compiled path keeps sums of its own; they are these figures."""
    history, params, terms = wild(seed), wild_params(seed), Terms(RULES)
    (row,) = batch.evaluate(batch.prepare(history, terms), terms, [params])
    assert row["proven"]
    found = figures(run_exact(params, terms, history), history)
    for name, amount in (
        ("worst_loss", found.worst.amount),
        ("max_invested", found.most_invested),
        ("net_profit", found.net_profit),
        ("unrealised", found.unrealised),
        ("fees", found.fees.total),
    ):
        assert row[name] == pytest.approx(float(amount.value), rel=1e-9, abs=1e-6), name
    assert row["cycles"] == found.cycles


# --- docs/backtests.md ------------------------------------------------------------------------------------

PAGE = Path(__file__).resolve().parents[2] / "docs" / "backtests.md"


def test_the_examples_on_the_page_about_backtests_are_true():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert tried > 15
    assert failed == 0


def test_the_page_about_backtests_defines_every_figure_of_the_json():
    history = history_of([(100, 101, 99, 100)])
    named = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))
    assert set(figures_as_json(figures(walk(HAND, history).result(), history))) <= named


def test_the_example_on_the_page_about_backtests_tells_the_run_it_names():
    history = real("binance_BTCUSDT_5m_202208-202309")
    found = figures(run_exact(StrategyParams(), Terms(RULES), history), history)
    text = PAGE.read_text(encoding="utf-8").partition("## An example")[2]
    for amount in (found.net_profit, found.worst.amount, found.unrealised, found.result, found.hold.net):
        assert f"{amount.value:,.2f}" in text
    assert f"{found.cycles} cycles closed, all of them won" in text
    assert found.lost == 0
    assert f"{found.under_water.length_ms // DAY_MS} days" in text
    assert f"{found.exhausted_share:.0%}".replace("%", " %") in text
