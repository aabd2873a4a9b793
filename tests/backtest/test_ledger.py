"""The books kept from fills alone are those that the core keeps while they happen, to the last digit."""

from decimal import Decimal

import pytest
from hypothesis import given, settings

from bot.backtest.candle_path import Walk
from bot.backtest.desk import Desk
from bot.backtest.exact import run_exact
from bot.backtest.history import History
from bot.backtest.ledger import keep_books
from bot.backtest.model import Terms
from bot.domain.params import StrategyParams
from bot.domain.state import Phase
from bot.errors import InvariantBroken
from tests.backtest.candles import FILES, candles, real, rules_of
from tests.backtest.worlds import histories, strategies, worlds

D = Decimal


def check(params: StrategyParams, terms: Terms, history: History) -> int:
    """The core's own state at the end, against the books; how many fills there were."""
    desk = Desk(params, terms)
    Walk(desk, history).to_the_end()
    books, state = keep_books(desk.fills, params, history), desk._state
    assert [cycle.net_profit for cycle in books.cycles] == desk.booked
    assert books.net_profit == state.total_profit
    if state.phase is Phase.HOLDING:
        assert books.open is not None
        assert (books.open.held, books.open.cost) == (state.holding.held, state.holding.held_cost)
        assert books.open.rebuys == state.k
    else:
        assert (books.dust.held, books.dust.held_cost) == (state.holding.held, state.holding.held_cost)
    assert desk._base == state.holding.held.value
    opening = terms.opening_balance(params).value
    moved = sum((c.net_profit.value for c in books.cycles), D(0)) - state.holding.held_cost.value
    assert abs(desk._quote - opening - moved) < D("1e-15")
    return len(desk.fills)


@settings(max_examples=150, deadline=None)
@given(strategies(curved=True), worlds(), histories())
def test_the_books_of_random_runs_are_the_cores_own(
    params: StrategyParams, terms: Terms, history: History
) -> None:
    check(params, terms, history)


@pytest.mark.parametrize("name", FILES)
def test_the_books_of_real_candles_are_the_cores_own(name: str) -> None:
    lively = StrategyParams(lucro_alvo_inicial=D("0.012"), saldo_limite=D(0), limite_recompras=60)
    assert check(lively, Terms(rules_of(lot="0.0001")), real(name)) > 50


def test_books_that_differ_from_the_cores_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    history = candles([(100, 104, 100, 104)])
    assert run_exact(StrategyParams(), Terms(rules_of()), history).cycles

    def fill_and_forget_the_exit(desk: Desk, order: object) -> None:
        fill_resting(desk, order)
        desk.fills[-1:] = []

    fill_resting = Desk.fill_resting
    monkeypatch.setattr(Desk, "fill_resting", fill_and_forget_the_exit)
    with pytest.raises(InvariantBroken):
        run_exact(StrategyParams(), Terms(rules_of()), history)
