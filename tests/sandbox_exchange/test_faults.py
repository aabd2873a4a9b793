"""The faults that can be ordered, in-process and over the control door."""

import asyncio

import aiohttp
import pytest
import requests
from pybit.exceptions import FailedRequestError, InvalidRequestError

from bot.sandbox.exchange_faults import Answer, RequestFault, StreamFaults
from tests.sandbox_exchange.client import private_stream, pybit_session, until

SPOT = {"category": "spot", "symbol": "BTCUSDT"}
BUY = {**SPOT, "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": "59000"}
CREATE = "/v5/order/create"


async def place(session, link):
    return await asyncio.to_thread(session.place_order, **BUY, orderLinkId=link)


def links(exchange):
    return [order.link_id for order in exchange.core.orders.values()]


@pytest.mark.parametrize("effect", [True, False])
async def test_an_answer_can_be_lost_after_or_before_the_effect(exchange, session, effect):
    exchange.faults.add(RequestFault(CREATE, Answer.DROP, effect=effect))
    with pytest.raises(requests.exceptions.ConnectionError):
        await place(session, "lost")
    assert links(exchange) == (["lost"] if effect else [])
    await place(session, "next")
    assert links(exchange)[-1] == "next"


@pytest.mark.parametrize("effect", [True, False])
async def test_http_errors_and_ret_codes_come_with_or_without_the_effect(exchange, session, effect):
    exchange.faults.add(RequestFault(CREATE, Answer.HTTP, effect=effect, status=502))
    with pytest.raises(FailedRequestError) as failed:
        await place(session, "http")
    assert failed.value.status_code == 502
    exchange.faults.add(RequestFault(CREATE, Answer.RET_CODE, effect=effect))
    with pytest.raises(InvalidRequestError) as refused:
        await place(session, "code")
    assert (refused.value.status_code, refused.value.message) == (10000, "Server Timeout")
    assert links(exchange) == (["http", "code"] if effect else [])


async def test_a_fault_lasts_for_its_count_and_its_path_alone(exchange, session):
    exchange.faults.add(RequestFault(CREATE, Answer.RET_CODE, count=2))
    for _ in range(2):
        with pytest.raises(InvalidRequestError):
            await place(session, "x")
    await asyncio.to_thread(session.get_account_info)
    await place(session, "x")
    assert exchange.faults.requests == []


async def test_an_answer_can_be_delayed(exchange, session):
    exchange.faults.add(RequestFault(CREATE, Answer.NONE, delay_ms=80))
    loop = asyncio.get_running_loop()
    before = loop.time()
    await place(session, "slow")
    assert loop.time() - before >= 0.08


async def test_a_stale_read_shows_what_was_before(exchange, session):
    async def open_links():
        answer = await asyncio.to_thread(session.get_open_orders, **SPOT)
        return [row["orderLinkId"] for row in answer["result"]["list"]]

    await place(session, "one")
    assert await open_links() == ["one"]
    exchange.faults.add(RequestFault("/v5/order/realtime", Answer.STALE, count=2))
    await place(session, "two")
    assert await open_links() == ["one"]
    by_id = await asyncio.to_thread(session.get_open_orders, **SPOT, orderLinkId="two")
    assert by_id["result"]["list"] == [], "a question never asked before finds nothing"
    assert await open_links() == ["two", "one"]


async def test_a_stream_can_be_dropped_and_refused(exchange):
    async with private_stream(exchange, "order") as stream:
        assert exchange.private.drop() == 1
        await until(lambda: stream.closed, "the drop")
    exchange.faults.stream.refuse = 1
    with pytest.raises(Exception, match="503"):
        async with private_stream(exchange):
            pass
    async with private_stream(exchange, "order"):
        pass


async def test_a_silent_stream_answers_pings_and_tells_nothing(exchange, session):
    exchange.effects.delay_ms = 0
    async with private_stream(exchange, "order") as stream:
        exchange.faults.stream.silent = True
        await place(session, "unheard")
        assert (await stream.ask({"op": "ping"}))["op"] == "pong"
        assert stream.rows("order") == []
        exchange.faults.stream.silent = False
        await place(session, "heard")
        await stream.row("order", orderLinkId="heard")
        assert len(stream.rows("order")) == 1, "what was missed is not told later"


async def test_messages_come_twice_or_are_lost(exchange, session):
    exchange.effects.delay_ms = 0
    async with private_stream(exchange, "order") as stream:
        exchange.faults.stream = StreamFaults(duplicate=1)
        await place(session, "twice")
        await until(lambda: len(stream.rows("order")) == 2, "the second message")
        exchange.faults.stream = StreamFaults(lose=1)
        await place(session, "lost")
        await place(session, "once")
        await stream.row("order", orderLinkId="once")
        assert [row["orderLinkId"] for row in stream.rows("order")] == ["twice", "twice", "once"]


@pytest.mark.parametrize("execution_first", [True, False])
async def test_executions_come_before_or_after_order_rows(exchange, session, execution_first):
    exchange.faults.stream.execution_first = execution_first
    async with private_stream(exchange, "order", "execution") as stream:
        market = {**SPOT, "side": "Buy", "orderType": "Market", "qty": "60"}
        await asyncio.to_thread(session.place_order, **market)
        await until(lambda: stream.rows("order") and stream.rows("execution"), "both topics")
        topics = [message["topic"] for message in stream.messages if "topic" in message]
        assert topics == (["execution", "order"] if execution_first else ["order", "execution"])


