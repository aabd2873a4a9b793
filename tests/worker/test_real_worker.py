"""The hidden command itself, as the bot starts it: what it may know, how it behaves, what it leaves behind."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from bot.backtest.store import HistoryStore
from bot.ports.history import Interval
from bot.processes import WorkerProcesses
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.exchange_faults import Answer, RequestFault
from bot.service.backtests import Backtests, Cancelled, Done, Run
from tests.worker.test_history import HOUR, candles, job
from tests.worker.test_processes import alive, gone

SECRET = "canary-4711-secret"
NAMES = ("TELEGRAM_BOT_TOKEN", "VAULT_MASTER_KEYS", "BINANCE_KEY", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
async def venue() -> AsyncIterator[SandboxExchange]:
    async with SandboxExchange(ExchangeOptions(paused=True, past_days=40)) as made:
        yield made


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Backtests]:
    made = Backtests(workers=WorkerProcesses(), root=tmp_path / "work")
    yield made
    await made.close()


def wish(venue: SandboxExchange, folder: Path) -> dict[str, object]:
    return job(venue.rest_url, folder, length_ms=30 * 24 * HOUR).packed()


def hold(venue: SandboxExchange) -> None:
    """The next question for candles is never answered."""
    venue.faults.add(RequestFault("/v5/market/kline", Answer.NONE, delay_ms=600_000))


OTHERS: set[int] = set()


@pytest.fixture(autouse=True)
def others() -> None:
    """Children that this process has from other tests: what tracks the resources of a pool lives as long as we do."""
    OTHERS.clear()
    OTHERS.update(children())


def children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends meanwhile
            found += [int(pid) for pid in (task / "children").read_text().split()]
    return [pid for pid in found if pid not in OTHERS]


async def until(fact) -> None:
    async with asyncio.timeout(60):
        while not fact():
            await asyncio.sleep(0.01)


async def fetching(venue: SandboxExchange) -> int:
    """The worker once it asks for candles."""
    await until(lambda: not venue.faults.requests)
    (pid,) = children()
    return pid


async def test_a_running_worker_knows_no_secret_gives_way_and_shows_its_files_to_nobody(
    venue, queue, tmp_path, monkeypatch
):
    for name in NAMES:
        monkeypatch.setenv(name, SECRET)
    hold(venue)
    run = queue.submit(1, wish(venue, tmp_path))
    pid = await fetching(venue)
    proc = Path(f"/proc/{pid}")
    assert b"worker" in (proc / "cmdline").read_bytes()
    for told in ("environ", "cmdline"):
        assert SECRET.encode() not in (proc / told).read_bytes()
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 10
    assert (proc / "oom_score_adj").read_text() == "1000\n"
    assert "Max core file size        0                    0" in (proc / "limits").read_text()
    assert run.folder.stat().st_mode & 0o777 == 0o700
    assert [
        fd for fd in proc.joinpath("fd").iterdir() if str(fd.resolve()).endswith((".db", ".sqlite"))
    ] == []
    queue.cancel(run)
    assert await run.outcome is Cancelled.BY_PERSON
    await gone(pid)
    await until(lambda: not run.folder.exists())


async def running(queue: Backtests, run: Run, again: dict[str, object]) -> Run:
    """One that calculates: this one, or another where a stall of the machine hid this one's last seconds."""
    for _ in range(5):
        await until(lambda one=run: one.progress.stage in {"run", "pictures", "files"} or one.outcome.done())
        if not run.outcome.done():
            return run
        queue.release(run)
        await until(lambda: not queue._running)
        run = queue.submit(1, again)
    raise AssertionError("it was over each time before anybody looked")


@pytest.mark.parametrize("stage", ["start", "fetching", "running"])
async def test_cancelled_at_any_stage_leaves_no_process_and_no_folder(venue, queue, tmp_path, stage):
    if stage == "fetching":
        hold(venue)
    run = queue.submit(1, wish(venue, tmp_path))
    if stage == "fetching":
        await fetching(venue)
    if stage == "running":
        run = await running(queue, run, wish(venue, tmp_path))
    pids = children()
    queue.cancel(run)
    assert await run.outcome is Cancelled.BY_PERSON
    await until(lambda: not run.folder.exists() and not queue._running)
    assert not any(alive(pid) for pid in pids)
    assert children() == []
    assert list((tmp_path / "work").glob("*")) == []


async def test_twenty_people_are_served_in_turn_one_process_at_a_time(venue, tmp_path):
    """By short-lived workers: what is measured is the queue over real processes."""
    script = (
        "import json, sys, os, pathlib\njob = json.loads(sys.stdin.readline())\n"
        "pathlib.Path(job['folder'], 'a.csv').write_text('a')\n"
        "print(json.dumps({'done': {'card': {'n': job['n']}, 'files': ['a.csv']}}), flush=True)"
    )
    queue = Backtests(
        workers=WorkerProcesses(command=(sys.executable, "-S", "-c", script)), root=tmp_path / "work"
    )
    order, most = [], 0

    def look(run):
        nonlocal most
        most = max(most, len(children()))
        order.append(run.result().card["n"])

    runs = [queue.submit(person, {"n": person}) for person in range(20)]
    for run in runs:
        run.outcome.add_done_callback(look)
    assert [run.progress.place for run in runs][1:] == list(range(1, 20))
    for run in runs:
        outcome = await run.outcome
        assert isinstance(outcome, Done)
        assert outcome.files[0].read_text() == "a"
        queue.release(run)
    assert (order, most) == (list(range(20)), 1)
    await until(lambda: not queue._running)
    assert list((tmp_path / "work").iterdir()) == []
    await queue.close()


async def last(workers: WorkerProcesses, wish: dict[str, object]) -> dict:
    async with aclosing(workers.run(wish)) as lines:
        return [line async for line in lines][-1]


@pytest.mark.parametrize("blocks", [2, 60])
async def test_a_disk_that_takes_no_more_is_told_in_words(venue, tmp_path, blocks):
    """2 kB: no month of candles fits; 60 kB: not all of them in one table."""
    limited = ("bash", "-c", f'ulimit -f {blocks}; exec "$0" -m bot worker', sys.executable)
    line = await last(WorkerProcesses(command=limited), wish(venue, tmp_path))
    assert line["failed"]["key"] == "NotKept", line


async def test_memory_that_is_not_given_is_told_in_words(venue, tmp_path):
    script = (
        "import bot.cli.worker as worker\n"
        "def hungry(*_): b'x' * 2**62\n"
        "worker._fetch = hungry\nworker.worker(standalone_mode=False, args=[])"
    )
    line = await last(WorkerProcesses(command=(sys.executable, "-c", script)), wish(venue, tmp_path))
    assert line == {"failed": {"field": "", "reason": "memory"}}


async def test_a_month_that_broke_on_the_shelf_is_fetched_anew(venue, tmp_path):
    made = job(venue.rest_url, tmp_path, length_ms=30 * 24 * HOUR)
    whole = await candles(made)
    path = next((tmp_path / "shelf").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:2000])
    again = await candles(made)
    assert list(again.closes) == list(whole.closes)
    store = HistoryStore(tmp_path / "shelf")
    assert store.verify()[0].problems == ()
    assert len(store.load(whole.source, "BTCUSDT", Interval.M5)) >= len(again)
