"""The traps of Bybit's REST side, each with a server that sets it."""

import asyncio
import socket
import threading
from decimal import Decimal

import pytest
from aiohttp import web

from bot.domain.market import Side, Symbol
from bot.domain.money import Base, Price, Quote
from bot.errors import (
    AccessDenied,
    InvalidInput,
    OrderGone,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
)
from bot.exchanges.bybit import BybitExchange
from bot.exchanges.environments import Endpoints
from bot.ports import Credentials, Environment, OrderRequest, Secret, SystemClock
from tests.exchanges.scripted import ScriptedBybit, cut, envelope, hang, html
from tests.exchanges.stage import BTCUSDT

CREATE, CANCEL = "/v5/order/create", "/v5/order/cancel"
TAKEN = envelope({"orderId": "1", "orderLinkId": "ta-t-1-r1-1"})
ORDER = OrderRequest("ta-t-1-r1-1", BTCUSDT, Side.BUY, price=Price.of("50000"), quantity=Base.of("0.00001"))
KEYS = Credentials(Secret("the-key"), Secret("the-secret"))


@pytest.fixture
async def exchange(scripted, pool):
    exchange = BybitExchange(
        Environment.BYBIT_DEMO, KEYS, scripted.endpoints, pool=pool, clock=SystemClock(), timeout=0.5
    )
    yield exchange
    await exchange.close()


async def cancel(exchange):
    await exchange.cancel(symbol=BTCUSDT, order_id=ORDER.order_id)


def instrument(**lot) -> dict:
    filters = {
        "basePrecision": "0.000001",
        "quotePrecision": "0.01",
        "minOrderAmt": "5",
        "minOrderQty": "0.5",
        "maxLimitOrderQty": "83",
        "maxMarketOrderQty": "41.5",
        **lot,
    }
    row = {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "lotSizeFilter": filters}
    return envelope({"list": [{**row, "priceFilter": {"tickSize": "0.01"}}]})


async def test_a_limit_order_leaves_as_plain_strings_and_never_borrows(scripted, exchange):
    scripted.answers[CREATE] = TAKEN
    assert await exchange.place(ORDER) == "1"
    assert scripted.asked(CREATE)[0].body == {
        "category": "spot",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "timeInForce": "GTC",
        "price": "50000",
        "qty": "0.00001",
        "isLeverage": 0,
        "orderLinkId": "ta-t-1-r1-1",
    }


async def test_market_orders_say_whether_they_mean_quote_or_base(scripted, exchange):
    scripted.answers |= {CREATE: TAKEN, "/v5/market/instruments-info": instrument()}
    await exchange.place(OrderRequest("ta-t-1-e0-1", BTCUSDT, Side.BUY, amount=Quote.of("100.129")))
    await exchange.place(OrderRequest("ta-t-1-s0-2", BTCUSDT, Side.SELL, quantity=Base.of("0.0000010")))
    buy, sell = (one.body for one in scripted.asked(CREATE))
    assert (buy["orderType"], buy["side"], buy["marketUnit"], buy["qty"]) == (
        "Market",
        "Buy",
        "quoteCoin",
        "100.12",  # down to quotePrecision
    )
    assert (sell["orderType"], sell["side"], sell["marketUnit"], sell["qty"]) == (
        "Market",
        "Sell",
        "baseCoin",
        "0.000001",
    )
    assert "price" not in buy
    assert "timeInForce" not in sell


@pytest.mark.parametrize(
    "trouble",
    [
        hang,
        cut,
        html(500),
        html(502),
        html(200),
        html(404),
        html(307, {"Location": "/v5/elsewhere"}),
        envelope(code=10000, message="Server Timeout"),
        envelope(code=10016),
        envelope(code=170007),
        envelope(code=170146),
        envelope(code=987654321, message="a code nobody documented"),
        envelope({"orderLinkId": "no orderId"}),
        {"nonsense": True},
    ],
    ids=str,
)
async def test_an_unclear_answer_to_a_write_is_unknown_and_the_order_is_sent_once(
    scripted, exchange, trouble
):
    scripted.answers[CREATE] = trouble
    with pytest.raises(OutcomeUnknown) as caught:
        await exchange.place(ORDER)
    assert caught.value.order_id == ORDER.order_id
    assert len(scripted.asked(CREATE)) == 1
    assert scripted.asked("/v5/elsewhere") == []


