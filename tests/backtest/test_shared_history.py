"""Candles in a file that processes share."""

from pathlib import Path

import numpy as np
import pytest

from bot.backtest.history import History
from bot.backtest.shared_history import lay_down, let_go

ROWS = 1_000_000


def mapped_mb() -> float:
    """Of this process: memory that files stand for."""
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("RssFile"))
    return int(line.split()[1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured in /proc")
def test_candles_that_were_let_go_take_no_memory_and_are_read_again(tmp_path: Path):
    columns = [np.arange(ROWS, dtype=np.int64) + number for number in range(5)]
    history = lay_down(History("a", "BTCUSDT", 1, 0, *columns), tmp_path / "candles.npy").open()
    before = mapped_mb()
    assert int(sum(column.sum() for column in (history.times, history.opens, history.closes)))
    assert mapped_mb() > before + 20
    let_go(history)
    assert mapped_mb() < before + 2
    assert (history.closes == columns[4]).all()


def test_candles_of_no_file_are_left_as_they_are():
    history = History("a", "BTCUSDT", 1, 0, *(np.arange(9) for _ in range(5)))
    let_go(history)
    assert int(history.times[8]) == 8
