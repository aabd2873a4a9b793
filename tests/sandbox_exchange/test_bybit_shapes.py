"""Contract: every field of the samples of real payloads is here, with the same kind of value."""

import asyncio

import pytest

from tests.sandbox_exchange.client import private_stream, sample

SPOT = {"category": "spot", "symbol": "BTCUSDT"}


def payload(name, words):
    return next(one["payload"] for one in sample(name) if words in one["what"])


def missing(real, ours, where=""):
    """Paths of the real payload that ours lacks or holds as another kind of value."""
    if isinstance(real, dict):
        if not isinstance(ours, dict):
            return [f"{where}: an object is wanted"]
        return [
            problem
            for name, value in real.items()
            for problem in (
                missing(value, ours[name], f"{where}.{name}")
                if name in ours
                else [f"{where}.{name} is missing"]
            )
        ]
    if isinstance(real, list):
        if not isinstance(ours, list) or (real and not ours):
            return [f"{where}: a filled list is wanted"]
        return missing(real[0], ours[0], f"{where}[0]") if real else []
    return [] if type(real) is type(ours) else [f"{where}: {type(real).__name__} is wanted, not {ours!r}"]


async def call(method, **params):
    return await asyncio.to_thread(method, **params)


@pytest.fixture
async def busy(exchange, session):
    """A stand-in on which one order rests, one has filled, and a stream heard it."""
    async with private_stream(exchange, "order.spot", "execution.spot", "wallet") as stream:
        await call(session.place_order, **SPOT, side="Buy", orderType="Market", qty="100", orderLinkId="done")
        await stream.row("execution.spot", orderLinkId="done")
        await call(
            session.place_order,
            **SPOT,
            side="Buy",
            orderType="Limit",
            qty="0.01",
            price="59000",
            orderLinkId="rests",
        )
        await stream.row("order.spot", orderLinkId="rests")
        yield stream


@pytest.mark.parametrize(
    ("name", "words", "method", "params"),
    [
        ("server_time", "response", "get_server_time", {}),
        ("account_info", "response", "get_account_info", {}),
        ("user_setting_config", "response", "get_user_setting_config", {}),
        ("tickers_spot", "response", "get_tickers", SPOT),
        ("fee_rate", "Response Example", "get_fee_rates", SPOT),
        ("kline", "response", "get_kline", {**SPOT, "interval": 5}),
        ("instruments_info_spot", "response (Response Example)", "get_instruments_info", SPOT),
        ("wallet_balance", "Response Example", "get_wallet_balance", {"accountType": "UNIFIED"}),
        ("order_realtime", "Response Example", "get_open_orders", SPOT),
        ("order_history", "Response Example", "get_order_history", SPOT),
        ("execution_list", "captured: spot sell", "get_executions", SPOT),
    ],
)
async def test_an_answer_has_every_field_of_the_sample(session, busy, name, words, method, params):
    ours = await call(getattr(session, method), **params)
    real = payload(name, words)
    assert [p for p in missing(real["result"], ours["result"]) if "cumFeeDetail" not in p] == []
    assert {"retCode", "retMsg", "result", "retExtInfo", "time"} == set(ours)


async def test_the_key_answer_has_every_field_of_the_sample(session):
    ours, real = await call(session.get_api_key_information), payload("api_key_info", "response")
    assert set(real["result"]) <= set(ours["result"])
    assert set(real["result"]["permissions"]) == set(ours["result"]["permissions"])


async def test_writes_answer_with_the_ids_alone(session):
    order = {**SPOT, "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000", "orderLinkId": "x"}
    for method, name, params in (
        (session.place_order, "order_create", order),
        (session.amend_order, "order_amend", {**SPOT, "orderLinkId": "x", "price": "58000"}),
        (session.cancel_order, "order_cancel", {**SPOT, "orderLinkId": "x"}),
    ):
        ours = await call(method, **params)
        assert set(ours["result"]) == set(payload(name, "response")["result"])


async def test_order_messages_have_every_captured_field_and_kind(busy):
    captured = next(one["payload"] for one in sample("ws_order") if one["what"].startswith("captured"))
    message = next(m for m in busy.messages if m.get("topic") == "order.spot")
    assert missing(captured, message) == []
    documented = payload("ws_order", "Stream Example")["data"][0]
    assert set(documented) - set(message["data"][0]) == set()


async def test_execution_messages_have_every_captured_field_and_kind(busy):
    captured = next(one["payload"] for one in sample("ws_execution") if one["what"].startswith("captured"))
    message = next(m for m in busy.messages if m.get("topic") == "execution.spot")
    assert missing(captured, message) == []
    documented = payload("ws_execution", "Stream Example")["data"][0]
    assert set(documented) - set(message["data"][0]) == set()


async def test_wallet_messages_have_every_captured_field_and_kind(busy):
    captured = next(one["payload"] for one in sample("ws_wallet") if one["what"].startswith("captured"))
    message = next(m for m in busy.messages if m.get("topic") == "wallet")
    assert missing(captured, message) == []


async def test_control_answers_have_the_captured_fields(exchange):
    samples = {one["what"]: one["payload"] for one in sample("ws_control")}
    async with private_stream(exchange) as stream:
        auth = next(m for m in stream.messages if m["op"] == "auth")
        assert missing(samples["captured: auth ack"], auth) == []
        assert missing(samples["captured: private pong"], await stream.ask({"op": "ping"})) == []
        ack = await stream.ask({"op": "subscribe", "args": ["order"]})
        assert missing(samples["captured: private subscribe ack (no req_id was sent)"], ack) == []
        assert "req_id" not in ack