@pytest.mark.parametrize(
    "trouble", [hang, cut, html(502), html(200), envelope(code=10016), {"nonsense": True}], ids=str
)
async def test_an_unclear_answer_to_a_cancel_is_unknown_and_it_is_sent_once(scripted, exchange, trouble):
    scripted.answers[CANCEL] = trouble
    with pytest.raises(OutcomeUnknown):
        await cancel(exchange)
    assert len(scripted.asked(CANCEL)) == 1


async def test_a_read_of_an_unclear_answer_is_unavailable(scripted, exchange):
    for trouble in (hang, cut, html(503), html(200), {"nonsense": True}, envelope({"list": "no list"})):
        scripted.answers["/v5/market/tickers"] = trouble
        with pytest.raises(Unavailable):
            await exchange.last_price("BTCUSDT")


async def test_a_refused_connection_is_unknown_for_a_write_and_unavailable_for_a_read(pool):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
    exchange = BybitExchange(
        Environment.BYBIT,
        KEYS,
        Endpoints(f"http://{nobody}", f"ws://{nobody}", f"ws://{nobody}"),
        pool=pool,
        clock=SystemClock(),
    )
    with pytest.raises(Unavailable):
        await exchange.balances(["USDT"])
    with pytest.raises(OutcomeUnknown):
        await exchange.place(ORDER)
    await exchange.close()


async def test_a_forbidden_address_stops_every_account_of_the_process(scripted, exchange, pool):
    other = BybitExchange(Environment.BYBIT, KEYS, scripted.endpoints, pool=pool, clock=SystemClock())
    await exchange.clock_offset()
    scripted.answers[CREATE] = html(403)
    with pytest.raises(RateLimited) as caught:
        await exchange.place(ORDER)
    assert caught.value.retry_after == 600
    asked = len(scripted.seen)
    for attempt in (other.last_price("BTCUSDT"), exchange.balances(["USDT"]), cancel(exchange)):
        with pytest.raises(RateLimited) as caught:
            await attempt
        assert 599 < caught.value.retry_after <= 600
    assert len(scripted.seen) == asked
    await other.close()


@pytest.mark.parametrize("reset_in", [-5000, 300, None])
async def test_a_rate_limit_waits_for_its_reset_and_is_not_retried_inside(scripted, exchange, reset_in):
    await exchange.clock_offset()

    async def limited(request):
        now = int(request.headers["X-BAPI-TIMESTAMP"])
        headers = {} if reset_in is None else {"X-Bapi-Limit-Reset-Timestamp": str(now + reset_in)}
        return web.json_response(envelope(code=10006, message="Too many visits!"), headers=headers)

    scripted.answers["/v5/account/wallet-balance"] = limited
    with pytest.raises(RateLimited) as caught:
        await exchange.balances(["USDT"])
    assert caught.value.code == 10006
    assert caught.value.retry_after == pytest.approx({-5000: 0.1, 300: 0.3, None: 1.0}[reset_in], abs=0.15)
    assert len(scripted.asked("/v5/account/wallet-balance")) == 1
    with pytest.raises(RateLimited):
        await exchange.place(ORDER)
    assert scripted.asked(CREATE) == []


async def test_a_read_outside_the_time_window_asks_the_time_and_is_repeated_once(scripted, exchange):
    wallet = envelope({"list": [{"coin": []}]})
    late = envelope(code=10002, message="outside the window")
    scripted.answers["/v5/account/wallet-balance"] = [late, wallet]
    assert (await exchange.balances(["USDT"]))["USDT"].total == 0
    assert len(scripted.asked("/v5/account/wallet-balance")) == 2
    assert len(scripted.asked("/v5/market/time")) == 2
    scripted.answers["/v5/account/wallet-balance"] = [late]
    with pytest.raises(Unavailable):
        await exchange.balances(["USDT"])
    assert len(scripted.asked("/v5/account/wallet-balance")) == 4


