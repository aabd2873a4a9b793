"""Candles that many processes read at once: one file, mapped by each of them."""

import mmap
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from bot.backtest.history import History

_COLUMNS = ("times", "opens", "highs", "lows", "closes")


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """Where a history lies, and what its columns do not say."""

    file: Path
    source: str
    symbol: str
    step_ms: int
    scale: int

    def open(self) -> History:
        """The candles as views of the file; raises OSError where it is gone."""
        table = np.load(self.file, mmap_mode="r")
        return History(self.source, self.symbol, self.step_ms, self.scale, *table)


def lay_down(history: History, file: Path) -> HistoryFile:
    np.save(file, np.stack([getattr(history, name) for name in _COLUMNS]))
    return HistoryFile(file, history.source, history.symbol, history.step_ms, history.scale)


def let_go(history: History) -> None:
    """Give the memory back that candles opened from a file take; whoever looks at one again reads it again."""
    mapped = getattr(history.times, "_mmap", None)
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def fingerprint(history: History) -> str:
    """The same for the same candles, whatever their source is called."""
    found = sha256(f"{history.symbol} {history.step_ms} {history.scale}".encode())
    for name in _COLUMNS:
        found.update(np.ascontiguousarray(getattr(history, name)).data)
    return found.hexdigest()


def named(history: History, *rest: object) -> str:
    """A name for the candles and everything else that answers depend on, by its repr."""
    return sha256(f"{fingerprint(history)} {rest!r}".encode()).hexdigest()
