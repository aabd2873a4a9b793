"""What a sweep comes to, worked out for printing, JSON, csv and a picture; and where its journal lies."""

import csv
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.backtest.fast import run, tree_of
from bot.backtest.journal import Journal, code
from bot.backtest.judging import Assignment, outcome_of
from bot.backtest.outcome import Outcome
from bot.backtest.parsed_cache import user_cache
from bot.backtest.replay import budget_of
from bot.backtest.sieve import Sieve
from bot.backtest.space import Space, written
from bot.backtest.sweep import Row, Sweep
from bot.backtest.walk import Fold, Neighbours, Walk, Window, edges, neighbours, walk_forward
from bot.backtest.words import Words
from bot.cli.run_json import warnings
from bot.domain.money import plain
from bot.errors import InvalidInput

_MOST_CONFIRMED = 40
"""Rows of the front that are run again in decimals, evenly chosen; each takes a tenth of a second for a year."""
_MOST_LOOKED_AT = 1000
_KEPT_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Shown:
    """A set run again in decimals on the whole period; `values` by parameter. `best` marks the choice."""

    number: int
    values: Mapping[str, str]
    outcome: Outcome
    best: bool


@dataclass(frozen=True, slots=True)
class Study:
    """A sweep with what follows from it.

    `base` is the strategy as it is; `front` from the least worst loss to the most; `best` the choice within `limit`
    (quote), which is base's own worst loss unless another was asked for. `edges` are the parameters of which the
    choice has the first or last value tried, `warnings` what is wrong with base or the choice. `faults` tells of
    parameters to blame for sets that are no strategy what is wrong with one of those sets.
    """

    given: Assignment
    sweep: Sweep
    base: Shown
    budget: Decimal
    front: tuple[Shown, ...]
    front_size: int
    best: Shown | None
    limit: Decimal
    beside: Neighbours | None
    edges: tuple[str, ...]
    warnings: tuple[str, ...]
    walk: Walk | None
    seconds: float
    faults: Mapping[str, InvalidInput]

    @property
    def done(self) -> int:
        return len(self.sweep.rows) + self.sweep.refused.total()


@contextmanager
def journal(key: str, mode: Mapping[str, Any], *, fresh: bool) -> Iterator[Journal]:
    """The task's journal in the user's cache, where those not touched for a month are removed."""
    folder = user_cache() / "sweeps"
    oldest = time.time() - _KEPT_S
    for one in folder.glob("*.jsonl"):
        if one.stat().st_mtime < oldest:
            one.unlink(missing_ok=True)
    task = {"code": code(), "key": key, **mode}
    kept = Journal(folder, task)
    if fresh:
        kept.forget()
        kept = Journal(folder, task)
    try:
        yield kept
    finally:
        kept.close()


def study_of(
    given: Assignment,
    sweep: Sweep,
    windows: tuple[Window, ...],
    most_loss: Decimal | None,
    *,
    seconds: float,
    words: Words,
) -> Study:
    """The choice, its neighbours and its walk; what is shown is run again in decimals. `words` say the warnings."""
    confirm = _Confirm(given, words)
    base = confirm(Row(-1, given.space.base_point(), ()))
    budget = budget_of(given.space.base, given.terms).value
    limit = base.outcome.worst_loss if most_loss is None else most_loss * budget
    chosen = sweep.best(limit + Decimal("1E-8"))
    front = sweep.front()
    shown = {row.number: row for row in thinned(front, _MOST_CONFIRMED)}
    if chosen is not None:
        shown[chosen.number] = chosen
    confirmed = {number: confirm(row, best=row == chosen) for number, row in shown.items()}
    return Study(
        given=given,
        sweep=sweep,
        base=base,
        budget=budget,
        front=tuple(confirmed[row.number] for row in front if row.number in confirmed),
        front_size=len(front),
        best=None if chosen is None else confirmed[chosen.number],
        limit=limit,
        beside=None if chosen is None else neighbours(sweep, given.space, chosen),
        edges=() if chosen is None else edges(given.space, chosen),
        warnings=tuple(confirm.warnings(base, *([] if chosen is None else [confirmed[chosen.number]]))),
        walk=walk_forward(sweep, windows, first=1) if windows and len(sweep.rows) else None,
        seconds=seconds,
        faults=_faults(given, set(sweep.refused)),
    )


def _faults(given: Assignment, blamed: set[str]) -> dict[str, InvalidInput]:
    """An example of each, as far as one is met among evenly chosen points."""
    space, found = given.space, dict[str, InvalidInput]()
    sieve = Sieve(space, given.terms.rules.min_notional.value)
    for share in range(_MOST_LOOKED_AT):
        if found.keys() >= blamed:
            break
        if all(axis.values for axis in space.axes):
            point = space.grid_point(space.size * share // _MOST_LOOKED_AT)
        else:
            point = space.random_point(1, share)
        fault = sieve.fault(point)
        if fault is not None:
            found.setdefault(fault.field, fault)
    return found


def thinned(rows: tuple[Any, ...], most: int) -> tuple[Any, ...]:
    """At most so many, evenly, both ends among them."""
    if len(rows) <= most:
        return rows
    return tuple(rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most))


