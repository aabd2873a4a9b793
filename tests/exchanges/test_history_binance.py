"""Binance's public candles, by the real SDK over real sockets, through every fault that the stand-in knows."""

import io
import zipfile
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from bot.errors import InvalidInput, RateLimited, Unavailable
from bot.exchanges.history import open_history
from bot.exchanges.history_binance import BinanceAddresses, BinanceHistory
from bot.exchanges.history_binance_rows import archive_pages, market_rules, rest_klines
from bot.ports.history import Interval, Month
from bot.sandbox.binance import BinanceOptions, SandboxBinance
from bot.sandbox.exchange_faults import Answer, RequestFault
from tests.exchanges.history_kit import HALF, HOUR, QUICK, at, gathered, made, written

START, END = at("2024-12-05"), at("2025-03-02")
AWAY = range(at("2025-01-20"), at("2025-01-20") + 9 * HALF, HALF)
KLINES = "/api/v3/klines"
M30, JANUARY = Interval.M30, Month(2025, 1)
ALL = made(START, END, without=AWAY)


def tree(month: str) -> str:
    return f"/data/spot/monthly/klines/BTCUSDT/30m/BTCUSDT-30m-{month}.zip"


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[SandboxBinance]:
    path = written(tmp_path / "BTCUSDT.csv", ALL)
    async with SandboxBinance(BinanceOptions(candles=path)) as running:
        yield running


@pytest.fixture
async def source(exchange, monkeypatch) -> AsyncIterator[BinanceHistory]:
    """A whole month of half hours is 1,488 rows: worth an archive here."""
    monkeypatch.setattr("bot.exchanges.history_binance._PAGES_WORTH_AN_ARCHIVE", 1)
    opened = BinanceHistory(BinanceAddresses(exchange.rest_url, exchange.rest_url), manners=QUICK)
    yield opened
    await opened.close()


@pytest.fixture
async def by_rest(exchange) -> AsyncIterator[BinanceHistory]:
    opened = BinanceHistory(BinanceAddresses(exchange.rest_url, None), manners=QUICK)
    yield opened
    await opened.close()


def asked(exchange: SandboxBinance, monkeypatch) -> list[str]:
    """The paths that are asked from now on."""
    paths: list[str] = []
    take = exchange.faults.take

    def noted(path: str) -> RequestFault | None:
        paths.append(path)
        return take(path)

    monkeypatch.setattr(exchange.faults, "take", noted)
    return paths


async def test_the_pair_tells_its_rules_its_first_day_and_its_last_candle(source):
    rules = await source.rules("BTCUSDT")
    assert (str(rules.symbol), rules.symbol.base, rules.symbol.quote) == ("BTCUSDT", "BTC", "USDT")
    assert (rules.tick, rules.lot_step, rules.min_notional.value) == (Decimal("0.01"), Decimal("0.000001"), 5)
    assert rules.max_quantity.value == 8500
    assert await source.listed_since("BTCUSDT") == START
    assert await source.closed_until("BTCUSDT", M30) == END - HALF
    assert await source.closed_until("BTCUSDT", Interval.H1) == END - HOUR


async def test_candles_come_whole_and_exact_and_a_gap_stays_a_gap(source, by_rest):
    for way in (source, by_rest):
        klines, ends = await gathered(way, M30, START, END)
        assert klines == ALL
        assert ends == sorted(set(ends))
        assert ends[-1] == END


async def test_whole_months_come_from_archives_in_both_units_and_the_rest_from_rest(
    exchange, source, monkeypatch
):
    paths = asked(exchange, monkeypatch)
    klines, ends = await gathered(source, M30, at("2024-12-06"), at("2025-02-02"))
    assert klines == [one for one in ALL if at("2024-12-06") <= one.at < at("2025-02-02")]
    assert paths == [
        f"{tree('2024-12')}.CHECKSUM",
        tree("2024-12"),
        f"{tree('2025-01')}.CHECKSUM",
        tree("2025-01"),
        KLINES,  # whether it has what the archive leaves out
        KLINES,
    ]
    assert ends == [at("2025-01-01"), AWAY[0], AWAY[-1] + HALF, at("2025-02-01"), at("2025-02-02")]


