"""The private and the public stream: commands, topics, rows, and what comes when."""

import asyncio
import json

import pytest
from pybit import unified_trading
from websockets.asyncio.client import connect

from tests.sandbox_exchange.client import Stream, auth_args, private_stream, until

SPOT = {"category": "spot", "symbol": "BTCUSDT"}
ALL = ("order.spot", "execution.spot", "wallet")


async def place(session, **order):
    return await asyncio.to_thread(session.place_order, **{**SPOT, **order})


async def limit(session, side, price, link, qty="0.01"):
    return await place(session, side=side, orderType="Limit", qty=qty, price=price, orderLinkId=link)


async def test_a_limit_order_is_told_new_and_filled_with_its_execution_and_wallet(exchange, session):
    low = exchange.market.seen[-1].low
    async with private_stream(exchange, *ALL) as stream:
        await limit(session, "Buy", str(low), "life")
        await stream.row("order.spot", orderLinkId="life", orderStatus="New")
        await exchange.market.step()
        filled = await stream.row("order.spot", orderLinkId="life", orderStatus="Filled")
        fill = await stream.row("execution.spot", orderLinkId="life")
        await until(lambda: stream.rows("wallet")[-1]["coin"][-1]["locked"] == "0", "the wallet")
        assert [row["orderStatus"] for row in stream.rows("order.spot")] == ["New", "Filled"]
        assert filled["cumExecQty"] == fill["execQty"] == "0.010000"
        assert filled["feeCurrency"] == fill["feeCurrency"] == "BTC"
        assert filled["cumFeeDetail"] == {"BTC": fill["execFee"]}
        assert fill["isMaker"] is True
        told = [m for m in stream.messages if filled in m.get("data", ()) or fill in m.get("data", ())]
        assert len(told) == 2
        assert told[0]["creationTime"] == told[1]["creationTime"]


async def test_a_market_order_is_told_only_when_it_has_ended(exchange, session):
    async with private_stream(exchange, *ALL) as stream:
        await place(session, side="Buy", orderType="Market", qty="100.01", orderLinkId="m")
        row = await stream.row("order.spot", orderLinkId="m")
        assert row["orderStatus"] == "PartiallyFilledCanceled"
        await stream.row("execution.spot", orderLinkId="m")
        coins = await until(
            lambda: next(
                (r["coin"] for r in stream.rows("wallet") if any(c["coin"] == "BTC" for c in r["coin"])), None
            )
        )
        assert {coin["coin"]: coin["walletBalance"] for coin in coins} == {
            "BTC": "0.001664334",
            "USDT": "9900.04",
        }


async def test_the_pushed_topic_is_the_one_that_was_subscribed(exchange, session):
    async with private_stream(exchange, "order", "execution") as stream:
        await place(session, side="Buy", orderType="Market", qty="60")
        await until(lambda: stream.rows("execution"))
        assert {m["topic"] for m in stream.messages if "topic" in m} == {"order", "execution"}


async def test_people_hear_of_their_own_orders_only(exchange, session):
    key, secret = exchange.add_account("bia")
    async with (
        private_stream(exchange, *ALL) as mine,
        private_stream(exchange, *ALL, key=key, secret=secret) as other,
    ):
        await limit(session, "Buy", "59000", "a")
        await mine.row("order.spot", orderLinkId="a")
        await other.ask({"op": "ping"})
        assert not [m for m in other.messages if "topic" in m]


async def test_nothing_is_told_before_or_after_a_subscription(exchange, session):
    exchange.effects.delay_ms = 0
    async with private_stream(exchange) as stream:
        await limit(session, "Buy", "59000", "before", qty="0.001")
        assert (await stream.ask({"op": "subscribe", "args": ["order"]}))["success"]
        await limit(session, "Buy", "59000", "during", qty="0.001")
        await stream.row("order", orderLinkId="during")
        assert (await stream.ask({"op": "unsubscribe", "args": ["order"]}))["success"]
        await limit(session, "Buy", "59000", "after", qty="0.001")
        await stream.ask({"op": "ping"})
        assert [row["orderLinkId"] for row in stream.rows("order")] == ["during"]


async def test_pings_are_answered_in_the_private_shape(exchange):
    async with private_stream(exchange) as stream:
        pong = await stream.ask({"op": "ping", "req_id": "7"})
        assert (pong["op"], pong["req_id"]) == ("pong", "7")
        assert pong["args"][0].isdecimal()


@pytest.mark.parametrize(
    "topics",
    [
        ["order", "execution.spot"],
        ["order.spot", "execution"],
        ["execution.fast"],
        ["position"],
        ["tickers.BTCUSDT"],
        [],
    ],
)
async def test_mixed_and_unknown_topics_are_refused_and_the_stream_lives_on(exchange, topics):
    async with private_stream(exchange) as stream:
        refused = await stream.ask({"op": "subscribe", "args": topics})
        assert refused["success"] is False
        assert (await stream.ask({"op": "subscribe", "args": ["order", "wallet"]}))["success"]


