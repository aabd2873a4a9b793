"""Binance's public candles: monthly archives for whole months, REST for the rest; no key.

REST is the market-data host (spot API docs, "market_data_only"): klines of 1000 rows, oldest first, weight 2, the last
one possibly open. Archives are data.binance.vision (binance-public-data README): a zip of one csv a month with a
SHA-256 beside it, published days after the month's end; times in microseconds since 2025-01-01, which their size shows.
"""

import hashlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog
from binance import AsyncClient
from binance.exceptions import BinanceAPIException, BinanceRequestException

from bot.domain.market import MarketRules
from bot.errors import InvalidInput, RateLimited, Unavailable
from bot.exchanges.environments import is_loopback
from bot.exchanges.history_binance_rows import archive_pages, market_rules, rest_klines
from bot.exchanges.history_patience import Manners, Patience, Refused, not_of_the_future
from bot.ports.history import Interval, Kline, Month, Page, months_between

log = structlog.get_logger(__name__)

_PAIR = re.compile(r"[A-Z0-9]{2,20}")
_PAGE = 1000
_DAY_MS = 86_400_000
_PAGES_WORTH_AN_ARCHIVE = 3
_MOST_HOLES = 40
_LARGEST_ZIP, _LARGEST_CSV = 64 << 20, 512 << 20
_UNKNOWN_SYMBOL, _UNKNOWN_INTERVAL = -1121, -1120
_BUSY = frozenset({418, 429})
_CLOSED = frozenset({301, 302, 303, 307, 308, 401, 403, 451})
"""Asking again would change nothing: another address is not followed, a barred one not hammered."""
_UNNAMED_WAIT = 60.0
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,  # a password is wanted, or a way of packing that is not known
    ValueError,  # of text that is none, or of places that lie outside the file
    Unavailable,
)


@dataclass(frozen=True, slots=True)
class BinanceAddresses:
    """Without a trailing slash; `archive` None asks everything of REST."""

    rest: str = "https://data-api.binance.vision"
    archive: str | None = "https://data.binance.vision"


class _NoArchive(Exception):  # noqa: N818
    """No archive that can be used: REST is asked instead."""


class _Misfit(Unavailable):
    """What came does not fit its checksum."""


