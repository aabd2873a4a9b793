"""Optuna's samplers as a source of points: the result, open cycle included, against the worst paper loss, both at once.

`nsga` breeds generation after generation; `tpe` models where the good ones lie. Seeded and asked generation by
generation, so that the same answers lead to the same questions, and a search that was stopped goes on.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from bot.backtest.space import Axis, Point, Space


class Method(StrEnum):
    NSGA = "nsga"
    TPE = "tpe"


class Search:
    """Asks for points a generation at a time, and is told what became of each, in the order asked."""

    def __init__(self, space: Space, method: Method, *, seed: int, generation: int) -> None:
        import optuna  # noqa: PLC0415 - 0.15 s and 40 MB, for an optimiser's run only

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna: Any = optuna
        self._space, self._generation = space, generation
        samplers = optuna.samplers
        sampler: Any = (
            samplers.NSGAIISampler(population_size=generation, seed=seed)
            if method is Method.NSGA
            else samplers.TPESampler(n_startup_trials=generation, multivariate=False, seed=seed)
        )
        self._study: Any = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        self._asked: list[Any] = []

    def ask(self, most: int) -> tuple[Point, ...]:
        """The next generation's points, at most `most`."""
        self._asked = [self._study.ask() for _ in range(min(most, self._generation))]
        return tuple(tuple(_suggested(trial, axis) for axis in self._space.axes) for trial in self._asked)

    def tell(self, outcomes: Sequence[tuple[float, float] | None]) -> None:
        """Result and worst loss of the points asked last; None for one that is no strategy, or whose batch failed."""
        failed = self._optuna.trial.TrialState.FAIL
        for trial, outcome in zip(self._asked, outcomes, strict=True):
            if outcome is None:
                self._study.tell(trial, state=failed)
            else:
                self._study.tell(trial, list(outcome))


def _suggested(trial: Any, axis: Axis) -> Any:  # noqa: ANN401 - optuna's trial; a Value
    """A value of the axis: a place among its values, or a share of its interval."""
    if axis.values:
        return axis.values[trial.suggest_int(axis.name, 0, len(axis.values) - 1)]
    return axis.at(trial.suggest_float(axis.name, 0.0, 1.0))
