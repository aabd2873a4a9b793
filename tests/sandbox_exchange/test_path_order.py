"""The order in which the path meets the orders (strategy.md, "Backtest rules")."""

import pytest

from bot.sandbox.desk import CoreRules
from bot.sandbox.orders import Side, Status
from tests.sandbox_exchange.core import SYMBOL, D, candle, core_at, order, walk

BUY, SELL = Side.BUY, Side.SELL


def test_a_rising_candle_goes_down_first_and_a_falling_one_up_first():
    assert candle("100", "110", "90", "105").path() == (D(100), D(90), D(110), D(105))
    assert candle("100", "110", "90", "95").path() == (D(100), D(110), D(90), D(95))
    assert candle("100", "110", "90", "100").path() == (D(100), D(90), D(110), D(100)), (
        "equal counts as rising"
    )


def test_buys_on_the_way_down_are_met_highest_first_each_at_its_own_price():
    core = core_at("100")
    for link, price in (("low", "92"), ("high", "98"), ("mid", "95")):
        order(core, BUY, "0.1", price, link=link)
    assert walk(core, "91") == [
        ("high", D(98), D(98)),
        ("mid", D(95), D(95)),
        ("low", D(92), D(92)),
    ]
    assert core.books[SYMBOL].price == D(91)


def test_sells_on_the_way_up_are_met_lowest_first():
    core = core_at("100")
    for link, price in (("far", "110"), ("near", "101")):
        order(core, SELL, "0.1", price, link=link)
    assert [fill[0] for fill in walk(core, "110")] == ["near", "far"]


def test_a_buy_and_a_sell_in_one_candle_fill_in_the_order_of_its_path():
    rising, falling = candle("100", "106", "94", "101"), candle("100", "106", "94", "99")
    for path, expected in ((rising, ["buy", "sell"]), (falling, ["sell", "buy"])):
        core = core_at("100")
        order(core, BUY, "0.1", "95", link="buy")
        order(core, SELL, "0.1", "105", link="sell")
        assert [fill[0] for fill in walk(core, *(str(point) for point in path.path()[1:]))] == expected


def test_a_price_that_is_touched_exactly_fills_and_one_tick_short_does_not():
    core = core_at("100")
    touched = order(core, BUY, "0.1", "95.00")
    missed = order(core, BUY, "0.1", "94.99")
    walk(core, "95.00")
    assert touched.status is Status.FILLED
    assert missed.status is Status.NEW


def test_equal_prices_fill_in_the_order_they_were_placed():
    core = core_at("100")
    for link in ("first", "second", "third"):
        order(core, BUY, "0.1", "95", link=link)
    assert [fill[0] for fill in walk(core, "94")] == ["first", "second", "third"]


def test_a_gap_fills_resting_orders_at_their_limit_price():
    core = core_at("100")
    order(core, BUY, "0.1", "95", link="buy")
    core.open_candle(SYMBOL, D(90))
    assert walk(core, "90") == [("buy", D(95), D(90))]


def test_an_order_placed_by_a_fill_stands_at_once_on_the_same_segment():
    core = core_at("100")
    order(core, BUY, "0.1", "98", link="one")
    placed = []

    def answer(batch):
        if batch.executions and not placed:
            placed.append(core.executions["ana"][-1].link_id)

    core.listeners.append(answer)
    assert not core.advance(SYMBOL, D(95))
    assert placed == ["one"]
    order(core, BUY, "0.1", "96", link="two")
    assert walk(core, "95") == [("two", D(96), D(96))]


def test_a_marketable_limit_takes_at_the_market_and_in_backtest_rules_at_its_limit():
    for rules, price in ((None, D(100)), (CoreRules(backtest_rules=True), D(105))):
        core = core_at("100", rules=rules)
        taken = order(core, BUY, "0.1", "105")
        assert taken.status is Status.FILLED
        assert core.executions["ana"][-1].price == price
        assert not core.executions["ana"][-1].is_maker


def test_takers_pay_prices_rounded_to_the_tick_against_them():
    core = core_at("100.123")
    order(core, BUY, "0.1")
    order(core, SELL, "0.1")
    assert [fill.price for fill in core.executions["ana"]] == [D("100.13"), D("100.12")]


class TestBacktestRules:
    """A market buy of the engine fills where the backtest buys: at an open."""

    def test_a_market_buy_in_mid_candle_waits_for_the_next_open(self):
        core = core_at("100", rules=CoreRules(backtest_rules=True))
        core.leave_open(SYMBOL)
        walk(core, "97")
        waiting = order(core, BUY, "50", quote=True)
        walk(core, "99")
        assert waiting.status is Status.NEW
        core.open_candle(SYMBOL, D("99.5"))
        assert [fill[1] for fill in walk(core, "99.5")] == [D("99.5")]
        assert waiting.filled == D("0.502512")

    def test_after_an_exit_at_the_very_open_it_waits_for_the_candle_after(self):
        core = core_at("100", rules=CoreRules(backtest_rules=True))
        order(core, SELL, "0.1", "105")
        core.open_candle(SYMBOL, D(110))
        assert [fill[1] for fill in walk(core, "110")] == [D(105)]
        waiting = order(core, BUY, "50", quote=True)
        assert waiting.status is Status.NEW
        core.open_candle(SYMBOL, D(111))
        walk(core, "111")
        assert core.executions["ana"][-1].price == D(111)
        core.open_candle(SYMBOL, D(112))
        assert order(core, BUY, "50", quote=True).filled > 0, (
            "an open without an exit before it fills at once"
        )

    def test_a_market_sell_never_waits(self):
        core = core_at("100", rules=CoreRules(backtest_rules=True))
        core.leave_open(SYMBOL)
        walk(core, "97")
        assert order(core, SELL, "0.1").status is Status.FILLED


class TestPartialFills:
    """With the option, a touch fills the first part and each deeper tick another."""

    def test_parts_come_tick_by_tick_at_the_limit_price(self):
        core = core_at("100", rules=CoreRules(partial_seed=5))
        resting = order(core, BUY, "0.1", "95")
        parts = len(resting.parts)
        assert 2 <= parts <= 4
        walk(core, "95")
        assert resting.status is Status.PARTIALLY_FILLED
        assert resting.filled == core.executions["ana"][0].qty
        walk(core, "94")
        assert resting.status is Status.FILLED
        fills = core.executions["ana"]
        assert len(fills) == parts
        assert {fill.price for fill in fills} == {D(95)}
        assert sum(fill.qty for fill in fills) == D("0.1")

    @pytest.mark.parametrize("seed", [1, 2])
    def test_the_same_seed_cuts_alike(self, seed):
        cuts = []
        for _ in range(2):
            core = core_at("100", rules=CoreRules(partial_seed=seed))
            cuts.append(list(order(core, BUY, "0.1", "95").parts))
        assert cuts[0] == cuts[1]

    def test_an_order_of_one_lot_is_not_cut(self):
        core = core_at("100000", rules=CoreRules(partial_seed=1), usdt="100000")
        core.books[SYMBOL].filters = core.books[SYMBOL].filters.of(SYMBOL, min_amount=D("0.01"))
        assert order(core, BUY, "0.000001", "95000").parts == [D("0.000001")]


def test_a_gap_over_several_orders_meets_the_nearest_price_first():
    core = core_at("100")
    for link, price in (("low", "92"), ("high", "98")):
        order(core, BUY, "0.1", price, link=link)
    core.open_candle(SYMBOL, D(90))
    assert [fill[0] for fill in walk(core, "90")] == ["high", "low"]
