"""What a sweep's workers do: a chunk of points to outcomes, on the candles of one assignment."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.backtest.exact import run_exact
from bot.backtest.figures import figures
from bot.backtest.history import History
from bot.backtest.model import Terms
from bot.backtest.outcome import Outcome, brief
from bot.backtest.shared_history import HistoryFile, lay_down
from bot.backtest.space import Point, Sieve, Space, written
from bot.domain.market import Side
from bot.domain.params import StrategyParams


@dataclass(frozen=True, slots=True)
class Chunk:
    """Points first <= number < end of the grid (or of the draw `seed`), or the given `points` from `first` on.

    `exact`: by the exact path; else by the fast one, as far as that can prove itself.
    """

    first: int
    end: int
    seed: int | None = None
    points: tuple[Point, ...] | None = None
    exact: bool = False

    @property
    def name(self) -> str:
        """The same for the same question within one assignment and one seed."""
        name = f"{self.first}-{self.end}{'x' if self.exact else ''}"
        return name if self.points is None else f"{name} {_written(self.points)}"

    def alone(self, space: Space, number: int) -> "Chunk":
        """One of its points, for the exact path."""
        return Chunk(number, number + 1, points=(self.point(space, number),), exact=True)

    def point(self, space: Space, number: int) -> Point:
        if self.points is not None:
            return self.points[number - self.first]
        return space.grid_point(number) if self.seed is None else space.random_point(self.seed, number)


@dataclass(slots=True)
class Judged:
    """A chunk's outcomes by number, one for each window; `refused` counts the points that are no strategy.

    `unproven` are those that the fast path could not answer for: the exact one has to.
    """

    rows: dict[int, tuple[Outcome, ...]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    unproven: list[int] = field(default_factory=list)

    def packed(self) -> dict[str, Any]:
        rows = [[number, [one.packed() for one in outcomes]] for number, outcomes in self.rows.items()]
        return {"rows": rows, "refused": dict(self.refused), "unproven": self.unproven}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> "Judged":
        rows = {number: tuple(Outcome.unpacked(o) for o in outcomes) for number, outcomes in packed["rows"]}
        return cls(rows, Counter(packed["refused"]), list(packed["unproven"]))


@dataclass(frozen=True, slots=True)
class Assignment:
    """What all chunks share; `windows` None judges on the whole history."""

    key: str
    space: Space
    terms: Terms
    history: History | HistoryFile
    windows: tuple[tuple[int, int], ...] | None = None

    def on_disk(self, folder: Path) -> "Assignment":
        if isinstance(self.history, HistoryFile):
            return self
        return replace(self, history=lay_down(self.history, folder / "candles.npy"))

    def open(self) -> "Bench":
        return Bench(self)


class Bench:
    """An assignment in a worker: the candles at hand, and what was learned about the space."""

    def __init__(self, given: Assignment) -> None:
        history = given.history.open() if isinstance(given.history, HistoryFile) else given.history
        self.space, self.terms = given.space, given.terms
        self.sieve = Sieve(given.space, given.terms.rules.min_notional.value)
        spans = given.windows or ((None, None),)
        self.histories = tuple(history.between(*span) for span in spans)


def judge(bench: Bench, chunk: Chunk) -> Judged:
    judged, asked = Judged(), {}
    for number in range(chunk.first, chunk.end):
        point = chunk.point(bench.space, number)
        refusal = bench.sieve.refusal(point)
        if refusal is None:
            asked[number] = bench.space.params(point)
        else:
            judged.refused[refusal] += 1
    wanted = tuple(asked.values())
    by_window = [outcomes_of(history, bench.terms, wanted, exact=chunk.exact) for history in bench.histories]
    for number, outcomes in zip(asked, zip(*by_window, strict=True), strict=True):
        proven = tuple(outcome for outcome in outcomes if outcome is not None)
        if len(proven) == len(outcomes):
            judged.rows[number] = proven
        else:
            judged.unproven.append(number)
    return judged


def outcomes_of(
    history: History, terms: Terms, wanted: Sequence[StrategyParams], *, exact: bool
) -> list[Outcome | None]:
    """One outcome for each; None where the fast path cannot show that it equals the exact one."""
    if not exact:
        pass
    return [exact_outcome(history, terms, params) for params in wanted]


def exact_outcome(history: History, terms: Terms, params: StrategyParams) -> Outcome:
    run = run_exact(params, terms, history)
    told = figures(run, history)
    return Outcome(
        net_profit=brief(told.net_profit.value),
        unrealised=brief(told.unrealised.value),
        worst_loss=brief(told.worst.amount.value),
        most_invested=brief(told.most_invested.value),
        cycles=told.cycles,
        rebuys=sum(fill.side is Side.BUY and fill.k > 0 for fill in run.fills),
        open_rebuys=None if run.open is None else run.open.rebuys,
    )


def _written(points: tuple[Point, ...]) -> str:
    text = ";".join(",".join(map(written, point)) for point in points)
    return sha256(text.encode()).hexdigest()[:16]
