"""Figures where a candle, a month or a stretch begins and ends, and where there is nothing to tell."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.backtest.figures import DAY_MS, Figures, figures
from bot.backtest.model import Terms
from bot.domain.money import Quote
from tests.backtest.naive import D, history_of, walk
from tests.backtest.test_figures import COARSE, HAND, MINUTE, START, hand_run

UP, REST = (100, 106, 99, 100), (100, 101, 99, 100)


def near(a, b) -> bool:
    """Equal but for the 28 digits of a test's own division."""
    return abs(a - b) < D("1e-20")


def of(rows, params=HAND, **more) -> Figures:
    history = history_of(rows, **more)
    return figures(walk(params, history, Terms(COARSE)).result(), history)


def test_the_longest_cycle_and_the_median_one_are_of_all_closed_ones() -> None:
    found = of([REST, UP, REST, REST, REST, UP, REST, REST, UP, REST, REST])
    assert found.cycles == 3
    assert found.longest_cycle_ms == 3 * MINUTE
    assert found.median_cycle_ms == 2 * MINUTE


def test_the_longest_exhaustion_is_not_the_last() -> None:
    fall, back = (100, 100, 89, 92), (92, 100, 92, 100)
    under = (92, 93, 91, 92)
    found = of([REST, fall, under, under, back, REST, fall, back, REST])
    assert found.exhausted_longest_ms == 3 * MINUTE


def test_money_that_stays_locked_counts_at_each_close() -> None:
    assert of([REST] * 3).mean_invested == Quote.of(100)


def test_thirty_days_are_enough_to_speak_of_a_year() -> None:
    assert of([UP] * 30, step_ms=DAY_MS).on_budget_a_year is not None
    assert of([UP] * 29, step_ms=DAY_MS).on_budget_a_year is None


def test_where_there_never_was_a_loss_there_is_no_worst_moment() -> None:
    found = of([(100, 101, 100, 101)], replace(HAND, taxa=D(0)))
    assert (found.worst.amount, found.worst.of_budget, found.worst.at) == (Quote.zero(), 0, None)
    assert (found.drawdown.amount, found.drawdown.at) == (Quote.zero(), None)
    assert (found.under_water.length_ms, found.under_water.ended) == (0, True)
    assert found.months[0].worst == Quote.zero()


def test_a_run_that_begins_with_a_fee_is_under_water_from_its_beginning() -> None:
    found = of([REST, REST])
    water = found.under_water
    assert (water.start, water.length_ms, water.ended) == (START, 2 * MINUTE, False)
    assert found.drawdown.amount == Quote.zero() - found.result
    assert found.drawdown.at == START


def test_holding_buys_at_the_first_open_and_may_never_lose() -> None:
    found = of([(100, 120, 100, 120), (120, 130, 110, 130)], replace(HAND, taxa=D(0)))
    assert found.hold.cost == Quote.of(250)
    assert found.hold.net == Quote.of(75)
    assert found.hold.worst == Quote.zero()


def test_a_cycle_belongs_to_the_month_of_its_exit() -> None:
    """Two candles of January and two of February: bought in the one, sold in the other."""
    first = int(datetime(2024, 1, 31, 23, 58, tzinfo=UTC).timestamp()) * 1000
    rows = [REST, (100, 100, 89, 92), (92, 99.5, 92, 99), (99, 99, 98, 98.5)]
    found = of(rows, start=first)
    january, february = found.months
    assert (january.month, january.cycles, january.rebuys) == (1, 0, 1)
    assert (february.month, february.cycles, february.rebuys) == (2, 1, 0)
    assert (january.net_profit, february.net_profit) == (Quote.zero(), found.net_profit)
    assert january.fees + february.fees == found.fees.total
    assert january.fees == Quote((D(100) + D("1.111") * 90) * D("0.001"))
    assert january.price_change == D("-0.08")
    assert near(february.price_change, D("98.5") / 92 - 1)
    assert january.most_invested == Quote(D("199.99"))
    assert january.worst == found.worst.amount
    assert january.result + february.result == found.result


def test_a_cycle_that_earned_nothing_was_not_won() -> None:
    """Two fees of a fifth, and an exit at 156.25: 100 come back."""
    found = of([(100, 160, 100, 160)], replace(HAND, taxa=D("0.2"), lucro_alvo_inicial=D("0.5625")))
    assert found.net_profit == Quote.zero()
    assert (found.cycles, found.won, found.lost, found.months[0].lost) == (1, 0, 1, 1)


def test_a_month_wholly_above_the_cost_has_no_loss() -> None:
    first = int(datetime(2024, 1, 31, 23, 59, tzinfo=UTC).timestamp()) * 1000
    january, february = of([REST, (101, 102, 101, 102)], start=first).months
    assert january.worst > Quote.zero()
    assert february.worst == Quote.zero()


def test_the_first_month_changes_from_its_open() -> None:
    assert near(of([(80, 101, 80, 100), UP]).months[0].price_change, D("0.25"))


def test_what_a_cycle_spent_leaves_out_the_dust_that_it_was_given() -> None:
    _, run = hand_run([REST, (100, 100, 89, 92), (92, 99.5, 92, 99), (99, 104, 99, 104), REST])
    first, second = run.cycles
    assert first.spent == Quote(D(100) + D("1.111") * 90)
    assert second.spent == Quote(D("1.01") * 99)
