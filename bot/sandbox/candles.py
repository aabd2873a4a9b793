"""Where the stand-in's prices come from: a candle file, read as a stream, or a seeded random walk.

A candle file is csv or csv.gz with the header `open_time_ms,open,high,low,close,volume` (more columns are passed over),
sorted by time, prices as plain decimals. `read_candles` judges every row and names the first that is wrong.
"""

import gzip
import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple, TextIO

from bot.errors import InvalidInput
from bot.sandbox.orders import ZERO

COLUMNS = ("open_time_ms", "open", "high", "low", "close", "volume")
MINUTE_MS = 60_000


class BadCandles(InvalidInput):
    """A candle file that cannot be used; the reason names the row (the header is row 1)."""

    def __init__(self, path: Path, reason: str, *, row: int | None = None) -> None:
        super().__init__("candles", f"{path.name}: {f'row {row}: ' if row else ''}{reason}")
        self.row = row


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


def symbol_in(path: Path) -> str:
    """The pair that a file's name tells (binance_BTCUSDT_5m.csv.gz), else BTCUSDT."""
    for word in path.name.replace(".", "_").split("_"):
        if word.isupper() and word.isalnum() and word.endswith(("USDT", "USDC", "USD", "BRL")):
            return word
    return "BTCUSDT"


def read_candles(path: Path) -> Iterator[Candle]:
    """The file's candles one by one; raises `BadCandles` at the first row that is wrong, or when there is none."""
    row = 0
    try:
        with _opened(path) as lines:
            places = _places(path, next(lines, ""))
            row, before = 1, -1
            for row, line in enumerate(lines, start=2):
                if not line.strip():
                    continue
                candle = _parse(path, row, line, places)
                if candle.open_time_ms <= before:
                    twice = candle.open_time_ms == before
                    raise BadCandles(
                        path, "same time as the row before" if twice else "not sorted by time", row=row
                    )
                before = candle.open_time_ms
                yield candle
    except (OSError, EOFError, zlib.error) as exc:
        raise BadCandles(path, f"cannot be read ({exc})", row=row + 1 if row else None) from exc
    except UnicodeDecodeError as exc:
        raise BadCandles(path, "is not text", row=row + 1) from exc
    if before < 0:
        raise BadCandles(path, "holds no candle")


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
            yield lines
    else:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield lines


def _places(path: Path, header: str) -> tuple[int, ...]:
    names = [name.strip().strip('"') for name in header.split(",")]
    if not header.strip():
        raise BadCandles(path, "is empty")
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise BadCandles(path, f"column {', '.join(missing)} is missing (wanted: {','.join(COLUMNS)})", row=1)
    return tuple(names.index(name) for name in COLUMNS)


def _parse(path: Path, row: int, line: str, places: tuple[int, ...]) -> Candle:
    cells = line.rstrip("\r\n").split(",")
    if len(cells) <= max(places):
        raise BadCandles(path, f"{len(cells)} cells, {max(places) + 1} wanted", row=row)
    stamp = cells[places[0]].strip()
    if not (stamp.isascii() and stamp.isdecimal()):
        raise BadCandles(
            path, f"open_time_ms is {stamp!r}, a whole number of milliseconds is wanted", row=row
        )
    first, high, low, last, volume = (_number(path, row, COLUMNS[i], cells[places[i]]) for i in range(1, 6))
    candle = Candle(int(stamp), first, high, low, last, volume)
    for name in ("open", "high", "low", "close"):
        if getattr(candle, name) <= ZERO:
            raise BadCandles(path, f"{name} is {getattr(candle, name)}, more than 0 is wanted", row=row)
    if candle.volume < ZERO:
        raise BadCandles(path, f"volume is {candle.volume}, 0 or more is wanted", row=row)
    if candle.high < candle.low:
        raise BadCandles(path, f"high {candle.high} is below low {candle.low}", row=row)
    if not (candle.low <= candle.open <= candle.high and candle.low <= candle.close <= candle.high):
        raise BadCandles(path, "open or close lies outside low to high", row=row)
    return candle


def _number(path: Path, row: int, name: str, text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise BadCandles(path, f"{name} is {text.strip()!r}, a number is wanted", row=row)
    return value


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
