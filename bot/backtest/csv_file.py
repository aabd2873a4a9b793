"""A csv or csv.gz of one's own, as a `History`.

The header names `open_time_ms,open,high,low,close`, in any order; more columns are passed over. Times are UTC
milliseconds, sorted, each once. Prices go from text to whole numbers without a binary float in between.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

from bot.backtest.csv_rows import LEAST_STEP_MS, Columns, read_slowly
from bot.backtest.decimal_words import whole_numbers
from bot.backtest.history import Column, History
from bot.backtest.parsed_cache import ParsedCache, user_cache
from bot.candle_rows import (
    COLUMNS,
    MILLISECONDS_END,
    MINUTE_MS,
    BadCandles,
    has_good_header,
    is_gzip,
    symbol_in,
)

USER_CACHE = Path("the user's cache folder")
"""Stands for the platform's cache folder, or TRADER_AUTOMATA_CACHE, looked up when it is needed."""

_SCALES = (8, 14)
_BLOCK = 1 << 18
_PLAIN_TIME = 10**11
"""Times before 1973 are looked at by the slow reader: pyarrow takes 0x10 for a number."""


def read_csv(path: Path, *, cache: Path | None = USER_CACHE) -> History:
    """All candles of a file; raises `BadCandles` naming the first wrong row (the header is row 1).

    What was parsed is kept in the folder `cache` under the file's content, so that a second read takes
    milliseconds; None keeps nothing. `symbol` is what the file's name tells, or empty.
    """
    folder = user_cache() if cache is USER_CACHE else cache
    kept = ParsedCache(folder) if folder is not None else None
    try:
        key = kept.key(path) if kept is not None else ""
        columns = kept.load(key) if kept is not None else None
        if columns is None:
            before = path.stat()
            columns = _parse(path)
            after = path.stat()
            if kept is not None and (before.st_size, before.st_mtime_ns) == (
                after.st_size,
                after.st_mtime_ns,
            ):
                kept.save(key, columns)
    except OSError as exc:
        raise BadCandles(path.name, f"cannot be read ({exc.strerror or exc})") from exc
    times, opens, highs, lows, closes = columns.table
    return History(
        source=path.name,
        symbol=symbol_in(path.name),
        step_ms=_step(times),
        scale=columns.scale,
        times=times,
        opens=opens,
        highs=highs,
        lows=lows,
        closes=closes,
    )


def _step(times: Column) -> int:
    return int(np.diff(times).min()) if len(times) > 1 else MINUTE_MS


def _parse(path: Path) -> Columns:
    for scale in _SCALES if has_good_header(path) else ():
        table = _parse_fast(path, scale)
        if table is not None and _sound(table):
            return simplified(table, scale)
    return read_slowly(path)


def _parse_fast(path: Path, scale: int) -> Column | None:
    """Columns by pyarrow's decimal reader; None where it stumbles, for whatever reason."""
    import pyarrow as pa  # noqa: PLC0415 - 80 ms and 30 MB, not needed where the parsed file is kept
    import pyarrow.csv  # noqa: PLC0415

    pool = pa.system_memory_pool()  # gives back what it no longer needs
    kinds = dict.fromkeys(COLUMNS[1:], pa.decimal128(18, scale))
    convert = pa.csv.ConvertOptions(
        column_types={COLUMNS[0]: pa.int64(), **kinds},
        include_columns=list(COLUMNS),
        null_values=[],
        strings_can_be_null=False,
    )
    parts: list[list[Column]] = [[] for _ in COLUMNS]
    try:
        with (
            pa.input_stream(str(path), compression="gzip" if is_gzip(path) else None) as stream,
            pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(block_size=_BLOCK),
                parse_options=pa.csv.ParseOptions(quote_char=False),  # one left open would swallow rows
                convert_options=convert,
                memory_pool=pool,
            ) as blocks,
        ):
            for block in blocks:
                for number, column in enumerate(block.columns):
                    whole = whole_numbers(column)
                    if whole is None:
                        return None
                    parts[number].append(whole)
    except (pa.ArrowException, OSError):
        return None
    table = _joined(parts)
    pool.release_unused()
    return table


def _joined(parts: list[list[Column]]) -> Column | None:
    rows = sum(len(part) for part in parts[0])
    if not rows:
        return None
    table = np.empty((len(parts), rows), np.int64)
    for number, column in enumerate(parts):
        np.concatenate(column, out=table[number])
        column.clear()
    return table


def _sound(table: Column) -> bool:
    """Whether every row keeps the rules; which one does not is for the slow reader to say."""
    times, opens, highs, lows, closes = table
    steps = np.diff(times)
    step = int(steps.min()) if len(steps) else MINUTE_MS
    return bool(
        times[0] >= _PLAIN_TIME
        and step >= LEAST_STEP_MS
        and times[-1] < MILLISECONDS_END
        and not (steps % step).any()
        and (lows > 0).all()
        and (lows <= opens).all()
        and (opens <= highs).all()
        and (lows <= closes).all()
        and (closes <= highs).all()
    )


def simplified(table: Column, scale: int) -> Columns:
    """The same prices with as few decimals as they need, changed in place."""
    prices, spare = table[1:], scale
    for column in prices:
        for start, end in pairwise([*range(0, len(column), 4096), len(column)]):
            while spare and (column[start:end] % 10**spare).any():
                spare -= 1
    if spare:
        prices //= 10**spare
    return Columns(table, scale - spare)
