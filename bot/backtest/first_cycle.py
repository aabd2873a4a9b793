"""One cycle from each of many starts: by the fast path, or by the exact one where that cannot prove itself."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.backtest.compiled_code import compiled_once
from bot.backtest.exact import run_exact
from bot.backtest.history import History
from bot.backtest.judging import Ground, GroundFile, made_ready
from bot.backtest.model import BacktestRun, Terms
from bot.backtest.outcome import Table
from bot.backtest.replay import replayed
from bot.backtest.shared_history import lay_down
from bot.backtest.timeline import timeline_of
from bot.domain.money import Quote
from bot.domain.params import StrategyParams

START = np.dtype(
    [
        ("exit", "i8"),
        ("rebuys", "i4"),
        ("out_of_rebuys", "?"),
        ("out_of_money", "?"),
        ("worst_loss", "f8"),
        ("most_invested", "f8"),
        ("started", "?"),
        ("proven", "?"),
    ]
)
"""One start. `exit` is the candle of its exit, -1 where there is none; amounts in quote.

`worst_loss` is that of the cycle, until its exit: what dust loses afterwards is not in it. `out_of_rebuys`: the last
re-buy filled. `out_of_money`: the next one would have passed saldo_limite or the wallet, or been less than the
exchange takes.
`started` is False where the balance does not pay for the first buy.
"""
_FIRST_LOOK = 2_000
_WIDER = 4


@dataclass(frozen=True, slots=True)
class Starts:
    """Candles to start at."""

    candles: NDArray[np.int64]
    exact: bool = False


@dataclass(frozen=True, slots=True)
class StartsWork:
    """What all starts share."""

    key: str
    params: StrategyParams
    terms: Terms
    history: History
    exact: bool = False

    def open(self) -> "StartsBench":
        prepared = None if self.exact else made_ready(self.history, self.terms)
        return StartsBench(self.params, self.terms, Ground(self.history, prepared))

    def on_disk(self, folder: Path) -> "StartsFile":
        bench = self.open()
        prepared = bench.ground.prepared
        kept = None if prepared is None else prepared.kept(folder / "prepared")
        files = GroundFile(lay_down(self.history, folder / "candles.npy"), kept)
        return StartsFile(self.key, self.params, self.terms, files)


@dataclass(frozen=True, slots=True)
class StartsFile:
    """The same with the candles in files of this machine."""

    key: str
    params: StrategyParams
    terms: Terms
    files: GroundFile

    def open(self) -> "StartsBench":
        return StartsBench(self.params, self.terms, self.files.open())


@dataclass(frozen=True, slots=True)
class StartsBench:
    """What is at hand in a worker."""

    params: StrategyParams
    terms: Terms
    ground: Ground


def cycles_from(bench: StartsBench, starts: Starts) -> Table:
    """A row of START for each start; `proven` is False where the exact path has to be asked."""
    rows = np.zeros(len(starts.candles), dtype=START)
    if starts.exact:
        for place, candle in enumerate(starts.candles):
            rows[place] = exact_first_cycle(bench.ground.history, bench.params, bench.terms, int(candle))
        return rows
    if bench.ground.prepared is None:
        return rows
    from bot.backtest.batch import first_cycles  # noqa: PLC0415 - 130 MB of compiler, for workers only

    with compiled_once("run_starts"):
        found = first_cycles(bench.ground.prepared, bench.params, bench.terms, starts.candles)
    for name in ("exit", "rebuys", "worst_loss", "started", "proven"):
        rows[name] = found[name]
    rows["most_invested"] = found["max_invested"]
    rows["out_of_rebuys"] = (found["rebuys"] == bench.params.limite_recompras) & rows["started"]
    rows["out_of_money"] = found["cut_short"]
    return rows


def exact_first_cycle(history: History, params: StrategyParams, terms: Terms, start: int) -> tuple[Any, ...]:
    """A row of START, by the exact path over as few candles as it takes."""
    length = _FIRST_LOOK
    while True:
        part = history.between(int(history.times[start]), None)
        whole = length >= len(part)
        part = part if whole else part.between(None, int(part.times[length]))
        run = run_exact(params, terms, part)
        if run.cycles or whole:
            break
        length *= _WIDER
    if not run.fills:
        return -1, 0, False, False, 0.0, 0.0, False, True
    fills = tuple(fill for fill in run.fills if fill.cycle == 1)
    last = fills[-1].candle if run.cycles else len(part) - 1
    seen = part.between(None, int(part.times[last]) + 1)
    return _row(replace(run, fills=fills), seen, start + last if run.cycles else -1)


def _row(run: BacktestRun, seen: History, exit_at: int) -> tuple[Any, ...]:
    standings = tuple(replayed(run))
    timeline = timeline_of(seen, standings, run.params.taxa)
    sold_before_low = exit_at >= 0 and int(timeline.at_low[-1]) == len(standings)
    until = len(seen) - sold_before_low
    lost = timeline.loss_at(timeline.worst(0, until)) if until else Quote.zero()
    buys = [standing for standing in standings if standing.rebuys is not None]
    rebuys, exhausted = buys[-1].fill.k, buys[-1].exhausted
    out_of_rebuys = rebuys == run.params.limite_recompras
    return (
        exit_at,
        rebuys,
        out_of_rebuys,
        exhausted and not out_of_rebuys,
        max(float(lost.value), 0.0),
        max(float(standing.invested.value) for standing in standings),
        True,
        True,
    )
