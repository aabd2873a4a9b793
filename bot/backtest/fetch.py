"""Getting what is missing: from an exchange's public data into the store, in pieces that outlive an interruption."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from bot.backtest.history import History
from bot.backtest.month_file import BadMonth
from bot.backtest.store import HistoryStore, Span
from bot.errors import InvalidInput
from bot.ports.history import HistorySource, Interval, Kline, Month

log = structlog.get_logger(__name__)

_FLUSH_ROWS = 12_000
_FAR = 4_102_444_800_000
"""The year 2100: what is asked for after that is a slip of the hand."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of the time asked for is known: `known` of `whole` milliseconds, so far."""

    known: int
    whole: int


def _nobody(_: Progress) -> None:
    pass


async def fetched(
    store: HistoryStore,
    source: HistorySource,
    symbol: str,
    interval: Interval,
    *,
    start: int | None,
    end: int | None,
    told: Callable[[Progress], None] = _nobody,
    aside: Callable[[str], None] = lambda _: None,
) -> tuple[Span, History]:
    """`fetch`, and the candles. A month on disk that cannot be read is put aside, `aside` told why, and fetched anew."""

    async def once() -> tuple[Span, History]:
        span = await fetch(store, source, symbol, interval, start=start, end=end, told=told)
        return span, store.load(source.exchange, symbol, interval, span.start, span.end)

    try:
        return await once()
    except BadMonth:
        reasons = store.set_aside_broken(source.exchange, symbol, interval)
        if not reasons:
            raise
    for reason in reasons:
        log.info("history_month_put_aside", reason=reason)
        aside(reason)
    return await once()


async def fetch(
    store: HistoryStore,
    source: HistorySource,
    symbol: str,
    interval: Interval,
    *,
    start: int | None,
    end: int | None,
    told: Callable[[Progress], None] = _nobody,
) -> Span:
    """Ask for what the store does not know of start <= time < end (ms UTC); returns what may be loaded.

    None is as far as the pair's history goes. An end that has not come yet becomes the last closed candle's.
    What is on disk is not asked again, and nothing at all is asked where all of it is. Whatever ends this early
    (a cancellation, an error), what came is kept and the next call goes on from there.

    Raises InvalidInput for dates turned round, a start before the pair's listing or after its last candle, a
    pair that is not traded; Unavailable when the exchange cannot be reached.
    """
    if start is not None and start >= _FAR:
        raise InvalidInput("from", "a day before the year 2100 is wanted")
    if end is not None:  # the last candle is known whole: the next question starts at the one after it
        end = min(-(-end // interval.ms) * interval.ms, _FAR)
    if start is not None and end is not None:
        check_order(start, end)
        if not store.missing(source.exchange, symbol, interval, start, end):
            return Span(start, end)
    latest = await source.closed_until(symbol, interval)
    listed = await source.listed_since(symbol)
    start = listed if start is None else start
    end = latest if end is None else min(end, latest)
    _check_reach(source.exchange, symbol, start, listed, latest)
    check_order(start, end)
    spans = store.missing(source.exchange, symbol, interval, start, end)
    whole = sum(span.end - span.start for span in spans)
    before = 0
    for span in spans:
        basket = _Basket(store, source.exchange, symbol, interval, span.start)
        try:
            async for page in source.klines(symbol, interval, max(span.start, listed), span.end):
                basket.add(page.klines, page.until)
                told(Progress(before + page.until - span.start, whole))
        finally:
            basket.empty()
        before += span.end - span.start
    return Span(start, end)


class _Basket:
    """Candles on their way to the disk: written month by month, and every now and then."""

    def __init__(
        self, store: HistoryStore, exchange: str, symbol: str, interval: Interval, start: int
    ) -> None:
        self._store = store
        self._series = (exchange, symbol, interval)
        self._start = self._until = start
        self._klines: list[Kline] = []

    def add(self, klines: Sequence[Kline], until: int) -> None:
        self._klines += klines
        self._until = until
        if len(self._klines) >= _FLUSH_ROWS or Month.of(until) != Month.of(self._start):
            self.empty()

    def empty(self) -> None:
        if self._until > self._start:
            self._store.append(*self._series, self._klines, start=self._start, until=self._until)
        self._klines, self._start = [], self._until


def check_order(start: int, end: int) -> None:
    """InvalidInput where a period does not go forwards."""
    if start >= end:
        raise InvalidInput(
            "period",
            f"from {day(start)} to {day(end)} is no period: the first day comes before the last",
            key="history_wrong_way_round",
            values={"start": day(start), "end": day(end)},
        )


def _check_reach(exchange: str, symbol: str, start: int, listed: int, latest: int) -> None:
    words = {"pair": symbol, "exchange": exchange, "first": day(listed), "last": day(latest)}
    if start < listed:
        raise InvalidInput(
            "from",
            f"{symbol} is traded on {exchange} since {day(listed)}: {day(start)} is before that",
            key="history_before_listing",
            values=words,
        )
    if start >= latest:
        raise InvalidInput(
            "from",
            f"the last closed candle of {symbol} on {exchange} is of {day(latest)}: {day(start)} is after that",
            key="history_not_yet",
            values=words,
        )


def day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
