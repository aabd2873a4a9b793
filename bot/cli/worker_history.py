"""A job's candles: from disk, and what is not there from the exchange's public data."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bot.backtest.fetch import Progress, fetched
from bot.backtest.history import History
from bot.backtest.jobs import Job, Kind
from bot.backtest.store import HistoryStore
from bot.errors import InvalidInput
from bot.exchanges.history import open_history
from bot.ports.history import HistorySource, Interval

Tell = Callable[..., None]
_MONTH_MS = 30 * 86_400_000
_YEAR_MS = 365 * 86_400_000
_NONE_CLOSED = frozenset({"history_not_yet", "history_wrong_way_round"})
"""Said of hours that end where they begin, or of which the exchange has no closed candle."""


def candles_of(job: Job, tell: Tell) -> History:
    """InvalidInput for a pair or a period that has none, Unavailable where they cannot be fetched.

    A sandbox's past is play: it is kept no longer than the job, for the next sandbox has another.
    """
    if job.kind is not Kind.AGAINST:
        return _candles_of(job, tell)
    try:
        return _candles_of(job, tell)
    except InvalidInput as wrong:
        if wrong.key not in _NONE_CLOSED:
            raise
        raise InvalidInput("fills", "no candle of these hours is closed yet", key="too_early") from wrong


def _candles_of(job: Job, tell: Tell) -> History:
    if job.source.rest is not None:
        return _played(job, tell)
    if job.kind is Kind.LINE:
        return _kept(job)
    history = asyncio.run(_got(job, HistoryStore(job.shelf), tell))
    series = job.shelf / history.source / history.symbol / _interval(job)
    with suppress(OSError):
        os.utime(series)
    _make_room(job.shelf, job.shelf_mb * 2**20, spare=series)
    return history


def _kept(job: Job) -> History:
    """The newest of what lies on disk, nothing asked for; InvalidInput("absent") where too little does."""
    store, symbol = HistoryStore(job.shelf), job.rules.symbol.name
    kept = {k.interval: k for k in store.kept() if (k.exchange, k.symbol) == (job.source.exchange, symbol)}
    for interval in sorted(kept, key=lambda i: (i.ms > job.step_ms, -i.ms)):
        for length in (job.length_ms or _YEAR_MS, _MONTH_MS):
            start = max(kept[interval].first, kept[interval].until - length)
            with suppress(InvalidInput):  # a hole in what was fetched: a shorter stretch may have none
                return store.load(job.source.exchange, symbol, interval, start, kept[interval].until)
    raise InvalidInput("history", "too little is kept of it", key="absent")


def _played(job: Job, tell: Tell) -> History:
    """A stand-in that plays longer candles than were asked for has no shorter ones."""
    store = HistoryStore(job.folder / "history")
    for interval in (i for i in Interval if i.ms >= job.step_ms):
        try:
            return asyncio.run(_got(_in_steps_of(job, interval), store, tell))
        except InvalidInput as wrong:
            if wrong.field != "interval":
                raise
    raise InvalidInput("periodo", "the sandbox has no candles", key="no_candles_yet")


def _in_steps_of(job: Job, interval: Interval) -> Job:
    """The hours of fills begin and end with the sandbox's own candles, which may be shorter ones."""
    start, end = (None if at is None else at - at % interval.ms for at in (job.start, job.end))
    return replace(job, step_ms=interval.ms, start=start, end=end)


def _interval(job: Job) -> Interval:
    return next(i for i in Interval if i.ms == job.step_ms)


async def _got(job: Job, store: HistoryStore, tell: Tell) -> History:
    symbol, interval = job.rules.symbol.name, _interval(job)
    began = time.monotonic()

    def told(progress: Progress) -> None:
        share = progress.known / progress.whole if progress.whole else 1.0
        left = (time.monotonic() - began) * (1 - share) / share if share else None
        tell("history", share, left)

    tell("history", 0.0)
    source = open_history(job.source.exchange, rest=job.source.rest)
    try:
        start = job.start if job.end is not None else await _start(job, source, interval)
        _, history = await fetched(store, source, symbol, interval, start=start, end=job.end, told=told)
    finally:
        await source.close()
    return history


async def _start(job: Job, source: HistorySource, interval: Interval) -> int | None:
    """Where the last `length_ms` begin, but not before the pair's first candle."""
    if job.start is not None:
        return job.start
    if job.length_ms is None:
        return None
    symbol = job.rules.symbol.name
    latest = await source.closed_until(symbol, interval)
    start = latest - job.length_ms
    listed = await source.listed_since(symbol)
    if listed >= latest:
        raise InvalidInput("periodo", f"{symbol} has no closed candle yet", key="no_candles_yet")
    return max(start - start % interval.ms, listed)


def _make_room(shelf: Path, most: int, *, spare: Path) -> None:
    """Take whole series away, the longest unused first, until what is left fits; `spare` is in use."""
    series = sorted(_series(shelf), key=lambda folder: folder.stat().st_mtime)
    size = {folder: _size(folder) for folder in series}
    total = sum(size.values())
    for folder in series:
        if total <= most:
            return
        if folder != spare:
            total -= size[folder]
            shutil.rmtree(folder, ignore_errors=True)


def _size(folder: Path) -> int:
    """Bytes of its files; another process may write there, and rename what it has written."""
    size = 0
    for file in folder.iterdir():
        with suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


def _series(shelf: Path) -> Iterator[Path]:
    """Folders exchange/symbol/interval."""
    return (folder for folder in shelf.glob("*/*/*") if folder.is_dir())
