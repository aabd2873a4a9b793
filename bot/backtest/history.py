"""Candles in columns, as every backtest reads them: whole numbers, so that no price is ever rounded."""

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.domain.money import Price

Column = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gap:
    """Candles that are not there, between the ones opening at `after` and at `before` (ms UTC)."""

    after: int
    before: int
    missing: int


@dataclass(frozen=True, slots=True)
class History:
    """Candles of one pair, sorted, no two of one time; gaps stay gaps.

    `source` says where they are from ("binance", a file's name). `times` are open times in ms UTC, `step_ms` apart
    but for gaps; a price is `mantissa / 10**scale` quote per base. All five columns have one length, 1 or more.
    """

    source: str
    symbol: str
    step_ms: int
    scale: int
    times: Column
    opens: Column
    highs: Column
    lows: Column
    closes: Column

    def __len__(self) -> int:
        return len(self.times)

    def price(self, mantissa: int) -> Price:
        return Price(Decimal(int(mantissa)).scaleb(-self.scale))

    def gaps(self) -> tuple[Gap, ...]:
        steps = np.diff(self.times)
        at = np.flatnonzero(steps != self.step_ms)
        return tuple(
            Gap(int(self.times[i]), int(self.times[i + 1]), max(0, int(steps[i]) // self.step_ms - 1))
            for i in at
        )

    def between(self, start: int | None, end: int | None) -> "History":
        """The candles that open in start <= time < end (ms UTC), as views; may be empty."""
        first = 0 if start is None else int(np.searchsorted(self.times, start))
        last = len(self) if end is None else int(np.searchsorted(self.times, end))
        columns = {
            name: getattr(self, name)[first:last] for name in ("times", "opens", "highs", "lows", "closes")
        }
        return replace(self, **columns)
