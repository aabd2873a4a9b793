"""Candles made ready for many runs, once: in ticks, with their tree, in memory or in files that processes share."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.backtest.history import Column, History
from bot.backtest.index import Whole, grow
from bot.backtest.model import Terms
from bot.backtest.ticks import Ticks, in_ticks

_ARRAYS = ("lows", "highs", "levels", "marks", "depths", "units")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Candles as the kernel reads them (bot.backtest.kernel_cycle.World), for one tick and one slippage.

    `folder` is where the arrays lie as .npy files, if they do: pickled, such a one is but the folder's name, and
    the processes of a machine share its pages. NoTicks is raised by `prepare` where the pair has no tick.
    """

    tick: Decimal
    slippage: Decimal
    lows: Whole
    highs: Whole
    levels: Column
    marks: Whole
    depths: Whole
    units: NDArray[np.float64]
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.marks)

    def fits(self, terms: Terms) -> bool:
        return terms.rules.tick == self.tick and terms.slippage == self.slippage

    def kept(self, folder: Path) -> "Prepared":
        """The same, in files under `folder`, which is made; read through the page cache from then on."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        (folder / "terms").write_text(f"{self.tick} {self.slippage}")
        return opened(folder)

    def __reduce__(self) -> "tuple[Callable[..., Prepared], tuple[object, ...]]":
        if self.folder is not None:
            return opened, (self.folder,)
        return Prepared, (self.tick, self.slippage, *(getattr(self, name) for name in _ARRAYS))


def opened(folder: Path) -> Prepared:
    """What `Prepared.kept` wrote; OSError where it is gone."""
    tick, slippage = (folder / "terms").read_text().split()
    arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS}
    return Prepared(Decimal(tick), Decimal(slippage), folder=folder, **arrays)


def prepare(history: History, terms: Terms) -> Prepared:
    """The candles for runs on these terms' tick and slippage; NoTicks where they cannot be had in whole ticks."""
    ticks = in_ticks(history, terms.rules.tick, terms.slippage)
    tree = grow(ticks.lows, ticks.highs)
    aligned = ticks.lows_are_whole
    per_tick = float(terms.rules.tick * 10**history.scale)
    depths = tree.lows if aligned else grow(history.lows, history.highs).lows
    return Prepared(
        tick=terms.rules.tick,
        slippage=terms.slippage,
        lows=tree.lows,
        highs=tree.highs,
        levels=tree.levels,
        marks=_marks(ticks),
        depths=depths,
        units=np.array([1.0 if aligned else 1.0 / per_tick, float(history.closes[-1]) / per_tick]),
    )


def _marks(ticks: Ticks) -> Whole:
    """Rows of entry, open, close, rising: a touched candle costs one line of the processor's cache."""
    marks = np.empty((len(ticks.entries), 4), dtype=np.int64)
    marks[:, 0] = ticks.entries
    marks[:, 1] = np.where(ticks.rising, ticks.opens_down, ticks.opens_up)
    marks[:, 2] = ticks.closes_down
    marks[:, 3] = ticks.rising
    return marks
