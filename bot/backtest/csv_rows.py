"""A candle file as whole numbers, read row by row: slow and exact.

The fast reader of csv_file.py comes here when a file is not as it should be, or only unusual.
"""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bot.backtest.history import Column
from bot.candle_rows import MINUTE_MS, BadCandles, Row, candle_rows
from bot.domain.money import EXACT

LEAST_STEP_MS = 1000
_LARGEST = 2**63 - 1


class Columns(NamedTuple):
    """`table` is int64 of shape (5, rows): open times in ms, then open, high, low, close times 10**scale."""

    table: Column
    scale: int


def read_slowly(path: Path) -> Columns:
    """The file's candles; raises `BadCandles` at the first row that is wrong, or when there is none."""
    rows = list(candle_rows(path))
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
    if step < LEAST_STEP_MS:
        row = rows[steps.index(step) + 1].row
        raise BadCandles(path.name, f"only {step} ms after the row before: are these seconds?", row=row)
    for one, here in zip(rows[1:], steps, strict=True):
        if here % step:
            reason = f"{here} ms after the row before, which is no multiple of {step} ms, the candles' length"
            raise BadCandles(path.name, reason, row=one.row)
