"""Months of public candles on disk: one Parquet file each, at exchange/symbol/interval/2023-03.parquet.

A month holds decimals with their exact type and a checksum on every page. Beside them it says until when it is
known, so that a candle which is not there is a gap and not a hole in the download. Months grow by whole files,
written beside and renamed into place; one that is known to its end is never written again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bot.backtest.csv_rows import Columns
from bot.backtest.history import Column, Gap, History
from bot.backtest.month_file import BadMonth, MonthFile, MonthSummary, release_memory
from bot.errors import InvalidInput
from bot.ports.history import Interval, Kline, Month, months_between

_EXCHANGE, _SYMBOL = re.compile(r"[a-z][a-z-]{1,30}"), re.compile(r"[A-Z0-9]{2,30}")
_LARGEST = 2**63 - 1


class Span(NamedTuple):
    """start <= time < end, ms UTC."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What is on disk of one pair and interval: candles from `first` to `last` (open times), known until `until`."""

    exchange: str
    symbol: str
    interval: Interval
    first: int
    last: int
    until: int
    rows: int
    months: int
    size: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of every candle found. `gaps` are the exchange's, `problems` are ours."""

    kept: Kept
    gaps: tuple[Gap, ...]
    problems: tuple[str, ...]


class HistoryStore:
    """A folder of candles; several processes may read while one appends."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def missing(
        self, exchange: str, symbol: str, interval: Interval, start: int, end: int
    ) -> tuple[Span, ...]:
        """What is to be asked for start <= time < end to be known, from each month's beginning or where it stopped."""
        spans: list[Span] = []
        for month in months_between(start, end):
            known = self._file(exchange, symbol, interval, month).known_until()
            wanted = Span(month.start if known is None else known, min(month.end, end))
            if wanted.start >= wanted.end:
                continue
            if spans and spans[-1].end == wanted.start:
                wanted = Span(spans.pop().start, wanted.end)
            spans.append(wanted)
        return tuple(spans)

    def append(
        self,
        exchange: str,
        symbol: str,
        interval: Interval,
        klines: Sequence[Kline],
        *,
        start: int,
        until: int,
    ) -> None:
        """Add candles: all there are from `start`, which `missing` named, until `until` (ms UTC).

        What is known already stays as it is. Raises `BadMonth` where candles leave a hole, are not sorted, there
        twice or not of this interval: nothing of that month is written then.
        """
        chosen = {month: tuple(rows) for month, rows in groupby(klines, lambda one: Month.of(one.at))}
        wanted = tuple(months_between(start, until))
        if strangers := set(chosen) - set(wanted):
            raise BadMonth(f"candles of {min(strangers)} are not from {_moment(start)} to {_moment(until)}")
        for month in wanted:
            file = self._file(exchange, symbol, interval, month)
            known = file.known_until()
            if start > (month.start if known is None else known):
                raise BadMonth(
                    f"{symbol} {month} is not known until {_moment(start)}: that would leave a hole"
                )
            file.extend(chosen.get(month, ()), min(until, month.end))

    def set_aside_broken(self, exchange: str, symbol: str, interval: Interval) -> tuple[str, ...]:
        """Take the months out that cannot be read, so that they are fetched anew; what was wrong with each."""
        months = self._months(exchange, symbol, interval)
        found = (self._file(exchange, symbol, interval, month).set_aside() for month in months)
        return tuple(reason for reason in found if reason)

    def load(
        self, exchange: str, symbol: str, interval: Interval, start: int | None = None, end: int | None = None
    ) -> History:
        """The candles that open in start <= time < end; None is as far as what is kept goes.

        Raises InvalidInput where part of that was never fetched, or holds no candle; `BadMonth` for a broken file.
        """
        if start is None or end is None:
            kept = self._kept_of(exchange, symbol, interval)
            start = kept.first if start is None else start
            end = kept.until if end is None else end
        _ordered(start, end)
        if holes := self.missing(exchange, symbol, interval, start, end):
            period = " and ".join(f"{_day(one.start)} to {_day(one.end)}" for one in holes)
            raise InvalidInput(
                "history", f"{exchange} {symbol} {interval} is not kept from {period}: get it first"
            )
        table, scale = self._table(
            [self._file(exchange, symbol, interval, one) for one in months_between(start, end)]
        )
        chosen = History(exchange, symbol, interval.ms, scale, *table).between(start, end)
        if not len(chosen):
            raise InvalidInput(
                "history", f"{exchange} {symbol} has no candle from {_day(start)} to {_day(end)}"
            )
        return chosen

    def _table(self, files: Sequence[MonthFile]) -> Columns:
        """The months' columns in one, at the finest scale of them; filled in place, for a worker has little room."""
        summaries = [summary for file in files if (summary := file.summary()) is not None and summary.rows]
        scale = max((one.scale for one in summaries), default=0)
        table, filled = np.empty((5, sum(one.rows for one in summaries)), np.int64), 0
        for file in files:
            part = file.columns()
            if part.scale > scale:  # a month has grown meanwhile, by candles of more decimals
                return self._table(files)
            rows = min(part.table.shape[1], table.shape[1] - filled)  # a month may have grown meanwhile
            table[:, filled : filled + rows] = _rescaled(part.table, scale - part.scale)[:, :rows]
            filled += rows
        release_memory()
        return Columns(table[:, :filled], scale)

    def kept(self) -> tuple[Kept, ...]:
        """All that is kept, by the files' footers alone; a file that cannot be read is left to `verify`."""
        return tuple(self._kept_of(*series) for series in self._series() if self._summaries(*series)[0])

    def broken(self) -> tuple[str, ...]:
        """What is wrong with each file whose footer cannot be read."""
        return tuple(reason for series in self._series() for reason in self._summaries(*series)[1])

    def verify(self) -> tuple[Verdict, ...]:
        """Read every candle of every file and judge it."""
        return tuple(self._judged(*series) for series in self._series() if any(self._months(*series)))

    def _judged(self, exchange: str, symbol: str, interval: Interval) -> Verdict:
        summaries, problems = self._summaries(exchange, symbol, interval)
        gaps: list[Gap] = []
        last: int | None = None
        until = summaries[0].month.start if summaries else 0
        for summary in summaries:
            if until < summary.month.start:
                problems.append(f"{_moment(until)} to {summary.month} was never fetched")
                last = None
            until = summary.until
            try:
                times = self._file(exchange, symbol, interval, summary.month).columns().table[0]
            except BadMonth as exc:
                problems.append(str(exc))
                last = None
                continue
            gaps += _gaps(times if last is None else np.concatenate(([last], times)), interval.ms)
            last = int(times[-1]) if len(times) else last
        return Verdict(_summed(exchange, symbol, interval, summaries), tuple(gaps), tuple(problems))

    def _kept_of(self, exchange: str, symbol: str, interval: Interval) -> Kept:
        summaries, problems = self._summaries(exchange, symbol, interval)
        if not summaries:
            reason = f": {problems[0]}" if problems else ""
            raise InvalidInput("history", f"nothing is kept of {exchange} {symbol} {interval}{reason}")
        return _summed(exchange, symbol, interval, summaries)

    def _summaries(
        self, exchange: str, symbol: str, interval: Interval
    ) -> tuple[list[MonthSummary], list[str]]:
        found: list[MonthSummary] = []
        problems: list[str] = []
        for month in self._months(exchange, symbol, interval):
            try:
                if (summary := self._file(exchange, symbol, interval, month).summary()) is not None:
                    found.append(summary)
            except BadMonth as exc:
                problems.append(str(exc))
        return found, problems

    def _file(self, exchange: str, symbol: str, interval: Interval, month: Month) -> MonthFile:
        if not _EXCHANGE.fullmatch(exchange) or not _SYMBOL.fullmatch(symbol):
            raise InvalidInput(
                "symbol", f"{exchange!r} {symbol!r} are no exchange and pair, such as binance BTCUSDT"
            )
        return MonthFile(self._root / exchange / symbol / interval, month, interval)

    def _months(self, exchange: str, symbol: str, interval: Interval) -> Iterator[Month]:
        for path in sorted((self._root / exchange / symbol / interval).glob("????-??.parquet")):
            year, _, month = path.stem.partition("-")
            if year.isdecimal() and month.isdecimal() and 1 <= int(month) <= 12:
                yield Month(int(year), int(month))

    def _series(self) -> Iterator[tuple[str, str, Interval]]:
        for path in sorted(self._root.glob("*/*/*")):
            exchange, symbol = path.parts[-3:-1]
            if (
                path.is_dir()
                and path.name in set(Interval)
                and _EXCHANGE.fullmatch(exchange)
                and _SYMBOL.fullmatch(symbol)
            ):
                yield exchange, symbol, Interval(path.name)


def _summed(exchange: str, symbol: str, interval: Interval, summaries: Sequence[MonthSummary]) -> Kept:
    filled = [one for one in summaries if one.rows]
    return Kept(
        exchange,
        symbol,
        interval,
        first=filled[0].first if filled else 0,
        last=filled[-1].last if filled else 0,
        until=summaries[-1].until if summaries else 0,
        rows=sum(one.rows for one in summaries),
        months=len(summaries),
        size=sum(one.size for one in summaries),
    )


def _rescaled(table: Column, places: int) -> Column:
    if places and table.size and int(table[1:].max()) > _LARGEST // 10**places:
        raise InvalidInput("history", "prices of these months differ too much to stand in one table")
    if places:
        table[1:] *= 10**places
    return table


def _gaps(times: Column, step_ms: int) -> list[Gap]:
    steps = np.diff(times)
    return [
        Gap(int(times[i]), int(times[i + 1]), int(steps[i]) // step_ms - 1)
        for i in np.flatnonzero(steps != step_ms)
    ]


def _ordered(start: int, end: int) -> None:
    if start >= end:
        raise InvalidInput("period", f"from {_day(start)} to {_day(end)} is the wrong way round")


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}"


def _moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"
