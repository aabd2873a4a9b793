"""One month of candles in a Parquet file."""

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import dropwhile
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

import numpy as np

from bot.backtest.csv_rows import Columns
from bot.backtest.decimal_words import whole_numbers
from bot.backtest.history import Column
from bot.domain.money import EXACT
from bot.errors import BotError
from bot.ports.history import Interval, Kline, Month

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_NAMES = ("time", "open", "high", "low", "close", "volume")
_PRICES = _NAMES[1:5]
_NOTE = b"trader-automata"
_FORM, _FORMS = 2, (1, 2)
"""Since 2 the note beside the candles carries a checksum of its own: pages do, a footer does not."""
_PRICE_DIGITS, _VOLUME_DIGITS = 18, 38


class BadMonth(BotError):  # noqa: N818
    """A month's file that is broken, or candles that do not fit it."""


class NotKept(BotError):  # noqa: N818
    """The disk does not take a month: it is full, or may not be written to."""


@dataclass(frozen=True, slots=True)
class MonthSummary:
    """What a file's footer says.

    `first` and `last` are open times (0 without a row), `scale` the prices' decimals, `size` is bytes.
    """

    month: Month
    rows: int
    scale: int
    first: int
    last: int
    until: int
    size: int


class MonthFile:
    """The file of one month, which may not be there yet."""

    def __init__(self, folder: Path, month: Month, interval: Interval) -> None:
        self._path = folder / f"{month}.parquet"
        self._month = month
        self._step = interval.ms

    def known_until(self) -> int | None:
        """The moment (ms UTC) before which every candle is known; None where there is no file."""
        summary = self.summary()
        return None if summary is None else summary.until

    def summary(self) -> MonthSummary | None:
        """None where there is no file; raises `BadMonth` where it cannot be read."""
        if not self._path.exists():
            return None
        with self._opened() as file:
            return self._summary_of(file)

    def columns(self) -> Columns:
        """Times and prices, judged, and the volume read too, for its pages may be broken; raises `BadMonth`."""
        with self._opened() as file:
            summary = self._summary_of(file)
            table = self._read(file)
            scale = table.schema.field("open").type.scale
        whole = self._whole(table)
        if reason := self._wrong(whole, summary.until):
            raise self._broken(reason)
        bounds = (int(whole[0][0]), int(whole[0][-1])) if len(whole[0]) else (0, 0)
        if (summary.rows, summary.scale, summary.first, summary.last) != (len(whole[0]), scale, *bounds):
            raise self._broken("does not hold the candles that its footer tells of")
        return Columns(whole, scale)

    def extend(self, klines: Sequence[Kline], until: int) -> None:
        """Write the month anew with these candles at its end, known until `until`; raises `BadMonth`, `NotKept`.

        Candles at their beginning that are known already are left as they are on disk: somebody else was faster.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _alone_in(self._path.parent):
                self._extend(klines, until)
        except OSError as exc:
            raise NotKept(f"{self._path} cannot be written ({exc.strerror or _first_line(exc)})") from exc

    def set_aside(self) -> str:
        """What is wrong with the file, which is called 2023-03.broken then; nothing where it is sound, or not there.

        Raises `NotKept`.
        """
        try:
            if self._path.exists():
                self.columns()
        except BadMonth as exc:
            try:
                self._path.replace(self._path.with_suffix(".broken"))
            except OSError as refused:
                raise NotKept(f"{exc}; it cannot be put aside ({refused.strerror})") from refused
            return str(exc)
        return ""

    def _extend(self, klines: Sequence[Kline], until: int) -> None:
        import pyarrow as pa  # noqa: PLC0415

        kept: pa.Table | None = None
        known = self._month.start
        if self._path.exists():
            with self._opened() as file:
                known = self._summary_of(file).until
                if known >= until:
                    return
                kept = self._read(file)
        try:
            table = _table(tuple(dropwhile(lambda one: one.at < known, klines)))
            if kept is not None:
                schema = _widest(kept.schema, table.schema)
                table = pa.concat_tables([kept.cast(schema), table.cast(schema)])
        except pa.ArrowException as exc:
            raise self._broken(f"would hold prices of too many digits ({_first_line(exc)})") from exc
        if reason := self._wrong(self._whole(table), until):
            raise self._broken(reason)
        self._write(table, until)

    @contextmanager
    def _opened(self) -> Iterator["pq.ParquetFile"]:
        """One state of the file: another process may rename a newer one into its place meanwhile."""
        import pyarrow as pa  # noqa: PLC0415 - 80 ms, not needed by a command that only asks for help
        import pyarrow.parquet as pq  # noqa: PLC0415

        pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own pools keep 20 MB that a worker has not
        try:
            with (
                self._path.open("rb") as stream,
                pq.ParquetFile(stream, page_checksum_verification=True) as file,
            ):
                yield file
        except (pa.ArrowException, OSError, LookupError, AttributeError, TypeError, ValueError) as exc:
            raise self._broken(f"cannot be read: get it once more ({_first_line(exc)})") from exc

    def _summary_of(self, file: "pq.ParquetFile") -> MonthSummary:
        note = json.loads(file.metadata.metadata[_NOTE])
        if note["form"] not in _FORMS or note.pop("check", None) != (
            _checked(note) if note["form"] > 1 else None
        ):
            raise ValueError("its note is damaged")
        return MonthSummary(
            self._month,
            file.metadata.num_rows,
            int(note["scale"]),
            int(note["first"]),
            int(note["last"]),
            int(note["until"]),
            self._path.stat().st_size,
        )

    def _read(self, file: "pq.ParquetFile") -> "pa.Table":
        table = file.read(columns=list(_NAMES), use_threads=False)
        if table.column_names != list(_NAMES) or any(column.null_count for column in table.columns):
            raise self._broken("has columns missing, or empty cells")
        return table

    def _whole(self, table: "pa.Table") -> Column:
        parts = [whole_numbers(table.column(name).combine_chunks()) for name in _NAMES[:5]]
        if any(part is None for part in parts):
            raise self._broken("holds prices of too many digits")
        return np.array(parts, np.int64)

    def _wrong(self, table: Column, until: int) -> str:
        """Why these columns are no month of candles, or nothing."""
        times, opens, highs, lows, closes = table
        if not len(times):
            return ""
        steps = np.diff(times)
        if (steps == 0).any():
            return f"holds the candle of {times[1:][steps == 0][0]} twice"
        if (steps < 0).any():
            return f"is not sorted at {times[1:][steps < 0][0]}"
        if (times % self._step).any():
            return f"holds a candle at {times[times % self._step != 0][0]}, which is no start of an interval"
        if times[0] < self._month.start or times[-1] >= min(until, self._month.end):
            return "holds candles of another time"
        fair = (lows > 0) & (lows <= opens) & (lows <= closes) & (opens <= highs) & (closes <= highs)
        return "" if fair.all() else f"holds an impossible candle at {times[~fair][0]}"

    def _write(self, table: "pa.Table", until: int) -> None:
        """Whole or not at all: written beside, flushed to the disk, renamed into place."""
        import pyarrow.parquet as pq  # noqa: PLC0415

        times = table.column("time")
        first, last = (times[0].as_py(), times[-1].as_py()) if len(times) else (0, 0)
        scale = table.schema.field("open").type.scale
        note = {"form": _FORM, "scale": scale, "first": first, "last": last, "until": until}
        noted = table.replace_schema_metadata({_NOTE: json.dumps({**note, "check": _checked(note)})})
        partial = self._path.with_suffix(f".{os.getpid()}-{get_ident()}.partial")
        try:
            with partial.open("wb") as stream:
                pq.write_table(
                    noted,
                    stream,
                    compression="zstd",
                    use_dictionary=False,
                    column_encoding=dict.fromkeys(_NAMES[:5], "DELTA_BINARY_PACKED"),
                    store_decimal_as_integer=True,
                    write_page_checksum=True,
                )
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(self._path)
        finally:
            partial.unlink(missing_ok=True)
        _flush_folder(self._path.parent)

    def _broken(self, reason: str) -> BadMonth:
        return BadMonth(f"{'/'.join(self._path.parts[-4:])} {reason}")


def _checked(note: Mapping[str, int]) -> int:
    return zlib.crc32(json.dumps(note, sort_keys=True).encode())


def release_memory() -> None:
    """Give back what reading has left in Arrow's pool."""
    import pyarrow as pa  # noqa: PLC0415

    pa.default_memory_pool().release_unused()