async def test_a_write_outside_the_time_window_is_refused_and_never_repeated(scripted, exchange):
    late = envelope(code=10002, message="outside the window")
    scripted.answers |= {CREATE: late, CANCEL: late}
    with pytest.raises(OrderRejected):
        await exchange.place(ORDER)
    with pytest.raises(OutcomeUnknown):
        await cancel(exchange)
    assert (len(scripted.asked(CREATE)), len(scripted.asked(CANCEL))) == (1, 1)
    assert len(scripted.asked("/v5/market/time")) == 2  # before the first, and again after the refusal


@pytest.mark.parametrize("ahead", [-3.0, 3.0])
async def test_stamps_are_never_ahead_of_the_server(scripted, exchange, ahead):
    scripted.clock_ahead = ahead
    scripted.answers["/v5/account/wallet-balance"] = envelope({"list": [{"coin": []}]})
    for _ in range(5):
        await exchange.balances(["USDT"])
    for one in scripted.asked("/v5/account/wallet-balance"):
        behind = (one.at + ahead) * 1000 - int(one.headers["X-BAPI-TIMESTAMP"])
        assert 0 <= behind < 1000
        assert one.headers["X-BAPI-RECV-WINDOW"] == "5000"


async def test_accounts_of_one_process_have_each_their_own_clock(scripted, exchange, pool):
    async with ScriptedBybit(clock_ahead=-60.0) as elsewhere:
        other = BybitExchange(
            Environment.BYBIT_TESTNET, KEYS, elsewhere.endpoints, pool=pool, clock=SystemClock()
        )
        wallet = envelope({"list": [{"coin": []}]})
        scripted.answers["/v5/account/wallet-balance"] = wallet
        elsewhere.answers["/v5/account/wallet-balance"] = wallet
        await asyncio.gather(*(one.balances(["USDT"]) for one in (exchange, other) * 3))
        stamps = [
            int(server.asked("/v5/account/wallet-balance")[-1].headers["X-BAPI-TIMESTAMP"])
            for server in (scripted, elsewhere)
        ]
        assert stamps[0] - stamps[1] == pytest.approx(60_000, abs=2000)
        await other.close()


@pytest.mark.parametrize("code", [10003, 10004, 10005, 10010, 33004, -2015])
async def test_a_refused_key_is_access_denied_everywhere_but_in_the_fee_rate(scripted, exchange, code):
    for path in (CREATE, CANCEL, "/v5/account/wallet-balance", "/v5/account/fee-rate"):
        scripted.answers[path] = envelope(code=code, message="no")
    for attempt in (exchange.place(ORDER), cancel(exchange), exchange.balances(["USDT"])):
        with pytest.raises(AccessDenied) as caught:
            await attempt
        assert caught.value.code == code
    assert await exchange.fee_rate("BTCUSDT") is None


async def test_a_key_of_another_environment_is_told_so(scripted, exchange):
    scripted.answers["/v5/account/wallet-balance"] = envelope(code=10003, message="API key is invalid.")
    with pytest.raises(AccessDenied, match="bybit-demo"):
        await exchange.balances(["USDT"])


async def test_the_demo_that_offers_no_fee_rate_gives_none(scripted, exchange):
    for refusal in (envelope(code=10001, message=""), html(404)):
        scripted.answers["/v5/account/fee-rate"] = refusal
        assert await exchange.fee_rate("BTCUSDT") is None
    scripted.answers["/v5/account/fee-rate"] = cut
    with pytest.raises(Unavailable):
        await exchange.fee_rate("BTCUSDT")


@pytest.mark.parametrize("code", [170139, 170142, 170213])
async def test_a_cancel_of_what_is_no_longer_open_is_gone(scripted, exchange, code):
    scripted.answers[CANCEL] = envelope(code=code)
    with pytest.raises(OrderGone):
        await cancel(exchange)


@pytest.mark.parametrize("code", [170212, 170190, 170191, 170147])
async def test_a_cancel_still_in_process_is_unknown(scripted, exchange, code):
    scripted.answers[CANCEL] = envelope(code=code)
    with pytest.raises(OutcomeUnknown):
        await cancel(exchange)


