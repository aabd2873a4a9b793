"""Backtests side by side in one run: sweeps against vectorbt and a plain compiled loop, the command against backtesting.py.

The peers run in .venv-bench (requirements-bench.txt); without it their rows are left out. All of it is on the same
candles: the year of one-minute candles in shared/data, or a seeded random year where that is not.
"""

import asyncio
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bot.backtest.csv_file import read_csv
from bot.backtest.exact import run_exact
from bot.backtest.fast import run_fast
from bot.backtest.history import History
from tests.backtest.candles import DATA
from tests.backtest.draws import made_up
from tests.bench.backtest_sets import LADDER, TERMS, peak_mb, sets_of, work
from tests.bench.street import ROOT, Rows

YEAR = DATA / "bitfinex_BTCUSD_1m_2018.csv.gz"
PEERS = ROOT / ".venv-bench" / "bin" / "python"
SETS, MANY, WORKERS = 1_000, 100_000, 2
D = Decimal
GOALS = {
    "sweep: times vectorbt": 1_500.0,
    "sweep: times the plain loop": 3.0,
    "sweep of 100,000 sets on two cores, s": 10.0,
    "exact path, a year, s": 2.0,
    "sweep worker: most memory, MB": 250.0,
    "command: most memory, MB": 250.0,
    "command: share of backtesting.py's time": 1.0,
    "command again: share of the first time": 0.5,
}


async def backtests() -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        file = YEAR if YEAR.exists() else _written(made_up(7, 525_600), place / "year.csv.gz")
        year = read_csv(file, cache=None)
        rows: Rows = {"candles": float(len(year))}
        rows |= _sweep(year, file)
        rows |= _many(year, place)
        rows |= _singles(year)
        rows |= _lengths(year)
        rows |= _command(file, place)
    return rows


def _sweep(year: History, file: Path) -> Rows:
    """One core, the parameters' reading included; peers run one set, whose time does not depend on the parameters."""
    from bot.backtest import batch

    preparing, prepared = _best(3, lambda _: batch.prepare(year, TERMS))
    first, _ = _best(1, lambda _: batch.evaluate(prepared, TERMS, [LADDER]))
    seconds, answer = _best(3, lambda seed: batch.evaluate(prepared, TERMS, sets_of(SETS, seed)))
    making, _ = _best(3, lambda seed: sets_of(SETS, seed))
    each = (seconds - making) / SETS
    fills = float(answer["fills"].mean())
    same, _ = _best(5, lambda _: batch.evaluate(prepared, TERMS, [LADDER] * SETS))
    rows: Rows = {
        "sweep: candles made ready, ms": preparing * 1e3,
        "sweep: first answer (compiling, or compiled code from disk), s": first,
        "sweep of 1,000: microseconds a set": each * 1e6,
        "sweep of 1,000: fills a set": fills,
        "sweep of 1,000: nanoseconds a fill, all included": each / fills * 1e9,
        "sweep of 1,000: not proven": float((answer["proven"] == 0).sum()),
        "one set a thousand times: microseconds": same / SETS * 1e6,
    }
    for name, words in (("loop", "the plain loop"), ("vectorbt", "vectorbt")):
        peer = _peer(name, file)
        if peer:
            rows[f"{words}: microseconds a set"] = peer["run"] * 1e6
            rows[f"{words}: compiling, s"] = peer["compile"]
            rows[f"{words}: fills"] = peer["fills"]
            rows[f"sweep: times {words}"] = peer["run"] / each
    return rows


