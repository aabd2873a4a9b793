"""What every adapter must do, over real sockets: one suite, a stage for each venue."""

import asyncio
import itertools
from decimal import Decimal

import pytest

from bot.domain.events import CloseReason
from bot.domain.market import Side, Symbol
from bot.domain.money import Base, Price, Quote, total_base
from bot.errors import (
    AccessDenied,
    DuplicateOrderId,
    InsufficientBalance,
    InvalidInput,
    InvariantBroken,
    OrderGone,
    OutcomeUnknown,
    RateLimited,
    RuleViolation,
    Unavailable,
)
from bot.exchanges.stream import PrivateStream
from bot.ports import FillView, OrderRequest, OrderView, StreamDown, StreamUp
from tests.exchanges.stage import BTCUSDT, DEADLINE, ShiftedClock, until

_numbers = itertools.count(1)


def fresh_id() -> str:
    return f"ta-test-1-e0-{next(_numbers)}"


def limit(side: Side = Side.BUY, price: str = "50000", quantity: str = "0.001") -> OrderRequest:
    return OrderRequest(fresh_id(), BTCUSDT, side, price=Price.of(price), quantity=Base.of(quantity))


def market_buy(amount: str = "100") -> OrderRequest:
    return OrderRequest(fresh_id(), BTCUSDT, Side.BUY, amount=Quote.of(amount))


def market_sell(quantity: str) -> OrderRequest:
    return OrderRequest(fresh_id(), BTCUSDT, Side.SELL, quantity=Base.of(quantity))


async def find(exchange, order_id):
    return await exchange.find_order(symbol=BTCUSDT, order_id=order_id)


async def closed(exchange, order_id) -> OrderView:
    async def look():
        view = await find(exchange, order_id)
        return view if view is not None and view.closed is not None else None

    return await until(look)


async def bought(exchange, amount="100"):
    """A market buy that is done; its fills."""
    order = market_buy(amount)
    await exchange.place(order)
    await closed(exchange, order.order_id)
    return await exchange.fills_of(symbol=BTCUSDT, order_id=order.order_id)


async def next_of(stream: PrivateStream, kind, wanted=lambda _: True):
    async with asyncio.timeout(DEADLINE):
        async for event in stream:
            if isinstance(event, kind) and wanted(event):
                return event
    raise AssertionError("the stream ended")


async def test_a_limit_order_rests_and_is_found_open(stage):
    exchange = stage.exchange()
    order = limit()
    venue_id = await exchange.place(order)
    view = await until(lambda: find(exchange, order.order_id))
    assert venue_id
    assert (view.order_id, view.symbol, view.side) == (order.order_id, "BTCUSDT", Side.BUY)
    assert (view.filled, view.value, view.closed) == (Base.zero(), Quote.zero(), None)
    assert await exchange.open_orders(BTCUSDT) == [view]


async def test_a_cancelled_order_closes_unfilled_and_is_gone_for_the_next_cancel(stage):
    exchange = stage.exchange()
    order = limit()
    await exchange.place(order)
    await exchange.cancel(symbol=BTCUSDT, order_id=order.order_id)
    view = await closed(exchange, order.order_id)
    assert (view.closed, view.filled) == (CloseReason.CANCELLED, Base.zero())
    with pytest.raises(OrderGone):
        await exchange.cancel(symbol=BTCUSDT, order_id=order.order_id)
    assert await exchange.open_orders(BTCUSDT) == []


async def test_a_cancel_of_a_filled_or_unknown_order_says_gone(stage):
    exchange = stage.exchange()
    fills = await bought(exchange)
    with pytest.raises(OrderGone):
        await exchange.cancel(symbol=BTCUSDT, order_id=fills[0].order_id)
    with pytest.raises(OrderGone):
        await exchange.cancel(symbol=BTCUSDT, order_id=fresh_id())


