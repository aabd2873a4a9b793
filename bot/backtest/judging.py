"""What a sweep's workers do: a chunk of points to outcomes, on the candles of one assignment."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.backtest.compiled_code import compiled_once
from bot.backtest.fast import run, tree_of
from bot.backtest.figures import figures
from bot.backtest.history import History
from bot.backtest.index import Tree
from bot.backtest.model import BacktestRun, Engine, Terms
from bot.backtest.outcome import SCORE, Outcome, Table
from bot.backtest.prepared import Prepared, prepare
from bot.backtest.shared_history import HistoryFile, lay_down, named
from bot.backtest.sieve import Sieve
from bot.backtest.space import Point, Space, written
from bot.backtest.ticks import NoTicks
from bot.domain.market import Side
from bot.domain.params import StrategyParams


@dataclass(frozen=True, slots=True)
class Chunk:
    """Points first <= number < end of the grid (or of the draw `seed`), or the given `points` from `first` on.

    `exact`: one by one in decimals; else by the compiled path, as far as that can prove itself.
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
        """One of its points, to be judged in decimals."""
        return Chunk(number, number + 1, points=(self.point(space, number),), exact=True)

    def point(self, space: Space, number: int) -> Point:
        if self.points is not None:
            return self.points[number - self.first]
        return space.grid_point(number) if self.seed is None else space.random_point(self.seed, number)


@dataclass(slots=True)
class Judged:
    """What became of a chunk. `scores` has a row for each of `numbers`, and in it one of SCORE for each window.

    `refused` counts the points that are no strategy by the parameter to blame; `unproven` are those that the compiled
    path could not answer for: they have to be run in decimals.
    """

    numbers: list[int]
    scores: Table
    refused: Counter[str]
    unproven: list[int]

    def packed(self) -> dict[str, Any]:
        return {
            "numbers": self.numbers,
            "scores": self.scores.tolist(),
            "refused": dict(self.refused),
            "unproven": self.unproven,
        }

    @classmethod
    def unpacked(cls, packed: dict[str, Any], windows: int) -> "Judged":
        rows = [tuple(score) for scores in packed["scores"] for score in scores]
        scores = np.array(rows, dtype=SCORE).reshape(-1, windows)
        return cls(packed["numbers"], scores, Counter(packed["refused"]), packed["unproven"])


@dataclass(frozen=True, slots=True)
class Ground:
    """Candles to judge on, and the same made ready for the fast path; None where they cannot be, or must not."""

    history: History
    prepared: Prepared | None


@dataclass(frozen=True, slots=True)
class GroundFile:
    """The same, in files of this machine."""

    history: HistoryFile
    prepared: Prepared | None

    def open(self) -> Ground:
        return Ground(self.history.open(), self.prepared)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What all chunks share. `windows` are judged on one by one, each a run of its own; None: the whole history.

    `exact`: the fast path is not wanted. `key` is worked out of all of it, whatever is given.
    """

    space: Space
    terms: Terms
    history: History
    windows: tuple[tuple[int, int], ...] | None = None
    exact: bool = False
    key: str = ""

    def __post_init__(self) -> None:
        key = named(self.history, self.space, self.terms, self.windows, self.exact)
        object.__setattr__(self, "key", key)

    def open(self) -> "Bench":
        return Bench(self.space, self.terms, self.grounds(), exact=self.exact)

    def grounds(self) -> tuple[Ground, ...]:
        spans: tuple[tuple[int | None, int | None], ...] = self.windows or ((None, None),)
        histories = [self.history.between(*span) for span in spans]
        return tuple(Ground(one, None if self.exact else made_ready(one, self.terms)) for one in histories)

    def on_disk(self, folder: Path) -> "AssignmentFile":
        """In files under `folder` that the processes of this machine map and share."""
        files = []
        for number, ground in enumerate(self.grounds()):
            laid = lay_down(ground.history, folder / f"candles{number}.npy")
            kept = None if ground.prepared is None else ground.prepared.kept(folder / f"prepared{number}")
            files.append(GroundFile(laid, kept))
        return AssignmentFile(self.key, self.space, self.terms, tuple(files), self.exact)


@dataclass(frozen=True, slots=True)
class AssignmentFile:
    """An assignment whose candles lie in files: small enough to go with every chunk."""

    key: str
    space: Space
    terms: Terms
    files: tuple[GroundFile, ...]
    exact: bool

    def open(self) -> "Bench":
        return Bench(self.space, self.terms, tuple(file.open() for file in self.files), exact=self.exact)


class Bench:
    """An assignment in a worker: the candles at hand, and what was learned about the space."""

    def __init__(self, space: Space, terms: Terms, grounds: tuple[Ground, ...], *, exact: bool) -> None:
        self.space, self.terms, self.grounds = space, terms, grounds
        self.sieve = Sieve(space, terms.rules.min_notional.value)
        self._exact = exact

    @cached_property
    def _trees(self) -> tuple[Tree, ...]:
        return tuple(tree_of(ground.history) for ground in self.grounds)

    def in_decimals(self, at: int, params: StrategyParams) -> Outcome:
        """One set on ground `at`, by the exact engine where that was asked for, else by the one that equals it."""
        history = self.grounds[at].history
        engine, tree = (Engine.EXACT, None) if self._exact else (Engine.FAST, self._trees[at])
        return outcome_of(run(params, self.terms, history, engine, tree), history)


def made_ready(history: History, terms: Terms) -> Prepared | None:
    """For the fast path; None where it cannot count in this pair's ticks."""
    try:
        return prepare(history, terms)
    except NoTicks:
        return None


