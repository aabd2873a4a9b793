"""Public history from exchanges that answer oddly: by real sockets, each answer made by the test."""

import asyncio
import hashlib
import inspect
import io
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable

import pytest
from aiohttp import web

from bot.backtest.fetch import fetch
from bot.backtest.store import HistoryStore
from bot.errors import InvalidInput, RateLimited, Unavailable
from bot.exchanges.history_binance import BinanceAddresses, BinanceHistory
from bot.exchanges.history_bybit import BybitHistory
from bot.exchanges.history_patience import Manners
from bot.ports import Environment
from bot.ports.history import Interval, Kline
from tests.exchanges.history_kit import HALF, HOUR, QUICK, at, gathered, made

M30 = Interval.M30
START, END = at("2024-12-01"), at("2025-02-01")
HOLE = range(at("2025-01-20"), at("2025-01-20") + 9 * HALF, HALF)
ALL = made(START, END)
JANUARY = [one for one in ALL if one.at >= at("2025-01-01")]
KLINES, BYBIT_KLINES = "/api/v3/klines", "/v5/market/kline"
ARCHIVE = "/data/spot/monthly/klines/BTCUSDT/30m/BTCUSDT-30m-{}.zip"
CSV = "BTCUSDT-30m-{}.csv"
Handler = Callable[[web.Request], web.StreamResponse]


class Odd:
    """An exchange that has `klines`, gives at most `page` of them, and answers some paths as the test says."""

    def __init__(self) -> None:
        self.klines: list[Kline] = list(ALL)
        self.page = 1000
        self.answers: dict[str, Handler] = {}
        self.asked: list[str] = []
        self.starts: list[float] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.starts.append(time.monotonic())
        if (answer := self.answers.get(request.path)) is not None:
            said = answer(request)
            return await said if inspect.isawaitable(said) else said
        if request.path == KLINES:
            return web.json_response(self._binance(request.query))
        if request.path == BYBIT_KLINES:
            return enveloped({"category": "spot", "list": self._bybit(request.query)})
        if request.path == "/v5/market/instruments-info":
            return enveloped({"category": "spot", "list": [INSTRUMENT]})
        return web.Response(status=404)

    def _chosen(self, first: int, last: int) -> list[Kline]:
        return [one for one in self.klines if first <= one.at <= last]

    def _binance(self, query) -> list[list]:
        first, last = int(query.get("startTime", 0)), int(query.get("endTime", 10**15))
        limit = min(int(query["limit"]), self.page)
        found = self._chosen(first, last)
        found = found[:limit] if "startTime" in query else found[-limit:]
        return [[one.at, *map(str, one[1:]), one.at + HALF - 1, "0", 0, "0", "0", "0"] for one in found]

    def _bybit(self, query) -> list[list[str]]:
        first, last = int(query.get("start", 0)), int(query.get("end", 10**15))
        found = self._chosen(first, last)[-min(int(query["limit"]), self.page) :]
        return [[str(one.at), *map(str, one[1:]), "0"] for one in reversed(found)]

    def publish(self, month: str, packed: bytes, *, checksum: bool = True) -> None:
        path = ARCHIVE.format(month)
        self.answers[path] = lambda _: web.Response(body=packed)
        if checksum:
            text = f"{hashlib.sha256(packed).hexdigest()}  {path.rpartition('/')[2]}\n"
            self.answers[f"{path}.CHECKSUM"] = lambda _: web.Response(text=text)


INSTRUMENT = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "status": "Trading",
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.00000001",
        "minOrderAmt": "5",
        "maxLimitOrderQty": "83",
        "maxMarketOrderQty": "41",
    },
    "priceFilter": {"tickSize": "0.01"},
}


def enveloped(result: object, *, code: int = 0, message: str = "OK") -> web.Response:
    return web.json_response({"retCode": code, "retMsg": message, "result": result, "time": 1})


def lines(klines: Iterable[Kline]) -> str:
    return "".join(
        f"{one.at * 1000},{','.join(map(str, one[1:]))},{(one.at + HALF) * 1000 - 1},0,0,0,0,0\n"
        for one in klines
    )