async def test_a_quote_sized_market_buy_is_a_success_by_what_it_filled(stage):
    exchange = stage.exchange()
    order = market_buy("100")
    await exchange.place(order)
    view = await closed(exchange, order.order_id)
    fills = await exchange.fills_of(symbol=BTCUSDT, order_id=order.order_id)
    assert view.filled == total_base(fill.quantity for fill in fills) == Base.of("0.001666")
    assert Quote.of("99.9") < view.value <= Quote.of("100")


async def test_a_buys_fee_is_in_base_and_valued_in_quote(stage):
    exchange = stage.exchange()
    (fill,) = await bought(exchange)
    assert fill.fee_coin == "BTC"
    assert fill.fee == fill.quantity.value * Decimal("0.001")
    assert fill.fee_value == Quote(fill.fee * Decimal(60000))
    balance = (await exchange.balances(["BTC"]))["BTC"]
    assert balance.total == fill.quantity.value - fill.fee


async def test_a_market_sell_fills_whole_with_its_fee_in_quote(stage):
    exchange = stage.exchange()
    await bought(exchange)
    order = market_sell("0.001")
    await exchange.place(order)
    view = await closed(exchange, order.order_id)
    (fill,) = await exchange.fills_of(symbol=BTCUSDT, order_id=order.order_id)
    assert (view.closed, view.filled) == (CloseReason.FILLED, Base.of("0.001"))
    assert (fill.fee_coin, fill.fee_value) == ("USDT", Quote.of("0.06"))


async def test_a_limit_order_met_by_the_price_is_filled_whole(stage):
    exchange = stage.exchange()
    order = limit(price="59000")
    await exchange.place(order)
    await until(lambda: find(exchange, order.order_id))
    stage.move_price("58900")
    view = await closed(exchange, order.order_id)
    assert (view.closed, view.filled, view.value) == (
        CloseReason.FILLED,
        Base.of("0.001"),
        Quote.of("59"),
    )


async def test_the_same_order_id_never_buys_twice(stage):
    exchange = stage.exchange()
    order = market_buy("100")
    await exchange.place(order)
    await closed(exchange, order.order_id)
    with pytest.raises(DuplicateOrderId):
        await exchange.place(order)
    fills = await exchange.fills_of(symbol=BTCUSDT, order_id=order.order_id)
    spent = Decimal(10000) - (await exchange.balances(["USDT"]))["USDT"].total
    assert spent == sum(fill.value.value for fill in fills) < 101


async def test_an_answer_lost_after_the_order_was_taken_leaves_an_order_to_be_found(stage):
    exchange = stage.exchange()
    order = limit()
    stage.lose_next_place(taken=True)
    with pytest.raises(OutcomeUnknown) as caught:
        await exchange.place(order)
    assert caught.value.order_id == order.order_id
    assert (await until(lambda: find(exchange, order.order_id))).closed is None


async def test_an_order_lost_on_its_way_is_unknown_too_and_never_sent_again(stage):
    exchange = stage.exchange()
    order = market_buy()
    stage.lose_next_place(taken=False)
    with pytest.raises(OutcomeUnknown):
        await exchange.place(order)
    assert await find(exchange, order.order_id) is None
    assert await exchange.fills_of(symbol=BTCUSDT, order_id=order.order_id) == []


async def test_a_lost_answer_to_a_cancel_is_unknown(stage):
    exchange = stage.exchange()
    order = limit()
    await exchange.place(order)
    await until(lambda: find(exchange, order.order_id))
    stage.lose_next_cancel()
    with pytest.raises(OutcomeUnknown):
        await exchange.cancel(symbol=BTCUSDT, order_id=order.order_id)
    assert (await closed(exchange, order.order_id)).closed is CloseReason.CANCELLED


@pytest.mark.parametrize("way", [0, 1, 2])
async def test_a_failed_look_up_never_means_that_there_is_no_order(stage, way):
    exchange = stage.exchange()
    stage.break_lookup(way)
    with pytest.raises(Unavailable):
        await find(exchange, fresh_id())


