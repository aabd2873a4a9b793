"""From an exchange's sockets into the store: nothing asked twice, nothing lost by an interruption, nothing made up."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.backtest.fetch import Progress, fetch
from bot.backtest.store import HistoryStore, Span
from bot.errors import InvalidInput, Unavailable
from bot.exchanges.history_binance import BinanceAddresses, BinanceHistory
from bot.exchanges.history_bybit import BybitHistory
from bot.ports import Environment
from bot.ports.history import HistorySource, Interval
from bot.sandbox.binance import BinanceOptions, SandboxBinance
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.exchange_faults import Answer, RequestFault
from tests.exchanges.history_kit import HALF, HOUR, QUICK, at, made, written

START, END = at("2024-12-05"), at("2025-03-02")
AWAY = range(at("2025-01-20"), at("2025-01-20") + 9 * HALF, HALF)
KLINES = "/api/v3/klines"
M30 = Interval.M30
ALL = made(START, END, without=AWAY)
PAIR = ("binance", "BTCUSDT", M30)


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history")


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[SandboxBinance]:
    async with SandboxBinance(BinanceOptions(candles=written(tmp_path / "BTCUSDT.csv", ALL))) as running:
        yield running


@pytest.fixture
async def source(exchange) -> AsyncIterator[BinanceHistory]:
    opened = BinanceHistory(BinanceAddresses(exchange.rest_url, None), manners=QUICK)
    yield opened
    await opened.close()


def asked(exchange: SandboxBinance | SandboxExchange, monkeypatch) -> list[str]:
    paths: list[str] = []
    take = exchange.faults.take
    monkeypatch.setattr(exchange.faults, "take", lambda path: (paths.append(path), take(path))[1])
    return paths


def kept(
    store: HistoryStore, start: int | None = None, end: int | None = None, exchange: str = "binance"
) -> list[int]:
    return list(map(int, store.load(exchange, "BTCUSDT", M30, start, end).times))


def times(start: int, end: int) -> list[int]:
    return [one.at for one in ALL if start <= one.at < end]


async def test_what_was_asked_lies_on_disk_with_its_gap_and_without_the_last_candle(store, source):
    span = await fetch(store, source, "BTCUSDT", M30, start=START, end=END)
    assert span == Span(START, END - HALF)
    history = store.load(*PAIR, *span)
    assert list(map(int, history.times)) == times(START, END - HALF)
    (gap,) = history.gaps()
    assert (gap.after, gap.missing) == (AWAY[0] - HALF, 9)
    assert history.price(history.closes[5]).value == ALL[5].close


async def test_none_is_as_far_as_the_history_goes(store, source):
    assert await fetch(store, source, "BTCUSDT", M30, start=None, end=None) == Span(START, END - HALF)


async def test_nothing_is_asked_where_all_of_it_is_on_disk(store, exchange, source, monkeypatch):
    await fetch(store, source, "BTCUSDT", M30, start=START, end=at("2025-01-10"))
    paths = asked(exchange, monkeypatch)
    span = await fetch(store, source, "BTCUSDT", M30, start=at("2024-12-20"), end=at("2025-01-09"))
    assert (span, paths) == (Span(at("2024-12-20"), at("2025-01-09")), [])


async def test_only_what_is_missing_is_asked(store, exchange, source, monkeypatch):
    await fetch(store, source, "BTCUSDT", M30, start=at("2025-02-01"), end=at("2025-02-10"))
    paths = asked(exchange, monkeypatch)
    seen: list[Progress] = []
    await fetch(store, source, "BTCUSDT", M30, start=START, end=at("2025-02-12"), told=seen.append)
    assert kept(store) == times(START, at("2025-02-12"))
    whole = at("2025-02-01") - at("2024-12-01") + at("2025-02-12") - at("2025-02-10")
    assert {one.whole for one in seen} == {whole}
    assert [one.known for one in seen] == sorted(one.known for one in seen)
    assert seen[-1].known == whole
    assert paths.count(KLINES) == 2 + 2 + 2 + 1  # last and first candle, two months of two pages, one piece


async def test_a_download_that_broke_goes_on_where_it_stopped(store, exchange, source, monkeypatch):
    for _ in range(4):
        exchange.faults.add(RequestFault(KLINES, Answer.NONE))
    exchange.faults.add(RequestFault(KLINES, Answer.HTTP, status=503, count=3))
    with pytest.raises(Unavailable):
        await fetch(store, source, "BTCUSDT", M30, start=START, end=None)
    (span,) = store.missing(*PAIR, START, END - HALF)
    assert START < span.start < END
    assert kept(store) == times(START, span.start)
    files = {path: path.stat().st_mtime_ns for path in store._root.rglob("2024-12.parquet")}
    paths = asked(exchange, monkeypatch)
    await fetch(store, source, "BTCUSDT", M30, start=START, end=None)
    assert kept(store) == times(START, END - HALF)
    assert len(paths) < 2 + 7
    assert {path: path.stat().st_mtime_ns for path in files} == files


async def test_a_cancelled_download_keeps_what_came(store, exchange, source):
    reached = asyncio.Event()
    exchange.faults.add(RequestFault(KLINES, Answer.NONE, count=3))
    exchange.faults.add(RequestFault(KLINES, Answer.NONE, delay_ms=60_000))
    task = asyncio.create_task(
        fetch(store, source, "BTCUSDT", M30, start=START, end=None, told=lambda _: reached.set())
    )
    await asyncio.wait_for(reached.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = store.missing(*PAIR, START, END - HALF)
    assert kept(store) == times(START, span.start)
    assert len(kept(store)) >= 1000
    exchange.faults.clear()
    await fetch(store, source, "BTCUSDT", M30, start=START, end=None)
    assert kept(store) == times(START, END - HALF)


@pytest.mark.parametrize(
    ("start", "end", "key", "words"),
    [
        (
            at("2025-02-01"),
            at("2025-01-01"),
            "history_wrong_way_round",
            "from 2025-02-01 to 2025-01-01 is no period",
        ),
        (at("2025-02-01"), at("2025-02-01"), "history_wrong_way_round", "is no period"),
        (
            at("2024-12-04"),
            at("2025-01-01"),
            "history_before_listing",
            "traded on binance since 2024-12-05: 2024-12-04",
        ),
        (at("2019-01-01"), None, "history_before_listing", "is before that"),
        (
            at("2025-03-02"),
            None,
            "history_not_yet",
            "last closed candle of BTCUSDT on binance is of 2025-03-01",
        ),
    ],
)
async def test_a_period_that_cannot_be_had_is_refused_in_words(store, source, start, end, key, words):
    with pytest.raises(InvalidInput, match=words) as refused:
        await fetch(store, source, "BTCUSDT", M30, start=start, end=end)
    assert refused.value.key == key
    assert store.kept() == ()


async def test_a_pair_that_is_not_traded_leaves_nothing_on_disk(store, source):
    with pytest.raises(InvalidInput, match="no spot pair"):
        await fetch(store, source, "NOPEUSDT", M30, start=START, end=END)
    assert not store._root.exists()


async def test_both_exchanges_bring_the_same_candles(tmp_path: Path, store):
    path = written(tmp_path / "BTCUSDT.csv", ALL)
    options = ExchangeOptions(candles=path, paused=True, offset=2500)
    async with SandboxExchange(options) as exchange:
        present = ALL[2500].at
        sources: list[HistorySource] = [
            BybitHistory(exchange.rest_url, environment=Environment.SANDBOX_BYBIT, manners=QUICK),
            BinanceHistory(
                BinanceAddresses(exchange.rest_url, exchange.rest_url), name="sandbox-binance", manners=QUICK
            ),
        ]
        for source in sources:
            assert await fetch(store, source, "BTCUSDT", M30, start=None, end=None) == Span(START, present)
            assert kept(store, exchange=source.exchange) == times(START, present)
        both = [store.load(source.exchange, "BTCUSDT", M30) for source in sources]
        for name in ("opens", "highs", "lows", "closes"):
            assert list(getattr(both[0], name)) == list(getattr(both[1], name))
        await exchange.market.step()
        await exchange.market.step()
        span = await fetch(store, sources[0], "BTCUSDT", M30, start=None, end=None)
        assert span.end == ALL[2501].at
        assert kept(store, exchange="sandbox-bybit") == times(START, span.end)
        for source in sources:
            await source.close()


async def test_hours_made_by_the_exchange_are_kept_beside_the_half_hours(store, source):
    await fetch(store, source, "BTCUSDT", M30, start=START, end=at("2025-01-10"))
    await fetch(store, source, "BTCUSDT", Interval.H1, start=START, end=at("2025-01-10"))
    history = store.load("binance", "BTCUSDT", Interval.H1)
    assert history.step_ms == HOUR
    assert len(history) == (at("2025-01-10") - START) // HOUR
