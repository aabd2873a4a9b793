"""Survival in a worker: every hour of the history, in this one process."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from bot.backtest.executors import Portable, Verdict
from bot.backtest.history import History
from bot.backtest.jobs import Job
from bot.backtest.model import Terms
from bot.backtest.survival import CrashReplay, Spread, Study, Survival, survive
from bot.backtest.sweep import Progress
from bot.domain.money import plain
from bot.errors import InvalidInput

Tell = Callable[..., None]


class _Here(Executor):
    """Does each piece of work when it is given: this process is the worker. What the work raises ends it all."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - an executor's signature
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Inline:
    """A bot.backtest.executors.Pool of this process alone."""

    workers = 1

    def start(self) -> Executor:
        return _Here()

    def carry(self, given: Portable) -> Portable:
        return given

    def verdict(self, error: BaseException) -> Verdict:  # noqa: ARG002 - the port's signature
        return Verdict.ERROR

    def end(self) -> None:
        """Nothing to end."""


def survival_of(job: Job, history: History, tell: Tell) -> Survival:
    (contender,) = job.contenders
    tell("survival", 0.0)
    found = survive(
        Study(history, contender.params, Terms(job.rules)), Inline(), on_progress=telling(tell, "survival")
    )
    if found is None:
        raise InvalidInput("survival", "was stopped before its end")
    return found


def survival_card(job: Job, found: Survival) -> dict[str, Any]:
    half, most = found.exit_ms[:2]
    return {
        "name": job.contenders[0].name,
        "starts": found.starts,
        "out_of_rebuys": plain(found.out_of_rebuys),
        "out_of_money": plain(found.out_of_money),
        "still_open": plain(found.still_open),
        "exit_ms": {"half": half, "most": most},
        "worst": _spread(found.worst),
        "worst_of_budget": plain(found.worst_of_budget),
        "locked": _spread(found.locked),
        "crashes": [_crash(one) for one in found.crashes],
    }


def _spread(spread: Spread) -> dict[str, str]:
    return {
        "half": plain(spread.half.value),
        "most": plain(spread.most.value),
        "worst": plain(spread.worst.value),
    }


def _crash(one: CrashReplay) -> dict[str, Any]:
    return {
        "name": one.crash.key,
        "fall": plain(one.fall),
        "rebuys": one.rebuys,
        "ran_out": one.ran_out,
        "worst": plain(one.worst.value),
        "exit_ms": one.exit_ms,
    }


def telling(tell: Tell, stage: str) -> Callable[[Progress], None]:
    """What a sweep or a survival reports, as a worker's progress."""
    return lambda progress: tell(
        stage, progress.done / progress.total if progress.total else 1.0, progress.seconds_left
    )
