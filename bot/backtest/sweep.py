"""Many sets of parameters over one history: judged in chunks, kept as they come, and weighed by result against worst loss."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import overload

import numpy as np
from numpy.typing import NDArray

from bot.backtest.executors import Pool, run_batches
from bot.backtest.journal import Journal
from bot.backtest.judging import Assignment, Chunk, Judged, judge
from bot.backtest.optimise import Method, Search
from bot.backtest.outcome import SCORE, Outcome, Table, choice, front, results
from bot.backtest.space import Point

_CHUNK = 256
_EXACT_CHUNK = 1
_PARTS = 16
"""A generation is judged in as many chunks, whatever the workers: they must be the same when it goes on."""
_A_HAIR = 1e-8
"""What an outcome's 8 places may have cut off."""
_BASE = -1
"""The number of the base strategy, which is judged with the rest."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is, in sets; `kept` of them are from an earlier run, `seconds` since this one's first answer."""

    done: int
    total: int
    kept: int
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before there is one."""
        fresh = self.done - self.kept
        return self.seconds * (self.total - self.done) / fresh if fresh > 0 and self.seconds else None


@dataclass(frozen=True, slots=True)
class Row:
    """One set of parameters that was judged: its number in the sweep, its point, an outcome for each window."""

    number: int
    point: Point
    outcomes: tuple[Outcome, ...]

    @property
    def outcome(self) -> Outcome:
        """On the whole history, or on the first window."""
        return self.outcomes[0]


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """What was judged, by number. `scores[i]` are the doubles of `rows[i]`, one of SCORE for each window.

    `base` is the strategy as it is, None where that could not be judged. `refused` counts points that are no
    strategy by the parameter to blame ("min_notional": an order too small for the exchange), `failed` tells chunks
    that could not be judged. Not `complete`: stopped before its end. `rejudged` sets are those that the fast path
    could not prove and the exact one judged; `kept` sets were judged by an earlier, stopped run.
    """

    rows: "Rows"
    scores: Table
    base: Row | None
    refused: Counter[str]
    failed: tuple[str, ...]
    total: int
    complete: bool
    rejudged: int
    kept: int = 0

    def front(self) -> tuple[Row, ...]:
        """Those that no other beats in result and worst loss at once, from the least loss to the most."""
        return tuple(self.rows[int(place)] for place in front(self.scores[:, 0]))

    def best(self, most_loss: Decimal | None = None) -> Row | None:
        """The largest result within a worst loss; None where none is within it.

        That is by default the base's, so that the choice is no riskier than what one has.
        """
        limit = self.limit(0) if most_loss is None else float(most_loss)
        place = choice(self.scores[:, 0], limit)
        return None if place is None else self.rows[place]

    def limit(self, window: int) -> float:
        """The base's worst loss in a window; without end where it was not judged."""
        if self.base is None:
            return float("inf")
        return float(self.base.outcomes[window].worst_loss) + _A_HAIR


class Rows(Sequence[Row]):
    """A sweep's sets in columns; each row is made when it is asked for."""

    def __init__(self, numbers: NDArray[np.int64], scores: Table, at: Callable[[int], Point]) -> None:
        self._numbers, self._scores, self._at = numbers, scores, at

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        number = int(self._numbers[place])
        return Row(number, self._at(number), tuple(Outcome.of(score) for score in self._scores[place]))

    def points(self) -> Iterator[Point]:
        return (self._at(number) for number in self._numbers.tolist())

    def place_of(self, number: int) -> int:
        """Where the set of that number stands, which is one of these."""
        return int(np.searchsorted(self._numbers, number))


