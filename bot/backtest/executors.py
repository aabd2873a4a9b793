"""Work in numbered batches on any `concurrent.futures.Executor` (bot.backtest.pools): what is sent, what comes back.

A worker that dies loses nothing: its pool is built again and what was under way is sent again, one batch at a
time until it is known which of them kills workers; the one that does so three times is reported and left out.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from bot.errors import BotError

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")

MOST_DEATHS = 3
_LOOK = 0.2
"""Seconds between two looks at `stop` while nothing is done."""


class LostWorkers(BotError):  # noqa: N818
    """There are no workers, or each dies at once; what was done before is kept."""


class Verdict(Enum):
    """What an error of a batch means."""

    DEATH = "a worker died under it, or what it needs was lost: to be sent again"
    POISON = "it killed worker after worker: to be reported"
    ERROR = "the work itself raised it"


class Carried(Protocol):
    """What the work is given, on its way: a worker opens it once and keeps it by its `key`."""

    @property
    def key(self) -> str: ...
    def open(self) -> object: ...


class Portable(Carried, Protocol):
    """What can travel whole, or be laid on this machine's disk and travel as a name."""

    def on_disk(self, folder: Path) -> Carried: ...


class Pool(Protocol):
    """A source of executors. `carry` brings what all batches share to the workers and gives what stands for it."""

    workers: int

    def start(self) -> Executor: ...
    def carry(self, given: Portable) -> Any: ...  # noqa: ANN401 - a name of it, or a promise
    def verdict(self, error: BaseException) -> Verdict: ...
    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Done(Generic[Answer]):
    """Batch `number` and its answer; `failed` says why there is none."""

    number: int
    answer: Answer | None
    failed: str | None = None


def run_batches(
    pool: Pool,
    given: Portable,
    work: Callable[[Any, Batch], Answer],
    batches: Iterable[tuple[int, Batch]],
    stop: threading.Event | None = None,
) -> Iterator[Done[Answer]]:
    """Each batch's answer as it comes, in no order: work(given.open(), batch), somewhere.

    `given` and the batches are pickled; `work` is a module's function. Batches are taken from the iterable as
    they are wanted, so it may still grow. Once `stop` is set nothing new is begun, and what is under way is still
    answered. An error that `work` raises is raised here; LostWorkers if one batch after the other kills its worker.
    """
    crew: _Crew[Batch, Answer] = _Crew(pool, given, work)
    try:
        yield from crew.answers(iter(batches), stop or threading.Event())
    finally:
        pool.end()


class _Crew(Generic[Batch, Answer]):
    """The batches under way, and those that were when a worker died (suspects)."""

    def __init__(self, pool: Pool, given: Portable, work: Callable[[Any, Any], Any]) -> None:
        self._pool, self._given, self._work = pool, given, work
        self._executor: Executor | None = None
        self._carried: Any = None
        self._under_way: dict[Future[Any], tuple[int, Batch]] = {}
        self._suspects: deque[tuple[int, Batch]] = deque()
        self._deaths: dict[int, int] = {}
        self._reported_in_a_row = 0

    def answers(self, batches: Iterator[tuple[int, Batch]], stop: threading.Event) -> Iterator[Done[Answer]]:
        while True:
            if not stop.is_set():
                self._send(batches)
            if not self._under_way:
                if stop.is_set() or not self._suspects:
                    return
                continue
            ready, _ = wait(self._under_way, timeout=_LOOK, return_when=FIRST_COMPLETED)
            crowd = len(self._under_way)
            died: list[tuple[int, Batch]] = []
            for future in ready:
                yield from self._taken_in(future, died)
            if died:
                yield from self._mourn(died, alone=crowd == 1)

    def _taken_in(self, future: Future[Any], died: list[tuple[int, Batch]]) -> Iterator[Done[Answer]]:
        number, batch = self._under_way.pop(future)
        error = _error_of(future)
        if error is None:
            self._reported_in_a_row = 0
            yield Done(number, future.result())
            return
        verdict = self._pool.verdict(error)
        if verdict is Verdict.ERROR:
            raise error
        if verdict is Verdict.POISON:
            yield self._reported(number, str(error))
        else:
            died.append((number, batch))

    def _send(self, batches: Iterator[tuple[int, Batch]]) -> None:
        """Keep each worker busy with one batch and another waiting; a suspect goes alone."""
        if self._suspects:
            if not self._under_way:
                self._submit(self._suspects.popleft())
            return
        while len(self._under_way) < 2 * self._pool.workers and not self._suspects:
            following = next(batches, None)
            if following is None:
                return
            self._submit(following)

    def _submit(self, item: tuple[int, Batch]) -> None:
        if self._executor is None:
            self._executor = self._pool.start()
            self._carried = self._pool.carry(self._given)
        try:
            future = self._executor.submit(run_one, self._work, self._carried, item[1])
        except BrokenExecutor:  # a worker died while nothing was waited for; this batch is not to blame
            self._suspects.append(item)
            if not self._under_way:
                self._begin_again()
        else:
            self._under_way[future] = item

    def _mourn(self, died: list[tuple[int, Batch]], *, alone: bool) -> Iterator[Done[Answer]]:
        """Take in all that was under way beside the dead, and begin again with new workers."""
        wait(self._under_way)
        for future in tuple(self._under_way):
            yield from self._taken_in(future, died)
        self._begin_again()
        for number, batch in sorted(died, key=lambda item: item[0]):
            self._deaths[number] = self._deaths.get(number, 0) + 1
            if alone and self._deaths[number] >= MOST_DEATHS:
                yield self._reported(number, f"killed its worker {self._deaths[number]} times")
            else:
                self._suspects.append((number, batch))

    def _begin_again(self) -> None:
        self._pool.end()
        self._executor = None

    def _reported(self, number: int, why: str) -> Done[Answer]:
        self._reported_in_a_row += 1
        if self._reported_in_a_row >= MOST_DEATHS:
            raise LostWorkers(f"one batch after the other kills its worker (is there enough memory?): {why}")
        return Done(number, None, why)


def _error_of(future: Future[Any]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as cancelled:
        return cancelled


_KEPT: dict[str, object] = {}
"""In a worker: what was carried there last, opened."""
_OPENING = threading.Lock()


def run_one(work: Callable[[Any, Any], Any], carried: Carried, batch: object) -> object:
    """In the worker: one batch."""
    with _OPENING:
        if carried.key not in _KEPT:
            _KEPT.clear()
            _KEPT[carried.key] = carried.open()
        opened = _KEPT[carried.key]
    return work(opened, batch)


def forget() -> None:
    """Let go of what was opened last."""
    _KEPT.clear()
