"""Whether a choice can be believed: judged on what it was not chosen on, and beside its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bot.backtest.history import History
from bot.backtest.outcome import Outcome, choice, results
from bot.backtest.space import Space, shares
from bot.backtest.sweep import Row, Sweep
from bot.errors import InvalidInput

Window = tuple[int, int]
"""start <= open time < end, in ms UTC."""

_MOST_WINDOWS = 60
"""Each is a run of every set, and some files that every worker keeps open."""
_NEAR = 1.5
"""Neighbours stand at most one step away along each of two axes."""
_STILL_NEAR = 3.0
_ENOUGH = 8
_FEWEST = 3
_PLACES = Decimal("1E-8")
_INNER = 0.01
"""Of the way along an axis: nearer to its end than this is at its end."""
_PART = 10
"""An interval without steps counts as this many."""


def windows_of(history: History, count: int) -> tuple[Window, ...]:
    """The history cut into `count` spans of equal time, 2 to 60; InvalidInput where one has no candle."""
    if not 2 <= count <= _MOST_WINDOWS:
        raise InvalidInput("walk", f"takes 2 to {_MOST_WINDOWS} windows, not {count}")
    first, end = int(history.times[0]), int(history.times[-1]) + history.step_ms
    edges = [first + (end - first) * i // count for i in range(count + 1)]
    spans = tuple(pairwise(edges))
    if any(not len(history.between(*span)) for span in spans):
        raise InvalidInput("walk", f"takes windows with candles in each of them: not {count} here")
    return spans


@dataclass(frozen=True, slots=True)
class Fold:
    """One choice: made on `seen`, judged on `unseen`, the window after it. Each window is a run of its own.

    `before` is what the chosen set came to where it was chosen, `after` where it had not
    been seen; `as_it_is` the base strategy there, None where that was not judged; `middle` the median of all sets'
    results there; `beaten` the share of the other sets that came to less there.
    """

    seen: Window
    unseen: Window
    chosen: Row
    before: Outcome
    after: Outcome
    as_it_is: Outcome | None
    middle: Decimal
    beaten: float


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
        """The worst paper loss of the chosen sets on what had not been seen."""
        return max((fold.after.worst_loss for fold in self.folds), default=Decimal(0))

    @property
    def believable(self) -> bool:
        """Choosing earned something unseen, and more than leaving the strategy as it is (or than a blind pick)."""
        other = self.as_it_is if self.as_it_is is not None else self.middle
        return self.after > 0 and self.after > other


def walk_forward(sweep: Sweep, windows: Sequence[Window], *, first: int) -> Walk:
    """Choose on each window but the last, judge on the one after it; folds without a choice are left out.

    The sweep's scores from column `first` on belong to `windows`. The choice is that of `Sweep.best`: the largest
    result whose worst loss is at most that of the strategy as it is, in that window.
    """
    folds = (_fold(sweep, windows, place, first + place) for place in range(len(windows) - 1))
    return Walk(tuple(fold for fold in folds if fold is not None))


def _fold(sweep: Sweep, windows: Sequence[Window], place: int, seen: int) -> Fold | None:
    place_chosen = choice(sweep.scores[:, seen], sweep.limit(seen))
    if place_chosen is None:
        return None
    earned = results(sweep.scores[:, seen + 1])
    others = np.delete(earned, place_chosen)
    chosen = sweep.rows[place_chosen]
    return Fold(
        seen=windows[place],
        unseen=windows[place + 1],
        chosen=chosen,
        before=chosen.outcomes[seen],
        after=chosen.outcomes[seen + 1],
        as_it_is=None if sweep.base is None else sweep.base.outcomes[seen + 1],
        middle=_middle(earned),
        beaten=float(np.mean(others < earned[place_chosen])) if len(others) else 0.0,
    )


def _middle(amounts: NDArray[np.float64]) -> Decimal:
    return Decimal(repr(float(np.median(amounts)))).quantize(_PLACES)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The sets next to a chosen one: how many, and the median of their results.

    `alone`: that median is worse by more than half of the chosen one's result, so a small change of the market or
    the settings may lose it: it is likely luck. None where fewer than three stand near enough to tell.
    """

    count: int
    middle: Decimal | None
    alone: bool | None


def neighbours(sweep: Sweep, space: Space, chosen: Row) -> Neighbours:
    """Those a step away from `chosen` on an axis or two; where few, the nearest within three steps."""
    place = sweep.rows.place_of(chosen.number)
    scale = np.array([len(axis.values) - 1 if axis.values else _PART for axis in space.axes])
    steps = np.array(list(shares(space, sweep.rows.points()))) * scale
    away = np.sqrt(((steps - steps[place]) ** 2).sum(axis=1))
    away[place] = np.inf
    close = np.flatnonzero(away <= _NEAR)
    if len(close) < _ENOUGH:
        nearest = np.argsort(away, kind="stable")[:_ENOUGH]
        close = nearest[away[nearest] <= _STILL_NEAR]
    if len(close) < _FEWEST:
        return Neighbours(len(close), None, None)
    middle = _middle(results(sweep.scores[:, 0])[close])
    result = chosen.outcome.result
    return Neighbours(len(close), middle, result - middle > abs(result) / 2)


def edges(space: Space, chosen: Row) -> tuple[str, ...]:
    """The parameters in which a set stands at an end of what was tried: better ones may lie beyond."""
    found = []
    for axis, value in zip(space.axes, chosen.point, strict=True):
        many = len(axis.values) >= _FEWEST or not axis.values
        share = axis.share(value)
        if many and not (_INNER < share < 1 - _INNER):
            found.append(axis.name)
    return tuple(found)