async def test_a_subscription_is_acknowledged_after_20_ms(exchange):
    async with private_stream(exchange) as stream:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await stream.ask({"op": "subscribe", "args": ["order"]})
        assert loop.time() - before >= 0.02


async def test_an_operation_that_is_not_implemented_is_refused_by_name(exchange):
    async with private_stream(exchange) as stream:
        assert "order.create" in (await stream.ask({"op": "order.create", "args": []}))["ret_msg"]


@pytest.mark.parametrize("case", ["key", "secret", "expired", "shape"])
async def test_a_bad_authentication_is_refused_and_closed(exchange, case):
    stream = Stream(await connect(exchange.ws_private_url))
    key = "nobody" if case == "key" else exchange.api_key
    secret = "wrong" if case == "secret" else exchange.api_secret
    args = auth_args(key, secret, ahead_ms=-10 if case == "expired" else 10_000)
    answer = await stream.ask({"op": "auth", "args": args[:1] if case == "shape" else args})
    assert (answer["op"], answer["success"]) == ("auth", False)
    await until(lambda: stream.closed, "the close")
    await stream.close()


async def test_subscribing_without_authentication_is_refused_and_closed(exchange):
    stream = Stream(await connect(exchange.ws_private_url))
    assert (await stream.ask({"op": "subscribe", "args": ["order"]}))["success"] is False
    await until(lambda: stream.closed, "the close")
    await stream.close()


async def test_a_client_that_says_nothing_is_cut_after_max_active_time(exchange, monkeypatch):
    monkeypatch.setattr("bot.sandbox.bybit_private._DEFAULT_IDLE_S", 0.05)
    stream = Stream(await connect(exchange.ws_private_url))
    await until(lambda: stream.closed, "the cut")
    await stream.close()


async def test_the_real_pybit_stream_hears_an_order(exchange, session, monkeypatch):
    monkeypatch.setattr(unified_trading, "PRIVATE_WSS", exchange.ws_private_url)
    heard = []

    def listen():
        stream = unified_trading.WebSocket(
            channel_type="private",
            testnet=False,
            api_key=exchange.api_key,
            api_secret=exchange.api_secret,
            private_auth_expire=10,
            ping_interval=20,
        )
        stream.order_stream(heard.append)
        return stream

    stream = await asyncio.to_thread(listen)
    await until(lambda: exchange.private.connections("demo"), "pybit's connection")
    await until(
        lambda: any("order" in one.topics for one in exchange.private._sessions), "pybit's subscription"
    )
    await limit(session, "Buy", "59000", "by-pybit")
    await until(lambda: heard, "pybit's message")
    assert heard[0]["data"][0]["orderLinkId"] == "by-pybit"
    await asyncio.to_thread(stream.exit)


async def test_tickers_and_klines_are_pushed_as_the_market_moves(exchange):
    async with connect(exchange.ws_public_url) as socket:
        await socket.send(json.dumps({"op": "ping", "req_id": "1"}))
        pong = json.loads(await socket.recv())
        assert (pong["op"], pong["ret_msg"], pong["success"], pong["req_id"]) == ("ping", "pong", True, "1")
        topics = ["tickers.BTCUSDT", "kline.5.BTCUSDT"]
        await socket.send(json.dumps({"op": "subscribe", "args": topics}))
        assert json.loads(await socket.recv())["ret_msg"] == "subscribe"
        first = {m["topic"]: m for m in [json.loads(await socket.recv()) for _ in topics]}
        assert first["tickers.BTCUSDT"]["data"]["lastPrice"] == "60000.00"
        assert first["kline.5.BTCUSDT"]["data"][0]["confirm"] is False
        await exchange.market.step()
        closed = None
        async with asyncio.timeout(30):
            while closed is None or not closed["data"][0]["confirm"]:
                message = json.loads(await socket.recv())
                closed = message if message["topic"].startswith("kline") else closed
        bar = exchange.market.candle
        assert closed["data"][0]["close"] == format(bar.close, "f")
        assert closed["data"][0]["end"] - closed["data"][0]["start"] == 299_999


@pytest.mark.parametrize(
    "topics",
    [
        ["publicTrade.BTCUSDT"],
        ["tickers.DOGEUSDT"],
        ["kline.W.BTCUSDT"],
        ["tickers"],
        ["tickers.BTCUSDT"] * 11,
    ],
)
async def test_public_topics_that_are_not_served_are_refused(exchange, topics):
    async with connect(exchange.ws_public_url) as socket:
        await socket.send(json.dumps({"op": "subscribe", "args": topics}))
        assert json.loads(await socket.recv())["success"] is False
