"""Where the compiled path is kept, and that a machine compiles it once: the others wait, and read what was kept.

Each version of the code has a folder of its own. Whoever uses one holds it (a shared lock on its file `in_use`) as long
as it lives; one that nobody holds, and nobody has held for a day, is removed by the next process of another version.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from bot.backtest.parsed_cache import user_cache

_READY: set[str] = set()
"""The entries that this process has called."""
_HELD: list[int] = []
"""Open files of this process, each with a lock that ends with it."""
_IN_USE = "in_use"
_LEFT_S = 86_400
"""Two versions that are used in turns do not throw out each other's; nor is one removed that a long run may still read."""


def kept_in() -> Path | None:
    """The folder for compiled code, made if need be; None where none can be written, and then nothing is kept.

    numba knows a function's own file by its time only, and not the functions that it calls: so the folder is named
    after the text of all of them, and of numba's version.
    """
    text = hashlib.sha256(version("numba").encode())
    here = Path(__file__).parent
    for source in sorted([*here.glob("kernel*.py"), here / "index.py"]):
        text.update(source.read_bytes())
    folder = user_cache() / "compiled" / text.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def claimed() -> Path | None:
    """kept_in(), held by this process until it ends; what other versions have left is removed on the way."""
    while (folder := kept_in()) is not None:
        try:
            held = _held(folder)
        except FileNotFoundError:  # another version's process removed it at this very moment: make it again
            continue
        except OSError:  # it can be used though not held: somebody else's file, or a disk without locks
            return folder
        _HELD.append(held)
        _remove_left(folder)
        return folder
    return None


def _held(folder: Path) -> int:
    """An open file with a shared lock on `folder`; FileNotFoundError where that was removed while we waited for it."""
    held = os.open(folder / _IN_USE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _locked(held, alone=False)
        if (folder / _IN_USE).stat().st_ino != os.fstat(held).st_ino:
            raise FileNotFoundError
        os.utime(held)
    except OSError:
        os.close(held)
        raise
    return held


def _remove_left(ours: Path) -> None:
    """The folders of other versions that nobody uses. What cannot be removed stays for another time."""
    with suppress(OSError):
        for folder in tuple(ours.parent.iterdir()):
            if folder != ours and folder.is_dir():
                _removed_if_left(folder)


def _removed_if_left(folder: Path) -> None:
    with suppress(OSError):  # somebody else removes it too, or we may not
        if time.time() - _used_at(folder) > _LEFT_S:
            held = os.open(folder / _IN_USE, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if _locked(held, alone=True):
                    shutil.rmtree(folder)
            finally:
                os.close(held)


def _used_at(folder: Path) -> float:
    """When a process began to use it, as far as files tell."""
    told = folder / _IN_USE
    return (
        told.stat().st_mtime
        if told.exists()
        else max(one.stat().st_mtime for one in (folder, *folder.rglob("*")))
    )


def _locked(held: int, *, alone: bool) -> bool:
    """Whether the lock is ours: a shared one is waited for, one alone is not. Where files know no locks there is none."""
    try:
        import fcntl  # noqa: PLC0415 - not on every platform
    except ImportError:
        return False
    with suppress(OSError):
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        return True
    return False


def is_compiled(entry: str) -> bool:
    """Whether the machine code of `entry`, a function of bot.backtest.kernel, lies on this machine's disk."""
    folder = kept_in()
    return folder is not None and _is_in(folder, entry)


@contextmanager
def compiled_once(entry: str) -> Iterator[None]:
    """Around calls of `entry`: where it is not compiled yet, one process at a time, so that only the first compiles.

    Every processor's worker would else compile the same for itself, for many seconds, at the same moment.
    """
    folder = None if entry in _READY else kept_in()
    if folder is None or _is_in(folder, entry):
        yield
    else:
        with _alone(folder / "compiling"):
            yield
    _READY.add(entry)


def _is_in(folder: Path, entry: str) -> bool:
    return next(folder.glob(f"*/kernel.{entry}-*.nbc"), None) is not None


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Held by one process, or thread, at a time; let go of when it dies. Where files know no locks, held by all."""
    try:
        import fcntl  # noqa: PLC0415 - not on every platform
    except ImportError:
        yield
        return
    with lock.open("a") as held:
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
