"""What stood after each fill of a run, against the orders that the core had resting then."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.backtest.candle_path import Walk
from bot.backtest.desk import Desk
from bot.backtest.exact import run_exact
from bot.backtest.history import History
from bot.backtest.model import Terms
from bot.backtest.replay import replayed
from bot.domain.market import Side
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Leg, OwnOrder
from bot.domain.params import StrategyParams
from tests.backtest.candles import candles, rules_of
from tests.backtest.worlds import histories, strategies, worlds

D = Decimal


class Noting(Desk):
    """Notes after each fill whether a re-buy rests."""

    def __init__(self, params: StrategyParams, terms: Terms) -> None:
        super().__init__(params, terms)
        self.rests: dict[int, bool] = {}

    def fill_resting(self, order: OwnOrder) -> None:
        super().fill_resting(order)
        self._note()

    def enter(self, price: Price, quantity: Base) -> None:
        super().enter(price, quantity)
        self._note()

    def _note(self) -> None:
        self.rests[len(self.fills)] = Leg.REBUY in self.resting


def check(params: StrategyParams, terms: Terms, history: History) -> set[bool]:
    """Which answers there were."""
    desk = Noting(params, terms)
    Walk(desk, history).to_the_end()
    seen = set()
    for count, standing in enumerate(replayed(run_exact(params, terms, history)), start=1):
        assert standing.exhausted == (standing.fill.side is Side.BUY and not desk.rests[count])
        seen.add(standing.exhausted)
    return seen


@settings(max_examples=100, deadline=None)
@given(strategies(), worlds(), histories(), st.sampled_from([0, 3, 100]), st.sampled_from([0, 0, 3]))
def test_a_ladder_is_exhausted_while_no_re_buy_rests(
    params: StrategyParams, terms: Terms, history: History, most: int, least: int
) -> None:
    lot = terms.rules.lot_step
    rules = replace(terms.rules, max_quantity=Base(lot * most), min_quantity=Base(lot * least))
    check(params, replace(terms, rules=rules), history)


def test_coins_that_no_order_could_sell_leave_the_next_cycle_its_whole_limit() -> None:
    """An exit sells one coin at most: the rest is carried, and the limit is the free money and its cost."""
    params = replace(
        StrategyParams(),
        qty_inicial=D(150),
        multiplicador_qty=D("0.5"),
        saldo_limite=D(0),
        limite_recompras=3,
    )
    rules = replace(rules_of(minimum="1"), max_quantity=Base(D(1)))
    history = candles([(100, 104, 100, 104), (100, 100, 100, 100)])
    assert check(params, Terms(rules, balance=Quote(D(290))), history) == {False}


def test_a_re_buy_that_takes_the_last_of_the_money_rests() -> None:
    params = replace(StrategyParams(), qty_inicial=D(100), multiplicador_qty=D("0.99"), limite_recompras=2)
    history = candles([(100, 100, 100, 100)])
    for money, exhausted in (("199", False), ("198.99", True)):
        terms = Terms(rules_of(), balance=Quote(D(money)))
        assert check(params, terms, history) == {exhausted}


def test_a_loss_leaves_what_is_reinvested_as_it_is() -> None:
    """A target under both fees loses; the next cycle's re-buy of 100 passes the limit by five cents all the same."""
    params = replace(
        StrategyParams(),
        qty_inicial=D(100),
        multiplicador_qty=D(1),
        lucro_alvo_inicial=D("0.001"),
        taxa=D("0.01"),
        saldo_limite=D("199.95"),
    )
    terms = Terms(rules_of(), balance=Quote(D(1000)))
    history = candles([(100, 101, 100, 101), (100, 100, 100, 100)])
    run = run_exact(params, terms, history)
    assert run.net_profit < Quote.zero()
    assert [standing.exhausted for standing in replayed(run)] == [True, False, True]
    check(params, terms, history)


def test_a_sale_brings_what_is_left_of_it_after_its_fee() -> None:
    """195.65 less 100, with 103.3965 less 0.1033965 for it, less 100: no re-buy of 99 any more, but for the fee."""
    params = replace(
        StrategyParams(),
        qty_inicial=D(100),
        multiplicador_qty=D("0.99"),
        lucro_reaplicar=False,
        limite_recompras=2,
    )
    history, terms = (
        candles([(100, 104, 100, 104), (100, 100, 100, 100)]),
        Terms(rules_of(), balance=Quote(D("195.65"))),
    )
    run = run_exact(params, terms, history)
    assert [standing.exhausted for standing in replayed(run)] == [True, False, True]
    check(params, terms, history)


def test_what_was_earned_may_be_spent_by_the_next_cycle() -> None:
    """198 is two short of two buys of 100; with 3.29 earned it is not."""
    params = replace(
        StrategyParams(),
        qty_inicial=D(100),
        multiplicador_qty=D(1),
        limite_recompras=2,
        saldo_limite=D(0),
        lucro_reaplicar=False,
    )
    history, terms = (
        candles([(100, 104, 100, 104), (100, 100, 100, 100)]),
        Terms(rules_of(), balance=Quote(D(198))),
    )
    run = run_exact(params, terms, history)
    assert [standing.exhausted for standing in replayed(run)] == [True, False, False]
    check(params, terms, history)


def test_coins_of_a_cycle_given_up_are_carried_with_the_dust_before_them() -> None:
    """Dust for 9.91, then 0.2 coins that are too few to be sold: both together count against the limit of 305."""
    params = replace(
        StrategyParams(),
        qty_inicial=D(100),
        multiplicador_qty=D(1),
        limite_recompras=2,
        saldo_limite=D(305),
        lucro_reaplicar=False,
    )
    rules = replace(rules_of(lot="0.1", minimum="1"), min_quantity=Base(D("0.3")))
    history = candles([(100, 104, 100, 104), (500, 500, 500, 500), (100, 100, 100, 100)])
    terms = Terms(rules, balance=Quote(D(1000)))
    run = run_exact(params, terms, history)
    assert [(fill.candle, str(fill.quantity)) for fill in run.fills] == [
        (0, "1"),
        (0, "0.9"),
        (1, "0.2"),
        (2, "1"),
    ]
    assert [standing.exhausted for standing in replayed(run)] == [False, False, True, True]
    check(params, terms, history)