async def test_a_cancel_that_loses_the_race_gets_a_second_filled_row(exchange, session):
    async with private_stream(exchange, "order") as stream:
        low = exchange.market.seen[-1].low
        order = {**BUY, "price": str(low)}
        await asyncio.to_thread(session.place_order, **order, orderLinkId="race")
        await stream.row("order", orderStatus="New")
        exchange.effects.delay_ms = 60_000  # it is acknowledged, and still on its way
        await asyncio.to_thread(session.cancel_order, **SPOT, orderLinkId="race")
        await exchange.market.step()
        exchange.effects.finish()
        await until(lambda: len(stream.rows("order")) == 3, "the second Filled")
        first, second = stream.rows("order")[1:]
        assert (first["orderStatus"], first["rejectReason"]) == ("Filled", "EC_NoError")
        assert (second["orderStatus"], second["cancelType"]) == ("Filled", "CancelByUser")
        assert second["rejectReason"] == "EC_OrigClOrdIDDoesNotExist"


class TestControlDoor:
    @pytest.fixture
    async def control(self, exchange):
        async with aiohttp.ClientSession(headers={"X-Sandbox-Key": exchange.control_key}) as client:

            async def ask(method, path, body=None, status=200):
                async with client.request(method, exchange.rest_url + path, json=body) as answer:
                    assert answer.status == status
                    return await answer.json()

            yield ask

    async def test_it_opens_with_its_key_only(self, exchange):
        async with aiohttp.ClientSession() as client:
            for query in ("", "?key=wrong"):
                async with client.get(f"{exchange.rest_url}/sandbox/state{query}") as answer:
                    assert answer.status == 403
            async with client.get(f"{exchange.rest_url}/sandbox/state?key={exchange.control_key}") as answer:
                assert answer.status == 200

    async def test_faults_are_ordered_listed_and_cleared(self, exchange, session, control):
        await control(
            "POST", "/sandbox/faults", {"path": CREATE, "answer": "ret_code", "code": 10016, "count": 3}
        )
        await control("POST", "/sandbox/faults", {"stream": {"silent": True}})
        with pytest.raises(InvalidRequestError) as refused:
            await place(session, "x")
        assert refused.value.status_code == 10016
        listed = await control("GET", "/sandbox/faults")
        assert listed["requests"][0]["count"] == 2
        assert listed["stream"]["silent"] is True
        cleared = await control("DELETE", "/sandbox/faults")
        assert cleared["requests"] == []
        assert cleared["stream"]["silent"] is False

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"path": CREATE, "answer": "explode"},
            {"path": CREATE, "colour": "red"},
            {"stream": {"colour": 1}},
        ],
    )
    async def test_what_it_does_not_know_is_refused_with_words(self, control, body):
        assert (await control("POST", "/sandbox/faults", body, status=400))["error"]

    async def test_streams_are_dropped(self, exchange, control):
        async with private_stream(exchange) as stream:
            assert await control("POST", "/sandbox/faults", {"drop_streams": True}) == {"dropped": 1}
            await until(lambda: stream.closed, "the drop")

    async def test_the_state_shows_balances_orders_and_executions(self, exchange, session, control):
        await place(session, "rests")
        market = {**SPOT, "side": "Buy", "orderType": "Market", "qty": "60"}
        await asyncio.to_thread(session.place_order, **market)
        await until(lambda: exchange.core.executions["demo"], "the fill")
        mine = (await control("GET", "/sandbox/state"))["accounts"]["demo"]
        assert mine["balances"] == {
            "USDT": {"total": "9940", "locked": "59"},
            "BTC": {"total": "0.000999", "locked": "0"},
        }
        assert [row["orderLinkId"] for row in mine["open_orders"]] == ["rests"]
        assert len(mine["orders"]) == 2
        assert [row["execQty"] for row in mine["executions"]] == ["0.001000"]

    async def test_another_person_gets_an_account(self, exchange, control):
        wish = {"name": "bia", "balances": {"USDT": "12.5"}}
        keys = await control("POST", "/sandbox/accounts", wish)
        with pybit_session(exchange, keys["api_key"], keys["api_secret"]) as session:
            answer = await asyncio.to_thread(session.get_wallet_balance, accountType="UNIFIED")
            assert answer["result"]["list"][0]["coin"][0]["walletBalance"] == "12.5"
        assert "exists already" in (await control("POST", "/sandbox/accounts", wish, 400))["error"]
        await control("POST", "/sandbox/accounts", {"name": "rui"}, 400)

    async def test_the_market_is_steered(self, exchange, control):
        assert (await control("GET", "/sandbox/market"))["paused"] is True
        stepped = await control("POST", "/sandbox/market", {"do": "step", "candles": 3})
        assert (stepped["index"], stepped["point"]) == (2, 3)
        running = await control("POST", "/sandbox/market", {"do": "resume", "speed": 0})
        assert (running["paused"], running["speed"]) == (False, 0)
        await until(lambda: exchange.market.index > 10, "a running market")
        assert (await control("POST", "/sandbox/market", {"do": "pause"}))["paused"] is True
        assert (
            "pause, resume or step" in (await control("POST", "/sandbox/market", {"do": "fly"}, 400))["error"]
        )
        await control("GET", "/sandbox/nothing", status=404)
