"""Whether a choice can be believed: judged on what it was not chosen on, and beside its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import dist
from statistics import median

from bot.backtest.history import History
from bot.backtest.outcome import Outcome, choice
from bot.backtest.space import Axis, Point, Space
from bot.backtest.sweep import Row, Sweep
from bot.errors import InvalidInput

Window = tuple[int, int]
"""start <= open time < end, in ms UTC."""

_NEAR = 1.5
"""Neighbours stand at most one step away along each of two axes."""
_STILL_NEAR = 3.0
_ENOUGH = 8
_FEWEST = 3
_PART = 10
"""An interval without steps counts as this many."""


def windows_of(history: History, count: int) -> tuple[Window, ...]:
    """The history cut into `count` spans of equal time, 2 or more; InvalidInput where one has no candle."""
    first, end = int(history.times[0]), int(history.times[-1]) + history.step_ms
    edges = [first + (end - first) * i // count for i in range(count + 1)]
    spans = tuple(pairwise(edges))
    if count < 2 or any(not len(history.between(*span)) for span in spans):
        raise InvalidInput("walk", f"takes 2 or more windows with candles in each of them, not {count}")
    return spans


@dataclass(frozen=True, slots=True)
class Fold:
    """One choice: made on `seen`, judged on `unseen`, the window after it. Each window is a run of its own.

    `before` is what the chosen set came to where it was chosen, `after` where it had not been seen; `as_it_is` the
    base strategy there, None where that was not judged; `middle` the median of all sets' results there; `beaten` the
    share of the other sets that came to less there.
    """

    seen: Window
    unseen: Window
    chosen: Row
    before: Outcome
    after: Outcome
    as_it_is: Outcome | None
    middle: Decimal
    beaten: Decimal


@dataclass(frozen=True, slots=True)
class Walk:
    """The folds in time's order; the last window is never chosen on, the first never judged on."""

    folds: tuple[Fold, ...]

    @property
    def before(self) -> Decimal:
        """The sum of results where the choices were made: what hindsight promises."""
        return sum((fold.before.result for fold in self.folds), Decimal(0))

    @property
    def after(self) -> Decimal:
        """The sum of results on what had not been seen."""
        return sum((fold.after.result for fold in self.folds), Decimal(0))

    @property
    def as_it_is(self) -> Decimal | None:
        """The same sum for the strategy as it is; None where it was not judged."""
        found = [fold.as_it_is.result for fold in self.folds if fold.as_it_is is not None]
        return sum(found, Decimal(0)) if len(found) == len(self.folds) else None

    @property
    def middle(self) -> Decimal:
        """The sum of the medians: what picking any set blindly comes to."""
        return sum((fold.middle for fold in self.folds), Decimal(0))

    @property
    def worst_after(self) -> Decimal:
        return max((fold.after.worst_loss for fold in self.folds), default=Decimal(0))

    @property
    def believable(self) -> bool:
        """Choosing earned something unseen, and more than leaving the strategy as it is (or than a blind pick)."""
        other = self.as_it_is if self.as_it_is is not None else self.middle
        return self.after > 0 and self.after > other


def walk_forward(sweep: Sweep, windows: Sequence[Window], *, first: int) -> Walk:
    """Choose on each window but the last, judge on the one after it; folds without a choice are left out.

    The sweep's outcomes from place `first` on belong to `windows`. The choice is that of `Sweep.best`: the largest
    result whose worst loss is at most that of the strategy as it is, in that window.
    """
    folds = []
    for place in range(len(windows) - 1):
        fold = _fold(sweep, windows, place, first + place)
        if fold is not None:
            folds.append(fold)
    return Walk(tuple(folds))


def _fold(sweep: Sweep, windows: Sequence[Window], place: int, seen: int) -> Fold | None:
    base = sweep.base.outcomes if sweep.base is not None else None
    limit = base[seen].worst_loss if base is not None else Decimal("Infinity")
    chosen_at = choice([row.outcomes[seen] for row in sweep.rows], limit)
    if chosen_at is None:
        return None
    chosen = sweep.rows[chosen_at]
    after = chosen.outcomes[seen + 1]
    others = [row.outcomes[seen + 1].result for row in sweep.rows if row is not chosen]
    beaten = sum(other < after.result for other in others)
    return Fold(
        seen=windows[place],
        unseen=windows[place + 1],
        chosen=chosen,
        before=chosen.outcomes[seen],
        after=after,
        as_it_is=base[seen + 1] if base is not None else None,
        middle=median([after.result, *others]),
        beaten=Decimal(beaten) / len(others) if others else Decimal(0),
    )


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The sets next to a chosen one: how many, and the median of their results.

    `alone`: that median is under half of the chosen one's result, so a small change of the market or the settings
    may lose it: it is likely luck. None where fewer than three stand near enough to tell.
    """

    count: int
    middle: Decimal | None
    alone: bool | None


def neighbours(sweep: Sweep, space: Space, chosen: Row) -> Neighbours:
    """Those at most a step away on an axis or two; where there are few, the nearest of those within three steps."""
    here = _steps(space, chosen.point)
    near = sorted(
        (distance, row.number, row.outcome.result)
        for row in sweep.rows
        if row is not chosen and (distance := dist(here, _steps(space, row.point))) <= _STILL_NEAR
    )
    close = [item for item in near if item[0] <= _NEAR]
    found = close if len(close) >= _ENOUGH else near[:_ENOUGH]
    if len(found) < _FEWEST:
        return Neighbours(len(found), None, None)
    middle = median(result for _, _, result in found)
    result = chosen.outcome.result
    return Neighbours(len(found), middle, result > 0 and middle < result / 2)


def _steps(space: Space, point: Point) -> tuple[float, ...]:
    return tuple(axis.share(value) * _count(axis) for axis, value in zip(space.axes, point, strict=True))


def _count(axis: Axis) -> int:
    return len(axis.values) - 1 if axis.values else _PART
