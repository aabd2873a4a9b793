"""The compiled path is compiled by one process of a machine, and read by the others."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from bot.backtest import compiled_code
from bot.backtest.compiled_code import claimed, compiled_once, is_compiled, kept_in

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


HOLD = """
import sys
from bot.backtest.compiled_code import claimed
print(claimed(), flush=True)
sys.stdin.read()
"""
DAY_S = 86_400


def left(cache: Path, name: str, *, days: float) -> Path:
    """The folder of another version, last used so long ago."""
    folder = cache / "compiled" / name
    (folder / "here").mkdir(parents=True)
    (folder / "here" / "kernel.run_sets-1.py311.1.nbc").write_bytes(b"code")
    (folder / "in_use").touch()
    then = time.time() - days * DAY_S
    for one in (*folder.rglob("*"), folder):
        os.utime(one, (then, then))
    return folder


def test_what_other_versions_left_is_removed_once_nobody_uses_it(tmp_path: Path) -> None:
    old, fresh = left(tmp_path, "old", days=1.1), left(tmp_path, "fresh", days=0.9)
    unheld = left(tmp_path, "unheld", days=9)
    (unheld / "in_use").unlink()  # as versions before this lock had it
    for one in (*unheld.rglob("*"), unheld):
        os.utime(one, (1, 1))
    (tmp_path / "compiled" / "a file").touch()
    os.utime(tmp_path / "compiled" / "a file", (1, 1))
    folder = claimed()
    assert folder is not None
    assert folder.is_dir()
    assert not old.exists()
    assert not unheld.exists()
    assert (fresh / "here" / "kernel.run_sets-1.py311.1.nbc").read_bytes() == b"code"
    assert (tmp_path / "compiled" / "a file").exists()


def test_what_a_living_process_of_another_version_uses_stays(tmp_path: Path) -> None:
    """It began days ago: only its lock tells that it is there. With it goes the folder, not before."""
    theirs = claimed()
    assert theirs is not None
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline().strip() == str(theirs)
        os.close(compiled_code._HELD.pop())
        os.utime(theirs / "in_use", (1, 1))
        ours = tmp_path / "compiled" / "ours"
        ours.mkdir()
        compiled_code._remove_left(ours)
        assert theirs.exists()
        other.stdin.close()
        assert other.wait(20) == 0
    compiled_code._remove_left(ours)
    assert not theirs.exists()
    assert ours.exists()


def test_processes_that_begin_at_once_remove_and_claim_without_a_fault(tmp_path: Path) -> None:
    for number in range(40):
        left(tmp_path, f"old{number}", days=3)
    folder = kept_in()
    assert folder is not None
    (folder / "in_use").touch()
    os.utime(folder / "in_use", (1, 1))  # ours may be taken for left by a process of another version
    children = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for _ in range(50):
        compiled_code._remove_left(tmp_path / "compiled" / "another")
    told = {child.communicate("", timeout=60)[0].strip() for child in children}
    assert [child.returncode for child in children] == [0, 0, 0]
    assert told == {str(folder)}
    assert not list((tmp_path / "compiled").glob("old*"))


@pytest.mark.parametrize("made_again", [False, True])
def test_a_folder_that_is_removed_while_it_is_claimed_is_claimed_anew(*, made_again: bool) -> None:
    """Its lock is held by the remover; when that lets go, file and folder are gone, or others of the same name."""
    folder = kept_in()
    assert folder is not None
    remover = os.open(folder / "in_use", os.O_RDWR | os.O_CREAT)
    fcntl.flock(remover, fcntl.LOCK_EX)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as claimer:
        assert claimer.stdin is not None
        assert claimer.stdout is not None
        deadline = time.monotonic() + 30
        while claimer.poll() is None and str(os.fstat(remover).st_ino) not in _waited_for():
            assert time.monotonic() < deadline, "nobody waits for the lock"
            time.sleep(0.01)
        shutil.rmtree(folder)
        if made_again:
            folder.mkdir()
            (folder / "in_use").touch()
        os.close(remover)
        assert claimer.stdout.readline().strip() == str(folder)
        ours = os.open(folder / "in_use", os.O_RDWR)
        with pytest.raises(BlockingIOError):  # the claimer holds it
            fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(ours)
        claimer.stdin.close()
        assert claimer.wait(20) == 0


def _waited_for() -> set[str]:
    """The inodes of locks that somebody waits for, as the kernel lists them."""
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return {cell.rpartition(":")[2] for line in lines for cell in line if cell.count(":") == 2}
