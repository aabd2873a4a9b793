"""Many sets of parameters over one history: judged in chunks, kept as they come, and weighed by result against worst loss."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from bot.backtest.executors import Pool, run_batches
from bot.backtest.journal import Journal
from bot.backtest.judging import Assignment, Chunk, Judged, judge
from bot.backtest.optimise import Method, Search
from bot.backtest.outcome import Outcome, choice, front
from bot.backtest.space import Point

_CHUNK = 256
_EXACT_CHUNK = 1
_BASE = -1
"""The number of the base strategy, which is judged with the rest."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is, in sets; `kept` of them are from an earlier run, `seconds` since this one began."""

    done: int
    total: int
    kept: int
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before there is one."""
        fresh = self.done - self.kept
        return None if fresh <= 0 else self.seconds * (self.total - self.done) / fresh


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


@dataclass(frozen=True, slots=True)
class Sweep:
    """What was judged, by number. `base` is the strategy as it is, None where that could not be judged.

    `refused` counts points that are no strategy by the parameter to blame ("min_notional": an order too small for
    the exchange), `failed` tells chunks that could not be judged. Not `complete`: stopped before its end.
    """

    rows: tuple[Row, ...]
    base: Row | None
    refused: Counter[str]
    failed: tuple[str, ...]
    total: int
    complete: bool
    rejudged: int = 0
    """Sets that the fast path could not prove, and the exact one judged."""

    def front(self) -> tuple[Row, ...]:
        """Those that no other beats in result and worst loss at once, from the least loss to the most."""
        return tuple(self.rows[i] for i in front([row.outcome for row in self.rows]))

    def best(self, most_loss: Decimal | None = None) -> Row | None:
        """The largest result within a worst loss: by default the base's, so that the choice is no riskier than that.

        None where none is within it.
        """
        limit = most_loss
        if limit is None:
            limit = self.base.outcome.worst_loss if self.base else Decimal("Infinity")
        place = choice([row.outcome for row in self.rows], limit)
        return None if place is None else self.rows[place]


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
        self._rows: dict[int, Row] = {}
        self._refused: Counter[str] = Counter()
        self._failed: list[str] = []
        self._done = self._kept = self._total = self._rejudged = 0
        self._since = time.monotonic()
        self._settled: Callable[[], None] = lambda: None

    def grid(self) -> Sweep:
        """Every point of the grid; InvalidInput where an axis has no steps."""
        return self._span(self.given.space.size, None)

    def random(self, total: int, seed: int) -> Sweep:
        return self._span(total, seed)

    def search(self, total: int, seed: int, method: Method, generation: int = 64) -> Sweep:
        """`total` points, each generation asked for by what the earlier ones came to."""
        search = Search(self.given.space, method, seed=seed, generation=generation)
        asked: tuple[int, int] = (0, 0)

        def settled() -> None:
            """A generation is judged: tell it, and ask for the next."""
            nonlocal asked
            first, end = asked
            if self.stop.is_set():
                return
            if end > first:
                rows = [self._rows.get(number) for number in range(first, end)]
                search.tell([None if row is None else row.outcome for row in rows])
            points = search.ask(total - end)
            asked = (end, end + len(points))
            size = 1 if self.given.exact else max(1, -(-len(points) // (4 * self.pool.workers)))
            for start in range(0, len(points), size):
                part = points[start : start + size]
                self._queue.append(self._chunk(end + start, end + start + len(part), points=part))

        self._settled = settled
        return self._run(total)

    def _span(self, total: int, seed: int | None) -> Sweep:
        size = _EXACT_CHUNK if self.given.exact else max(1, min(_CHUNK, total // 64))
        for first in range(0, total, size):
            self._queue.append(self._chunk(first, min(first + size, total), seed=seed))
        return self._run(total)

    def _chunk(
        self, first: int, end: int, *, seed: int | None = None, points: tuple[Point, ...] | None = None
    ) -> Chunk:
        return Chunk(first, end, seed, points, self.given.exact)

    def _run(self, total: int) -> Sweep:
        self._total = total
        self._queue.appendleft(self._chunk(_BASE, _BASE + 1, points=(self.given.space.base_point(),)))
        for done in run_batches(self.pool, self.given, judge, self._batches(), self.stop):
            chunk = self._sent.pop(done.number)
            if done.answer is None:
                self._failed.append(f"sets {chunk.first + 1} to {chunk.end}: {done.failed}")
                self._done += chunk.end - chunk.first
            else:
                if self.journal is not None:
                    self.journal.add(chunk.name, done.answer.packed())
                self._take(chunk, done.answer)
            self._told()
        base = self._rows.pop(_BASE, None)
        return Sweep(
            rows=tuple(self._rows[number] for number in sorted(self._rows)),
            base=base,
            refused=self._refused,
            failed=tuple(self._failed),
            total=total,
            complete=self._done >= total,
            rejudged=self._rejudged,
        )

    def _batches(self) -> Iterator[tuple[int, Chunk]]:
        return _Growing(self._next_chunk)

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
            self._take(chunk, Judged.unpacked(kept))
            self._kept += self._done - before

    def _take(self, chunk: Chunk, judged: Judged) -> None:
        for number, outcomes in judged.rows.items():
            self._rows[number] = Row(number, chunk.point(self.given.space, number), outcomes)
        for number in judged.unproven:
            self._queue.append(chunk.alone(self.given.space, number))
        if chunk.first != _BASE:
            self._refused += judged.refused
            self._done += len(judged.rows) + judged.refused.total()
            self._rejudged += len(judged.rows) if chunk.exact and not self.given.exact else 0

    def _told(self) -> None:
        if self.on_progress is not None:
            seconds = time.monotonic() - self._since
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