class BinanceHistory:
    """A `HistorySource`. Build it inside the running loop, and close it there."""

    def __init__(
        self,
        addresses: BinanceAddresses | None = None,
        *,
        name: str = "binance",
        manners: Manners | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._addresses = addresses or BinanceAddresses()
        self._name = name
        self._patience = Patience(manners or Manners())
        self._archives = self._addresses.archive is not None
        limit = aiohttp.ClientTimeout(total=6 * timeout, sock_read=timeout, sock_connect=timeout)
        own = {"timeout": limit, "trust_env": not is_loopback(self._addresses.rest)}
        self._client = AsyncClient(session_params=own, requests_params={"allow_redirects": False})
        self._client.API_URL = f"{self._addresses.rest}/api"
        self._files = aiohttp.ClientSession(timeout=limit, trust_env=bool(own["trust_env"]))

    @property
    def exchange(self) -> str:
        return self._name

    @property
    def _plays(self) -> bool:
        """A sandbox, whose time is its own."""
        return self._name.startswith("sandbox")

    async def close(self) -> None:
        await self._client.close_connection()
        await self._files.close()

    async def rules(self, symbol: str) -> MarketRules:
        return market_rules(await self._ask("exchangeInfo", symbol=self._checked(symbol)), symbol)

    async def closed_until(self, symbol: str, interval: Interval) -> int:
        rows = await self._klines(symbol, interval, limit=1)
        if not rows:
            raise Unavailable(f"{self._name} has no candle of {symbol}")
        return rows[-1].at if self._plays else not_of_the_future(self._name, rows[-1].at)

    async def listed_since(self, symbol: str) -> int:
        rows = await self._klines(symbol, Interval.D1, startTime=0, limit=1)
        if not rows:
            raise Unavailable(f"{self._name} has no candle of {symbol}")
        return rows[0].at

    async def klines(self, symbol: str, interval: Interval, start: int, end: int) -> AsyncIterator[Page]:
        for month in months_between(start, end):
            first, last = max(start, month.start), min(end, month.end)
            if self._archives and last == month.end and self._many(interval, first, last):
                async for page in self._unpacked(symbol, interval, first, month):
                    first = page.until
                    yield page
            async for page in self._asked(symbol, interval, first, last):
                yield page

    def _many(self, interval: Interval, first: int, last: int) -> bool:
        return (last - first) // interval.ms > _PAGES_WORTH_AN_ARCHIVE * _PAGE

    # REST

    async def _asked(self, symbol: str, interval: Interval, start: int, end: int) -> AsyncIterator[Page]:
        while start < end:
            rows = await self._klines(symbol, interval, startTime=start, endTime=end - 1, limit=_PAGE)
            if rows and not start <= rows[0].at <= rows[-1].at < end:
                raise Unavailable(f"{self._name} answered with candles that were not asked for")
            start = rows[-1].at + interval.ms if rows else end  # a page may be shorter than what is there
            yield Page(rows, min(start, end))

    async def _klines(self, symbol: str, interval: Interval, **query: int) -> Sequence[Kline]:
        answer = await self._ask("klines", symbol=self._checked(symbol), interval=interval.value, **query)
        return rest_klines(answer)

    async def _ask(self, path: str, **query: str | int) -> Any:  # noqa: ANN401 - JSON
        async def question() -> Any:  # noqa: ANN401
            try:
                return await self._client._get(path, data=dict(query))  # noqa: SLF001 - its exchangeInfo takes no symbol
            except BinanceAPIException as exc:
                raise self._judged(exc, str(query.get("symbol"))) from exc
            except (BinanceRequestException, aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
                raise Unavailable(f"{self._name} gave no answer ({type(exc).__name__})") from exc

        return await self._patience.ask(question, path)

    def _judged(self, exc: BinanceAPIException, symbol: str) -> Exception:
        if exc.code == _UNKNOWN_SYMBOL:
            return self._absent(symbol)
        if exc.code == _UNKNOWN_INTERVAL:
            return InvalidInput("interval", f"{self._name} has no such candles of {symbol}")
        if exc.status_code in _BUSY:
            named = _named_wait(exc.response.headers.get("Retry-After", ""))
            return RateLimited(
                f"{self._name} asks for {named:.0f} s of quiet", retry_after=named, code=exc.code
            )
        kind = Refused if exc.status_code in _CLOSED else Unavailable
        said = f": {str(exc.message)[:120]}" if exc.code else ""
        return kind(f"{self._name} answered {exc.status_code}{said}", code=exc.code)

    def _checked(self, symbol: str) -> str:
        if not _PAIR.fullmatch(symbol):
            raise self._absent(symbol)
        return symbol

    def _absent(self, symbol: str) -> InvalidInput:
        return InvalidInput(
            "par",
            f"{symbol[:30]} is no spot pair traded at {self._name}; BTCUSDT is one, for example",
            key="pair_not_traded",
            values={"pair": symbol[:30], "environment": self._name},
        )

    # Archives

    async def _unpacked(
        self, symbol: str, interval: Interval, start: int, month: Month
    ) -> AsyncIterator[Page]:
        """What a month's archive has from `start` on; of what it leaves out, REST is asked whether it is there.

        Nothing where there is no archive, and only its beginning where it is full of holes or cannot be read.
        """
        holes = 0
        try:
            packed = await self._archived(symbol, interval, month)
            for page in _pages(packed, f"{symbol}-{interval}-{month}.csv", interval, start, month):
                if page.klines[0].at > start:
                    holes += 1
                    if holes > _MOST_HOLES:
                        return
                    async for rest in self._asked(symbol, interval, start, page.klines[0].at):
                        yield rest
                start = page.until
                yield page
        except _NoArchive as exc:
            log.info("history_no_archive", symbol=symbol, month=str(month), reason=str(exc))

    async def _archived(self, symbol: str, interval: Interval, month: Month) -> bytes:
        """A whole month's zip, its checksum proven; `_NoArchive` where there is none that can be used."""
        name = f"{self._checked(symbol)}-{interval}-{month}"
        address = f"{self._addresses.archive}/data/spot/monthly/klines/{symbol}/{interval}/{name}.zip"

        async def question() -> bytes:
            wanted = (await self._download(f"{address}.CHECKSUM")).decode("ascii", "replace").split()[:1]
            packed = await self._download(address)
            if [hashlib.sha256(packed).hexdigest()] != wanted:
                raise _Misfit(f"the checksum of {name}.zip does not fit what came")
            return packed

        try:
            return await self._patience.ask(question, name)
        except RateLimited:
            raise
        except Unavailable as exc:
            self._archives = isinstance(exc, _Misfit)  # a host that is away is not waited for at each month
            raise _NoArchive(str(exc)) from exc

    async def _download(self, address: str) -> bytes:
        try:
            async with self._files.get(address, allow_redirects=False) as response:
                if response.status == 404:
                    raise _NoArchive("not published")
                if response.status in _BUSY:
                    named = _named_wait(response.headers.get("Retry-After", ""))
                    raise RateLimited(f"the archive asks for {named:.0f} s of quiet", retry_after=named)
                if response.status != 200:
                    kind = Refused if response.status in _CLOSED else Unavailable
                    raise kind(f"the archive answered {response.status}")
                body = await response.content.read(_LARGEST_ZIP + 1)
                while chunk := await response.content.read(_LARGEST_ZIP + 1):
                    body += chunk
                    if len(body) > _LARGEST_ZIP:
                        raise _NoArchive("too large")
                return body
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise Unavailable(f"the archive's answer was cut ({type(exc).__name__})") from exc


def _named_wait(header: str) -> float:
    """Seconds that the exchange asks for; a minute where it does not say, after which its weights begin anew."""
    return float(header) if header.isdecimal() else _UNNAMED_WAIT


def _pages(packed: bytes, name: str, interval: Interval, start: int, month: Month) -> Iterator[Page]:
    """Unpacked as it is read: a month of minutes is 6 MB of text."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive, archive.open(name) as csv:
            if archive.getinfo(name).file_size > _LARGEST_CSV:
                raise _NoArchive("too large")
            yield from archive_pages(io.TextIOWrapper(csv, "ascii"), interval, start, month)
    except _UNREADABLE as exc:
        raise _NoArchive(f"unreadable ({type(exc).__name__}: {exc})") from exc
