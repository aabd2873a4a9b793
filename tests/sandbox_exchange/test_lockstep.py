"""Lockstep: at full speed the market waits for whoever has a fill to answer, for a bounded time."""

import asyncio
import time
from itertools import islice

import aiohttp
import pytest

from bot.sandbox.candles import read_candles
from bot.sandbox.desk import CoreRules
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.lockstep import Lockstep, LockstepTimes
from tests.sandbox_exchange.client import private_stream, real_candles, until
from tests.sandbox_exchange.ladder import Client, simulate

FILE = "binance_BTCUSDT_5m_202208-202309.csv.gz"
CANDLES = 1_500


async def test_a_client_at_full_speed_agrees_with_the_backtest_rules_fill_for_fill():
    path = real_candles(FILE)
    expected = simulate(islice(read_candles(path), CANDLES))
    assert len(expected) > 30
    options = ExchangeOptions(
        candles=path,
        speed=0,
        paused=True,
        rules=CoreRules(backtest_rules=True),
        lockstep=LockstepTimes(quiet_ms=30, first_ms=5_000, max_ms=10_000),
    )
    async with (
        SandboxExchange(options) as exchange,
        aiohttp.ClientSession() as http,
        private_stream(exchange, "order", "execution") as stream,
    ):
        client = Client(exchange, http, stream)
        running = asyncio.create_task(client.run())
        await until(lambda: exchange.core.executions["demo"], "the first buy at the first open")
        for _ in range(CANDLES):
            await exchange.market.step()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert client.fills == expected


def owing(times):
    lockstep = Lockstep(times)
    lockstep.executed("ana")
    return lockstep


async def waited(lockstep):
    start = time.monotonic()
    await lockstep.clear()
    return time.monotonic() - start


async def test_without_lockstep_nobody_is_waited_for():
    assert await waited(owing(None)) < 0.01


async def test_a_client_that_never_answers_is_waited_for_first_ms():
    assert 0.08 <= await waited(owing(LockstepTimes(quiet_ms=10, first_ms=80, max_ms=5_000))) < 0.4


async def test_an_answer_is_followed_by_quiet_ms():
    lockstep = owing(LockstepTimes(quiet_ms=50, first_ms=5_000, max_ms=9_000))
    lockstep.started("ana", answers=True)
    lockstep.ended("ana")
    assert 0.04 <= await waited(lockstep) < 0.4


async def test_reading_requests_are_no_answer():
    lockstep = owing(LockstepTimes(quiet_ms=1, first_ms=100, max_ms=5_000))
    lockstep.started("ana", answers=False)
    lockstep.ended("ana")
    assert await waited(lockstep) >= 0.08


async def test_a_request_under_way_holds_the_market_but_no_longer_than_max_ms():
    lockstep = owing(LockstepTimes(quiet_ms=1, first_ms=1, max_ms=120))
    lockstep.started("ana", answers=True)
    assert 0.1 <= await waited(lockstep) < 0.5


async def test_requests_of_somebody_else_are_no_answer():
    lockstep = owing(LockstepTimes(quiet_ms=1, first_ms=100, max_ms=5_000))
    lockstep.started("bia", answers=True)
    lockstep.ended("bia")
    assert await waited(lockstep) >= 0.08


@pytest.mark.parametrize("delay_ms", [0, 40])
async def test_the_market_waits_for_what_is_acknowledged_and_still_on_its_way(delay_ms):
    lockstep = owing(LockstepTimes(quiet_ms=10, first_ms=5_000, max_ms=9_000))
    lockstep.started("ana", answers=True)
    lockstep.started("ana", answers=False)
    lockstep.ended("ana")
    asyncio.get_running_loop().call_later(delay_ms / 1000, lockstep.ended, "ana")
    assert await waited(lockstep) >= delay_ms / 1000
