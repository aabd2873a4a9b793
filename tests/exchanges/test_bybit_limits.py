"""The server's clock and its rate limits, kept by requests as they leave."""

import asyncio
import time

import pytest
from aiohttp import web

from bot.errors import (
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
)
from bot.exchanges.bybit import BybitExchange
from bot.ports import Environment, SystemClock
from tests.exchanges.rows import CANCEL, CREATE, KEYS, ORDER, cancel
from tests.exchanges.scripted import ScriptedBybit, envelope, html


async def test_a_forbidden_address_stops_every_account_of_the_process(scripted, exchange, pool):
    other = BybitExchange(Environment.BYBIT, KEYS, scripted.endpoints, pool=pool, clock=SystemClock())
    await exchange.clock_offset()
    scripted.answers[CREATE] = html(403)
    began = time.monotonic()
    with pytest.raises(RateLimited) as caught:
        await exchange.place(ORDER)
    assert caught.value.retry_after == 600
    asked = len(scripted.seen)
    for attempt in (other.last_price("BTCUSDT"), exchange.balances(["USDT"]), cancel(exchange)):
        with pytest.raises(RateLimited) as caught:
            await attempt
        assert began + 600 - time.monotonic() <= caught.value.retry_after <= 600
    assert len(scripted.seen) == asked
    await other.close()


@pytest.mark.parametrize("reset_in", [-5000, 300, None])
async def test_a_rate_limit_waits_for_its_reset_and_is_not_retried_inside(
    scripted, exchange, reset_in, monkeypatch
):
    """The clock of the requests stands, and the pause is drawn out: no wait of a busy machine's can outlast it."""
    gate, pauses = exchange._calls.gate, []
    monkeypatch.setattr(exchange._calls._http, "_stamp", lambda: 1_790_000_000_000)
    pause = gate.pause
    monkeypatch.setattr(gate, "pause", lambda seconds: (pauses.append(seconds), pause(600)))
    await exchange.clock_offset()

    async def limited(request):
        now = int(request.headers["X-BAPI-TIMESTAMP"])
        headers = {} if reset_in is None else {"X-Bapi-Limit-Reset-Timestamp": str(now + reset_in)}
        return web.json_response(envelope(code=10006, message="Too many visits!"), headers=headers)

    scripted.answers["/v5/account/wallet-balance"] = limited
    with pytest.raises(RateLimited) as caught:
        await exchange.balances(["USDT"])
    assert caught.value.code == 10006
    assert [caught.value.retry_after] == pauses == [{-5000: 0.1, 300: 0.3, None: 1.0}[reset_in]]
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
    sent = []
    for _ in range(5):
        sent.append(time.time())
        await exchange.balances(["USDT"])
    asked = scripted.asked("/v5/account/wallet-balance")
    asking_time = asked[0].at - sent[0]  # the stamps are late by as much as that, and by their own way
    for one, since in zip(asked, sent, strict=True):
        behind = one.at + ahead - int(one.headers["X-BAPI-TIMESTAMP"]) / 1000
        assert 0 <= behind <= one.at - since + asking_time + 0.002
        assert one.headers["X-BAPI-RECV-WINDOW"] == "5000"


async def test_accounts_of_one_process_have_each_their_own_clock(scripted, exchange, pool):
    async with ScriptedBybit(clock_ahead=-60.0) as elsewhere:
        other = BybitExchange(
            Environment.BYBIT_TESTNET, KEYS, elsewhere.endpoints, pool=pool, clock=SystemClock()
        )
        wallet = envelope({"list": [{"coin": []}]})
        scripted.answers["/v5/account/wallet-balance"] = wallet
        elsewhere.answers["/v5/account/wallet-balance"] = wallet
        began = time.monotonic()
        await asyncio.gather(*(one.balances(["USDT"]) for one in (exchange, other) * 3))
        took = (time.monotonic() - began) * 1000
        stamps = [
            int(server.asked("/v5/account/wallet-balance")[-1].headers["X-BAPI-TIMESTAMP"])
            for server in (scripted, elsewhere)
        ]
        assert stamps[0] - stamps[1] == pytest.approx(60_000, abs=took + 2)
        await other.close()


async def test_a_failed_refresh_of_the_clock_leaves_the_last_one_standing(scripted, exchange):
    scripted.answers["/v5/account/wallet-balance"] = envelope({"list": [{"coin": []}]})
    await exchange.balances(["USDT"])
    scripted.answers["/v5/market/time"] = html(503)
    exchange._calls.clock.doubt()
    for _ in range(3):
        assert (await exchange.balances(["USDT"]))["USDT"].total == 0
    assert len(scripted.asked("/v5/market/time")) == 2  # not asked again at once


async def test_without_the_servers_time_nothing_signed_leaves(scripted, exchange):
    scripted.answers["/v5/market/time"] = html(503)
    with pytest.raises(Unavailable):
        await exchange.balances(["USDT"])
    with pytest.raises(OutcomeUnknown, match="not sent"):
        await exchange.place(ORDER)
    scripted.answers["/v5/market/time"] = envelope(code=10006)
    with pytest.raises(RateLimited):
        await exchange.place(ORDER)
    assert {one.path for one in scripted.seen} == {"/v5/market/time"}
