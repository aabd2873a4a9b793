"""Whether a choice can be believed: judged on what it was not chosen on, and beside its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bot.backtest.history import History
from bot.backtest.outcome import Table, choice, results
from bot.backtest.space import shares
from bot.backtest.sweep import Sweep
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
class Score:
    """Result and worst loss of one run, in quote."""

    result: float
    worst_loss: float


@dataclass(frozen=True, slots=True)
class Fold:
    """One choice: made on `seen`, judged on `unseen`, the window after it. Each window is a run of its own.

    `chosen` is the set's place in the sweep; `before` what it came to where it was chosen, `after` where it had not
    been seen; `as_it_is` the base strategy there, None where that was not judged; `middle` the median of all sets'
    results there; `beaten` the share of the other sets that came to less there.
    """

    seen: Window
    unseen: Window
    chosen: int
    before: Score
    after: Score
    as_it_is: Score | None
    middle: float
    beaten: float


@dataclass(frozen=True, slots=True)
class Walk:
    """The folds in time's order; the last window is never chosen on, the first never judged on."""

    folds: tuple[Fold, ...]

    @property
    def before(self) -> float:
        """The sum of results where the choices were made: what hindsight promises."""
        return sum(fold.before.result for fold in self.folds)

    @property
    def after(self) -> float:
        """The sum of results on what had not been seen."""
        return sum(fold.after.result for fold in self.folds)

    @property
    def as_it_is(self) -> float | None:
        """The same sum for the strategy as it is; None where it was not judged."""
        found = [fold.as_it_is.result for fold in self.folds if fold.as_it_is is not None]
        return sum(found) if len(found) == len(self.folds) else None

    @property
    def middle(self) -> float:
        """The sum of the medians: what picking any set blindly comes to."""
        return sum(fold.middle for fold in self.folds)

    @property
    def worst_after(self) -> float:
        """The worst paper loss of the chosen sets on what had not been seen."""
        return max((fold.after.worst_loss for fold in self.folds), default=0.0)

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
    chosen = choice(sweep.scores[:, seen], sweep.limit(seen))
    if chosen is None:
        return None
    earned = results(sweep.scores[:, seen + 1])
    others = np.delete(earned, chosen)
    return Fold(
        seen=windows[place],
        unseen=windows[place + 1],
        chosen=chosen,
        before=_score(sweep.scores[chosen, seen]),
        after=_score(sweep.scores[chosen, seen + 1]),
        as_it_is=None if sweep.base is None else _score(sweep.base[seen + 1]),
        middle=float(np.median(earned)),
        beaten=float(np.mean(others < earned[chosen])) if len(others) else 0.0,
    )


def _score(row: Table) -> Score:
    return Score(float(row["net_profit"] + row["unrealised"]), float(row["worst_loss"]))


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The sets next to a chosen one: how many, and the median of their results.

    `alone`: that median is under half of the chosen one's result, so a small change of the market or the settings
    may lose it: it is likely luck. None where fewer than three stand near enough to tell.
    """

    count: int
    middle: float | None
    alone: bool | None


def neighbours(sweep: Sweep, chosen: int) -> Neighbours:
    """Of the set at place `chosen`: those a step away on an axis or two; where few, the nearest within three steps."""
    scale = np.array([len(axis.values) - 1 if axis.values else _PART for axis in sweep.space.axes])
    steps = np.array(list(shares(sweep.space, sweep.points))) * scale
    away = np.sqrt(((steps - steps[chosen]) ** 2).sum(axis=1))
    away[chosen] = np.inf
    close = np.flatnonzero(away <= _NEAR)
    if len(close) < _ENOUGH:
        nearest = np.argsort(away, kind="stable")[:_ENOUGH]
        close = nearest[away[nearest] <= _STILL_NEAR]
    if len(close) < _FEWEST:
        return Neighbours(len(close), None, None)
    earned = results(sweep.scores[:, 0])
    middle = float(np.median(earned[close]))
    return Neighbours(len(close), middle, bool(earned[chosen] > 0 and middle < earned[chosen] / 2))