async def test_a_short_piece_of_a_month_is_asked_of_rest(exchange, source, monkeypatch):
    paths = asked(exchange, monkeypatch)
    klines, _ = await gathered(source, M30, at("2025-01-31"), at("2025-02-01"))
    assert len(klines) == 48
    assert paths == [KLINES]


@pytest.mark.parametrize(
    "fault",
    [
        RequestFault(tree("2025-01"), Answer.CUT),
        RequestFault(tree("2025-01"), Answer.SPOIL),
        RequestFault(tree("2025-01"), Answer.DROP, count=2),
        RequestFault(tree("2025-01"), Answer.HTTP, status=503),
        RequestFault(tree("2025-01"), Answer.HTTP, status=429, retry_after=0),
        RequestFault(f"{tree('2025-01')}.CHECKSUM", Answer.SPOIL),
        RequestFault(f"{tree('2025-01')}.CHECKSUM", Answer.CUT),
        RequestFault(KLINES, Answer.HTTP, status=503),
        RequestFault(KLINES, Answer.CUT),
        RequestFault(KLINES, Answer.DROP, count=2),
    ],
    ids=lambda fault: (
        f"{fault.answer} {fault.status if fault.answer is Answer.HTTP else ''} {fault.path[-12:]}"
    ),
)
async def test_after_one_fault_all_candles_are_there_and_right(exchange, source, fault, monkeypatch):
    monkeypatch.setattr("bot.exchanges.history_binance._UNNAMED_WAIT", 0.01)
    exchange.faults.add(fault)
    klines, _ = await gathered(source, M30, at("2025-01-01"), at("2025-02-10"))
    assert exchange.faults.requests == []
    assert klines == [one for one in ALL if at("2025-01-01") <= one.at < at("2025-02-10")]


async def test_an_archive_that_never_fits_its_checksum_is_not_used(exchange, source, monkeypatch):
    exchange.faults.add(RequestFault(tree("2025-01"), Answer.SPOIL, count=3))
    paths = asked(exchange, monkeypatch)
    klines, _ = await gathered(source, M30, at("2025-01-01"), at("2025-02-01"))
    assert klines == [one for one in ALL if at("2025-01-01") <= one.at < at("2025-02-01")]
    assert paths.count(tree("2025-01")) == 3
    assert paths.count(KLINES) == 2


async def test_the_exchange_is_left_alone_as_long_as_it_asks_for(exchange, source, monkeypatch):
    naps = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        source._patience._quiet_until = 0.0

    monkeypatch.setattr("bot.exchanges.history_patience.asyncio.sleep", nap)
    exchange.faults.add(RequestFault(KLINES, Answer.HTTP, status=429, code=-1003, retry_after=17))
    await source.closed_until("BTCUSDT", M30)
    assert max(naps) == pytest.approx(17, abs=0.5)


async def test_a_long_ban_is_told_and_not_sat_out(exchange, source):
    exchange.faults.add(RequestFault(KLINES, Answer.HTTP, status=418, code=-1003, retry_after=7200))
    with pytest.raises(RateLimited) as refused:
        await source.closed_until("BTCUSDT", M30)
    assert refused.value.retry_after == 7200


async def test_an_exchange_that_stays_away_is_unavailable(exchange, source):
    exchange.faults.add(RequestFault(KLINES, Answer.HTTP, status=503, count=3))
    with pytest.raises(Unavailable, match="503"):
        await source.closed_until("BTCUSDT", M30)


async def test_nobody_listening_is_unavailable():
    source = BinanceHistory(BinanceAddresses("http://127.0.0.1:1", None), manners=QUICK)
    with pytest.raises(Unavailable, match="gave no answer"):
        await source.rules("BTCUSDT")
    await source.close()


@pytest.mark.parametrize("pair", ["NOPEUSDT", "btc usdt", "../etc", ""])
async def test_a_pair_that_is_not_traded_is_refused_in_words(source, pair):
    for question in (source.rules(pair), source.closed_until(pair, M30), source.listed_since(pair)):
        with pytest.raises(InvalidInput, match="no spot pair traded at binance") as refused:
            await question
        assert (refused.value.field, refused.value.key) == ("par", "pair_not_traded")