def _flush_folder(folder: Path) -> None:
    """A rename is on the disk once its folder is."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One writer at a time: a slower one would put the month back to where it stood when it read it."""
    if os.name != "posix":
        yield
        return
    import fcntl  # noqa: PLC0415 - not on every system

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for left in folder.glob("*.partial"):  # by one that was killed: nobody else writes now
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)


def _first_line(exc: BaseException) -> str:
    return (str(exc) or type(exc).__name__).splitlines()[0][:120]


def _table(klines: Sequence[Kline]) -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415

    prices = _scale(price for one in klines for price in one[1:5])
    volumes = _scale(one.volume for one in klines)
    kinds = {
        "time": pa.int64(),
        **dict.fromkeys(_PRICES, pa.decimal128(_PRICE_DIGITS, prices)),
        "volume": pa.decimal128(_VOLUME_DIGITS, volumes),
    }
    columns = zip(*klines, strict=True) if klines else [()] * len(_NAMES)
    arrays = [pa.array(column, kinds[name]) for name, column in zip(_NAMES, columns, strict=True)]
    return pa.table(dict(zip(_NAMES, arrays, strict=True)))


def _scale(numbers: Iterable[Decimal]) -> int:
    return max((max(0, -int(one.normalize(EXACT).as_tuple().exponent)) for one in numbers), default=0)


def _widest(one: "pa.Schema", other: "pa.Schema") -> "pa.Schema":
    """The schema that holds the decimals of both."""
    import pyarrow as pa  # noqa: PLC0415

    fields = []
    for name in _NAMES:
        kinds = one.field(name).type, other.field(name).type
        if name == "time":
            fields.append(pa.field(name, pa.int64()))
            continue
        digits = _VOLUME_DIGITS if name == "volume" else _PRICE_DIGITS
        fields.append(pa.field(name, pa.decimal128(digits, max(kind.scale for kind in kinds))))
    return pa.schema(fields)
