"""The exact path against a second, naive writing of the definition: every fill, and every digit of the books."""

from fractions import Fraction

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from bot.backtest.exact import run_exact
from bot.backtest.history import History
from bot.backtest.model import BacktestRun, Terms
from bot.domain.params import StrategyParams
from tests.backtest.candles import FILES, real, rules_of
from tests.backtest.reference import Reference, Unspecified
from tests.backtest.worlds import histories, strategies, worlds

F = Fraction
AS_GOOD_AS_EQUAL = F(1, 10**40)
"""Sixty digits are kept of a quotient, and a fraction keeps all."""


def agree(run: BacktestRun, wanted: Reference) -> None:
    ours = [(f.candle, f.side.value, f.k, F(f.price.value), F(f.quantity.value)) for f in run.fills]
    assert ours == wanted.fills
    assert len(run.cycles) == len(wanted.profits)
    for cycle, profit in zip(run.cycles, wanted.profits, strict=True):
        assert abs(F(cycle.net_profit.value) - profit) < AS_GOOD_AS_EQUAL
    assert abs(F(run.net_profit.value) - sum(wanted.profits)) < AS_GOOD_AS_EQUAL * 1000
    assert (run.open is not None) == wanted.holding
    if run.open is not None:
        close = F(int(wanted.history.closes[-1]), 10**wanted.history.scale)
        value = wanted.held * close * (1 - wanted.taxa)
        assert F(run.open.held.value) == wanted.held
        assert abs(F(run.open.cost.value) - wanted.cost) < AS_GOOD_AS_EQUAL
        assert abs(F(run.open.value.value) - value) < AS_GOOD_AS_EQUAL
        assert abs(F(run.open.unrealised.value) - (value - wanted.cost)) < AS_GOOD_AS_EQUAL
        assert run.open.rebuys == wanted.k


def check(params: StrategyParams, terms: Terms, history: History) -> BacktestRun:
    try:
        wanted = Reference(params, terms, history)
    except Unspecified:
        reject()
    run = run_exact(params, terms, history)
    agree(run, wanted)
    return run


@settings(max_examples=300, deadline=None)
@given(strategies(), worlds(), histories())
def test_every_fill_is_that_of_the_definition(params: StrategyParams, terms: Terms, history: History) -> None:
    check(params, terms, history)


@settings(max_examples=60, deadline=None)
@given(strategies(curved=True), worlds(), histories(most=60))
def test_curves_change_the_ladder_and_nothing_else(
    params: StrategyParams, terms: Terms, history: History
) -> None:
    check(params, terms, history)


@pytest.mark.parametrize("name", FILES[:2])
@settings(max_examples=4, deadline=None)
@given(strategies(), st.integers(0, 20_000))
def test_every_fill_is_that_of_the_definition_on_real_candles(
    name: str, params: StrategyParams, start: int
) -> None:
    history = real(name)
    first = int(history.times[start])
    check(params, Terms(rules_of()), history.between(first, first + 4000 * 60_000))
