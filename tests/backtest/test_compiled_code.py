"""The compiled path is compiled by one process of a machine, and read by the others."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from bot.backtest import compiled_code
from bot.backtest.compiled_code import compiled_once, is_compiled, kept_in

ONE = """
import sys, time
from bot.backtest.compiled_code import compiled_once
with compiled_once("run_sets"):
    print("in", time.monotonic_ns(), flush=True)
    time.sleep(0.3)
    print("out", time.monotonic_ns(), flush=True)
"""


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_AUTOMATA_CACHE", str(tmp_path))
    monkeypatch.setattr(compiled_code, "_READY", set())


def stays() -> list[tuple[int, int]]:
    """When each of three processes was in, and out again."""
    children = [
        subprocess.Popen([sys.executable, "-c", ONE], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    lines = [child.communicate(timeout=60)[0].split() for child in children]
    return sorted((int(line[1]), int(line[3])) for line in lines)


def as_if_compiled() -> None:
    folder = kept_in()
    assert folder is not None
    (folder / "here").mkdir()
    (folder / "here" / "kernel.run_sets-1.py311.1.nbc").touch()


def test_what_is_not_compiled_yet_is_begun_by_one_process_at_a_time() -> None:
    times = stays()
    assert all(before[1] <= after[0] for before, after in pairwise(times))


def test_where_it_is_compiled_nobody_waits(tmp_path: Path) -> None:
    as_if_compiled()
    stays()
    assert not list(tmp_path.rglob("compiling"))


def test_it_is_known_what_was_compiled() -> None:
    assert not is_compiled("run_sets")
    as_if_compiled()
    assert is_compiled("run_sets")
    assert not is_compiled("run_starts")


def test_a_call_that_failed_lets_the_next_one_in(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), compiled_once("run_sets"):
        raise ZeroDivisionError
    with compiled_once("run_sets"):
        assert list(tmp_path.rglob("compiling"))


def test_without_a_folder_to_keep_it_in_each_compiles_for_itself(tmp_path, monkeypatch) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("TRADER_AUTOMATA_CACHE", str(tmp_path / "a file"))
    assert not is_compiled("run_sets")
    with compiled_once("run_sets"):
        pass