def zipped(text: str, name: str = CSV.format("2025-01"), method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr(name, text)
    return packed.getvalue()


@pytest.fixture
async def odd() -> AsyncIterator[Odd]:
    made_up = Odd()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made_up.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made_up.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made_up
    await runner.cleanup()


@pytest.fixture
async def binance(odd, monkeypatch) -> AsyncIterator[BinanceHistory]:
    monkeypatch.setattr("bot.exchanges.history_binance._PAGES_WORTH_AN_ARCHIVE", 1)
    source = BinanceHistory(BinanceAddresses(odd.url, odd.url), manners=QUICK, timeout=5)
    yield source
    await source.close()


@pytest.fixture
async def bybit(odd) -> AsyncIterator[BybitHistory]:
    source = BybitHistory(odd.url, manners=QUICK)
    yield source
    await source.close()


async def january(source: BinanceHistory) -> list[Kline]:
    klines, ends = await gathered(source, M30, at("2025-01-01"), END)
    assert (ends, ends[-1]) == (sorted(set(ends)), END)
    return klines


@pytest.mark.parametrize("status", [301, 302, 307, 403, 451])
async def test_a_redirect_and_a_barred_address_are_told_at_once_and_led_nowhere(odd, binance, status):
    odd.answers[KLINES] = lambda _: web.Response(status=status, headers={"Location": "/elsewhere"})
    with pytest.raises(Unavailable, match=f"binance answered {status}$"):
        await binance.closed_until("BTCUSDT", M30)
    assert odd.asked == [KLINES]


async def test_a_redirected_archive_is_not_followed(odd, binance):
    odd.publish("2025-01", zipped(lines(JANUARY)))
    odd.answers["/elsewhere"] = odd.answers[ARCHIVE.format("2025-01")]
    odd.answers[ARCHIVE.format("2025-01")] = lambda _: web.Response(
        status=302, headers={"Location": "/elsewhere"}
    )
    assert await january(binance) == JANUARY
    assert "/elsewhere" not in odd.asked
    assert odd.asked.count(ARCHIVE.format("2025-01")) == 1


async def test_pages_shorter_than_asked_for_lose_no_candle(odd, binance, bybit):
    odd.page = 300
    odd.klines = [one for one in ALL if one.at not in HOLE]
    for source in (binance, bybit):
        klines, ends = await gathered(source, M30, START, END)
        assert klines == odd.klines
        assert (ends, ends[-1]) == (sorted(set(ends)), END)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "open_time,open,high,low,close,volume\n",
        lines(JANUARY[:700]),
        lines(JANUARY[700:]),
        lines(one for one in JANUARY if one.at not in HOLE),
        lines(JANUARY[::2]),
        lines(JANUARY).replace(",", ";"),
        "open,high\nlow,close\n" + lines(JANUARY),
        lines(reversed(JANUARY)),
        lines([*JANUARY[:500], *JANUARY[499:]]),
        lines(JANUARY[:500])[:-60],
    ],
    ids=[
        "empty",
        "header",
        "first",
        "last",
        "hole",
        "sieve",
        "semicolons",
        "headers",
        "down",
        "twice",
        "cut",
    ],
)
async def test_what_an_archive_leaves_out_is_asked_of_rest(odd, binance, text):
    odd.publish("2025-01", zipped(text))
    assert await january(binance) == JANUARY
    assert odd.asked.count(KLINES) <= 45


async def test_a_gap_that_rest_has_as_well_stays_a_gap(odd, binance):
    odd.klines = [one for one in ALL if one.at not in HOLE]
    odd.publish("2025-01", zipped(lines(one for one in JANUARY if one.at not in HOLE)))
    assert await january(binance) == [one for one in JANUARY if one.at not in HOLE]
    assert odd.asked.count(KLINES) == 1


def locked() -> bytes:
    """A zip whose header says that a password is wanted."""
    packed = bytearray(zipped(lines(JANUARY)))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def oddly_packed() -> bytes:
    packed = bytearray(zipped(lines(JANUARY)))
    packed[8] = packed[packed.index(b"PK\x01\x02") + 10] = 99
    return bytes(packed)


@pytest.mark.parametrize(
    "packed",
    [
        zipped(lines(JANUARY), "../../BTCUSDT-30m-2025-01.csv"),
        zipped(lines(JANUARY), "/etc/BTCUSDT-30m-2025-01.csv"),
        zipped(lines(JANUARY))[:-400],
        zipped(lines(JANUARY))[:3000],
        zipped(lines(JANUARY), method=zipfile.ZIP_LZMA)[:200]
        + zipped(lines(JANUARY), method=zipfile.ZIP_LZMA)[260:],
        locked(),
        oddly_packed(),
        b"<html>maintenance</html>",
        b"",
    ],
    ids=["path", "root", "cut", "half", "lzma", "locked", "method", "html", "nothing"],
)
async def test_an_archive_that_cannot_be_opened_is_not_used(odd, binance, packed):
    odd.publish("2025-01", packed)
    assert await january(binance) == JANUARY
    assert odd.asked.count(KLINES) == 2


