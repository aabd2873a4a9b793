"""The market's pace: speed, pausing, stepping, the end of the candles."""

import asyncio
import time
from pathlib import Path

import pytest

from bot.errors import InvalidInput
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange, parse_speed
from bot.sandbox.market import Position
from tests.sandbox_exchange.client import until
from tests.sandbox_exchange.core import D

ROWS = "open_time_ms,open,high,low,close,volume\n"


@pytest.fixture
def five(tmp_path: Path) -> Path:
    """Five candles of an ETHUSDT file."""
    path = tmp_path / "made_ETHUSDT_1m.csv"
    path.write_text(ROWS + "".join(f"{n * 60_000},10{n},11{n},9{n},10{n}.5,1\n" for n in range(1, 6)))
    return path


async def test_at_the_end_the_market_stops_and_holds_the_last_price(five):
    async with SandboxExchange(ExchangeOptions(candles=five, speed=0)) as exchange:
        await until(lambda: exchange.market.ended, "the end")
        assert exchange.market.symbol == "ETHUSDT"
        assert exchange.market.position == Position(4, 3, D("105.5"))
        assert await exchange.market.step() is False
        assert exchange.market.price == D("105.5")


async def test_speed_is_candles_a_second(five):
    """A busy machine holds up the market and the waits beside it alike: 16 quarters of a candle, 0.2 s; 0.6 s."""

    async def waits() -> None:
        for _ in range(16):
            await asyncio.sleep(0.6 / 16)

    async with SandboxExchange(ExchangeOptions(candles=five, speed=20)) as exchange:
        start, beside = time.monotonic(), asyncio.create_task(waits())
        await until(lambda: exchange.market.index == 4, "the fifth candle")
        assert not beside.done()
        assert time.monotonic() - start >= 0.19
        await beside


async def test_stepping_walks_one_candle_and_a_paused_market_stands(five):
    async with SandboxExchange(ExchangeOptions(candles=five, paused=True)) as exchange:
        assert exchange.market.position == Position(0, 0, D(101))
        assert await exchange.market.step()
        assert exchange.market.position == Position(0, 3, D("101.5"))
        assert await exchange.market.step()
        assert exchange.market.position == Position(1, 3, D("102.5"))


async def test_an_offset_skips_candles_but_shows_them_as_seen(five):
    async with SandboxExchange(ExchangeOptions(candles=five, paused=True, offset=3)) as exchange:
        assert exchange.market.position == Position(3, 0, D(104))
        assert len(exchange.market.seen) == 4


async def test_an_offset_beyond_the_file_is_refused(five):
    with pytest.raises(InvalidInput, match="no candle after the first 5"):
        await SandboxExchange(ExchangeOptions(candles=five, offset=5)).start()


async def test_a_market_paused_within_a_candle_can_be_stepped_to_its_end(five):
    async with SandboxExchange(ExchangeOptions(candles=five, speed=2, paused=True)) as exchange:
        told = exchange.market.on_move

        def pause_at_the_next_point() -> None:
            told()
            if exchange.market.point == 1:
                exchange.market.on_move = told
                exchange.market.pause()

        exchange.market.on_move = pause_at_the_next_point
        exchange.market.resume()
        await until(lambda: exchange.market.paused, "a point within the candle")
        assert exchange.market.point == 1
        assert await exchange.market.step()
        assert exchange.market.position == Position(0, 3, D("101.5"))
        exchange.market.set_speed(0)
        exchange.market.resume()
        await until(lambda: exchange.market.ended, "the end")


async def test_full_speed_leaves_the_loop_alive():
    async with SandboxExchange(ExchangeOptions(speed=0)) as exchange:
        turns = 0
        start = exchange.market.index
        while exchange.market.index < start + 500:
            await asyncio.sleep(0)
            turns += 1
        assert turns >= 400, "the market takes its turn and no more"


@pytest.mark.parametrize(("text", "speed"), [("max", 0.0), ("0", 0.0), ("2.5", 2.5), (" MAX ", 0.0)])
def test_a_speed_is_a_number_or_max(text, speed):
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["fast", "-1", "nan", "inf", "1e9", ""])
def test_other_speeds_are_refused(text):
    with pytest.raises(InvalidInput):
        parse_speed(text)
