"""A small optimisation in a worker: a few hundred sets, chosen on one part of the history and judged on the rest."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.backtest.history import History
from bot.backtest.jobs import Job
from bot.backtest.judging import Assignment
from bot.backtest.model import Terms
from bot.backtest.outcome import Outcome
from bot.backtest.shared_history import fingerprint
from bot.backtest.space import Axis, Space, written
from bot.backtest.sweep import Row, Sweep, Sweeper
from bot.backtest.walk import neighbours
from bot.cli.worker_survival import Inline, Tell, telling
from bot.domain.money import plain
from bot.domain.params import BY_NAME, StrategyParams, Value
from bot.domain.params import Kind as ParameterKind
from bot.domain.validation import check_field
from bot.errors import InvalidInput

_SEEN = Decimal("0.7")
"""The part of the period that choices are made on; the rest judges them."""
_FEW_CYCLES = 10
_SEED = 1
_WIDE = (Decimal("0.4"), Decimal("2.5"))
"""How far from its present value a parameter is looked for, as factors."""
_NARROW = (Decimal("0.85"), Decimal("1.15"))
"""The same for multipliers, which work rung upon rung."""
_STEPS = 30


@dataclass(frozen=True, slots=True)
class Found:
    """A sweep over two windows, the first seen and the second not."""

    sweep: Sweep
    space: Space
    unseen_from: int


def swept(job: Job, history: History, tell: Tell) -> Found:
    """Up to `most_sets` draws, until `most_s` are over; InvalidInput where the history cannot be parted."""
    (contender,) = job.contenders
    space = Space(contender.params, tuple(axis_of(contender.params, name) for name in job.fields))
    first, end = int(history.times[0]), int(history.times[-1]) + history.step_ms
    cut = first + int(_SEEN * (end - first))
    windows = ((first, cut), (cut, end))
    if any(not len(history.between(*window)) for window in windows):
        raise InvalidInput("periodo", "is too short to be judged on what was not seen", key="too_short")
    given = Assignment(
        key=fingerprint(history), space=space, terms=Terms(job.rules), history=history, windows=windows
    )
    sweeper = Sweeper(given, Inline(), on_progress=telling(tell, "sweep"))
    clock = threading.Timer(job.most_s, sweeper.stop.set)
    clock.daemon = True
    tell("sweep", 0.0)
    clock.start()
    try:
        sweep = sweeper.random(job.most_sets, _SEED)
    finally:
        clock.cancel()
    return Found(sweep, space, cut)


def optimize_card(job: Job, found: Found) -> dict[str, Any]:
    """At most four rows: the best no riskier than now, the most, the calmest, and the strategy as it is."""
    sweep = found.sweep
    best, front = sweep.best(), sweep.front()
    named = [("best", best), ("most", front[-1] if front else None), ("calm", _calmest(front))]
    chosen: dict[int, tuple[str, Row]] = {}
    for kind, row in named:
        if row is not None and row.number not in chosen:
            chosen[row.number] = (kind, row)
    rows = [*chosen.values(), *([("base", sweep.base)] if sweep.base is not None else [])]
    return {
        "name": job.contenders[0].name,
        "sets": len(sweep.rows),
        "complete": sweep.complete,
        "unseen_from": found.unseen_from,
        "choices": [_choice(kind, row, found.space) for kind, row in rows],
        "warnings": _warnings(found, best),
    }


def _calmest(front: Sequence[Row]) -> Row | None:
    """The least worst loss among those that earned something."""
    return next((row for row in front if row.outcome.result > 0), None)


def _choice(kind: str, row: Row, space: Space) -> dict[str, Any]:
    seen, unseen = row.outcomes
    pairs = zip(space.axes, row.point, strict=True)
    changes = {} if kind == "base" else {axis.name: written(value) for axis, value in pairs}
    return {"kind": kind, "changes": changes, "seen": _told(seen), "unseen": _told(unseen)}


def _told(outcome: Outcome) -> dict[str, Any]:
    return {"result": plain(outcome.result), "worst": plain(outcome.worst_loss), "cycles": outcome.cycles}


def _warnings(found: Found, best: Row | None) -> list[str]:
    """Why the best should not be believed too soon."""
    warnings, base = [], found.sweep.base
    if best is None:
        return ["none_better"]
    if neighbours(found.sweep, found.space, best).alone:
        warnings.append("lonely")
    if base is not None and best.outcomes[1].result < base.outcomes[1].result:
        warnings.append("faded")
    if sum(outcome.cycles for outcome in best.outcomes) < _FEW_CYCLES:
        warnings.append("few")
    return warnings


def axis_of(params: StrategyParams, name: str) -> Axis:
    """Values around the present one, short enough to read and to stand in a button; those that fit by themselves."""
    now: Value = getattr(params, name)
    parameter = BY_NAME[name]
    if isinstance(now, int):
        return Axis(name, values=tuple(range(max(0, now // 2), min(200, max(now * 2, 10)) + 1)))
    if not isinstance(now, Decimal):
        raise InvalidInput(name, "is no number")
    low, high = _NARROW if parameter.kind is ParameterKind.MULTIPLIER else _WIDE
    step = _step(now * (high - low) / _STEPS)
    values, value = [], (now * low / step).to_integral_value() * step
    while value <= now * high:
        if _fits(name, value):
            values.append(value.normalize() + 0)
        value += step
    if now not in values:
        values.append(now)
    return Axis(name, values=tuple(sorted(values)))


def _step(about: Decimal) -> Decimal:
    """1, 2 or 5 of a digit: a short number of about that size."""
    unit = Decimal(1).scaleb(about.adjusted())
    return unit * next(n for n in (1, 2, 5, 10) if unit * n * 2 > about)


def _fits(name: str, value: Decimal) -> bool:
    try:
        check_field({}, name, value)
    except InvalidInput:
        return False
    return True