async def test_too_little_money_is_told_apart_from_a_broken_rule(stage):
    exchange = stage.exchange()
    with pytest.raises(InsufficientBalance):
        await exchange.place(limit(quantity="10"))
    with pytest.raises(RuleViolation):
        await exchange.place(limit(quantity="0.000001"))
    with pytest.raises(RuleViolation):
        await exchange.place(limit(price="50000.123456"))


async def test_a_rate_limited_order_was_surely_not_taken_and_everything_waits(stage):
    exchange = stage.exchange()
    await exchange.rules("BTCUSDT")
    order = limit()
    stage.limit_rate_of_next_place()
    with pytest.raises(RateLimited) as caught:
        await exchange.place(order)
    assert caught.value.retry_after > 0
    with pytest.raises(RateLimited):
        await exchange.last_price("BTCUSDT")

    async def looked_up():
        try:
            return [await find(exchange, order.order_id)]
        except RateLimited:
            return None

    assert await until(looked_up) == [None]


async def test_an_order_that_makes_no_sense_is_not_sent(stage):
    exchange = stage.exchange()
    for order in (
        OrderRequest(fresh_id(), BTCUSDT, Side.SELL, amount=Quote.of("10")),
        OrderRequest(fresh_id(), BTCUSDT, Side.BUY, price=Price.of("1"), amount=Quote.of("10")),
        OrderRequest("by-hand-1", BTCUSDT, Side.BUY, amount=Quote.of("10")),
        OrderRequest("ta-" + "x" * 34, BTCUSDT, Side.BUY, amount=Quote.of("10")),
    ):
        with pytest.raises(InvariantBroken):
            await exchange.place(order)
    assert (await exchange.balances(["USDT"]))["USDT"].free == 10000


async def test_a_strangers_orders_are_invisible_and_out_of_reach(stage):
    exchange = stage.exchange()
    stream = exchange.stream()
    await next_of(stream, StreamUp)
    by_hand = stage.trade_by_hand()
    order = limit()
    await exchange.place(order)
    first = await next_of(stream, OrderView)
    assert first.order_id == order.order_id
    assert [view.order_id for view in await exchange.open_orders(BTCUSDT)] == [order.order_id]
    with pytest.raises(InvariantBroken):
        await exchange.cancel(symbol=BTCUSDT, order_id=by_hand)


async def test_open_orders_are_read_through_every_page(stage):
    exchange = stage.exchange()
    orders = [limit(price=str(20000 + number)) for number in range(51)]
    await asyncio.gather(*(exchange.place(order) for order in orders))

    async def all_open():
        views = await exchange.open_orders(BTCUSDT)
        return {view.order_id for view in views} == {order.order_id for order in orders}

    assert await until(all_open)


async def test_balances_name_every_asked_coin_and_what_is_locked(stage):
    exchange = stage.exchange()
    await exchange.place(limit(price="50000", quantity="0.002"))
    balances = await exchange.balances(["USDT", "BTC"])
    assert list(balances) == ["USDT", "BTC"]
    assert (balances["USDT"].total, balances["USDT"].locked, balances["USDT"].free) == (10000, 100, 9900)
    assert (balances["BTC"].total, balances["BTC"].free) == (0, 0)


async def test_the_rules_of_a_pair_are_read_and_an_unknown_pair_is_named(stage):
    exchange = stage.exchange()
    rules = await exchange.rules("BTCUSDT")
    assert rules.symbol == Symbol("BTCUSDT", "BTC", "USDT")
    assert rules.min_notional == Quote.of("5")
    assert rules.tick == Decimal("0.01")
    assert await exchange.last_price("BTCUSDT") == Price.of("60000")
    for pair in ("NOPEUSDT", "btcusdt", "BTCUSDT&category=linear", ""):
        with pytest.raises(InvalidInput) as caught:
            await exchange.rules(pair)
        assert caught.value.field == "par"