class _Confirm:
    """Runs a set again, in decimals."""

    def __init__(self, given: Assignment, words: Words) -> None:
        self._given, self._tree, self._words = given, tree_of(given.history), words
        self._warnings: dict[int, tuple[str, ...]] = {}

    def __call__(self, row: Row, *, best: bool = False) -> Shown:
        given = self._given
        ran = run(given.space.params(row.point), given.terms, given.history, tree=self._tree)
        self._warnings[row.number] = tuple(warnings(ran, given.history, self._words.language))
        return Shown(row.number, _values(given.space, row), outcome_of(ran, given.history), best)

    def warnings(self, base: Shown, *chosen: Shown) -> Iterator[str]:
        for name, one in [(self._words("sweep.as_it_is"), base), *(("*", one) for one in chosen)]:
            yield from (f"{name}: {text}" for text in self._warnings[one.number])


def _values(space: Space, row: Row) -> dict[str, str]:
    return {axis.name: written(value) for axis, value in zip(space.axes, row.point, strict=True)}


def as_json(study: Study, load_s: float) -> dict[str, Any]:
    """Decimals as strings, times in ms; what is shown of sets is exact."""
    sweep, beside = study.sweep, study.beside
    return {
        "sets": sweep.total,
        "judged": len(sweep.rows),
        "refused": dict(sweep.refused),
        "failed": list(sweep.failed),
        "complete": sweep.complete,
        "judged_exactly": len(sweep.rows) if study.given.exact else sweep.rejudged,
        "budget": plain(study.budget),
        "base": _set_as_json(study.base),
        "front": [_set_as_json(one) for one in study.front],
        "front_size": study.front_size,
        "best": None if study.best is None else _set_as_json(study.best),
        "edges": list(study.edges),
        "warnings": list(study.warnings),
        "most_loss": plain(round(study.limit, 12)),
        "neighbours": None
        if beside is None
        else {
            "count": beside.count,
            "median_result": None if beside.middle is None else plain(beside.middle),
            "alone": beside.alone,
        },
        "walk": None if study.walk is None else _walk_as_json(study.walk, study.given.space),
        "seconds": {"load": round(load_s, 6), "run": round(study.seconds, 6)},
    }


def _set_as_json(one: Shown) -> dict[str, Any]:
    return {"number": one.number, "values": dict(one.values), **_outcome_as_json(one.outcome)}


def _outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    amounts = ("result", "net_profit", "unrealised", "worst_loss", "most_invested")
    return {name: plain(round(getattr(outcome, name), 12)) for name in amounts} | {
        "cycles": outcome.cycles,
        "rebuys": outcome.rebuys,
        "open_rebuys": outcome.open_rebuys,
    }


def _walk_as_json(walk: Walk, space: Space) -> dict[str, Any]:
    return {
        "folds": [_fold_as_json(fold, space) for fold in walk.folds],
        "result_seen": plain(walk.before),
        "result_unseen": plain(walk.after),
        "as_it_is_unseen": None if walk.as_it_is is None else plain(walk.as_it_is),
        "median_unseen": plain(walk.middle),
        "worst_loss_unseen": plain(walk.worst_after),
        "believable": walk.believable,
    }


def _fold_as_json(fold: Fold, space: Space) -> dict[str, Any]:
    return {
        "seen": list(fold.seen),
        "unseen": list(fold.unseen),
        "values": _values(space, fold.chosen),
        "in_sample": _outcome_as_json(fold.before),
        "out_of_sample": _outcome_as_json(fold.after),
        "as_it_is": None if fold.as_it_is is None else _outcome_as_json(fold.as_it_is),
        "median_result": plain(fold.middle),
        "beaten": plain(Decimal(str(round(fold.beaten, 6)))),
    }


def write_csv(file: Path, study: Study) -> None:
    """A row for each set, by number; amounts to 8 places. `result_i` and `worst_loss_i` belong to walk window i."""
    sweep, space = study.sweep, study.given.space
    front = {one.number for one in sweep.front()}
    windows = range(1, sweep.scores.shape[1])
    names = ["result", "net_profit", "unrealised", "worst_loss", "most_invested", "cycles", "rebuys"]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        per_window = [f"{name}_{i}" for i in windows for name in ("result", "worst_loss")]
        writer.writerow(
            ["number", *(axis.name for axis in space.axes), *names, "open_rebuys", "front", *per_window]
        )
        for row in sweep.rows:
            told = [_cell(getattr(row.outcome, name)) for name in names]
            parts = [_cell(part) for one in row.outcomes[1:] for part in (one.result, one.worst_loss)]
            open_rebuys = "" if row.outcome.open_rebuys is None else row.outcome.open_rebuys
            values = _values(space, row).values()
            writer.writerow([row.number, *values, *told, open_rebuys, int(row.number in front), *parts])


def _cell(value: Decimal | int) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def picture(study: Study, words: Words) -> bytes:
    """The front among all sets."""
    import numpy as np  # noqa: PLC0415 - with matplotlib, for a picture only

    from bot.backtest.charts_studies import Look, front_png  # noqa: PLC0415 - the same
    from bot.backtest.outcome import results  # noqa: PLC0415 - the same

    sweep, history = study.sweep, study.given.history
    front = np.zeros(len(sweep.rows), dtype=np.bool_)
    front[[sweep.rows.place_of(row.number) for row in sweep.front()]] = True
    best = None if study.best is None else sweep.rows.place_of(study.best.number)
    symbol = study.given.terms.rules.symbol
    start, end = words.date(int(history.times[0])), words.date(int(history.times[-1]))
    under = words("sweep.under", n=words.tick(len(sweep.rows)), start=start, end=end)
    scores = sweep.scores[:, 0]
    look = Look(symbol.name, symbol.quote, under, words.language)
    return front_png(look, scores["worst_loss"], results(scores), front, best)