async def test_an_archive_without_a_checksum_is_not_used(odd, binance):
    odd.publish("2025-01", zipped(lines(JANUARY)), checksum=False)
    assert await january(binance) == JANUARY
    assert ARCHIVE.format("2025-01") not in odd.asked


async def test_an_archive_host_that_is_away_is_not_waited_for_at_each_month(odd, binance):
    for month in ("2024-12", "2025-01"):
        odd.answers[f"{ARCHIVE.format(month)}.CHECKSUM"] = lambda _: web.Response(status=503)
    klines, _ = await gathered(binance, M30, START, END)
    assert klines == ALL
    assert [path for path in odd.asked if path != KLINES] == 3 * [f"{ARCHIVE.format('2024-12')}.CHECKSUM"]


@pytest.mark.parametrize("name", ["binance", "bybit"])
async def test_a_newest_candle_of_the_future_makes_nothing_known(odd, name, tmp_path):
    odd.klines = made(at("2090-01-01"), at("2090-01-02"))
    source = (
        BinanceHistory(BinanceAddresses(odd.url, None), manners=QUICK)
        if name == "binance"
        else BybitHistory(odd.url, manners=QUICK)
    )
    store = HistoryStore(tmp_path)
    with pytest.raises(Unavailable, match=f"{name} names a candle of the future"):
        await fetch(store, source, "BTCUSDT", M30, start=START, end=None)
    assert store.kept() == ()
    await source.close()


async def test_a_sandbox_may_play_in_the_future(odd):
    odd.klines = made(at("2090-01-01"), at("2090-01-02"))
    for source in (
        BinanceHistory(BinanceAddresses(odd.url, None), name="sandbox-binance", manners=QUICK),
        BybitHistory(odd.url, environment=Environment.SANDBOX_BYBIT, manners=QUICK),
    ):
        assert await source.closed_until("BTCUSDT", M30) == odd.klines[-1].at
        await source.close()


@pytest.mark.parametrize(
    "klines",
    [[ALL[0], ALL[0]], [ALL[1], ALL[0]], made(START - HALF, START), made(END, END + HALF)],
    ids=["twice", "unsorted", "before", "after"],
)
async def test_candles_twice_unsorted_or_of_another_time_are_refused(odd, binance, bybit, klines):
    odd._chosen = lambda *_: klines
    for source in (binance, bybit):
        with pytest.raises(Unavailable, match=r"comes after|not asked for"):
            await gathered(source, M30, START, START + 10 * HALF)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: web.Response(text="<html>maintenance</html>", content_type="text/html"),
        lambda _: web.Response(status=503, text="<html>maintenance</html>", content_type="text/html"),
        lambda _: web.Response(body=b"\xff\xfe{", content_type="application/json"),
        lambda _: web.json_response([]),
        lambda _: web.json_response({"retCode": 0, "retMsg": "OK", "result": {"list": None}}),
        lambda _: web.json_response({"retCode": 0, "retMsg": "OK", "result": {"list": [{"a": 1}]}}),
        lambda _: web.json_response({"retCode": 0, "retMsg": "OK", "result": {"list": [["1", 2.5]]}}),
        lambda _: enveloped({}, code=10016, message="Server error"),
        lambda _: enveloped({}, code=170001, message="Internal error."),
        lambda _: web.Response(status=302, headers={"Location": "/elsewhere"}),
    ],
    ids=["html", "503", "bytes", "list", "null", "rows", "floats", "10016", "170001", "redirect"],
)
async def test_what_bybit_says_in_maintenance_teaches_nothing(odd, bybit, answer):
    odd.answers[BYBIT_KLINES] = answer
    with pytest.raises(Unavailable):
        await gathered(bybit, M30, START, END)
    assert "/elsewhere" not in odd.asked


async def test_candles_of_no_such_length_are_refused_in_words(odd, bybit):
    odd.answers[BYBIT_KLINES] = lambda _: enveloped({}, code=10001, message="Invalid period!")
    with pytest.raises(InvalidInput, match="no candles of 30m"):
        await gathered(bybit, M30, START, END)
    assert odd.asked.count(BYBIT_KLINES) == 1


async def test_a_bybit_that_bars_this_address_is_left_alone(odd, bybit):
    odd.answers[BYBIT_KLINES] = lambda _: web.Response(status=403, text="<html>too frequent</html>")
    for _ in range(2):
        with pytest.raises(RateLimited) as refused:
            await gathered(bybit, M30, START, END)
        assert refused.value.retry_after > 500
    assert odd.asked.count(BYBIT_KLINES) == 1


