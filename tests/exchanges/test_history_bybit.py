"""Bybit's public candles, by the real pybit over real sockets."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import ConfigError, InvalidInput, NotAllowed, RateLimited, Unavailable
from bot.exchanges.gate import host_gate
from bot.exchanges.history import open_history
from bot.exchanges.history_bybit import BybitHistory
from bot.ports import Environment
from bot.ports.history import Interval
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.exchange_faults import Answer, RequestFault
from tests.exchanges.history_kit import HALF, HOUR, QUICK, at, gathered, made, written

START, PRESENT, END = at("2024-12-05"), at("2025-02-10"), at("2025-02-20")
AWAY = range(at("2025-01-20"), at("2025-01-20") + 9 * HALF, HALF)
KLINE = "/v5/market/kline"
M30 = Interval.M30
ALL = made(START, END, without=AWAY)
PASSED = [one for one in ALL if one.at < PRESENT]


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[SandboxExchange]:
    """A market that stands at its candle of 10 February; what lies after is its future."""
    path = written(tmp_path / "BTCUSDT.csv", ALL)
    options = ExchangeOptions(candles=path, paused=True, offset=len(PASSED))
    async with SandboxExchange(options) as running:
        yield running


@pytest.fixture
async def source(exchange) -> AsyncIterator[BybitHistory]:
    opened = BybitHistory(exchange.rest_url, environment=Environment.SANDBOX_BYBIT, manners=QUICK)
    yield opened
    await opened.close()


async def test_the_pair_tells_its_rules_its_first_day_and_its_last_closed_candle(source):
    rules = await source.rules("BTCUSDT")
    assert (str(rules.symbol), rules.tick) == ("BTCUSDT", Decimal("0.01"))
    assert await source.listed_since("BTCUSDT") == START
    assert await source.closed_until("BTCUSDT", M30) == PRESENT
    assert await source.closed_until("BTCUSDT", Interval.D1) == PRESENT


async def test_a_listing_many_pages_of_days_ago_is_found(tmp_path: Path):
    first = at("2019-03-07")
    path = written(tmp_path / "BTCUSDT.csv", made(first, at("2025-02-20"), step=24 * HOUR))
    async with SandboxExchange(ExchangeOptions(candles=path, paused=True, offset=2100)) as exchange:
        source = BybitHistory(exchange.rest_url, environment=Environment.SANDBOX_BYBIT, manners=QUICK)
        assert await source.listed_since("BTCUSDT") == first
        await source.close()


async def test_candles_come_oldest_first_whole_and_exact_without_the_open_one(source):
    klines, ends = await gathered(source, M30, START, PRESENT)
    assert klines == PASSED
    assert ends == [*range(START + 1000 * HALF, PRESENT, 1000 * HALF), PRESENT]


async def test_bigger_intervals_are_asked_as_bybit_spells_them(source):
    for interval in (Interval.H1, Interval.H4, Interval.H12, Interval.D1):
        klines, _ = await gathered(source, interval, START, PRESENT)
        assert len(klines) == len({one.at // interval.ms for one in PASSED})
        assert klines[0].open == ALL[0].open
        assert klines[-1].close == PASSED[-1].close


@pytest.mark.parametrize(
    "fault",
    [
        RequestFault(KLINE, Answer.DROP, count=2),
        RequestFault(KLINE, Answer.HTTP, status=503),
        RequestFault(KLINE, Answer.RET_CODE, code=10006, message="Too many visits!"),
        RequestFault(KLINE, Answer.RET_CODE, code=10016, message="Internal error"),
    ],
    ids=lambda fault: f"{fault.answer} {fault.code}",
)
async def test_after_a_fault_all_candles_are_there_and_right(exchange, source, fault):
    exchange.faults.add(fault)
    klines, _ = await gathered(source, M30, START, PRESENT)
    assert exchange.faults.requests == []
    assert klines == PASSED


async def test_a_blocked_address_is_told_and_not_sat_out(exchange, source):
    exchange.faults.add(RequestFault(KLINE, Answer.HTTP, status=403))
    with pytest.raises(RateLimited):
        await gathered(source, M30, START, PRESENT)
    assert host_gate(exchange.rest_url).ban.left > 60


async def test_an_exchange_that_stays_away_is_unavailable(exchange, source):
    exchange.faults.add(RequestFault(KLINE, Answer.HTTP, status=503, count=3))
    with pytest.raises(Unavailable):
        await gathered(source, M30, START, PRESENT)


@pytest.mark.parametrize("pair", ["NOPEUSDT", "btc usdt", ""])
async def test_a_pair_that_is_not_traded_is_refused_in_words(source, pair):
    for question in (source.rules(pair), source.closed_until(pair, M30), source.listed_since(pair)):
        with pytest.raises(InvalidInput, match="a spot pair traded at sandbox-bybit") as refused:
            await question
        assert refused.value.key == "pair_not_traded"


async def test_an_interval_that_is_not_served_is_refused_at_once(source):
    with pytest.raises(InvalidInput, match="has no candles of 1m"):
        await source.closed_until("BTCUSDT", Interval.M1)


async def test_candles_that_were_not_asked_for_are_refused(source, monkeypatch):
    async def strange(*_, **query):
        return made(START - HALF, START + HALF)

    monkeypatch.setattr(source, "_klines", strange)
    with pytest.raises(Unavailable, match="not asked for"):
        await gathered(source, M30, START, PRESENT)


async def test_sources_are_opened_by_name():
    demo = open_history("bybit-demo")
    assert (demo.exchange, demo._calls.gate.host) == ("bybit", host_gate("https://api.bybit.com"))
    await demo.close()
    with pytest.raises(ConfigError, match="running sandbox"):
        open_history("sandbox-bybit")
    with pytest.raises(ConfigError, match="no address"):
        open_history("binance", rest="localhost")
    with pytest.raises(NotAllowed, match="kraken is not known; binance, bybit are"):
        open_history("kraken")
    sandbox = open_history("sandbox-binance", rest="http://127.0.0.1:9")
    assert sandbox.exchange == "sandbox-binance"
    await sandbox.close()
