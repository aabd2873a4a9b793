"""Where the compiled path is kept, and that a machine compiles it once: the others wait, and read what was kept."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from bot.backtest.parsed_cache import user_cache

_READY: set[str] = set()
"""The entries that this process has called."""


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
