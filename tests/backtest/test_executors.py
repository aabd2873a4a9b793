"""Batches on real processes and on a real Dask cluster, with workers killed under them."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.backtest.executors import Done, LostWorkers, run_batches
from bot.backtest.pools import LocalPool, open_pool
from bot.errors import InvalidInput
from tests.backtest.labour import Held, Numbers, add_up, die, die_on_three, hold, stumble, who

ROOT = Path(__file__).resolve().parents[2]
GIVEN = Numbers("some", (1, 2, 3))


def numbered(count: int) -> list[tuple[int, int]]:
    return [(n, n) for n in range(count)]


def until(fact: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_every_batch_is_answered_by_low_priority_processes_with_what_lies_on_disk() -> None:
    found = {d.number: d.answer for d in run_batches(LocalPool(2), GIVEN, add_up, numbered(20))}
    assert found == {n: 6 * n for n in range(20)}
    [one] = run_batches(LocalPool(1), GIVEN, who, numbered(1))
    assert one.answer is not None
    pid, nice = one.answer
    assert pid != os.getpid()
    assert nice >= min(os.nice(0) + 10, 19)  # nothing is nicer than 19
    assert not alive(pid)


def killed_in_mid_run(tmp_path: Path, victims: int) -> list[Done[int]]:
    """Five held batches on two workers; as they wait, workers are killed by their ids, and then all may go on."""
    batches = [(n, Held(tmp_path, n)) for n in range(5)]

    def working() -> dict[str, int]:
        return {p.name.split(".")[0]: int(p.name.split(".")[1]) for p in tmp_path.glob("[0-9]*.*")}

    def murder() -> None:
        until(lambda: len(working()) == 2)
        for pid in list(working().values())[:victims]:
            os.kill(pid, signal.SIGKILL)
        (tmp_path / "go").touch()

    with ThreadPoolExecutor(1) as thread:
        murdered = thread.submit(murder)
        done = list(run_batches(LocalPool(2), GIVEN, hold, batches))
        murdered.result()
    return done


@pytest.mark.parametrize("victims", [1, 2])
def test_a_killed_worker_loses_nothing(tmp_path: Path, victims: int) -> None:
    done = killed_in_mid_run(tmp_path, victims)
    assert sorted((d.number, d.answer) for d in done) == [(n, 6 * n) for n in range(5)]
    assert all(d.failed is None for d in done)


def test_a_batch_that_kills_its_workers_is_reported_and_the_others_are_answered() -> None:
    found = {d.number: d for d in run_batches(LocalPool(2), GIVEN, die_on_three, numbered(8))}
    assert {n: d.answer for n, d in found.items() if n != 3} == {n: 6 * n for n in range(8) if n != 3}
    assert found[3].answer is None
    assert found[3].failed == "killed its worker 3 times"


def test_a_run_in_which_every_batch_kills_its_worker_is_given_up() -> None:
    with pytest.raises(LostWorkers, match="memory"):
        list(run_batches(LocalPool(1), GIVEN, die, numbered(50)))


def test_an_error_of_the_work_is_raised_and_not_tried_again() -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_batches(LocalPool(1), GIVEN, stumble, numbered(3)))


def test_a_stop_begins_nothing_new_and_keeps_what_is_under_way() -> None:
    stop = threading.Event()
    done = []
    for one in run_batches(LocalPool(1), GIVEN, add_up, numbered(1000), stop):
        done.append(one.number)
        stop.set()
    assert 1 <= len(done) <= 3
    assert sorted(done) == list(range(len(done)))


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With files of its own: whoever runs batches removes what the dead have left where all of them keep it."""
    (kept := tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(kept))
    monkeypatch.setattr(tempfile, "tempdir", str(kept))
    script = (
        "from pathlib import Path\n"
        "from bot.backtest.executors import run_batches\n"
        "from bot.backtest.pools import LocalPool\n"
        "from tests.backtest.labour import Held, Numbers, hold\n"
        "if __name__ == '__main__':\n"
        f"    held = [(n, Held(Path({str(tmp_path)!r}), n)) for n in range(4)]\n"
        "    list(run_batches(LocalPool(2), Numbers('n', (1,)), hold, held))\n"
    )
    (tmp_path / "parent.py").write_text(script)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], env=env) as parent:
        until(lambda: len(list(tmp_path.glob("[0-9]*.*"))) == 2)
        pids = [int(p.name.split(".")[1]) for p in tmp_path.glob("[0-9]*.*")]
        parent.kill()
    until(lambda: not any(alive(pid) for pid in pids))
    left = f"trader-automata-candles-{parent.pid}-*"
    assert list(kept.glob(left))
    list(run_batches(LocalPool(1), GIVEN, add_up, numbered(1)))
    assert not list(kept.glob(left))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers, each a process of its own, on loopback."""
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": (tmp_path / "dask.log").open("wb")}
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    scheduler = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)],
        env=env,
        cwd=tmp_path,
        **quiet,  # type: ignore[call-overload]
    )
    workers: list[subprocess.Popen[bytes]] = []
    try:
        until(lambda: written(file))
        address = json.loads(file.read_text())["address"]
        workers += [dask_worker(address, tmp_path) for _ in range(2)]
        yield address, workers
    finally:
        for process in [*workers, scheduler]:
            process.kill()
            process.wait()
        quiet["stderr"].close()  # type: ignore[attr-defined]


def written(file: Path) -> bool:
    """The file is there before what is in it."""
    try:
        return bool(json.loads(file.read_text()))
    except (FileNotFoundError, ValueError):
        return False


def dask_worker(address: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"),
            *("--host", "127.0.0.1", "--nthreads", "1", "--local-directory", str(folder)),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_dask_cluster_answers_the_same_though_a_worker_is_killed(
    tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    held = tmp_path / "held"
    held.mkdir()
    batches = [(n, Held(held, n)) for n in range(6)]

    def murder() -> None:
        until(lambda: list(held.glob("[0-9]*.*")))
        victim = int(next(held.glob("[0-9]*.*")).name.split(".")[1])
        assert victim in {w.pid for w in workers}
        os.kill(victim, signal.SIGKILL)
        (held / "go").touch()

    with ThreadPoolExecutor(1) as thread:
        murdered = thread.submit(murder)
        done = list(run_batches(open_pool(dask=address), GIVEN, hold, batches))
        murdered.result()
    assert sorted((d.number, d.answer, d.failed) for d in done) == [(n, 6 * n, None) for n in range(6)]


def test_a_dask_cluster_that_lost_every_worker_goes_on_with_a_new_one(
    tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    held = tmp_path / "held"
    held.mkdir()

    def murder() -> None:
        until(lambda: len(list(held.glob("[0-9]*.*"))) == 2)
        for worker in workers:
            worker.kill()
        (held / "go").touch()
        workers.append(dask_worker(address, tmp_path))

    with ThreadPoolExecutor(1) as thread:
        murdered = thread.submit(murder)
        done = list(run_batches(open_pool(dask=address), GIVEN, hold, [(n, Held(held, n)) for n in range(6)]))
        murdered.result()
    assert sorted((d.number, d.answer, d.failed) for d in done) == [(n, 6 * n, None) for n in range(6)]


def test_an_address_where_no_cluster_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.backtest.pools._PATIENCE", 0.5)
    with pytest.raises(LostWorkers, match=r"127\.0\.0\.1"):
        list(run_batches(open_pool(dask="tcp://127.0.0.1:1"), GIVEN, add_up, numbered(1)))
    for address in ("10.0.0.5:8786", "tcp://10.0.0.5", "tcp://a host:1", "tcp://host:x", "host"):
        with pytest.raises(InvalidInput, match=r"takes an address such as tcp://10\.0\.0\.5:8786, not"):
            open_pool(dask=address)


def test_a_missing_extra_is_told_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidInput, match=r"pip install 'trader-automata\[dask\]'"):
        open_pool(dask="tcp://127.0.0.1:1")
