"""Lockstep: at full speed the market waits for whoever has a fill to answer, for a bounded time."""

import asyncio
import time
from decimal import Decimal
from itertools import islice

import aiohttp
import pytest

from bot.sandbox.candles import read_candles
from bot.sandbox.desk import CoreRules
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.lockstep import Lockstep, LockstepTimes
from tests.beside import within
from tests.sandbox_exchange.client import private_stream, real_candles, until
from tests.sandbox_exchange.ladder import Client, simulate

FILE = "binance_BTCUSDT_5m_202208-202309.csv.gz"
CANDLES = 150


async def test_a_client_at_full_speed_agrees_with_the_backtest_rules_fill_for_fill():
    path = real_candles(FILE)
    expected = simulate(islice(read_candles(path), CANDLES))
    assert len(expected) > 30
    options = ExchangeOptions(
        candles=path,
        speed=0,
        paused=True,
        rules=CoreRules(backtest_rules=True),
        lockstep=LockstepTimes(quiet_ms=120, first_ms=5_000, max_ms=10_000),
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


async def test_the_path_stops_at_the_very_point_of_a_fill(tmp_path):
    """An order placed on hearing of a fill rests on the same falling segment, and fills there as a maker."""
    path = tmp_path / "one.csv"
    path.write_text("open_time_ms,open,high,low,close,volume\n60000,100,100,90,95,1\n")
    options = ExchangeOptions(candles=path, paused=True, lockstep=LockstepTimes(quiet_ms=30))
    async with (
        SandboxExchange(options) as exchange,
        aiohttp.ClientSession() as http,
        private_stream(exchange, "order", "execution") as stream,
    ):
        client = Client(exchange, http, stream)
        first = await client.place("Buy", Decimal(98), Decimal("0.1"))
        await stream.row("order", orderLinkId=first, orderStatus="New")
        stepping = asyncio.create_task(exchange.market.step())
        await client.fill()
        assert exchange.market.price == Decimal(98)
        await client.place("Buy", Decimal(96), Decimal("0.1"))
        second = await client.fill()
        assert exchange.market.price == Decimal(96)
        assert (second["execPrice"], second["isMaker"]) == ("96.00", True)
        await client.post("/v5/order/cancel", orderLinkId=first)
        await stepping


async def test_a_market_that_is_told_to_pause_says_so_once_nothing_moves_any_more(tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("open_time_ms,open,high,low,close,volume\n60000,100,100,90,95,1\n")
    times = LockstepTimes(quiet_ms=30, first_ms=150)
    options = ExchangeOptions(candles=path, paused=True, speed=0, lockstep=times)
    async with (
        SandboxExchange(options) as exchange,
        aiohttp.ClientSession() as http,
        private_stream(exchange, "order", "execution") as stream,
    ):
        client = Client(exchange, http, stream)
        for price in (98, 96):
            order = await client.place("Buy", Decimal(price), Decimal("0.1"))
            await stream.row("order", orderLinkId=order, orderStatus="New")
        exchange.market.resume()
        await client.fill()
        await exchange.market.stand_still()
        assert (exchange.market.price, exchange.market.paused) == (Decimal(90), True)
        assert len(exchange.core.executions["demo"]) == 2


class Owing:
    """A lockstep in which `ana` owes an answer since now, and how long the market waited for her."""

    def __init__(self, times):
        self.start = time.monotonic()
        self.lockstep = Lockstep(times)
        self.lockstep.executed("ana")

    async def waited(self):
        await self.lockstep.clear()
        return time.monotonic() - self.start


async def test_without_lockstep_nobody_is_waited_for():
    with pytest.raises(StopIteration):  # it ends at its first step
        Owing(None).lockstep.clear().send(None)


async def test_a_client_that_never_answers_is_waited_for_first_ms():
    async with within(0.4):
        assert await Owing(LockstepTimes(quiet_ms=10, first_ms=80, max_ms=5_000)).waited() >= 0.08


async def test_an_answer_is_followed_by_quiet_ms():
    owing = Owing(LockstepTimes(quiet_ms=50, first_ms=5_000, max_ms=9_000))
    owing.lockstep.started("ana", answers=True)
    owing.lockstep.ended("ana")
    async with within(0.4):
        assert await owing.waited() >= 0.04


async def test_a_stall_of_the_program_is_not_taken_for_quiet():
    """What was sent meanwhile is read some turns of the loop later."""
    owing = Owing(LockstepTimes(quiet_ms=50, first_ms=5_000, max_ms=9_000))
    owing.lockstep.started("ana", answers=True)
    owing.lockstep.ended("ana")
    market = asyncio.create_task(owing.lockstep.clear())
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - the stall
    for _ in range(20):
        await asyncio.sleep(0)
    owing.lockstep.started("ana", answers=True)
    await asyncio.sleep(0)
    assert not market.done()
    owing.lockstep.ended("ana")
    async with asyncio.timeout(30):
        await market


async def test_reading_requests_are_no_answer():
    owing = Owing(LockstepTimes(quiet_ms=1, first_ms=100, max_ms=5_000))
    owing.lockstep.started("ana", answers=False)
    owing.lockstep.ended("ana")
    assert await owing.waited() >= 0.08


async def test_a_request_under_way_holds_the_market_but_no_longer_than_max_ms():
    owing = Owing(LockstepTimes(quiet_ms=1, first_ms=1, max_ms=120))
    owing.lockstep.started("ana", answers=True)
    async with within(0.5):
        assert await owing.waited() >= 0.1


async def test_requests_of_somebody_else_are_no_answer():
    owing = Owing(LockstepTimes(quiet_ms=1, first_ms=100, max_ms=5_000))
    owing.lockstep.started("bia", answers=True)
    owing.lockstep.ended("bia")
    assert await owing.waited() >= 0.08


@pytest.mark.parametrize("delay_ms", [0, 40])
async def test_the_market_waits_for_what_is_acknowledged_and_still_on_its_way(delay_ms):
    owing = Owing(LockstepTimes(quiet_ms=10, first_ms=5_000, max_ms=9_000))
    owing.lockstep.started("ana", answers=True)
    owing.lockstep.started("ana", answers=False)
    owing.lockstep.ended("ana")
    asyncio.get_running_loop().call_later(delay_ms / 1000, owing.lockstep.ended, "ana")
    assert await owing.waited() >= delay_ms / 1000
