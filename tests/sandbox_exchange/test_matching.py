"""What becomes of each kind of order, and of the coins it locks."""

import pytest

from bot.sandbox.desk import CoreRules
from bot.sandbox.orders import Kind, OrderRequest, Reason, Refusal, Side, Status, TimeInForce
from tests.sandbox_exchange.core import SYMBOL, D, core_at, order, walk

BUY, SELL = Side.BUY, Side.SELL


def wallet(core, coin):
    held = core.accounts["ana"].coin(coin)
    return held.total, held.locked


def test_a_quote_sized_market_buy_spends_whole_lots_and_ends_partially_filled_canceled():
    """The captured case: 10 USDT at 32635 buy 0.000306 BTC for 9.98631, 0.01369 stay unspent."""
    core = core_at("32635.00", btc="0")
    bought = order(core, BUY, "10", quote=True)
    assert bought.status is Status.PARTIALLY_FILLED_CANCELED
    assert (bought.filled, bought.value) == (D("0.000306"), D("9.98631"))
    assert bought.qty - bought.value == D("0.01369")
    assert bought.fees == {"BTC": D("0.000000306")}
    assert wallet(core, "USDT") == (D("9990.01369"), D(0))
    assert wallet(core, "BTC") == (D("0.000305694"), D(0))


def test_a_quote_sized_market_buy_that_fits_exactly_is_filled():
    core = core_at("60000")
    assert order(core, BUY, "300", quote=True).status is Status.FILLED


def test_a_base_sized_market_buy_and_sell_are_filled():
    core = core_at("60000")
    assert order(core, BUY, "0.01").status is Status.FILLED
    sold = order(core, SELL, "0.01")
    assert sold.status is Status.FILLED
    assert sold.fees == {"USDT": D("0.6")}


def test_a_market_buy_never_spends_more_than_there_is_when_the_price_runs_away():
    core = core_at("100", usdt="100", btc="0")
    placed = core.place("ana", OrderRequest(SYMBOL, BUY, Kind.MARKET, D("0.9")))
    core.open_candle(SYMBOL, D(200))
    core.arrive(placed.order_id)
    assert placed.status is Status.PARTIALLY_FILLED_CANCELED
    assert placed.filled == D("0.5")
    assert wallet(core, "USDT") == (D(0), D(0))


def test_a_limit_buy_locks_price_times_quantity_and_a_sell_its_base():
    core = core_at("100")
    bought, sold = order(core, BUY, "0.5", "95"), order(core, SELL, "0.4", "105")
    assert wallet(core, "USDT") == (D(10000), D("47.5"))
    assert wallet(core, "BTC") == (D(1), D("0.4"))
    for one in (bought, sold):
        core.request_cancel(one)
        core.cancel(one.order_id)
        assert one.status is Status.CANCELLED
    assert wallet(core, "USDT") == (D(10000), D(0))
    assert wallet(core, "BTC") == (D(1), D(0))


def test_a_taker_that_pays_less_than_its_limit_gets_the_difference_back():
    core = core_at("100")
    order(core, BUY, "0.5", "120")
    assert wallet(core, "USDT") == (D(9950), D(0))


def test_coins_locked_by_one_order_cannot_be_used_by_another():
    core = core_at("100", usdt="100", btc="0")
    order(core, BUY, "0.9", "90")
    with pytest.raises(Refusal) as refused:
        order(core, BUY, "0.9", "90")
    assert refused.value.reason is Reason.INSUFFICIENT


@pytest.mark.parametrize(
    ("tif", "price", "status"),
    [
        (TimeInForce.POST_ONLY, "101", Status.CANCELLED),
        (TimeInForce.POST_ONLY, "99", Status.NEW),
        (TimeInForce.IOC, "99", Status.CANCELLED),
        (TimeInForce.IOC, "101", Status.FILLED),
        (TimeInForce.FOK, "99", Status.CANCELLED),
        (TimeInForce.FOK, "100", Status.FILLED),
        (TimeInForce.GTC, "100", Status.FILLED),
    ],
)
def test_time_in_force_decides_what_becomes_of_a_limit_buy_at_100(tif, price, status):
    core = core_at("100")
    assert order(core, BUY, "0.1", price, tif=tif).status is status
    if status is Status.CANCELLED:
        assert wallet(core, "USDT") == (D(10000), D(0))


def test_an_amended_order_keeps_its_id_and_locks_what_it_now_needs():
    core = core_at("100")
    resting = order(core, BUY, "0.5", "95")
    core.amend(resting, qty=D("0.25"), price=D(90))
    core.arrive(resting.order_id)
    assert wallet(core, "USDT") == (D(10000), D("22.5"))
    assert [fill[1] for fill in walk(core, "89")] == [D(90)]
    assert resting.filled == D("0.25")


def test_an_order_amended_over_the_market_takes():
    core = core_at("100")
    resting = order(core, BUY, "0.5", "95")
    core.amend(resting, price=D(101))
    core.arrive(resting.order_id)
    assert resting.status is Status.FILLED


def test_a_cancel_that_comes_after_the_fill_is_only_echoed():
    core = core_at("100")
    resting = order(core, BUY, "0.5", "95")
    core.request_cancel(resting)
    walk(core, "94")
    heard = []
    core.listeners.append(heard.append)
    core.cancel(resting.order_id)
    assert resting.status is Status.FILLED
    assert [batch.echoes[0].order_id for batch in heard] == [resting.order_id]
    assert not heard[0].orders
    assert not heard[0].executions


def test_the_core_stops_rather_than_round_money():
    core = core_at("100")
    core.rules = CoreRules(fee_rate=D(f"0.001{'0' * 90}1"))
    with pytest.raises(ArithmeticError):
        order(core, BUY, "0.1")


def test_at_most_500_orders_are_open():
    core = core_at("100")
    for _ in range(500):
        order(core, BUY, "0.1", "60")
    with pytest.raises(Refusal) as refused:
        order(core, BUY, "0.1", "60")
    assert refused.value.reason is Reason.TOO_MANY_ORDERS