async def test_what_a_key_may_do_is_told(stage):
    facts = await stage.exchange().key_facts()
    assert (facts.can_trade, facts.can_withdraw, facts.read_only) == (True, False, False)
    assert (await stage.exchange(credentials=stage.withdrawing_key()).key_facts()).can_withdraw
    looker = await stage.exchange(credentials=stage.reading_key()).key_facts()
    assert (looker.can_trade, looker.read_only) == (False, True)


async def test_a_key_that_may_only_read_is_denied_an_order(stage):
    exchange = stage.exchange(credentials=stage.reading_key())
    with pytest.raises(AccessDenied):
        await exchange.place(limit())


async def test_a_wrong_key_is_denied_by_rest_and_by_the_stream(stage):
    exchange = stage.exchange(credentials=stage.wrong_key())
    with pytest.raises(AccessDenied):
        await exchange.balances(["USDT"])
    stream = exchange.stream()
    with pytest.raises(AccessDenied):
        await next_of(stream, StreamUp)
    with pytest.raises(AccessDenied):  # and it stays so
        await anext(stream)


async def test_the_taker_rate_is_told(stage):
    assert await stage.exchange().fee_rate("BTCUSDT") == Decimal("0.001")


@pytest.mark.parametrize("shift", [-3000, 3000])
async def test_a_machine_whose_clock_is_wrong_trades_all_the_same(stage, shift):
    exchange = stage.exchange(clock=ShiftedClock(shift))
    assert await bought(exchange)
    wrong = [abs(await exchange.clock_offset() + shift / 1000) for _ in range(5)]
    assert min(wrong) < 0.5  # half of the time that asking takes, which a busy machine may draw out
    stream = exchange.stream()
    await next_of(stream, StreamUp)


@pytest.mark.parametrize("shift", [-3000, 3000])
async def test_a_clock_that_is_set_while_the_program_runs_breaks_nothing(stage, shift):
    clock = ShiftedClock()
    exchange = stage.exchange(clock=clock)
    await exchange.balances(["USDT"])
    clock.shift = shift
    assert await bought(exchange)


async def test_the_stream_tells_orders_and_fills_as_rest_does(stage):
    exchange = stage.exchange()
    stream = exchange.stream()
    await next_of(stream, StreamUp)
    order = market_buy()
    await exchange.place(order)
    seen: list[OrderView | FillView] = []
    async with asyncio.timeout(DEADLINE):
        while not (
            any(isinstance(one, FillView) for one in seen)
            and any(isinstance(one, OrderView) and one.closed for one in seen)
        ):
            seen.append(await anext(stream))
    told = [one.fill for one in seen if isinstance(one, FillView)]
    last = [one for one in seen if isinstance(one, OrderView)][-1]
    assert told == await exchange.fills_of(symbol=BTCUSDT, order_id=order.order_id)
    assert last == await find(exchange, order.order_id)
    assert {one.symbol for one in seen} == {"BTCUSDT"}


async def test_a_cut_stream_says_down_then_up_and_goes_on(stage):
    exchange = stage.exchange()
    stream = exchange.stream()
    assert isinstance(await anext(stream), StreamUp)
    stage.cut_streams()
    assert isinstance(await anext(stream), StreamDown)
    assert isinstance(await anext(stream), StreamUp)
    order = limit()
    await exchange.place(order)
    assert (await next_of(stream, OrderView)).order_id == order.order_id


async def test_closing_ends_a_stream_that_somebody_waits_on(stage):
    exchange = stage.exchange()
    stream = exchange.stream()
    await next_of(stream, StreamUp)
    waiting = asyncio.create_task(anext(stream, None))
    await asyncio.sleep(0)
    await exchange.close()
    assert await waiting is None
    with pytest.raises(Unavailable):
        await exchange.balances(["USDT"])
    with pytest.raises(OutcomeUnknown):
        await exchange.place(limit())
