"""A candle file judged row by row, in decimals, and able to name the first row that is wrong.

A candle file is csv or csv.gz with the header `open_time_ms,open,high,low,close`, with `volume` where it is asked
for: in any order, more columns are passed over. Times are UTC milliseconds, sorted, each once; prices plain decimals.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple, TextIO

from bot.domain.money import EXACT
from bot.errors import InvalidInput

COLUMNS = ("open_time_ms", "open", "high", "low", "close")
WITH_VOLUME = (*COLUMNS, "volume")
MINUTE_MS = 60_000
MILLISECONDS_END = 10**13
_QUOTES = ("USDT", "USDC", "FDUSD", "USD", "BRL", "EUR", "BTC", "ETH", "BNB")
_GZIP = b"\x1f\x8b"


class BadCandles(InvalidInput):
    """A candle file that cannot be used; the reason names the row (the header is row 1)."""

    def __init__(self, name: str, reason: str, *, row: int | None = None) -> None:
        super().__init__("candles", f"{name}: {f'row {row}: ' if row else ''}{reason}")
        self.row = row


class Row(NamedTuple):
    """One candle and the line it stands on; `rest` is the volume in base where it was asked for."""

    row: int
    time: int
    prices: tuple[Decimal, Decimal, Decimal, Decimal]
    rest: tuple[Decimal, ...]


def candle_rows(path: Path, columns: Sequence[str] = COLUMNS) -> Iterator[Row]:
    """The file's candles one by one; raises `BadCandles` at the first row that is wrong, or when there is none."""
    row, before = 0, -1
    try:
        with _opened(path) as lines:
            header = next(lines, "")
            reader = _Reader(path.name, header, columns)
            row = 1
            for row, line in enumerate(lines, start=2):
                if not line.strip():
                    continue
                one = reader.parsed(row, line)
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


def symbol_in(name: str) -> str:
    """The pair that a file's name tells (binance_BTCUSDT_5m.csv.gz), else nothing."""
    for word in name.replace(".", "_").replace("-", "_").split("_"):
        if word.isupper() and word.isalnum() and word.endswith(_QUOTES) and word not in _QUOTES:
            return word
    return ""


def is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP


def has_good_header(path: Path) -> bool:
    """Whether the columns are there, each once; what is wrong is for `candle_rows` to say."""
    try:
        with _opened(path) as lines:
            _places(path.name, next(lines, ""), COLUMNS)
    except (BadCandles, UnicodeDecodeError, OSError, EOFError, zlib.error):
        return False
    return True


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if is_gzip(path):
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
            yield lines
    else:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield lines


def _places(name: str, header: str, columns: Sequence[str]) -> tuple[int, ...]:
    names = [one.strip().strip('"') for one in header.split(",")]
    if not header.strip():
        raise BadCandles(name, "is empty")
    for words, wrong in (
        ("is missing", [one for one in columns if one not in names]),
        ("is given twice", [one for one in columns if names.count(one) > 1]),
    ):
        if wrong:
            reason = f"column {', '.join(wrong)} {words} (wanted: {','.join(columns)})"
            raise BadCandles(name, reason, row=1)
    return tuple(names.index(one) for one in columns)


class _Reader:
    """Makes rows of the lines below one header."""

    def __init__(self, name: str, header: str, columns: Sequence[str]) -> None:
        self._name = name
        self._columns = columns
        self._places = _places(name, header, columns)
        self._least = max(self._places) + 1
        self._width = len(header.split(","))

    def parsed(self, row: int, line: str) -> Row:
        cells = self._cells(row, line)
        if len(cells) < self._least:
            raise BadCandles(self._name, f"{len(cells)} cells, {self._least} wanted", row=row)
        if any(cells[self._width :]):
            reason = f"{len(cells)} cells under {self._width} columns: decimals take a point"
            raise BadCandles(self._name, reason, row=row)
        time, *texts = (cells[place] for place in self._places)
        at = self._time(row, time)
        first, high, low, last = (self._price(row, self._columns[n + 1], texts[n]) for n in range(4))
        if high < low:
            raise BadCandles(self._name, f"high {high} is below low {low}", row=row)
        if not (low <= first <= high and low <= last <= high):
            raise BadCandles(self._name, "open or close lies outside low to high", row=row)
        rest = tuple(self._volume(row, self._columns[n + 1], texts[n]) for n in range(4, len(texts)))
        return Row(row, at, (first, high, low, last), rest)

    def _cells(self, row: int, line: str) -> list[str]:
        """A comma within quotes parts no cells: "101,5" is no 101."""
        if '"' not in line:
            return [cell.strip() for cell in line.split(",")]
        try:
            return [cell.strip() for cell in next(csv.reader([line], skipinitialspace=True))]
        except csv.Error as exc:
            raise BadCandles(self._name, f"is no row of a csv ({exc})", row=row) from exc

    def _time(self, row: int, text: str) -> int:
        if not (text.isascii() and text.isdecimal()):
            reason = f"open_time_ms is {text[:40]!r}, a whole number of milliseconds is wanted"
            raise BadCandles(self._name, reason, row=row)
        if len(text) > 40 or int(text) >= MILLISECONDS_END:
            reason = f"open_time_ms is {text[:40]}, more than 13 digits: milliseconds are wanted, are these microseconds?"
            raise BadCandles(self._name, reason, row=row)
        return int(text)

    def _price(self, row: int, column: str, text: str) -> Decimal:
        value = self._number(row, column, text)
        if value <= 0:
            raise BadCandles(self._name, f"{column} is {value}, more than 0 is wanted", row=row)
        if len(value.normalize(EXACT).as_tuple().digits) > 18 or not -18 <= value.adjusted() <= 18:
            reason = f"{column} is {text[:40]}, which is too many digits (at most 18)"
            raise BadCandles(self._name, reason, row=row)
        return value

    def _volume(self, row: int, column: str, text: str) -> Decimal:
        value = self._number(row, column, text)
        if value < 0:
            raise BadCandles(self._name, f"{column} is {value}, 0 or more is wanted", row=row)
        return value

    def _number(self, row: int, column: str, text: str) -> Decimal:
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            raise BadCandles(self._name, f"{column} is {text[:40]!r}, a number is wanted", row=row)
        return value
