"""Histories for tests: made of a few numbers, or read from the real files where they lie."""

import csv
import gzip
import os
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.history import History
from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Quote

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = Path(os.environ.get("TRADER_AUTOMATA_DATA", _BESIDE))
FILES = (
    "binanceus_BTCUSDT_1m_202303",
    "ftx_BTC-PERP_1m_202201",
    "binance_BTCUSDT_5m_202208-202309",
    "binance_ETHUSDT_5m_202208-202309",
    "bitfinex_BTCUSD_1m_2018",
)
START = 1_700_000_040_000


def rules_of(
    tick: str = "0.01", lot: str = "0.000001", minimum: str = "5", quote_step: str = "0"
) -> MarketRules:
    return MarketRules(
        Symbol("BTCUSDT", "BTC", "USDT"),
        Decimal(tick),
        Decimal(lot),
        Decimal(quote_step),
        Quote(Decimal(minimum)),
    )


def candles(rows: Sequence[Sequence[int | str]], *, step_ms: int = 60_000, scale: int = 2) -> History:
    """Rows of open, high, low, close, one after another in time."""
    table = [[int(Decimal(cell).scaleb(scale)) for cell in row] for row in rows]
    return from_columns(
        "made up", [START + step_ms * i for i in range(len(rows))], table, step_ms=step_ms, scale=scale
    )


def from_columns(
    source: str, times: Sequence[int], table: Sequence[Sequence[int]], *, step_ms: int, scale: int
) -> History:
    columns = np.array(table, dtype=np.int64).reshape(-1, 4).T.copy()
    return History(source, "BTCUSDT", step_ms, scale, np.array(times, dtype=np.int64), *columns)


def real(name: str) -> History:
    """One of the real files; the test is skipped where it is not there."""
    path = DATA / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"real candles are not here: {path.name}")
    return _read(path)


@cache
def _read(path: Path) -> History:
    with gzip.open(path, "rt") as lines:
        rows = [row[:5] for row in csv.reader(lines)][1:]
    scale = max(len(cell.partition(".")[2]) for row in rows for cell in row[1:])
    table = [[_mantissa(cell, scale) for cell in row[1:]] for row in rows]
    times = [int(row[0]) for row in rows]
    step = min(b - a for a, b in pairwise(times))
    return from_columns(path.name, times, table, step_ms=step, scale=scale)


def _mantissa(cell: str, scale: int) -> int:
    whole, _, part = cell.partition(".")
    return int(whole + part.ljust(scale, "0"))