async def test_rules_are_kept_reloaded_on_demand_and_ignore_the_deprecated_minimum(scripted, exchange):
    scripted.answers["/v5/market/instruments-info"] = instrument()
    rules = await exchange.rules("BTCUSDT")
    assert rules.min_quantity == Base.zero()
    assert rules.max_quantity == Base.of("41.5")
    scripted.answers["/v5/market/instruments-info"] = instrument(minOrderAmt="7")
    assert (await exchange.rules("BTCUSDT")).min_notional == Quote.of("5")
    assert (await exchange.rules("BTCUSDT", fresh=True)).min_notional == Quote.of("7")
    assert len(scripted.asked("/v5/market/instruments-info")) == 2
    assert scripted.asked("/v5/market/instruments-info")[0].query["category"] == "spot"


async def test_rules_expire(scripted, exchange, monkeypatch):
    scripted.answers["/v5/market/instruments-info"] = instrument()
    await exchange.rules("BTCUSDT")
    monkeypatch.setattr("bot.exchanges.bybit.RULES_KEPT_SECONDS", 0.0)
    await exchange.rules("BTCUSDT")
    assert len(scripted.asked("/v5/market/instruments-info")) == 2


@pytest.mark.parametrize(
    "answer", [envelope({"list": []}), envelope(code=10001, message="Not supported symbols")]
)
async def test_a_pair_that_vanished_from_the_list_is_not_traded(scripted, exchange, answer):
    scripted.answers["/v5/market/instruments-info"] = answer
    with pytest.raises(InvalidInput, match="bybit-demo"):
        await exchange.rules("GONEUSDT")


def execution(number: int, **fields) -> dict:
    return {
        "symbol": "BTCUSDT",
        "orderLinkId": "ta-t-1-e0-1",
        "orderType": "Market",
        "side": "Buy",
        "execId": f"e{number}",
        "execType": "Trade",
        "execPrice": "50000",
        "execQty": "0.001",
        "execValue": "50",
        "execFee": "0.000001",
        "feeCurrency": "BTC",
        "execTime": str(1000 + number),
        "leavesQty": "0",
        "isMaker": False,
        "extraFees": "",
        **fields,
    }


async def test_fills_come_from_every_page_once_and_oldest_first(scripted, exchange):
    first = envelope(
        {
            "list": [
                execution(4, execTime="1000", leavesQty="0"),
                execution(3, execTime="1000", leavesQty="0.001"),
            ],
            "nextPageCursor": "p2%3A1%2C2",
        }
    )
    second = envelope(
        {
            "list": [
                execution(3, execTime="1000", leavesQty="0.001"),
                execution(1, execTime="900"),
                execution(9, execType="CorporateAction"),
                execution(8, orderLinkId="ta-other-1-e0-1"),
            ],
            "nextPageCursor": "",
        }
    )
    scripted.answers["/v5/execution/list"] = [first, second]
    fills = await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert [fill.exec_id for fill in fills] == ["e1", "e3", "e4"]
    asked = scripted.asked("/v5/execution/list")
    assert asked[1].query["cursor"] == "p2:1,2"  # decoded once by the server, as it was sent encoded


