"""The public part of the Binance stand-in: python-binance over REST, the archive tree over plain HTTP, and its refusals."""

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from binance import AsyncClient
from binance.exceptions import BinanceAPIException

from bot.sandbox.binance import BinanceOptions, SandboxBinance, serve_binance
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.exchange_faults import Answer, RequestFault
from tests.sandbox_exchange.client import SHARED, real_candles

HOUR = 3_600_000
HALF = HOUR // 2


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def candles(path: Path, start: int, end: int, step: int = HALF, without: tuple[int, ...] = ()) -> Path:
    lines = ["open_time_ms,open,high,low,close,volume"]
    for number, time in enumerate(range(start, end, step)):
        price = 40_000 + number * 7919 % 5000
        if time not in without:
            lines.append(
                f"{time},{price}.5,{price + 20}.25,{price - 20},{price + number % 19}.125,{number}.5"
            )
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Half-hour candles from December 2024 into March 2025, over the day on which archives changed their unit."""
    return candles(tmp_path / "made_BTCUSDT_30m.csv", at("2024-12-05"), at("2025-03-02"))


@pytest.fixture
async def exchange(file: Path) -> AsyncIterator[SandboxBinance]:
    async with SandboxBinance(BinanceOptions(candles=file)) as running:
        yield running


@asynccontextmanager
async def sdk(rest: str) -> AsyncIterator[AsyncClient]:
    client = AsyncClient()
    client.API_URL = f"{rest}/api"
    try:
        yield client
    finally:
        await client.close_connection()


@pytest.fixture
async def client(exchange: SandboxBinance) -> AsyncIterator[AsyncClient]:
    async with sdk(exchange.rest_url) as ready:
        yield ready


def sample(name: str) -> list[dict]:
    path = SHARED / "samples" / "binance" / f"{name}.json"
    if not path.exists():
        pytest.skip(f"samples of real payloads are not here: {path}")
    return json.loads(path.read_text())["samples"]


async def test_the_sdk_pings_and_reads_the_time(exchange, client):
    assert await client.ping() == {}
    assert abs((await client.get_server_time())["serverTime"] - datetime.now(UTC).timestamp() * 1000) < 5000


async def test_klines_go_forward_from_a_start_and_back_from_an_end(client):
    start = at("2025-01-10")
    rows = await client.get_klines(symbol="BTCUSDT", interval="30m", startTime=start, limit=3)
    assert [row[0] for row in rows] == [start, start + HALF, start + 2 * HALF]
    rows = await client.get_klines(symbol="BTCUSDT", interval="30m", endTime=start, limit=2)
    assert [row[0] for row in rows] == [start - HALF, start]
    both = {"startTime": start, "endTime": start + 5 * HALF}
    rows = await client.get_klines(symbol="BTCUSDT", interval="30m", **both)
    assert len(rows) == 6
    assert len(await client.get_klines(symbol="BTCUSDT", interval="30m", **both, limit=2)) == 2
    newest = await client.get_klines(symbol="BTCUSDT", interval="30m", limit=1)
    assert newest[0][0] == at("2025-03-02") - HALF
    assert len(await client.get_klines(symbol="BTCUSDT", interval="30m", startTime=0, limit=1500)) == 1000
    assert len(await client.get_klines(symbol="BTCUSDT", interval="30m")) == 500


async def test_a_row_is_as_the_real_one(client):
    real = sample("klines")[0]["payload"][0]
    (row,) = await client.get_klines(symbol="BTCUSDT", interval="1h", limit=1)
    assert [type(one) for one in row] == [type(one) for one in real]
    assert all(len(cell.partition(".")[2]) == 8 for cell in row[1:6])
    assert row[6] == row[0] + HOUR - 1


async def test_bigger_intervals_are_made_of_the_smaller_ones(client):
    day = at("2025-01-10")
    halves = await client.get_klines(symbol="BTCUSDT", interval="30m", startTime=day, limit=48)
    (whole,) = await client.get_klines(symbol="BTCUSDT", interval="1d", startTime=day, limit=1)
    assert whole[0] == day
    assert whole[1] == halves[0][1]
    assert Decimal(whole[2]) == max(Decimal(row[2]) for row in halves)
    assert Decimal(whole[3]) == min(Decimal(row[3]) for row in halves)
    assert whole[4] == halves[-1][4]
    assert Decimal(whole[5]) == sum(Decimal(row[5]) for row in halves)


async def test_the_exchange_tells_its_pairs_and_their_filters(client):
    described = await client._get("exchangeInfo", data={"symbol": "BTCUSDT"})
    (row,) = described["symbols"]
    real = next(one for one in sample("exchange_info") if "symbols" in one["payload"])["payload"]["symbols"][
        0
    ]
    assert set(row) == set(real)
    assert (row["symbol"], row["baseAsset"], row["quoteAsset"]) == ("BTCUSDT", "BTC", "USDT")
    assert {one["filterType"] for one in row["filters"]} >= {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"}
    assert len((await client.get_exchange_info())["symbols"]) == 1


REFUSED = [
    ("klines", {"symbol": "NOPEUSDT", "interval": "1h"}, 400, -1121, "Invalid symbol."),
    ("exchangeInfo", {"symbol": "NOPEUSDT"}, 400, -1121, "Invalid symbol."),
    ("klines", {"interval": "1h"}, 400, -1102, "Mandatory parameter 'symbol'"),
    ("klines", {"symbol": "BTCUSDT"}, 400, -1102, "Mandatory parameter 'interval'"),
    ("klines", {"symbol": "BTC USDT", "interval": "1h"}, 400, -1100, "Illegal characters"),
    ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, 400, -1120, "Invalid interval."),
    ("klines", {"symbol": "BTCUSDT", "interval": "1m"}, 400, -1120, "Invalid interval."),
    ("klines", {"symbol": "BTCUSDT", "interval": "1h", "limit": "-1"}, 400, -1100, "'limit'"),
    ("klines", {"symbol": "BTCUSDT", "interval": "1h", "limit": "0"}, 400, -1100, "'limit'"),
    ("klines", {"symbol": "BTCUSDT", "interval": "1h", "timeZone": "3"}, 400, -1104, "read '2' parameter(s)"),
    ("depth", {"symbol": "BTCUSDT"}, 404, -1020, "does not implement GET /api/v3/depth"),
    ("account", {}, 404, -1020, "does not implement"),
]


@pytest.mark.parametrize(("path", "query", "status", "code", "words"), REFUSED)
async def test_refusals_have_the_real_shape(client, path, query, status, code, words):
    with pytest.raises(BinanceAPIException) as refused:
        await client._get(path, data=dict(query))
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert words in refused.value.message


async def test_an_order_is_refused_loudly(exchange):
    async with aiohttp.ClientSession() as http, http.post(f"{exchange.rest_url}/api/v3/order") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, -1020)


async def test_weights_are_counted_and_refused_over_the_limit(file: Path):
    async with (
        SandboxBinance(BinanceOptions(candles=file, weight_limit=24, clock=lambda: 45_000)) as exchange,
        sdk(exchange.rest_url) as client,
    ):
        await client.get_klines(symbol="BTCUSDT", interval="1h")
        assert client.response.headers["X-MBX-USED-WEIGHT-1M"] == "2"
        await client._get("exchangeInfo", data={"symbol": "BTCUSDT"})
        assert client.response.headers["X-MBX-USED-WEIGHT-1M"] == "22"
        await client.get_klines(symbol="BTCUSDT", interval="1h")
        with pytest.raises(BinanceAPIException) as refused:
            await client.get_klines(symbol="BTCUSDT", interval="1h")
    assert (refused.value.status_code, refused.value.code) == (429, -1003)
    assert refused.value.response.headers["Retry-After"] == "15"


@asynccontextmanager
async def got(exchange, path: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with aiohttp.ClientSession() as http, http.get(f"{exchange.rest_url}{path}") as answer:
        yield answer


def tree(month: str, interval: str = "30m", symbol: str = "BTCUSDT") -> str:
    return f"/data/spot/monthly/klines/{symbol}/{interval}/{symbol}-{interval}-{month}.zip"


def rows(packed: bytes) -> Iterator[list[str]]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        (name,) = archive.namelist()
        assert name.endswith(".csv")
        return iter([line.split(",") for line in archive.read(name).decode().splitlines()])


@pytest.mark.parametrize(
    ("month", "start", "end", "unit"),
    [("2024-12", "2024-12-05", "2025-01-01", 1), ("2025-01", "2025-01-01", "2025-02-01", 1000)],
)
async def test_a_month_is_an_archive_in_the_unit_of_its_year(exchange, month, start, end, unit):
    async with got(exchange, tree(month)) as answer:
        packed = await answer.read()
    async with got(exchange, tree(month) + ".CHECKSUM") as answer:
        assert await answer.text() == f"{hashlib.sha256(packed).hexdigest()}  BTCUSDT-30m-{month}.zip\n"
    found = list(rows(packed))
    assert [int(row[0]) for row in found] == [one * unit for one in range(at(start), at(end), HALF)]
    assert all(len(row) == 12 and int(row[6]) == int(row[0]) + HALF * unit - 1 for row in found)


@pytest.mark.parametrize(
    "path",
    [
        tree("2025-03"),  # not over yet
        tree("2024-11"),  # before the first candle
        tree("2025-01", interval="1m"),
        tree("2025-01", symbol="NOPEUSDT"),
        tree("2025-13"),
        "/data/spot/daily/klines/BTCUSDT/30m/BTCUSDT-30m-2025-01-01.zip",
        "/data/spot/monthly/klines/BTCUSDT/30m/ETHUSDT-30m-2025-01.zip",
    ],
)
async def test_what_is_not_published_is_not_there(exchange, path):
    async with got(exchange, path) as answer:
        assert answer.status == 404
        assert "NoSuchKey" in await answer.text()


async def test_faults_refuse_cut_drop_and_spoil(exchange, client):
    add = exchange.faults.add
    add(
        RequestFault(
            "/api/v3/klines", Answer.HTTP, status=429, code=-1003, message="Too many requests", retry_after=7
        )
    )
    with pytest.raises(BinanceAPIException) as refused:
        await client.get_klines(symbol="BTCUSDT", interval="1h")
    assert (refused.value.code, refused.value.response.headers["Retry-After"]) == (-1003, "7")
    add(RequestFault("/api/v3/klines", Answer.DROP, count=2))  # the client asks once more by itself
    with pytest.raises(aiohttp.ClientError):
        await client.get_klines(symbol="BTCUSDT", interval="1h")
    async with got(exchange, tree("2025-01")) as answer:
        whole = await answer.read()
    add(RequestFault(tree("2025-01"), Answer.CUT))
    async with got(exchange, tree("2025-01")) as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    add(RequestFault(tree("2025-01"), Answer.SPOIL))
    async with got(exchange, tree("2025-01")) as answer:
        spoiled = await answer.read()
    assert len(spoiled) == len(whole)
    assert spoiled != whole
    async with got(exchange, tree("2025-01")) as answer:
        assert await answer.read() == whole


async def test_real_candles_come_back_as_they_are_in_the_file():
    path = real_candles("binanceus_BTCUSDT_1m_202303.csv.gz")
    async with SandboxBinance(BinanceOptions(candles=path)) as exchange, sdk(exchange.rest_url) as client:
        (row,) = await client.get_klines(symbol="BTCUSDT", interval="1m", startTime=0, limit=1)
    assert row[:6] == [
        1677628800000,
        "23140.48000000",
        "23150.77000000",
        "23128.52000000",
        "23142.31000000",
        "2.13177700",
    ]


async def test_without_a_file_half_a_year_is_made_up():
    async with SandboxBinance() as exchange, sdk(exchange.rest_url) as client:
        (first,) = await client.get_klines(symbol="BTCUSDT", interval="5m", startTime=0, limit=1)
        (last,) = await client.get_klines(symbol="BTCUSDT", interval="5m", limit=1)
    assert last[0] - first[0] == 180 * 24 * HOUR - 5 * 60_000
    assert last[4] == "60000.00000000"


async def test_the_command_announces_where_it_listens(file: Path):
    said: asyncio.Queue[str] = asyncio.Queue()
    served = asyncio.create_task(serve_binance(BinanceOptions(candles=file), said.put_nowait))
    where = json.loads(await asyncio.wait_for(said.get(), 60))
    async with sdk(where["rest"]) as client:
        assert await client.ping() == {}
    served.cancel()
    await asyncio.gather(served, return_exceptions=True)


async def test_the_running_sandbox_publishes_its_market_up_to_its_present_place(file: Path):
    options = ExchangeOptions(candles=file, paused=True, offset=48 * 60)
    async with SandboxExchange(options) as exchange, sdk(exchange.rest_url) as client:
        present = at("2024-12-05") + 48 * 60 * HALF
        (open_one,) = await client.get_klines(symbol="BTCUSDT", interval="30m", limit=1)
        assert open_one[0] == present
        assert open_one[1] == open_one[2] == open_one[3] == open_one[4]
        async with got(exchange, tree("2024-12")) as answer:
            assert answer.status == 200
        async with got(exchange, tree("2025-02")) as answer:
            assert answer.status == 404
