"""Backtests on request: one at a time for each person, few at a time in all, each in a process that ends."""

import asyncio
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog

from bot.errors import NotAllowed
from bot.ports.backtests import Line, Workers

log = structlog.get_logger(__name__)
_FOLDER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """`place` in the queue, 0 once it runs; `done` from 0 to 1 of the stage, `left_s` seconds where it can be told."""

    place: int = 0
    stage: str = "start"
    done: float = 0.0
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """`card` as the worker wrote it; `pictures` and `files` lie in the run's folder."""

    card: Mapping[str, Any]
    pictures: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """`reason` is `memory`, `time`, `lost`, `bug`, or words for a person about one of their fields.

    `key` and `values` are those of InvalidInput, where the worker knew them.
    """

    about: str
    reason: str
    key: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


class Cancelled(StrEnum):
    """Who ended it."""

    BY_PERSON = "by_person"
    BY_ANOTHER = "by_another"


Outcome = Done | Failed | Cancelled


class Run:
    """A wish under way. Its folder is private to it, and gone after `release`."""

    def __init__(self, person_id: int, job: Mapping[str, object], folder: Path, *, background: bool) -> None:
        self.person_id = person_id
        self.job = job
        self.folder = folder
        self.background = background
        self.progress = Progress()
        self.changed = asyncio.Event()
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def tell(self, progress: Progress) -> None:
        self.progress = progress
        self.changed.set()

    def end(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)
        self.changed.set()


class Backtests:
    """The queue. What runs in the background (`background=True`) lets everything else go first.

    `root` is this program's alone: whatever lies in it at the start is left over from a process that died.
    """

    def __init__(self, *, workers: Workers, root: Path, at_once: int = 1) -> None:
        self._workers = workers
        self._root = root
        self._at_once = at_once
        self._waiting: list[Run] = []
        self._running: dict[Run, asyncio.Task[None]] = {}
        self._closed = False

    def clear_leftovers(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)

    def submit(self, person_id: int, job: Mapping[str, object], *, background: bool = False) -> Run:
        """NotAllowed("backtest_busy") while this person waits for another; in the background the newer takes over."""
        if self._closed:
            raise NotAllowed("backtest_closing")
        before = self.of(person_id, background=background)
        if before is not None and not background:
            raise NotAllowed("backtest_busy")
        if before is not None:
            self.cancel(before, Cancelled.BY_ANOTHER)
        folder = self._root / secrets.token_hex(_FOLDER_BYTES)
        run = Run(person_id, {**job, "folder": str(folder)}, folder, background=background)
        self._waiting.append(run)
        self._pump()
        return run

    def of(self, person_id: int, *, background: bool = False) -> Run | None:
        """What this person waits for."""
        everybody = (*self._running, *self._waiting)
        mine = (r for r in everybody if (r.person_id, r.background) == (person_id, background))
        return next((r for r in mine if not r.outcome.done()), None)

    def cancel(self, run: Run, by: Cancelled = Cancelled.BY_PERSON) -> None:
        """At once where it waits; a process that runs is killed."""
        run.end(by)
        if run in self._waiting:
            self._waiting.remove(run)
            self._tell_places()
        elif run in self._running:
            self._running[run].cancel()

    def release(self, run: Run) -> None:
        """Its files have been sent, or nobody wants them."""
        shutil.rmtree(run.folder, ignore_errors=True)

    async def close(self) -> None:
        """Every process is killed, every folder gone. Runs end without an outcome: a new process tells their people."""
        self._closed = True
        self._waiting.clear()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.clear_leftovers()

    # --- the queue ----------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        while not self._closed and self._waiting and len(self._running) < self._at_once:
            run = min(self._waiting, key=lambda r: r.background)
            self._waiting.remove(run)
            self._running[run] = task = asyncio.create_task(self._carry(run), name="backtest")
            task.add_done_callback(self._ended(run))
        self._tell_places()

    def _tell_places(self) -> None:
        order = sorted(self._waiting, key=lambda r: r.background)
        for place, run in enumerate(order, 1):
            if run.progress.place != place:
                run.tell(Progress(place=place))

    def _ended(self, run: Run) -> Callable[[asyncio.Task[None]], None]:
        def ended(task: asyncio.Task[None]) -> None:
            del self._running[run]
            fault = None if task.cancelled() else task.exception()
            if fault is not None:
                log.error("backtest failed", exc_info=fault)
                run.end(Failed("", "lost"))
            if not isinstance(run.outcome.result() if run.outcome.done() else None, Done):
                self.release(run)
            self._pump()

        return ended

    async def _carry(self, run: Run) -> None:
        run.tell(Progress())
        run.folder.mkdir(parents=True, mode=0o700)
        async with aclosing(self._workers.run(run.job)) as lines:
            async for line in lines:
                outcome = _outcome(line, run.folder)
                if outcome is not None:
                    run.end(outcome)
                elif isinstance(said := line.get("progress"), dict):
                    run.tell(_progress(said))
        run.end(Failed("", "lost"))


def _progress(said: Mapping[str, Any]) -> Progress:
    left = said.get("left_s")
    return Progress(
        0, str(said.get("words", "")), float(said.get("done", 0)), None if left is None else float(left)
    )


def _outcome(line: Line, folder: Path) -> Outcome | None:
    if isinstance(done := line.get("done"), dict):
        pictures, files = (
            (folder / Path(name).name for name in done.get(key, ())) for key in ("pictures", "files")
        )
        return Done(done.get("card", {}), tuple(pictures), tuple(files))
    if isinstance(failed := line.get("failed"), dict):
        values = {str(k): str(v) for k, v in failed.get("values", {}).items()}
        return Failed(
            str(failed.get("field", "")), str(failed.get("reason", "")), str(failed.get("key", "")), values
        )
    return None
