"""What a set of parameters comes to over a history, in the few figures that sets are compared by.

A sweep's table holds doubles (SCORE), good for choosing among a hundred thousand; what is chosen and shown is run
again in decimals, as an Outcome.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

Table = NDArray[Any]
"""Rows of SCORE."""

_PLACES = Decimal("1E-8")

SCORE = np.dtype(
    [
        ("net_profit", "f8"),
        ("unrealised", "f8"),
        ("worst_loss", "f8"),
        ("most_invested", "f8"),
        ("cycles", "i4"),
        ("rebuys", "i4"),
        ("open_rebuys", "i4"),
    ]
)
"""The fields of an Outcome; `open_rebuys` is -1 where no cycle is open."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Amounts in quote: exact where a run in decimals gave them, to 8 places where a table of doubles did.

    `net_profit` is that of the closed cycles, `unrealised` what the open one would make at the last close less taxa;
    `worst_loss` (0 or more) and `most_invested` as in bot.backtest.figures. `rebuys` counts all that filled,
    `open_rebuys` those of the open cycle, None where none is open.
    """

    net_profit: Decimal
    unrealised: Decimal
    worst_loss: Decimal
    most_invested: Decimal
    cycles: int
    rebuys: int
    open_rebuys: int | None

    @property
    def result(self) -> Decimal:
        """Profit with the open cycle at its last price: a ladder that never sells at a loss hides its losses there."""
        return self.net_profit + self.unrealised

    @classmethod
    def of(cls, score: Any) -> "Outcome":  # noqa: ANN401 - numpy names no row of a table
        """From a row of SCORE."""
        open_rebuys = int(score["open_rebuys"])
        return cls(
            net_profit=_decimal(score["net_profit"]),
            unrealised=_decimal(score["unrealised"]),
            worst_loss=_decimal(score["worst_loss"]),
            most_invested=_decimal(score["most_invested"]),
            cycles=int(score["cycles"]),
            rebuys=int(score["rebuys"]),
            open_rebuys=None if open_rebuys < 0 else open_rebuys,
        )

    def score(self) -> tuple[float | int, ...]:
        """As a row of SCORE."""
        amounts = (self.net_profit, self.unrealised, self.worst_loss, self.most_invested)
        open_rebuys = -1 if self.open_rebuys is None else self.open_rebuys
        return (*map(float, amounts), self.cycles, self.rebuys, open_rebuys)


def _decimal(amount: SupportsFloat) -> Decimal:
    return Decimal(repr(float(amount))).quantize(_PLACES)


def results(scores: Table) -> NDArray[np.float64]:
    """Net profit and what the open cycle would make, of each row."""
    found: NDArray[np.float64] = scores["net_profit"] + scores["unrealised"]
    return found


def front(scores: Table) -> NDArray[np.intp]:
    """The places of those that no other beats in result and worst loss at once, from the least loss to the most.

    Of equals the first stands for all.
    """
    earned = results(scores)
    order = np.lexsort((-earned, scores["worst_loss"]))
    if not len(order):
        return order
    best = np.maximum.accumulate(earned[order])
    rises = np.concatenate(([True], earned[order][1:] > best[:-1]))
    return order[rises]


def choice(scores: Table, most_loss: float) -> int | None:
    """The place of the largest result whose worst loss is at most `most_loss` (quote); None where there is none."""
    order = np.lexsort((scores["worst_loss"], -results(scores)))
    within = order[scores["worst_loss"][order] <= most_loss]
    return int(within[0]) if len(within) else None