def _many(year: History, place: Path) -> Rows:
    """Two processes over the same files; sets are drawn in the workers, their start is counted."""
    from bot.backtest import batch

    prepared = batch.prepare(year, TERMS).kept(place / "prepared")
    jobs = [(prepared, seed, 2_000) for seed in range(MANY // 2_000)]
    began = time.perf_counter()
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(work, jobs))
        seconds = time.perf_counter() - began
    return {
        "sweep of 100,000 sets on two cores, s": seconds,
        "sweep of 100,000: not proven": float(sum(unproven for unproven, _ in done)),
        "sweep worker: most memory, MB": max(memory for _, memory in done),
    }


def _singles(year: History) -> Rows:
    exact, run = _best(1, lambda _: run_exact(LADDER, TERMS, year))
    fast, again = _best(3, lambda _: run_fast(LADDER, TERMS, year))
    assert again.fills == run.fills
    return {
        "exact path, a year, s": exact,
        "one fast run in plain Python, a year, s": fast,
        "fills of both": float(len(run.fills)),
    }


def _lengths(year: History) -> Rows:
    """A compiled set and an exact run for each length and, on the year, for each appetite for trading."""
    from bot.backtest import batch

    rows: Rows = {}
    month = year.between(None, int(year.times[0]) + 30 * 86_400_000)
    for name, history in (("a month", month), ("a year", year), ("three years", _tiled(year, 3))):
        prepared = batch.prepare(history, TERMS)
        seconds, answer = _best(5, lambda _, p=prepared: batch.evaluate(p, TERMS, [LADDER] * 100))
        exact, _ = _best(1, lambda _, h=history: run_exact(LADDER, TERMS, h))
        rows[f"length, {name}: fills"] = float(answer["fills"][0])
        rows[f"length, {name}: compiled, microseconds a set"] = seconds * 1e4
        rows[f"length, {name}: exact, s"] = exact
    prepared = batch.prepare(year, TERMS)
    for share in ("1", "0.4", "0.15"):
        scale = D(share)
        lively = replace(
            LADDER,
            lucro_alvo_inicial=LADDER.lucro_alvo_inicial * scale,
            lucro_alvo_minimo=max(D("0.0022"), LADDER.lucro_alvo_minimo * scale),
            recompra_queda_inicial=LADDER.recompra_queda_inicial * scale,
            recompra_queda_minimo=D("0.001"),
            recompra_queda_maximo=LADDER.recompra_queda_maximo * scale,
            limite_recompras=200,
        )
        seconds, answer = _best(5, lambda _, one=lively: batch.evaluate(prepared, TERMS, [one] * 100))
        fills = float(answer["fills"][0])
        rows[f"fills, {fills:.0f} in the year: nanoseconds each"] = seconds / 100 / fills * 1e9
    return rows


def _command(file: Path, place: Path) -> Rows:
    """Process against process, everything included: from the shell's word to the last byte of the answer."""
    strategy = place / "bench.js"
    strategy.write_text(_strategy_text())
    command = [sys.executable, "-m", "bot", "backtest", str(strategy), "--candles", str(file), "--json"]
    command += ["--tick", "0.01", "--step", "0.000001", "--min-notional", "5", "--symbol", "BTCUSDT"]
    firsts, seconds = [], []
    for number in range(3):
        cache = {**os.environ, "TRADER_AUTOMATA_CACHE": str(place / f"cache{number}")}
        firsts.append(_process(command, cache))
        seconds.append(_process(command, cache))
    cold, again = min(firsts), min(seconds)
    rows: Rows = {
        "command, cold: s": cold.wall,
        "command, cold: processor s": cold.busy,
        "command again: s": again.wall,
        "command again: processor s": again.busy,
        "command again: share of the first time": again.wall / cold.wall,
        "command: most memory, MB": max(run.memory for run in (*firsts, *seconds)),
        "command: fills": float(len(json.loads(cold.out)["fills"])),
    }
    if PEERS.exists():
        peer = [str(PEERS), str(ROOT / "tests" / "bench" / "backtest_peers.py"), "backtesting", str(file)]
        took = min(_process(peer, dict(os.environ)) for _ in range(2))
        rows["backtesting.py: s"] = took.wall
        rows["backtesting.py: processor s"] = took.busy
        rows["backtesting.py: fills"] = float(json.loads(took.out)["fills"])
        rows["command: share of backtesting.py's time"] = cold.wall / took.wall
    return rows


class Ran(NamedTuple):
    """A process: seconds by the clock and of the processor, its most memory in MB, and what it printed."""

    wall: float
    busy: float
    memory: float
    out: bytes


def _process(command: list[str], env: dict[str, str]) -> Ran:
    """Its memory is looked at now and then: what wait4 tells counts the parent's, from before the child's own program."""
    began, memory = time.perf_counter(), 0.0
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.DEVNULL, env=env)
        while (found := os.wait4(child.pid, os.WNOHANG))[0] == 0:
            memory = max(memory, peak_mb(child.pid))
            time.sleep(0.005)
        took = time.perf_counter() - began
        _, status, usage = found
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        if child.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
        return Ran(took, usage.ru_utime + usage.ru_stime, memory, out.read())


def _peer(name: str, file: Path) -> dict[str, float]:
    if not PEERS.exists():
        return {}
    script = ROOT / "tests" / "bench" / "backtest_peers.py"
    done = subprocess.run([str(PEERS), str(script), name, str(file)], capture_output=True, check=False)
    if done.returncode:
        print(done.stderr.decode()[-2000:], file=sys.stderr)
        return {}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _best(repeat: int, work: Callable[[int], Any]) -> tuple[float, Any]:
    """The least processor seconds of several turns (each is given its number), and the last answer."""
    least, answer = float("inf"), None
    for number in range(repeat):
        began = time.process_time()
        answer = work(number)
        least = min(least, time.process_time() - began)
    return least, answer


def _tiled(year: History, times: int) -> History:
    length = int(year.times[-1] - year.times[0]) + year.step_ms
    at = np.concatenate([year.times + length * number for number in range(times)])
    columns = (np.tile(column, times) for column in (year.opens, year.highs, year.lows, year.closes))
    return History(year.source, year.symbol, year.step_ms, year.scale, at, *columns)


def _written(history: History, path: Path) -> Path:
    with gzip.open(path, "wt", compresslevel=1) as out:
        out.write("open_time_ms,open,high,low,close,volume\n")
        for row in zip(
            *(
                c.tolist()
                for c in (history.times, history.opens, history.highs, history.lows, history.closes)
            ),
            strict=True,
        ):
            prices = (f"{price // 100}.{price % 100:02d}" for price in row[1:])
            out.write(f"{row[0]},{','.join(prices)},1\n")
    return path


def _strategy_text() -> str:
    from bot.domain.strategy_file import StrategyFile, dump

    return dump(StrategyFile("bench", params=LADDER))


if __name__ == "__main__":
    for row, value in asyncio.run(backtests()).items():
        print(f"{row:<64} {value:>14.4f}")
