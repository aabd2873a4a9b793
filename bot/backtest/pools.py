"""Where batches run: here, on this machine's processors, or a Dask cluster whose address is given."""

import os
import re
import shutil
import signal
import tempfile
import threading
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

from bot.backtest.executors import LostWorkers, Pool, Portable, Verdict, forget
from bot.errors import InvalidInput

_NICE = 10
"""Below live trading and whatever else the machine is for."""
_ADDRESS = re.compile(r"[a-z]{2,9}://[A-Za-z0-9._\[\]:-]+:[0-9]{1,5}")
_PREFIX = "trader-automata-candles-"
_PATIENCE = 15
"""Seconds for a cluster to answer, and for its first worker."""


def open_pool(workers: int | None = None, dask: str | None = None) -> Pool:
    """The pool asked for; InvalidInput where `dask` is no address or cannot be had."""
    return LocalPool(workers or processors()) if dask is None else DaskPool(dask)


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalPool:
    """Processes of low priority that end with this one; what they share lies in files that they map."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._executor: ProcessPoolExecutor | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> Executor:
        self._executor = _Quiet(self.workers, mp_context=get_context("spawn"), initializer=_begin)
        return self._executor

    def carry(self, given: Portable) -> object:
        _sweep_up()
        self._folder = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-")
        return given.on_disk(Path(self._folder.name))

    def verdict(self, error: BaseException) -> Verdict:
        return Verdict.DEATH if isinstance(error, BrokenExecutor | CancelledError) else Verdict.ERROR

    def end(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
        if self._folder is not None:
            self._folder.cleanup()
        self._executor = self._folder = None


def _sweep_up() -> None:
    """Remove what a killed process left: its files are as large as the candles."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Quiet(ProcessPoolExecutor):
    """Its workers are born deaf to Ctrl-C, which a terminal sends to them too: the parent decides when they end."""

    def submit(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the executor's own signature
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(*args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)


def _begin() -> None:
    os.nice(_NICE)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed cannot say goodbye, and its workers would wait for ever."""
    parent = parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


class DaskPool:
    """A cluster's workers, which get what they share over the wire. Needs `pip install trader-automata[dask]`.

    Dask sends a dead worker's batches to another by itself and gives one up after several deaths; where all copies
    of what they share died too, they are given out again.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed  # noqa: PLC0415 - optional, and heavy
        except ImportError as exc:
            raise InvalidInput("--dask", "needs an extra: pip install 'trader-automata[dask]'") from exc
        if not _ADDRESS.fullmatch(address):
            raise InvalidInput("--dask", f"takes an address such as tcp://10.0.0.5:8786, not {address}")
        self._dask: Any = distributed
        self._address = address
        self._client: Any = None
        self.workers = 1

    def start(self) -> Executor:
        try:
            self._client = self._dask.Client(self._address, timeout=_PATIENCE, set_as_default=False)
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, TimeoutError, ValueError) as exc:
            self.end()
            raise LostWorkers(f"no Dask cluster with workers answers at {self._address}: {exc}") from exc
        self.workers = max(1, sum(self._client.nthreads().values()))
        executor: Executor = self._client.get_executor(pure=False)
        return executor

    def carry(self, given: Portable) -> Any:  # noqa: ANN401 - a distributed.Future
        return self._client.scatter(given, broadcast=True, hash=False)

    def verdict(self, error: BaseException) -> Verdict:
        if isinstance(error, self._dask.KilledWorker):
            return Verdict.POISON
        lost = (CancelledError, self._dask.client.FutureCancelledError, self._dask.comm.core.CommClosedError)
        return Verdict.DEATH if isinstance(error, lost) else Verdict.ERROR

    def end(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None


class ThreadPool:
    """Threads of this process, for work that lets go of the interpreter's lock (the compiled kernel does)."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or processors()
        self._executor: ThreadPoolExecutor | None = None

    def start(self) -> Executor:
        self._executor = ThreadPoolExecutor(self.workers)
        return self._executor

    def carry(self, given: Portable) -> Any:  # noqa: ANN401 - as Pool says
        return given

    def verdict(self, error: BaseException) -> Verdict:  # noqa: ARG002
        return Verdict.ERROR

    def end(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
        self._executor = None
        forget()


class InlinePool:
    """No workers at all: each batch is done where it is asked for. For a process that is a worker itself."""

    workers = 1

    def start(self) -> Executor:
        return _Inline()

    def carry(self, given: Portable) -> Any:  # noqa: ANN401 - as Pool says
        return given

    def verdict(self, error: BaseException) -> Verdict:  # noqa: ARG002
        return Verdict.ERROR

    def end(self) -> None:
        forget()


class _Inline(Executor):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the executor's own signature
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
