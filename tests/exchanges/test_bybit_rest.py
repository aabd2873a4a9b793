"""The traps of Bybit's REST side, each with a server that sets it."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiohttp import web

from bot.domain.market import Side
from bot.domain.money import Base, Price, Quote
from bot.errors import (
    AccessDenied,
    OrderGone,
    OutcomeUnknown,
    RateLimited,
    RuleViolation,
    Unavailable,
)
from bot.exchanges.bybit import BybitExchange
from bot.exchanges.environments import Endpoints
from bot.ports import Credentials, Environment, OrderRequest, Secret, SystemClock
from tests.exchanges.kit import hurry
from tests.exchanges.rows import CANCEL, CREATE, KEYS, ORDER, TAKEN, cancel, instrument
from tests.exchanges.scripted import cut, envelope, hang, html
from tests.exchanges.stage import BTCUSDT, until
from tests.ports import kept_port


def label_of(answer) -> str:
    if isinstance(answer, dict):
        return f"retCode {answer.get('retCode', 'missing')}"
    return getattr(answer, "__qualname__", "answer").replace("<locals>.", "")


async def arrived(scripted, path) -> None:
    """Whoever waits no longer for an answer may have given up before the question was read."""

    async def look():
        return scripted.asked(path)

    await until(look)


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
    ids=label_of,
)
async def test_an_unclear_answer_to_a_write_is_unknown_and_the_order_is_sent_once(
    scripted, exchange, trouble
):
    scripted.answers[CREATE] = trouble
    await exchange.clock_offset()
    if trouble is hang:
        hurry(exchange)
    with pytest.raises(OutcomeUnknown) as caught:
        await exchange.place(ORDER)
    assert caught.value.order_id == ORDER.order_id
    await arrived(scripted, CREATE)
    assert len(scripted.asked(CREATE)) == 1
    assert scripted.asked("/v5/elsewhere") == []


@pytest.mark.parametrize(
    "trouble", [hang, cut, html(502), html(200), envelope(code=10016), {"nonsense": True}], ids=label_of
)
async def test_an_unclear_answer_to_a_cancel_is_unknown_and_it_is_sent_once(scripted, exchange, trouble):
    scripted.answers[CANCEL] = trouble
    await exchange.clock_offset()
    if trouble is hang:
        hurry(exchange)
    with pytest.raises(OutcomeUnknown):
        await cancel(exchange)
    await arrived(scripted, CANCEL)
    assert len(scripted.asked(CANCEL)) == 1


async def test_a_read_of_an_unclear_answer_is_unavailable(scripted, exchange):
    for trouble in (cut, html(503), html(200), {"nonsense": True}, envelope({"list": "no list"}), hang):
        scripted.answers["/v5/market/tickers"] = trouble
        if trouble is hang:
            hurry(exchange)
        with pytest.raises(Unavailable):
            await exchange.last_price("BTCUSDT")


async def test_a_refused_connection_is_unknown_for_a_write_and_unavailable_for_a_read(pool):
    with kept_port() as port:
        nobody = f"127.0.0.1:{port}"
        exchange = BybitExchange(
            Environment.BYBIT,
            KEYS,
            Endpoints(f"http://{nobody}", f"ws://{nobody}"),
            pool=pool,
            clock=SystemClock(),
        )
        with pytest.raises(Unavailable):
            await exchange.balances(["USDT"])
        with pytest.raises(OutcomeUnknown):
            await exchange.place(ORDER)
        await exchange.close()


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


async def test_a_request_waiting_for_a_thread_is_taken_back_not_sent_late(scripted, exchange, pool):
    await exchange.clock_offset()
    hurry(exchange)
    release = threading.Event()
    blockers = [pool.submit(release.wait) for _ in range(4)]
    with pytest.raises(OutcomeUnknown):
        await exchange.place(ORDER)  # gives up after three times the timeout
    release.set()
    for blocker in blockers:
        blocker.result()
    await asyncio.gather(*(asyncio.to_thread(pool.submit(int).result) for _ in range(4)))
    assert scripted.asked(CREATE) == []


async def test_a_market_buy_whose_rules_cannot_be_read_is_not_sent(scripted, exchange):
    order = OrderRequest("ta-t-1-e0-1", BTCUSDT, Side.BUY, amount=Quote.of("100"))
    path = "/v5/market/instruments-info"
    for answer, error in (
        (html(503), OutcomeUnknown),
        (envelope({"list": []}), RuleViolation),
        (envelope(code=10006), RateLimited),
    ):
        scripted.answers[path] = answer
        with pytest.raises(error):
            await exchange.place(order)
    assert scripted.asked(CREATE) == []


async def test_a_key_that_cannot_stand_in_a_header_is_no_answer(scripted, pool):
    broken = Credentials(Secret("bad\r\nkey"), Secret("s"))
    exchange = BybitExchange(Environment.BYBIT, broken, scripted.endpoints, pool=pool, clock=SystemClock())
    with pytest.raises(Unavailable, match="InvalidHeader"):
        await exchange.balances(["USDT"])
    await exchange.close()


@pytest.mark.parametrize(
    "body", [[1, 2], "text", {"retCode": 5}, {"retCode": "7", "retMsg": "", "result": {}}]
)
async def test_a_body_of_another_shape_is_no_answer(scripted, exchange, body):
    async def reply(_request):
        return web.json_response(body)

    scripted.answers["/v5/market/tickers"] = reply
    with pytest.raises(Unavailable):
        await exchange.last_price("BTCUSDT")


async def test_a_closed_pool_and_a_closed_adapter_send_nothing(scripted):
    with ThreadPoolExecutor(1) as pool:
        exchange = BybitExchange(Environment.BYBIT, KEYS, scripted.endpoints, pool=pool, clock=SystemClock())
        await exchange.clock_offset()
    with pytest.raises(OutcomeUnknown):
        await exchange.place(ORDER)
    await exchange.close()
    with pytest.raises(Unavailable):
        await exchange.last_price("BTCUSDT")
    assert scripted.asked(CREATE) == []


async def test_a_connection_in_use_while_closing_is_closed_when_it_comes_back(scripted, exchange):
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(_request):
        started.set()
        await release.wait()
        return web.json_response(envelope({"list": [{"symbol": "BTCUSDT", "lastPrice": "1"}]}))

    scripted.answers["/v5/market/tickers"] = slow
    asking = asyncio.create_task(exchange.last_price("BTCUSDT"))
    await started.wait()
    await exchange.close()
    release.set()
    assert await asking == Price.of("1")
    assert not exchange._calls._http._idle


async def test_a_body_that_is_no_json_is_told_as_such(scripted, exchange):
    scripted.answers[CREATE] = html(200)
    with pytest.raises(OutcomeUnknown, match="unreadable body"):
        await exchange.place(ORDER)
