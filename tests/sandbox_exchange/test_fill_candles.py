"""A fill carries the clock's time and its candle another: the exchange tells which belong together, and nobody else."""

import asyncio
import json
import sqlite3
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from tests.sandbox_exchange.client import pybit_session, until

SPOT = {"category": "spot", "symbol": "BTCUSDT"}


async def buy(exchange, session, times=1):
    for _ in range(times):
        before = len(exchange.core.executions["demo"])
        await asyncio.to_thread(session.place_order, **SPOT, side="Buy", orderType="Market", qty="60")
        await until(lambda n=before: len(exchange.core.executions["demo"]) > n, "the fill")


async def asked(exchange, exec_id):
    url = f"{exchange.rest_url}/sandbox/fill-candles"
    async with aiohttp.ClientSession() as http, http.get(url, params={"exec_id": exec_id}) as answer:
        return answer.status, await answer.json()


async def candles_of(exchange):
    """Of every fill of the first account, as a stranger is told."""
    fills = exchange.core.executions["demo"]
    status, told = await asked(exchange, fills[-1].exec_id)
    assert status == 200
    assert [row[:2] for row in told["fills"]] == [[fill.exec_id, fill.at_ms] for fill in fills]
    return [row[2] for row in told["fills"]]


@asynccontextmanager
async def buyer(exchange):
    """A session beside its exchange, in one `async with`."""
    with pybit_session(exchange) as session:
        yield session


@pytest.fixture
def options(tmp_path):
    return ExchangeOptions(paused=True, seed=3, state_file=tmp_path / "exchange.db")


async def test_each_fill_is_told_with_the_candle_it_was_made_in(exchange, session):
    opened = []
    for fills in (1, 2, 0, 1):
        await buy(exchange, session, fills)
        opened += [exchange.market.candle.open_time_ms] * fills
        assert await exchange.market.step()  # the first one to the end of the same candle
    assert await candles_of(exchange) == opened
    assert len(set(opened)) == 2
    _, told = await asked(exchange, exchange.core.executions["demo"][0].exec_id)
    assert told["under_way"] == exchange.market.candle.open_time_ms


async def test_a_resting_order_is_of_the_candle_that_met_it(exchange, session):
    price = exchange.market.seen[-1].low
    await asyncio.to_thread(
        session.place_order, **SPOT, side="Buy", orderType="Limit", qty="0.01", price=str(price)
    )
    await until(lambda: exchange.core.books["BTCUSDT"].resting, "the resting order")
    at = exchange.market.candle.open_time_ms
    await exchange.market.step()
    assert await candles_of(exchange) == [at]


async def test_bybits_own_words_stay_bybits(exchange, session):
    await buy(exchange, session)
    told = await asyncio.to_thread(session.get_executions, **SPOT)
    assert not [name for name in told["result"]["list"][0] if "candle" in name.lower()]


async def test_of_other_accounts_and_unknown_fills_nothing_is_told(exchange, session):
    await buy(exchange, session)
    key, secret = exchange.add_account("bia")
    with pybit_session(exchange, key, secret) as hers:
        await asyncio.to_thread(hers.place_order, **SPOT, side="Buy", orderType="Market", qty="60")
        await until(lambda: exchange.core.executions["bia"], "her fill")
    (ours,), (theirs,) = exchange.core.executions["demo"], exchange.core.executions["bia"]
    for one in (ours, theirs):
        _, told = await asked(exchange, one.exec_id)
        assert [row[0] for row in told["fills"]] == [one.exec_id]
    assert (await asked(exchange, "1"))[0] == (await asked(exchange, ""))[0] == 404
    async with aiohttp.ClientSession() as http, http.get(f"{exchange.rest_url}/sandbox/state") as answer:
        assert answer.status == 403


async def test_candles_are_remembered_over_a_restart(options):
    async with SandboxExchange(options) as exchange:
        with pybit_session(exchange) as session:
            await buy(exchange, session)
            await exchange.market.step()
            await exchange.market.step()
            await buy(exchange, session)
        before = await candles_of(exchange)
        assert before[0] < before[1]
    async with SandboxExchange(options) as again:
        assert await candles_of(again) == before
        with pybit_session(again) as session:
            await buy(again, session)
        assert (await candles_of(again))[-1] == again.market.candle.open_time_ms == before[1]


async def test_candles_of_other_prices_are_forgotten_for_good(options):
    async with SandboxExchange(options) as exchange, buyer(exchange) as session:
        await buy(exchange, session)
    async with SandboxExchange(replace(options, seed=4)) as other, buyer(other) as session:
        assert await candles_of(other) == [None]
        await buy(other, session)
        now = other.market.candle.open_time_ms
        assert await candles_of(other) == [None, now]
    async with SandboxExchange(replace(options, seed=4)) as again:
        assert await candles_of(again) == [None, now]
    async with SandboxExchange(options) as back:
        assert await candles_of(back) == [None, None]


async def test_fills_that_an_earlier_version_stored_have_no_candle(options):
    async with SandboxExchange(options) as exchange, buyer(exchange) as session:
        await buy(exchange, session)
    database = sqlite3.connect(options.state_file)
    ((body,),) = database.execute("SELECT body FROM executions").fetchall()
    old = json.loads(body)
    assert old.pop("candle_ms") > 0
    database.execute("UPDATE executions SET body = ?", (json.dumps(old),))
    database.commit()
    database.close()
    async with SandboxExchange(options) as again:
        assert await candles_of(again) == [None]