def judge(bench: Bench, chunk: Chunk) -> Judged:
    refused: Counter[str] = Counter()
    asked: dict[int, StrategyParams] = {}
    for number in range(chunk.first, chunk.end):
        params = bench.sieve.params(chunk.point(bench.space, number))
        if isinstance(params, StrategyParams):
            asked[number] = params
        else:
            refused[params] += 1
    wanted = tuple(asked.values())
    scores = np.zeros((len(wanted), len(bench.grounds)), dtype=SCORE)
    proven = np.ones(len(wanted), dtype=np.bool_)
    for at, ground in enumerate(bench.grounds):
        if chunk.exact:
            scores[:, at] = [bench.in_decimals(at, params).score() for params in wanted]
        else:
            scores[:, at], known = _scores(ground, bench.terms, wanted)
            proven &= known
    numbers = np.array(list(asked), dtype=np.int64)
    return Judged(numbers[proven].tolist(), scores[proven], refused, numbers[~proven].tolist())


def _scores(
    ground: Ground, terms: Terms, wanted: Sequence[StrategyParams]
) -> tuple[Table, NDArray[np.bool_]]:
    """A score for each, and whether it is known: not where the compiled path cannot show that it equals the exact one."""
    scores = np.zeros(len(wanted), dtype=SCORE)
    if ground.prepared is None:
        return scores, np.zeros(len(wanted), dtype=np.bool_)
    from bot.backtest.batch import evaluate  # noqa: PLC0415 - 130 MB of compiler, for workers only

    with compiled_once("run_sets"):
        rows = evaluate(ground.prepared, terms, wanted)
    for name, source in _FROM.items():
        scores[name] = rows[source]
    return scores, rows["proven"] > 0


_FROM = {name: name for name in SCORE.names or ()} | {"most_invested": "max_invested"}
"""The fields of batch.SUMMARY that a score takes."""


def outcome_of(ran: BacktestRun, history: History) -> Outcome:
    """Of a run over exactly these candles, in decimals."""
    told = figures(ran, history)
    return Outcome(
        net_profit=told.net_profit.value,
        unrealised=told.unrealised.value,
        worst_loss=told.worst.amount.value,
        most_invested=told.most_invested.value,
        cycles=told.cycles,
        rebuys=sum(fill.side is Side.BUY and fill.k > 0 for fill in ran.fills),
        open_rebuys=None if ran.open is None else ran.open.rebuys,
    )


def _written(points: tuple[Point, ...]) -> str:
    text = ";".join(",".join(map(written, point)) for point in points)
    return sha256(text.encode()).hexdigest()[:16]
