"""Where the stand-in's prices come from: a candle file with volumes, read as a stream, or a seeded random walk."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from bot.candle_rows import MINUTE_MS, WITH_VOLUME, candle_rows


class Candle(NamedTuple):
    """Prices in quote per base, volume in base, the time in UTC milliseconds."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def path(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """The points the price goes through, in straight segments (strategy.md, "Backtest rules")."""
        if self.close >= self.open:
            return self.open, self.low, self.high, self.close
        return self.open, self.high, self.low, self.close


@dataclass(frozen=True, slots=True)
class CandleSource:
    """A stream of candles that can be started anew. `rows` is None where it has no end.

    `past` are the candles before the first of them, which no market walks: only questions about history see them.
    """

    name: str
    step_ms: int
    rows: int | None
    stream: Callable[[], Iterator[Candle]]
    past: Callable[[], Iterator[Candle]] = lambda: iter(())


def file_source(path: Path) -> CandleSource:
    """Check the whole file once, keeping none of it, and return it as a source; raises `BadCandles`."""
    rows, step, before = 0, 0, None
    for candle in read_candles(path):
        rows += 1
        if before is not None:
            step = min(step or candle.open_time_ms - before, candle.open_time_ms - before)
        before = candle.open_time_ms
    return CandleSource(path.name, step or MINUTE_MS, rows, lambda: read_candles(path))


def read_candles(path: Path) -> Iterator[Candle]:
    """The file's candles one by one; raises `BadCandles` at the first row that is wrong, or when there is none."""
    for one in candle_rows(path, WITH_VOLUME):
        yield Candle(one.time, *one.prices, *one.rest)


def random_source(
    seed: int, *, start: Decimal = Decimal(60000), tick: Decimal = Decimal("0.01"), past_days: int = 0
) -> CandleSource:
    """An endless random walk of 5-minute candles, the same for the same seed on every machine.

    Twelve steps a candle, each at most 0.12 % of the price: about 0.24 % deviation per candle. `past_days` of them
    lead up to its first, walked backwards from there.
    """
    first_at, step = 1_700_000_100_000, 5 * MINUTE_MS

    def candle(chance: random.Random, at: int, points: list[int]) -> Candle:
        volume = Decimal(chance.randint(1_000_000, 90_000_000)).scaleb(-6)
        first, high, low, last = (
            number * tick for number in (points[0], max(points), min(points), points[-1])
        )
        return Candle(at, first, high, low, last, volume)

    def points(chance: random.Random, ticks: int) -> list[int]:
        walked = [ticks]
        for _ in range(12):
            walked.append(max(1000, walked[-1] + walked[-1] * chance.randint(-1200, 1200) // 1_000_000))
        return walked

    def walk() -> Iterator[Candle]:
        chance = random.Random(seed)  # noqa: S311
        ticks, at = int(start / tick), first_at
        while True:
            walked = points(chance, ticks)
            ticks = walked[-1]
            yield candle(chance, at, walked)
            at += step

    def past() -> Iterator[Candle]:
        chance = random.Random(f"before {seed}")  # noqa: S311
        ticks, backwards = int(start / tick), []
        for number in range(past_days * 24 * 12):
            walked = points(chance, ticks)
            ticks = walked[-1]
            backwards.append(candle(chance, first_at - (number + 1) * step, walked[::-1]))
        return reversed(backwards)

    return CandleSource(f"seed {seed}", step, None, walk, past)
