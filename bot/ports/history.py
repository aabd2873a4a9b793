"""Public candles of an exchange, asked without a key."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from bot.domain.market import MarketRules

MINUTE_MS = 60_000


class Interval(StrEnum):
    """A candle's length, spelled as Binance does; all of them open at whole multiples since 1970."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H12 = "12h"
    D1 = "1d"

    @property
    def ms(self) -> int:
        return int(self[:-1]) * {"m": 1, "h": 60, "d": 1440}[self[-1]] * MINUTE_MS


class Kline(NamedTuple):
    """One closed candle: opened at `at` (ms UTC), prices in quote per base, volume in base."""

    at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class Page:
    """Candles of one answer, oldest first, each once; what opens before `until` (ms UTC) is now known, gaps too."""

    klines: Sequence[Kline]
    until: int


class Month(NamedTuple):
    """A calendar month, UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, at: int) -> "Month":
        day = datetime.fromtimestamp(at / 1000, UTC)
        return cls(day.year, day.month)

    @property
    def start(self) -> int:
        """Its first moment, ms UTC."""
        return int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()) * 1000

    @property
    def end(self) -> int:
        """The next month's first moment, ms UTC."""
        return self.next().start

    def next(self) -> "Month":
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def months_between(start: int, end: int) -> Iterator[Month]:
    """The months that hold any moment of start <= time < end (ms UTC)."""
    month = Month.of(start)
    while month.start < end:
        yield month
        month = month.next()


class HistorySource(Protocol):
    """An exchange's public market data.

    All calls raise Unavailable when the exchange cannot be reached or answers nonsense, after patience of their
    own (waits on 429, 418 and their like); InvalidInput("par") where the pair is not traded there.
    """

    @property
    def exchange(self) -> str:
        """Its name, as in a folder's: binance, bybit, sandbox-bybit."""

    async def rules(self, symbol: str) -> MarketRules: ...

    async def closed_until(self, symbol: str, interval: Interval) -> int:
        """The moment (ms UTC) before which every candle is closed: when the newest one opened.

        That is the market's own time: a stand-in's may lie years before the clock's.
        """

    async def listed_since(self, symbol: str) -> int:
        """The day (ms UTC) of the pair's first candle."""

    def klines(self, symbol: str, interval: Interval, start: int, end: int) -> AsyncIterator[Page]:
        """The candles that open in start <= time < end, page by page onwards; the last page's `until` is `end`.

        `end` is at most `closed_until`. A candle that the exchange does not give is not there, and not made up.
        """

    async def close(self) -> None: ...
