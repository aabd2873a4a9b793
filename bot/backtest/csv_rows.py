"""A candle file judged row by row, in decimals: slow, exact, and able to name the first row that is wrong.

The fast reader of csv_file.py comes here when a file is not as it should be, or only unusual.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from bot.backtest.history import Column
from bot.domain.money import EXACT
from bot.errors import InvalidInput

COLUMNS = ("open_time_ms", "open", "high", "low", "close")
MINUTE_MS = 60_000
_GZIP = b"\x1f\x8b"
_LARGEST = 2**63 - 1
_MILLISECONDS_END = 10**13
_LEAST_STEP_MS = 1000


class BadCandles(InvalidInput):
    """A candle file that cannot be used; the reason names the row (the header is row 1)."""

    def __init__(self, name: str, reason: str, *, row: int | None = None) -> None:
        super().__init__("candles", f"{name}: {f'row {row}: ' if row else ''}{reason}")
        self.row = row


class Row(NamedTuple):
    """One candle and the line it stands on."""

    row: int
    time: int
    prices: tuple[Decimal, Decimal, Decimal, Decimal]


class Columns(NamedTuple):
    """`table` is int64 of shape (5, rows): open times in ms, then open, high, low, close times 10**scale."""

    table: Column
    scale: int


def is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP


def has_good_header(path: Path) -> bool:
    """Whether the columns are there, each once; what is wrong is for `read_slowly` to say."""
    try:
        with _opened(path) as lines:
            _places(path, next(lines, ""))
    except (BadCandles, UnicodeDecodeError, OSError, EOFError, zlib.error):
        return False
    return True


def read_slowly(path: Path) -> Columns:
    """The file's candles; raises `BadCandles` at the first row that is wrong, or when there is none."""
    rows = list(_rows(path))
    _check_steps(path, rows)
    scale = max((-_exponent(price) for one in rows for price in one.prices if price != int(price)), default=0)
    table = np.empty((5, len(rows)), np.int64)
    for column, one in enumerate(rows):
        numbers = [int(price.scaleb(scale, EXACT)) for price in one.prices]
        if max(numbers) > _LARGEST:
            reason = f"{max(one.prices)} with the {scale} decimals that other rows have is too many digits"
            raise BadCandles(path.name, reason, row=one.row)
        table[:, column] = (one.time, *numbers)
    return Columns(table, scale)


def _exponent(price: Decimal) -> int:
    return int(price.normalize(EXACT).as_tuple().exponent)


def _check_steps(path: Path, rows: list[Row]) -> None:
    """All candles stand on one grid, so that a gap is a whole number of candles."""
    steps = [later.time - earlier.time for earlier, later in pairwise(rows)]
    step = min(steps, default=MINUTE_MS)
    if step < _LEAST_STEP_MS:
        row = rows[steps.index(step) + 1].row
        raise BadCandles(path.name, f"only {step} ms after the row before: are these seconds?", row=row)
    for one, here in zip(rows[1:], steps, strict=True):
        if here % step:
            reason = f"{here} ms after the row before, which is no multiple of {step} ms, the candles' length"
            raise BadCandles(path.name, reason, row=one.row)


def _rows(path: Path) -> Iterator[Row]:
    row, before = 0, -1
    try:
        with _opened(path) as lines:
            header = next(lines, "")
            places, width = _places(path, header), len(header.split(","))
            row = 1
            for row, line in enumerate(lines, start=2):
                if not line.strip():
                    continue
                one = _parsed(path, row, line, places, width)
                if one.time <= before:
                    reason = "same time as the row before" if one.time == before else "not sorted by time"
                    raise BadCandles(path.name, reason, row=row)
                before = one.time
                yield one
    except UnicodeDecodeError as exc:
        raise BadCandles(path.name, "is not text", row=row + 1) from exc
    except (OSError, EOFError, zlib.error) as exc:
        reason = f"cannot be read ({exc})"
        raise BadCandles(path.name, reason, row=row + 1 if row else None) from exc
    if before < 0:
        raise BadCandles(path.name, "holds no candle")


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if is_gzip(path):
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
            yield lines
    else:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield lines


def _places(path: Path, header: str) -> tuple[int, ...]:
    names = [name.strip().strip('"') for name in header.split(",")]
    if not header.strip():
        raise BadCandles(path.name, "is empty")
    for words, wrong in (
        ("is missing", [name for name in COLUMNS if name not in names]),
        ("is given twice", [name for name in COLUMNS if names.count(name) > 1]),
    ):
        if wrong:
            reason = f"column {', '.join(wrong)} {words} (wanted: {','.join(COLUMNS)})"
            raise BadCandles(path.name, reason, row=1)
    return tuple(names.index(name) for name in COLUMNS)


def _parsed(path: Path, row: int, line: str, places: tuple[int, ...], width: int) -> Row:
    cells = _cells(path, row, line)
    if len(cells) <= max(places):
        raise BadCandles(path.name, f"{len(cells)} cells, {max(places) + 1} wanted", row=row)
    if any(cells[width:]):
        raise BadCandles(
            path.name, f"{len(cells)} cells under {width} columns: decimals take a point", row=row
        )
    time = _time(path, row, cells[places[0]])
    first, high, low, last = (_price(path, row, COLUMNS[n], cells[places[n]]) for n in range(1, 5))
    if high < low:
        raise BadCandles(path.name, f"high {high} is below low {low}", row=row)
    if not (low <= first <= high and low <= last <= high):
        raise BadCandles(path.name, "open or close lies outside low to high", row=row)
    return Row(row, time, (first, high, low, last))


def _cells(path: Path, row: int, line: str) -> list[str]:
    """A comma within quotes parts no cells: "101,5" is no 101."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], skipinitialspace=True))]
    except csv.Error as exc:
        raise BadCandles(path.name, f"is no row of a csv ({exc})", row=row) from exc


def _time(path: Path, row: int, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        reason = f"open_time_ms is {text[:40]!r}, a whole number of milliseconds is wanted"
        raise BadCandles(path.name, reason, row=row)
    if int(text) >= _MILLISECONDS_END:
        reason = f"open_time_ms is {text[:40]}, more than 13 digits: milliseconds are wanted, are these microseconds?"
        raise BadCandles(path.name, reason, row=row)
    return int(text)


def _price(path: Path, row: int, name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise BadCandles(path.name, f"{name} is {text[:40]!r}, a number is wanted", row=row)
    if value <= 0:
        raise BadCandles(path.name, f"{name} is {value}, more than 0 is wanted", row=row)
    if len(value.normalize(EXACT).as_tuple().digits) > 18 or not -18 <= value.adjusted() <= 18:
        raise BadCandles(path.name, f"{name} is {text[:40]}, which is too many digits (at most 18)", row=row)
    return value