async def test_a_cursor_that_goes_round_ends(scripted, exchange):
    scripted.answers["/v5/execution/list"] = envelope({"list": [execution(1)], "nextPageCursor": "again"})
    assert len(await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")) == 1
    assert len(scripted.asked("/v5/execution/list")) == 2


async def test_a_fee_in_a_third_coin_is_valued_at_its_price_once_a_minute(scripted, exchange):
    scripted.answers["/v5/execution/list"] = envelope(
        {"list": [execution(n, execFee="0.05", feeCurrency="MNT") for n in (1, 2)]}
    )
    scripted.answers["/v5/market/tickers"] = envelope({"list": [{"symbol": "MNTUSDT", "lastPrice": "0.8"}]})
    fills = await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert [(one.fee, one.fee_coin, one.fee_value) for one in fills] == [
        (Decimal("0.05"), "MNT", Quote.of("0.04"))
    ] * 2
    assert len(scripted.asked("/v5/market/tickers")) == 1


async def test_a_fee_coin_without_a_pair_in_that_quote_is_valued_through_usdt(scripted, exchange):
    prices = {"MNTUSDT": "0.8", "EURUSDT": "1.6"}

    async def ticker(request):
        symbol = request.query["symbol"]
        rows = [{"symbol": symbol, "lastPrice": prices[symbol]}] if symbol in prices else []
        return web.json_response(envelope({"list": rows}))

    scripted.answers["/v5/market/tickers"] = ticker
    row = execution(1, symbol="BTCEUR", execFee="2", feeCurrency="MNT")
    scripted.answers["/v5/execution/list"] = envelope({"list": [row]})
    symbol = Symbol("BTCEUR", "BTC", "EUR")
    (fill,) = await exchange.fills_of(symbol=symbol, order_id="ta-t-1-e0-1")
    assert fill.fee_value == Quote.of("1")


async def test_without_a_price_for_the_fee_coin_a_fill_is_not_made_up(scripted, exchange):
    scripted.answers["/v5/execution/list"] = envelope({"list": [execution(1, feeCurrency="MNT")]})
    scripted.answers["/v5/market/tickers"] = html(503)
    with pytest.raises(Unavailable):
        await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")


def order_row(**fields) -> dict:
    return {
        "orderLinkId": "ta-t-1-e0-1",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "orderStatus": "New",
        "qty": "1",
        "cumExecQty": "0",
        "cumExecValue": "0",
        "updatedTime": "5",
        **fields,
    }


async def test_an_order_forgotten_by_realtime_is_found_in_history(scripted, exchange):
    row = order_row(orderStatus="Cancelled")
    scripted.answers["/v5/order/history"] = envelope({"list": [row]})
    view = await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert view.closed is not None
    assert scripted.asked("/v5/execution/list") == []


async def test_an_order_known_by_its_executions_alone_is_open_unless_nothing_is_left(scripted, exchange):
    scripted.answers["/v5/execution/list"] = envelope({"list": [execution(1, leavesQty="0.5")]})
    view = await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert (view.closed, view.filled, view.value) == (None, Base.of("0.001"), Quote.of("50"))
    scripted.answers["/v5/execution/list"] = envelope({"list": [execution(1, leavesQty="0.000000")]})
    view = await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert view.closed is not None


async def test_another_orders_row_is_not_taken_for_the_one_asked_for(scripted, exchange):
    scripted.answers["/v5/order/realtime"] = envelope({"list": [order_row(orderLinkId="ta-x-1-e0-1")]})
    assert await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1") is None


async def test_a_state_that_nobody_documented_is_not_guessed(scripted, exchange):
    scripted.answers["/v5/order/realtime"] = envelope({"list": [order_row(orderStatus="Frozen")]})
    with pytest.raises(Unavailable, match="Frozen"):
        await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1")


async def test_an_amount_that_went_through_a_float_is_refused(scripted, exchange):
    scripted.answers["/v5/market/tickers"] = envelope({"list": [{"symbol": "BTCUSDT", "lastPrice": 0.1}]})
    with pytest.raises(Unavailable, match="float"):
        await exchange.last_price("BTCUSDT")


async def test_many_calls_at_once_share_the_account_without_mixing(scripted, exchange):
    async def price(request):
        symbol = request.query["symbol"]
        return web.json_response(envelope({"list": [{"symbol": symbol, "lastPrice": symbol[1:-4]}]}))

    scripted.answers["/v5/market/tickers"] = price
    prices = await asyncio.gather(*(exchange.last_price(f"A{n}USDT") for n in range(1, 41)))
    assert [one.value for one in prices] == list(range(1, 41))


async def test_a_request_waiting_for_a_thread_is_taken_back_not_sent_late(scripted, exchange, pool):
    await exchange.clock_offset()
    release = threading.Event()
    blockers = [pool.submit(release.wait) for _ in range(4)]
    with pytest.raises(OutcomeUnknown):
        await exchange.place(ORDER)  # gives up after three times the timeout
    release.set()
    for blocker in blockers:
        blocker.result()
    await asyncio.gather(*(asyncio.to_thread(pool.submit(int).result) for _ in range(4)))
    assert scripted.asked(CREATE) == []