async def test_candles_of_a_length_that_is_not_there_are_refused_at_once(exchange, by_rest, monkeypatch):
    paths = asked(exchange, monkeypatch)
    with pytest.raises(InvalidInput, match="no such candles of BTCUSDT") as refused:
        await by_rest.closed_until("BTCUSDT", Interval.M1)
    assert refused.value.field == "interval"
    assert paths.count(KLINES) == 1


async def test_questions_are_paced(exchange):
    source = BinanceHistory(BinanceAddresses(exchange.rest_url, None))
    window = source._patience._window
    await source.closed_until("BTCUSDT", M30)
    assert len(window._starts) == 1
    assert window._starts.maxlen == 10
    await source.close()


ROW = [1499040000000, "1.5", "2", "1", "1.25", "9.75", 1499644799999, "2434.19", 308, "1756", "28", "0"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [[]],
        [[*ROW[:1], 1.5, *ROW[2:]]],
        [[*ROW[:1], "NaN", *ROW[2:]]],
        [ROW, ROW],
        [[ROW[0] + 60_000, *ROW[1:]], ROW],
        None,
        [None],
    ],
)
def test_what_is_no_list_of_candles_teaches_nothing(answer):
    with pytest.raises(Unavailable, match="unreadable candles"):
        rest_klines(answer)


def read(text: str, month: Month = JANUARY):
    pages = list(archive_pages(io.StringIO(text), M30, month.start, month))
    return [kline for page in pages for kline in page.klines]


LINE = f"{at('2025-01-01')}000,1,2,1,2,5,0,0,0,0,0,0"


def test_an_archive_may_have_a_header():
    (kline,) = read(f"open_time,open,high,low,close,volume\r\n{LINE}\r\n")
    assert (kline.at, kline.volume) == (at("2025-01-01"), 5)


@pytest.mark.parametrize(
    "text",
    [
        f"{LINE}\n{LINE}",
        f"{LINE}\nnonsense",
        LINE.replace(",5,", ",x,"),
        LINE.replace("000,1", "001,1"),
        LINE[:22],
    ],
)
def test_an_archive_that_cannot_be_read_is_refused(text):
    with pytest.raises(Unavailable, match="unreadable archive"):
        read(text)


def test_an_archive_of_another_month_is_refused():
    with pytest.raises(Unavailable, match="is not of 2025-02"):
        read(LINE, month=Month(2025, 2))


async def test_after_an_archive_that_breaks_off_rest_goes_on(exchange, source, monkeypatch):
    monkeypatch.setattr("bot.exchanges.history_binance_rows._ARCHIVE_PAGE", 100)
    whole = await (await source._files.get(f"{exchange.rest_url}{tree('2025-01')}")).read()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        lines = archive.read("BTCUSDT-30m-2025-01.csv").decode().splitlines()
    lines[250] = lines[250].replace(",", ";")
    odd = io.BytesIO()
    with zipfile.ZipFile(odd, "w") as archive:
        archive.writestr("BTCUSDT-30m-2025-01.csv", "\n".join(lines))

    async def published(*_):
        return odd.getvalue()

    monkeypatch.setattr(source, "_archived", published)
    paths = asked(exchange, monkeypatch)
    klines, ends = await gathered(source, M30, at("2025-01-01"), at("2025-02-01"))
    assert klines == [one for one in ALL if at("2025-01-01") <= one.at < at("2025-02-01")]
    assert ends[:2] == [at("2025-01-01") + 100 * HALF, at("2025-01-01") + 200 * HALF]
    assert paths == [KLINES, KLINES]


def test_rules_that_cannot_be_read_teach_nothing():
    with pytest.raises(Unavailable, match="unreadable exchange information"):
        market_rules({"symbols": [{"symbol": "BTCUSDT", "filters": []}]}, "BTCUSDT")


async def test_published_addresses_are_the_default():
    source = open_history("binance-testnet")
    assert source.exchange == "binance"
    assert source._client.API_URL == "https://data-api.binance.vision/api"
    assert isinstance(source._files, aiohttp.ClientSession)
    await source.close()
