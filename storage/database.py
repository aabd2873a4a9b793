"""One writing SQLite connection on a thread of its own; one command is one closure is one transaction.

SQLite 3.7.0 to 3.51.2 may corrupt a WAL database when two connections write or checkpoint at the same moment.
So exactly one connection does either, and a lock on the folder keeps a second process out.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Self, TypeVar

from bot.errors import StoreError
from storage import lean
from storage.migrations import migrate

T = TypeVar("T")
Rows = lean.Rows
Work = Callable[[Rows], T]

_PRAGMAS = (
    "synchronous=FULL",  # NORMAL may lose the last commits when the power goes
    "foreign_keys=ON",
    "busy_timeout=5000",
    "secure_delete=ON",
    "trusted_schema=OFF",
    "temp_store=MEMORY",  # nothing spills into a file of its own
    "mmap_size=0",
    f"journal_size_limit={32 * 1024 * 1024}",
)
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


class Database:
    """A SQLite file and the thread that owns it.

    `faulted` is set when the database itself fails (disk full, damaged file), not when a row is refused: nothing
    that has not been saved may be acted on, so whoever waits for it stops the program. `outbox_changed` belongs
    to the outbox; it lives here so that every object over this database shares it.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.faulted = asyncio.Event()
        self.outbox_changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="storage")
        self._lock: int | None = None
        self._rows: Rows | None = None

    @classmethod
    async def open(cls, path: Path | None) -> Self:
        """The database at `path`, brought up to date; None is one in memory.

        A missing folder is made with mode 0700; the file has mode 0600. StoreError when another process uses
        the folder, or a newer version wrote the file.
        """
        database = cls(path)
        try:
            await database._submit(database._open)
        except BaseException:
            await database.close()
            raise
        return database

    async def run(self, work: Work[T], *, then: Callable[[], object] | None = None) -> T:
        """Run `work` on the writing thread, all of it or nothing; `then` follows on the loop once it is saved.

        A caller that is cancelled leaves a command that has begun to end by itself; commands keep their order.
        sqlite3 errors become StoreError, this house's own errors pass; both undo everything.
        """
        return await self._submit(lambda: self._transaction(work, then))

    async def backup(self, target: Path) -> None:
        """A consistent copy in one file of mode 0600; it appears under its name only when it is complete."""
        await self._submit(lambda: _backup(self._opened(), target))

    async def scrub(self) -> None:
        """Empty the write-ahead log, so that deleted rows are gone from it too."""
        await self._submit(lambda: self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())

    async def faults(self) -> list[str]:
        """What SQLite's own check finds wrong; empty when the file is sound."""
        found = await self._submit(lambda: self._opened().execute("PRAGMA quick_check").fetchall())
        return [row[0] for row in found if row[0] != "ok"]

    async def close(self) -> None:
        """Wait for what was asked, then close. A second call does nothing."""
        try:
            await asyncio.wrap_future(self._thread.submit(self._close))
        except RuntimeError:  # the thread has ended: closed before
            return
        self._thread.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _submit(self, command: Callable[[], T]) -> T:
        try:
            future = self._thread.submit(command)
        except RuntimeError as exc:
            raise StoreError("the database is closed") from exc
        try:
            return await asyncio.wrap_future(future)
        except (sqlite3.IntegrityError, OverflowError) as exc:
            raise StoreError(f"the database refused a row: {exc}") from exc
        except (sqlite3.Error, lean.TransactionError, OSError) as exc:
            self.faulted.set()
            raise StoreError(f"the database failed: {exc}") from exc

    def _transaction(self, work: Work[T], then: Callable[[], object] | None) -> T:
        rows = self._opened()
        with rows.atomic():
            result = work(rows)
        if then is not None:
            self._loop.call_soon_threadsafe(then)
        return result

    def _opened(self) -> Rows:
        if self._rows is None:
            raise StoreError("the database is closed")
        return self._rows

    def _open(self) -> None:
        if self.path is None:
            self._rows = Rows(memory=True, execute_plugins=False)
        else:
            self._lock = _claim(self.path)
            self._rows = Rows(_private_file(self.path), execute_plugins=False)
            self._rows.enable_wal()
        for pragma in _PRAGMAS:
            self._rows.execute(f"PRAGMA {pragma}")
        migrate(self._rows)

    def _close(self) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None
        if self._lock is not None:
            # A process that is just being started has a copy of the handle for a moment: closing ours is not enough.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)
            self._lock = None


def _claim(path: Path) -> int:
    """Lock the folder for this process until the handle is closed; a killed process frees it by dying."""
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(handle)
        if isinstance(exc, BlockingIOError):
            raise StoreError(f"another process uses {path.parent}: stop it first") from exc
        raise
    return handle


def _private_file(path: Path) -> Path:
    """The file, made if missing, readable by its owner alone; SQLite gives its -wal and -shm the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE))
    path.chmod(_FILE_MODE)
    return path


def _backup(rows: Rows, target: Path) -> None:
    target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(_private_file(partial))) as copy:
        rows.conn.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole without its log
    _to_disk(partial)
    partial.replace(target)
    _to_disk(target.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
