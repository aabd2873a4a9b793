"""Parsed candle files, kept: whole columns in numpy's own format, under the hash of the file they came from.

A content hash is never stale, whatever a file is called or when it was touched; each member of a .npz carries a
checksum, so that a broken one is noticed and made anew (docs/adr/0004-columns-of-candles.md).
"""

import hashlib
import os
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from bot.backtest.csv_rows import Columns

_MOST_BYTES = 512 << 20
_UNFINISHED_S = 3600
_FORM = "2"
"""Part of the key: raise it when what is kept, or how it is judged, changes."""


def user_cache() -> Path:
    """TRADER_AUTOMATA_CACHE, or the platform's folder for what may be lost."""
    if given := os.environ.get("TRADER_AUTOMATA_CACHE"):
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "trader-automata"


class ParsedCache:
    """Never in the way: a folder that cannot be written, or a file that cannot be read, is only a slower read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "candles"

    def key(self, path: Path) -> str:
        """Names the file's content; raises OSError where it cannot be read."""
        with path.open("rb") as stream:
            return f"{_FORM}-{hashlib.file_digest(stream, 'sha256').hexdigest()}"

    def load(self, key: str) -> Columns | None:
        try:
            with (self._folder / f"{key}.npz").open("rb") as stream, np.load(stream) as kept:
                columns = Columns(kept["table"], int(kept["scale"]))
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
            return None
        shaped = columns.table.ndim == 2 and len(columns.table) == 5 and columns.table.dtype == np.int64
        return columns if shaped else None

    def save(self, key: str, columns: Columns) -> None:
        partial = self._folder / f".{key}.{os.getpid()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as stream:
                np.savez(stream, table=columns.table, scale=np.int64(columns.scale))
            partial.replace(self._folder / f"{key}.npz")
            self._forget_oldest()
            self._forget_unfinished()
        except OSError:
            with suppress(OSError):
                partial.unlink()

    def _forget_oldest(self) -> None:
        kept = sorted(self._folder.glob("*.npz"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
        total = 0
        for number, one in enumerate(kept):
            total += one.stat().st_size
            if total > _MOST_BYTES and number:
                one.unlink(missing_ok=True)

    def _forget_unfinished(self) -> None:
        """What a killed process was writing."""
        for one in self._folder.glob(".*"):
            if time.time() - one.stat().st_mtime > _UNFINISHED_S:
                one.unlink(missing_ok=True)
