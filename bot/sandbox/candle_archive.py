"""A pair's whole past for questions about any time of it: compact, and in every interval that is asked for.

Only what the market has reached can be asked: its future stays its own.
"""

import threading
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from decimal import Decimal

from bot.sandbox.candles import Candle, CandleSource

Present = Callable[[], tuple[int | None, Candle | None]]
"""How many of the source's candles are closed (None: all of them), and the one under way, if there is one."""


class Series:
    """Candles of one interval, oldest first; amounts are kept as text, some 60 bytes a candle."""

    def __init__(self) -> None:
        self.times = array("q")
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, index: int) -> Candle:
        return Candle(self.times[index], *map(Decimal, self._texts[index].split(",")))

    def append(self, candle: Candle) -> None:
        self.times.append(candle.open_time_ms)
        self._texts.append(",".join(map(str, candle[1:])))

    def join(self, candle: Candle, step_ms: int) -> None:
        """Add a shorter candle to the bar that it belongs to."""
        at = candle.open_time_ms // step_ms * step_ms
        if self.times and self.times[-1] == at:
            self._texts[-1] = ",".join(map(str, joined(self[-1], candle)[1:]))
        else:
            self.append(candle._replace(open_time_ms=at))


class CandleArchive:
    """The source's own past, then its candles up to the present place of the market."""

    def __init__(self, source: CandleSource, present: Present) -> None:
        self.step_ms = source.step_ms
        self._present = present
        self._past: Iterator[Candle] = source.past()
        self._stream: Iterator[Candle] = source.stream()
        self._walked = 0
        self._base = Series()
        self._bars: dict[int, tuple[Series, int]] = {}
        self._lock = threading.Lock()

    def read_on(self) -> None:
        """Take in what the market has walked since; the first call reads the whole past and may take a second."""
        closed, _ = self._present()
        with self._lock:
            for one in self._past:
                self._base.append(one)
            while closed is None or self._walked < closed:
                candle = next(self._stream, None)
                if candle is None:
                    break
                self._base.append(candle)
                self._walked += 1

    def bars(self, step_ms: int, start: int, end: int, limit: int, *, oldest: bool) -> list[Candle]:
        """At most `limit` bars that open in start <= time <= end, oldest first; the last may be under way.

        Of more than `limit`, the oldest or the newest. `step_ms` is a multiple of the source's.
        """
        self.read_on()
        with self._lock:
            series = self._joined(step_ms)
        under_way = self._under_way(series, step_ms)
        closed = len(series) - (
            1 if under_way and len(series) and series.times[-1] == under_way.open_time_ms else 0
        )
        first, last = (
            bisect_left(series.times, start, 0, closed),
            bisect_left(series.times, end + 1, 0, closed),
        )
        extra = [under_way] if under_way and start <= under_way.open_time_ms <= end else []
        if oldest:
            chosen = [series[index] for index in range(first, min(last, first + limit))]
            return [*chosen, *extra][:limit]
        chosen = [series[index] for index in range(max(first, last - limit), last)]
        return [*chosen, *extra][-limit:]

    def _joined(self, step_ms: int) -> Series:
        if step_ms == self.step_ms:
            return self._base
        series, taken = self._bars.get(step_ms, (Series(), 0))
        for index in range(taken, len(self._base)):
            series.join(self._base[index], step_ms)
        self._bars[step_ms] = series, len(self._base)
        return series

    def _under_way(self, series: Series, step_ms: int) -> Candle | None:
        _, candle = self._present()
        if candle is None:
            return None
        at = candle.open_time_ms // step_ms * step_ms
        if len(series) and series.times[-1] == at:
            return joined(series[-1], candle)
        return candle._replace(open_time_ms=at)


def joined(bar: Candle, candle: Candle) -> Candle:
    """A bar and the next shorter candle of it."""
    return Candle(
        bar.open_time_ms,
        bar.open,
        max(bar.high, candle.high),
        min(bar.low, candle.low),
        candle.close,
        bar.volume + candle.volume,
    )