async def test_an_answer_that_trickles_is_cut_off(odd, bybit):
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    odd.answers[KLINES] = trickle  # type: ignore[assignment]
    patient = Manners(per_second=1000, tries=2, first_wait=0.01)
    source = BinanceHistory(BinanceAddresses(odd.url, None), manners=patient)
    source._client.REQUEST_TIMEOUT = 0.2
    for _ in range(5):  # a machine that stalls may cut it off before it is asked
        odd.asked.clear()
        with pytest.raises(Unavailable, match="gave no answer"):
            await source.closed_until("BTCUSDT", M30)
        if odd.asked == [KLINES] * 2:
            break
    assert odd.asked == [KLINES] * 2
    await source.close()


async def test_no_second_sees_more_questions_than_manners_allow(odd):
    odd.page = 60
    source = BinanceHistory(BinanceAddresses(odd.url, None), manners=Manners(per_second=20))
    window, planned = source._patience._window, []
    take = window.take

    def noted(now: float) -> None:
        planned.append(now + window.wait(now))
        take(now)

    window.take = noted
    klines, _ = await gathered(source, M30, START, END)
    assert klines == ALL
    assert len(odd.starts) == len(planned) > 45
    assert all(later - first > 0.9999 for first, later in zip(planned, planned[20:], strict=False))
    assert all(start >= due - 0.001 for start, due in zip(odd.starts, planned, strict=True))
    await source.close()


async def test_each_page_takes_one_turn(odd, bybit, binance):
    for source in (bybit, binance):
        odd.asked.clear()
        source._patience._window._starts.clear()
        await gathered(source, M30, START, END)
        assert len(source._patience._window._starts) == len(odd.asked) >= 3


@pytest.mark.parametrize("status", [418, 429])
async def test_a_pause_that_binance_asks_for_is_kept(odd, binance, status):
    def refused(_: web.Request) -> web.Response:
        odd.answers.clear()
        return web.json_response(
            {"code": -1003, "msg": "Too much"}, status=status, headers={"Retry-After": "1"}
        )

    odd.answers[KLINES] = refused
    assert await binance.closed_until("BTCUSDT", M30) == ALL[-1].at
    first, second = odd.starts
    assert second - first >= 1


async def test_an_exchange_whose_clock_went_back_takes_nothing_from_what_is_known(odd, binance, tmp_path):
    store = HistoryStore(tmp_path)
    await fetch(store, binance, "BTCUSDT", M30, start=START, end=None)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    odd.klines = [one for one in ALL if one.at < at("2025-01-10")]
    span = await fetch(store, binance, "BTCUSDT", M30, start=START, end=None)
    assert span.end == at("2025-01-10") - HALF
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")} == before
    assert int(store.load("binance", "BTCUSDT", M30).times[-1]) == ALL[-2].at


async def test_every_length_from_a_minute_to_a_day_comes_from_both(odd, binance, bybit):
    for interval in Interval:
        odd.klines = made(START, START + 1500 * interval.ms, step=interval.ms)
        for source in (binance, bybit):
            klines, ends = await gathered(source, interval, START, START + 1500 * interval.ms)
            assert klines == odd.klines
            assert ends[-1] == START + 1500 * interval.ms


async def test_an_end_within_a_candle_makes_the_whole_candle_known(odd, binance, tmp_path):
    store = HistoryStore(tmp_path)
    await fetch(store, binance, "BTCUSDT", M30, start=START, end=START + 5 * HALF + 1)
    (span,) = store.missing("binance", "BTCUSDT", M30, START, END)
    assert span.start == START + 6 * HALF
    await fetch(store, binance, "BTCUSDT", M30, start=START, end=START + HOUR * 24)
    assert len(store.load("binance", "BTCUSDT", M30)) == 48


async def test_a_period_that_has_long_ended_has_its_last_candle(odd, binance, bybit, tmp_path):
    store = HistoryStore(tmp_path)
    for source in (binance, bybit):
        await fetch(store, source, "BTCUSDT", M30, start=START, end=at("2025-01-10"))
        assert int(store.load(source.exchange, "BTCUSDT", M30).times[-1]) == at("2025-01-10") - HALF


@pytest.mark.parametrize("end", [at("2100-01-01") - 1, 253_402_300_800_000, 10**17])
async def test_an_end_in_a_far_future_is_as_far_as_there_is(odd, binance, tmp_path, end):
    span = await fetch(HistoryStore(tmp_path), binance, "BTCUSDT", M30, start=START, end=end)
    assert span.end == ALL[-1].at
    with pytest.raises(InvalidInput, match="before the year 2100"):
        await fetch(HistoryStore(tmp_path), binance, "BTCUSDT", M30, start=10**17, end=None)
