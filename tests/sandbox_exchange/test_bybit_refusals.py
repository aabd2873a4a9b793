"""Every refusal has the exchange's own code and text; nothing changes by a refused request."""

import asyncio
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from pybit.exceptions import InvalidRequestError

from bot.sandbox.bybit_errors import _BY_REASON
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.orders import Filters, Reason
from tests.sandbox_exchange.client import pybit_session, sample, until

SPOT = {"category": "spot", "symbol": "BTCUSDT"}
LIMIT = {**SPOT, "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "59000"}
MARKET = {**SPOT, "side": "Buy", "orderType": "Market", "qty": "100"}

CREATES = [
    (LIMIT, {"symbol": "DOGEUSDT"}, 170121),
    (LIMIT, {"symbol": ""}, 170105),
    (LIMIT, {"side": "buy"}, 170117),
    (LIMIT, {"orderType": "limit"}, 170116),
    (LIMIT, {"timeInForce": "Limit"}, 170115),
    (LIMIT, {"price": "59000.001"}, 170134),
    (LIMIT, {"price": "0"}, 170130),
    (LIMIT, {"price": ""}, 170105),
    (LIMIT, {"price": "5.9e4"}, 170130),
    (LIMIT, {"qty": "0.0100001"}, 170137),
    (LIMIT, {"qty": "0"}, 170130),
    (LIMIT, {"qty": "-1"}, 170130),
    (LIMIT, {"qty": "NaN"}, 170130),
    (LIMIT, {"qty": "1e-05"}, 170130),
    (LIMIT, {"qty": "0.00008"}, 170140),
    (LIMIT, {"qty": "17000.000001"}, 170381),
    (LIMIT, {"qty": "1"}, 170131),
    (LIMIT, {"orderLinkId": "x" * 37}, 170130),
    (LIMIT, {"orderLinkId": "with space"}, 170130),
    (LIMIT, {"orderFilter": "tpslOrder"}, 170201),
    (LIMIT, {"category": "linear"}, 10001),
    (LIMIT, {"isLeverage": 1}, 10001),
    (LIMIT, {"takeProfit": "70000"}, 10001),
    (LIMIT, {"side": "Sell"}, 170131),
    (MARKET, {"qty": "4.99"}, 170140),
    (MARKET, {"qty": "10.000000001"}, 170148),
    (MARKET, {"qty": "10001"}, 170131),
    (MARKET, {"qty": "0.00001", "marketUnit": "baseCoin"}, 170140),
    (MARKET, {"qty": "8501", "marketUnit": "baseCoin"}, 170382),
    (MARKET, {"marketUnit": "usd"}, 170130),
]


async def refusal(method, **params):
    with pytest.raises(InvalidRequestError) as refused:
        await asyncio.to_thread(method, **params)
    return refused.value


@pytest.mark.parametrize(("base", "change", "code"), CREATES, ids=[f"{c}-{m}" for _, m, c in CREATES])
async def test_an_order_outside_the_rules_is_refused_with_its_code(exchange, session, base, change, code):
    refused = await refusal(session.place_order, **{**base, **change})
    assert refused.status_code == code
    assert not exchange.core.orders
    assert exchange.core.accounts["demo"].coin("USDT").locked == 0


def test_the_texts_are_those_of_the_error_page():
    table = next(one["payload"] for one in sample("errors") if isinstance(one["payload"], list))
    real = {row["code"]: row["text"] for row in table if row["section"] == "Spot Trade"}
    for reason in Reason:
        code, text = _BY_REASON[reason]
        prefix, _, suffix = real[code].partition("%s")
        assert text.startswith(prefix), reason
        assert text.endswith(suffix), reason


async def test_an_unknown_parameter_is_named(session):
    refused = await refusal(session.place_order, **LIMIT, triggerPrice="1")
    assert refused.status_code == 10001
    assert "triggerPrice" in refused.message


async def test_a_client_id_is_refused_for_ever_once_used(exchange, session):
    await asyncio.to_thread(session.place_order, **MARKET, orderLinkId="once")
    await until(lambda: exchange.core.executions["demo"], "the fill")
    refused = await refusal(session.place_order, **MARKET, orderLinkId="once")
    assert (refused.status_code, refused.message) == (170141, "Duplicate clientOrderId")


async def test_cancels_of_unknown_filled_and_cancelled_orders_have_their_codes(exchange, session):
    assert (await refusal(session.cancel_order, **SPOT, orderLinkId="never")).status_code == 170213
    await asyncio.to_thread(session.place_order, **{**LIMIT, "price": "60000"}, orderLinkId="filled")
    await until(lambda: exchange.core.executions["demo"], "the fill")
    assert (await refusal(session.cancel_order, **SPOT, orderLinkId="filled")).status_code == 170139
    await asyncio.to_thread(session.place_order, **LIMIT, orderLinkId="gone")
    exchange.effects.delay_ms = 200
    await asyncio.to_thread(session.cancel_order, **SPOT, orderLinkId="gone")
    assert (await refusal(session.cancel_order, **SPOT, orderLinkId="gone")).status_code == 170212
    await until(lambda: not exchange.core.open_orders["demo"], "the cancel")
    assert (await refusal(session.cancel_order, **SPOT, orderLinkId="gone")).status_code == 170142
    assert (await refusal(session.cancel_order, **SPOT)).status_code == 10001


async def test_amends_that_cannot_be_are_refused(exchange, session):
    assert (await refusal(session.amend_order, **SPOT, orderLinkId="never", qty="1")).status_code == 170213
    await asyncio.to_thread(session.place_order, **LIMIT, orderLinkId="a")
    assert (await refusal(session.amend_order, **SPOT, orderLinkId="a")).status_code == 10001
    assert (await refusal(session.amend_order, **SPOT, orderLinkId="a", price="1.001")).status_code == 170134
    assert (await refusal(session.amend_order, **SPOT, orderLinkId="a", qty="1")).status_code == 170131


class TestWhoIsCalling:
    async def test_a_wrong_key_is_10003(self, exchange):
        with pybit_session(exchange, key="nobody") as session:
            assert (await refusal(session.get_account_info)).status_code == 10003

    async def test_a_wrong_secret_is_10004(self, exchange):
        with pybit_session(exchange, secret="wrong") as session:
            assert (await refusal(session.get_account_info)).status_code == 10004

    async def test_a_read_only_key_may_look_and_not_trade(self, exchange):
        key, secret = exchange.add_account("reader", read_only=True)
        with pybit_session(exchange, key, secret) as session:
            assert (await asyncio.to_thread(session.get_account_info))["retCode"] == 0
            assert (await refusal(session.place_order, **LIMIT)).status_code == 10005

    @pytest.mark.parametrize(
        ("off_ms", "accepted"), [(0, True), (-1_500, False), (4_000, True), (5_500, False)]
    )
    async def test_the_clock_window_is_recv_window_back_and_one_second_ahead(
        self, off_ms, accepted, monkeypatch
    ):
        """`off_ms`: how far the server's clock is ahead of the client's; both stand still."""
        now = int(time.time() * 1000)
        monkeypatch.setattr("pybit._helpers.generate_timestamp", lambda: now)
        options = ExchangeOptions(paused=True, clock=lambda: now + off_ms)
        async with SandboxExchange(options) as exchange:
            with pybit_session(exchange) as session:
                if accepted:
                    assert (await asyncio.to_thread(session.get_account_info))["retCode"] == 0
                else:
                    assert (await refusal(session.get_account_info)).status_code == 10002


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("get_open_orders", {**SPOT, "limit": 51}),
        ("get_open_orders", {"category": "linear", "symbol": "BTCUSDT"}),
        ("get_order_history", {**SPOT, "limit": 0}),
        ("get_order_history", {**SPOT, "startTime": 1, "endTime": 8 * 86_400_000}),
        ("get_executions", {**SPOT, "limit": 101}),
        ("get_executions", {**SPOT, "cursor": "nonsense"}),
        ("get_kline", {**SPOT, "interval": "W"}),
        ("get_kline", {**SPOT, "interval": "1"}),
        ("get_kline", {**SPOT, "interval": "5", "limit": 1001}),
        ("get_tickers", {"category": "spot", "symbol": "DOGEUSDT"}),
        ("get_instruments_info", {"category": "spot", "symbol": "DOGEUSDT"}),
        ("get_wallet_balance", {"accountType": "CONTRACT"}),
        ("get_wallet_balance", {"accountType": "UNIFIED", "coin": "DOGE"}),
    ],
)
async def test_reads_out_of_bounds_are_10001(session, method, params):
    assert (await refusal(getattr(session, method), **params)).status_code == 10001


