"""A download that is killed, starved or run twice: what is on disk stays sound, and the next one makes it whole."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.backtest.fetch import fetch, fetched
from bot.backtest.month_file import BadMonth
from bot.backtest.store import HistoryStore
from bot.exchanges.history_binance import BinanceAddresses, BinanceHistory
from bot.ports.history import Interval
from bot.sandbox.binance import BinanceOptions, SandboxBinance
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.exchange_faults import Answer, RequestFault
from tests.backtest.labour import heed_ctrl_c
from tests.exchanges.history_kit import HALF, QUICK, at, made, written

ROOT = Path(__file__).parents[2]
START, END = at("2024-12-05"), at("2025-03-02")
ALL = made(START, END, without=range(at("2025-01-20"), at("2025-01-20") + 9 * HALF, HALF))
M30 = Interval.M30
PAIR = ("binance", "BTCUSDT", M30)


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[SandboxBinance]:
    async with SandboxBinance(BinanceOptions(candles=written(tmp_path / "BTCUSDT.csv", ALL))) as running:
        yield running


@pytest.fixture
async def source(exchange) -> AsyncIterator[BinanceHistory]:
    opened = BinanceHistory(BinanceAddresses(exchange.rest_url, None), manners=QUICK)
    yield opened
    await opened.close()


@pytest.fixture
async def whole(source, tmp_path: Path) -> dict[str, bytes]:
    """The files of an undisturbed download."""
    await fetch(HistoryStore(tmp_path / "whole"), source, "BTCUSDT", M30, start=None, end=None)
    return content(tmp_path / "whole")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def get(exchange: SandboxBinance, home: Path) -> asyncio.subprocess.Process:
    where = ("--rest", exchange.rest_url, "--symbol", "BTCUSDT", "--interval", "30m", "--json")
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "history", "get", *where, env=os.environ | {"DATA_DIR": str(home)},
        cwd=ROOT, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


def sound(home: Path) -> bool:
    return not any(verdict.problems for verdict in HistoryStore(home / "history").verify())


async def test_killed_at_any_page_what_is_there_is_sound_and_the_next_run_makes_the_same_bytes(
    exchange, whole, tmp_path: Path
):
    home = tmp_path / "home"
    for page in (0, 1, 3, 4):
        asked, take = asyncio.Event(), exchange.faults.take

        def noted(path: str, take=take, asked=asked) -> RequestFault | None:
            fault = take(path)
            if fault is not None and fault.delay_ms:
                asked.set()
            return fault

        exchange.faults.take = noted
        for delay in (*(0,) * page, 600_000):
            exchange.faults.add(RequestFault("/api/v3/klines", Answer.NONE, delay_ms=delay))
        process = await get(exchange, home)
        await asyncio.wait_for(asked.wait(), 60)
        process.kill()
        await process.communicate()
        exchange.faults.take = take
        exchange.faults.clear()
        assert sound(home)
    assert 0 < sum(one.rows for one in HistoryStore(home / "history").kept()) < len(ALL)
    said, _ = await asyncio.wait_for((await get(exchange, home)).communicate(), 60)
    assert json.loads(said)["candles"] == len(ALL) - 1
    assert sound(home)
    assert content(home / "history") == whole


async def test_two_downloads_at_once_make_the_same_bytes(exchange, whole, tmp_path: Path):
    home = tmp_path / "home"
    both = [await get(exchange, home) for _ in range(2)]
    for process in both:
        said, wrong = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, wrong
        assert json.loads(said)["candles"] == len(ALL) - 1
    assert content(home / "history") == whole


async def test_months_that_are_over_are_never_touched_again(source, tmp_path: Path):
    store = HistoryStore(tmp_path / "home")

    def stats() -> dict[str, tuple[int, int, bytes]]:
        found = (tmp_path / "home").rglob("*.parquet")
        return {path.stem: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in found}

    await fetch(store, source, "BTCUSDT", M30, start=START, end=at("2025-02-10"))
    before = stats()
    await fetch(store, source, "BTCUSDT", M30, start=START, end=None)
    after = stats()
    assert list(before) == ["2024-12", "2025-01", "2025-02"] or set(before) < set(after)
    assert {month: after[month] == before[month] for month in before} == {
        "2024-12": True,
        "2025-01": True,
        "2025-02": False,
    }


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    """A bit in the middle, where the prices are: the footer stays as it is."""
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


@pytest.mark.parametrize("harm", [cut, emptied, flipped])
@pytest.mark.parametrize("month", ["2024-12", "2025-02"])
async def test_a_month_that_broke_on_disk_is_fetched_anew(source, whole, tmp_path: Path, month, harm):
    root = tmp_path / "whole"
    path = root / f"binance/BTCUSDT/30m/{month}.parquet"
    harm(path)
    assert HistoryStore(root).verify()[0].problems
    _, history = await fetched(HistoryStore(root), source, "BTCUSDT", M30, start=None, end=None)
    assert len(history) == len(ALL) - 1
    path.with_suffix(".broken").unlink()
    assert content(root) == whole
    assert HistoryStore(root).verify()[0].problems == ()


async def test_an_exchange_whose_candles_are_impossible_breaks_nothing_on_disk(exchange, source, tmp_path):
    store = HistoryStore(tmp_path / "home")
    await fetch(store, source, "BTCUSDT", M30, start=START, end=at("2025-02-10"))
    before = content(tmp_path / "home")
    asked = source._klines

    async def impossible(*args, **query):
        return [one._replace(high=one.low - 1) for one in await asked(*args, **query)]

    source._klines = impossible
    with pytest.raises(BadMonth, match="impossible candle"):
        await fetched(store, source, "BTCUSDT", M30, start=START, end=None)
    assert content(tmp_path / "home") == before


async def test_ctrl_c_does_not_wait_for_a_bybit_that_keeps_silent(tmp_path: Path):
    async with SandboxExchange(ExchangeOptions(paused=True, past_days=40)) as exchange:
        exchange.faults.add(RequestFault("/v5/market/kline", Answer.NONE, count=8))
        exchange.faults.add(RequestFault("/v5/market/kline", Answer.NONE, delay_ms=600_000))
        where = (
            "--exchange",
            "bybit",
            "--rest",
            exchange.rest_url,
            "--symbol",
            "BTCUSDT",
            "--interval",
            "5m",
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "history", "get", *where, env=os.environ | {"DATA_DIR": str(tmp_path)},
            cwd=ROOT, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, preexec_fn=heed_ctrl_c,
        )  # fmt: skip
        async with asyncio.timeout(60):
            while exchange.faults.requests:
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(process.communicate(), 10)  # pybit's own patience is 20
        assert (process.returncode, b"what came is kept" in said, b"Traceback" in said) == (130, True, False)
    assert sound(tmp_path)
    assert HistoryStore(tmp_path / "history").kept()[0].rows >= 1000
