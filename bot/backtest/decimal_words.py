"""Arrow's decimals as whole numbers."""

from typing import TYPE_CHECKING

import numpy as np

from bot.backtest.history import Column

if TYPE_CHECKING:
    import pyarrow as pa


def whole_numbers(column: "pa.Array") -> Column | None:
    """A copy of an int64 or decimal128 array's mantissas; None where a decimal is longer than 64 bits.

    A decimal128 is two 64-bit words, the lower one first; the upper one only repeats the sign where it fits.
    The array has no nulls.
    """
    words = np.frombuffer(column.buffers()[1], np.int64)
    if column.type.bit_width == 64:
        return words[column.offset : column.offset + len(column)].copy()
    pairs = words[2 * column.offset : 2 * (column.offset + len(column))].reshape(-1, 2)
    lower, upper = pairs[:, 0], pairs[:, 1]
    return lower.copy() if np.array_equal(upper, lower >> 63) else None