@dataclass
class Sweeper:
    """One sweep under way. Set `stop` from anywhere: what is under way is finished and kept."""

    given: Assignment
    pool: Pool
    journal: Journal | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    on_progress: Callable[[Progress], None] | None = None

    def __post_init__(self) -> None:
        self._queue: deque[Chunk] = deque()
        self._sent: dict[int, Chunk] = {}
        self._serials = count()
        self._parts: list[Judged] = []
        self._base: Row | None = None
        self._windows = len(self.given.windows or (None,))
        self._refused: Counter[str] = Counter()
        self._failed: list[str] = []
        self._done = self._kept = self._total = self._rejudged = 0
        self._since: float | None = None
        self._settled: Callable[[], None] = lambda: None

    def grid(self) -> Sweep:
        """Every point of the grid; InvalidInput where an axis has no steps."""
        return self._span(self.given.space.size, None, self.given.space.grid_point)

    def random(self, total: int, seed: int) -> Sweep:
        return self._span(total, seed, lambda number: self.given.space.random_point(seed, number))

    def search(self, total: int, seed: int, method: Method, generation: int = 64) -> Sweep:
        """`total` points, each generation asked for by what the earlier ones came to."""
        search = Search(self.given.space, method, seed=seed, generation=generation)
        asked: list[Point] = []
        told = 0

        def settled() -> None:
            """A generation is judged: tell it, and ask for the next."""
            nonlocal told
            if len(asked) > told:
                search.tell(self._told_of(range(told, len(asked))))
                told = len(asked)
            points = search.ask(total - told)
            size = _EXACT_CHUNK if self.given.exact else max(1, -(-len(points) // _PARTS))
            for start in range(0, len(points), size):
                part = points[start : start + size]
                self._queue.append(
                    Chunk(told + start, told + start + len(part), points=part, exact=self.given.exact)
                )
            asked.extend(points)

        self._settled = settled
        return self._run(total, lambda number: asked[number])

    def _told_of(self, numbers: range) -> list[tuple[float, float] | None]:
        found: dict[int, tuple[float, float]] = {}
        for part in self._parts:
            if part.numbers and part.numbers[-1] >= numbers.start:
                scores = part.scores[:, 0]
                pairs = zip(results(scores).tolist(), scores["worst_loss"].tolist(), strict=True)
                found.update(zip(part.numbers, pairs, strict=True))
        return [found.get(number) for number in numbers]

    def _span(self, total: int, seed: int | None, at: Callable[[int], Point]) -> Sweep:
        size = _EXACT_CHUNK if self.given.exact else max(1, min(_CHUNK, total // 64))
        starts = range(0, total, size)
        self._queue.extend(Chunk(n, min(n + size, total), seed, exact=self.given.exact) for n in starts)
        return self._run(total, at)

    def _run(self, total: int, at: Callable[[int], Point]) -> Sweep:
        self._total = total
        base = (self.given.space.base_point(),)
        self._queue.appendleft(Chunk(_BASE, _BASE + 1, points=base, exact=self.given.exact))
        for done in run_batches(self.pool, self.given, judge, _Growing(self._next_chunk), self.stop):
            chunk = self._sent.pop(done.number)
            if done.answer is None:
                self._failed.append(f"sets {chunk.first + 1} to {chunk.end}: {done.failed}")
                self._done += chunk.end - chunk.first
            else:
                if self.journal is not None:
                    self.journal.add(chunk.name, done.answer.packed())
                self._take(chunk, done.answer)
            self._tell()
        return self._summed_up(at)

    def _summed_up(self, at: Callable[[int], Point]) -> Sweep:
        nothing = np.zeros((0, self._windows), dtype=SCORE)
        numbers = np.array([n for part in self._parts for n in part.numbers], dtype=np.int64)
        order = np.argsort(numbers)
        scores = np.concatenate([nothing, *(part.scores for part in self._parts)])[order]
        return Sweep(
            rows=Rows(numbers[order], scores, at),
            scores=scores,
            base=self._base,
            refused=self._refused,
            failed=tuple(self._failed),
            total=self._total,
            complete=self._done >= self._total,
            rejudged=self._rejudged,
            kept=self._kept,
        )

    def _next_chunk(self) -> tuple[int, Chunk] | None:
        """The next chunk that no earlier run has answered; None while there is none."""
        while True:
            if not self._queue and not self._sent:
                self._settled()
            if not self._queue:
                return None
            chunk = self._queue.popleft()
            kept = self.journal.kept.get(chunk.name) if self.journal is not None else None
            if kept is None:
                serial = next(self._serials)
                self._sent[serial] = chunk
                return serial, chunk
            before = self._done
            self._take(chunk, Judged.unpacked(kept, self._windows))
            self._kept += self._done - before

    def _take(self, chunk: Chunk, judged: Judged) -> None:
        for number in judged.unproven:
            self._queue.append(chunk.alone(self.given.space, number))
        if chunk.first == _BASE:
            if judged.numbers:
                outcomes = tuple(Outcome.of(score) for score in judged.scores[0])
                self._base = Row(_BASE, self.given.space.base_point(), outcomes)
            return
        self._parts.append(judged)
        self._refused += judged.refused
        self._done += len(judged.numbers) + judged.refused.total()
        self._rejudged += len(judged.numbers) if chunk.exact and not self.given.exact else 0

    def _tell(self) -> None:
        if self.on_progress is not None:
            now = time.monotonic()
            if (
                self._since is None
            ):  # before, workers were started and perhaps code compiled: no pace to count on
                self._since = now
            seconds = now - self._since
            self.on_progress(Progress(self._done, self._total, self._kept, seconds))


class _Growing(Iterator[tuple[int, Chunk]]):
    """Batches from a queue that answers may lengthen: it may have more after it had none."""

    def __init__(self, following: Callable[[], tuple[int, Chunk] | None]) -> None:
        self._following = following

    def __next__(self) -> tuple[int, Chunk]:
        item = self._following()
        if item is None:
            raise StopIteration
        return item