async def test_rate_limits_are_enforced_where_asked():
    async with SandboxExchange(ExchangeOptions(paused=True, rate_limits=True)) as exchange:
        held = int(time.time() * 1000)
        exchange.venue.clock = lambda: held
        with pybit_session(exchange) as session:
            for _ in range(5):
                await asyncio.to_thread(session.get_fee_rates, **SPOT)
            refused = await refusal(session.get_fee_rates, **SPOT)
            assert (refused.status_code, refused.message) == (10006, "Too many visits!")
            assert refused.resp_headers["X-Bapi-Limit-Status"] == "0"
            assert int(refused.resp_headers["X-Bapi-Limit-Reset-Timestamp"]) == (held // 1000 + 1) * 1000


async def test_other_pairs_rules_can_be_given():
    filters = replace(Filters.of("ETHUSDT"), tick=Decimal("0.1"), min_amount=Decimal(20))
    async with SandboxExchange(ExchangeOptions(paused=True, filters=filters)) as exchange:
        with pybit_session(exchange) as session:
            eth = {**LIMIT, "symbol": "ETHUSDT"}
            assert (await refusal(session.place_order, **{**eth, "price": "59000.01"})).status_code == 170134
            assert (await refusal(session.place_order, **{**eth, "qty": "0.0003"})).status_code == 170140
            assert (await refusal(session.place_order, **LIMIT)).status_code == 170121
