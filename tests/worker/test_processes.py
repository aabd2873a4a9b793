"""A worker process: what goes in and comes out, what bounds it, and that none is ever left behind."""

import asyncio
import gc
import json
import os
import random
import shutil
import signal
import sys
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
import structlog

from bot.processes import Bounds, WorkerProcesses

ROOT = Path(__file__).resolve().parents[2]
READ = "import json, sys, os, time; job = json.loads(sys.stdin.readline())\n"
SAY = "def say(**line): print(json.dumps(line), flush=True)\n"
FOR_EVER = "\nwhile True: time.sleep(0.05)\n"


def workers(script: str, **bounds: float) -> WorkerProcesses:
    command = (sys.executable, "-c", READ + SAY + script)
    return WorkerProcesses(bounds=Bounds(**bounds), command=command)


async def lines_of(script: str, job: dict | None = None, **bounds: float) -> list:
    async with aclosing(workers(script, **bounds).run(job or {})) as lines:
        return [line async for line in lines]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it went between the two looks
        return False


async def gone(pid: int) -> None:
    async with asyncio.timeout(60):
        while alive(pid):
            await asyncio.sleep(0.01)


async def test_a_job_goes_in_and_lines_come_out():
    script = 'say(progress={"done": 0.5}); say(done={"card": job["a"]}); say(never=1)' + FOR_EVER
    assert await lines_of(script, {"a": "ç"}) == [{"progress": {"done": 0.5}}, {"done": {"card": "ç"}}]


async def test_leaving_early_kills_the_process_and_what_it_started():
    script = (
        "import subprocess; child = subprocess.Popen(['sleep', '600'])\n"
        "say(progress=[os.getpid(), child.pid])" + FOR_EVER
    )
    async with aclosing(workers(script).run({})) as lines:
        pids = (await anext(lines))["progress"]
        assert all(alive(pid) for pid in pids)
    for pid in pids:
        await gone(pid)


async def test_a_cancelled_task_kills_it_too():
    pids: list[int] = []

    async def carry() -> None:
        async with aclosing(workers("say(progress=os.getpid())" + FOR_EVER).run({})) as lines:
            pids.append((await anext(lines))["progress"])
            await anext(lines)

    task = asyncio.create_task(carry())
    async with asyncio.timeout(60):
        while not pids:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not alive(pids[0])


WHEN_TOLD = "say(progress=os.getpid())\nwhile not os.path.exists(job['go']): time.sleep(0.005)\n"


async def too_large(script: str, go: Path) -> tuple[dict, dict]:
    """It grows once its first line is read: a busy machine may read that late."""
    async with aclosing(workers(script, memory_mb=80, seconds=120).run({"go": str(go)})) as lines:
        first = await anext(lines)
        go.touch()
        (last,) = [line async for line in lines]
    return first, last


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is measured in /proc")
async def test_too_much_memory_ends_it_with_a_word(tmp_path):
    script = WHEN_TOLD + "kept = []\nwhile True:\n  kept.append(b'x' * 2**22); time.sleep(0.005)"
    first, last = await too_large(script, tmp_path / "go")
    assert last == {"failed": {"field": "", "reason": "memory"}}
    assert not alive(first["progress"])


async def lines_in_time(script: str) -> list:
    """What is said until its time is over. Half a second may be too little for a busy machine to start it: then more."""
    told: list = []
    for seconds in (0.5, 2, 10, 60):
        told = await lines_of(script, seconds=seconds)
        assert told[-1] == {"failed": {"field": "", "reason": "time"}}
        if len(told) > 1:
            break
    return told


async def test_too_much_time_ends_it_with_a_word():
    first, _ = await lines_in_time("say(progress=os.getpid())" + FOR_EVER)
    assert not alive(first["progress"])


async def test_one_that_never_stops_talking_is_ended_in_time_too():
    script = "say(progress=os.getpid())\nwhile True: say(progress=0); time.sleep(0.001)"
    lines = await lines_in_time(script)
    assert not alive(lines[0]["progress"])


@pytest.mark.skipif(not shutil.which("ps"), reason="ps is not here")
async def test_where_there_is_no_proc_memory_is_bounded_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr("bot.processes._PROC", tmp_path / "proc")
    script = WHEN_TOLD + "kept = b'x' * 2**27" + FOR_EVER
    first, last = await too_large(script, tmp_path / "go")
    assert last == {"failed": {"field": "", "reason": "memory"}}
    assert not alive(first["progress"])


NEVER_A_LINE = "while True: sys.stdout.write('x' * 2**20)"
NEVER_SILENT = "while True: sys.stderr.write('x' * 2**20)"
DEEP = "print('[' * 200_000, flush=True)" + FOR_EVER
NO_OBJECT = "print('[1]', flush=True)" + FOR_EVER


@pytest.mark.parametrize("script", [NEVER_A_LINE, DEEP, NO_OBJECT, "os.kill(os.getpid(), 11)", "os.abort()"])
async def test_garbage_and_a_death_by_signal_are_told_as_lost(script):
    before = descriptors()
    with structlog.testing.capture_logs() as told:
        assert await lines_of(script) == [{"failed": {"field": "", "reason": "lost"}}]
    assert [entry["event"] for entry in told] == ["worker lost"]
    assert descriptors() == before


async def test_one_that_the_system_kills_for_its_memory_is_told_so():
    with structlog.testing.capture_logs() as told:
        (line,) = await lines_of("os.kill(os.getpid(), 9)")
    assert line == {"failed": {"field": "", "reason": "memory"}}
    assert (told[0]["event"], told[0]["returncode"]) == ("worker lost", -9)


async def test_a_flood_of_errors_is_read_away_and_no_pipe_is_left():
    before = descriptors()
    assert (await lines_of(NEVER_SILENT, seconds=0.5))[-1] == {"failed": {"field": "", "reason": "time"}}
    assert descriptors() == before


def descriptors() -> int:
    gc.collect()  # what tests before this one have left
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_cancelled_at_any_moment_and_twice_no_process_and_no_task_is_left():
    chance = random.Random(3)
    for _ in range(12):
        tasks, mark = asyncio.all_tasks(), f"mark {chance.random()}"
        task = asyncio.create_task(lines_of(f"{mark!r}\nsay(progress=1)" + FOR_EVER))
        await asyncio.sleep(chance.uniform(0, 0.15))
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(10):
            while asyncio.all_tasks() != tasks or marked(mark):
                await asyncio.sleep(0.01)


def marked(words: str) -> list[str]:
    """Living processes with these words on their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if words.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
    return found


@pytest.mark.parametrize("script", ["raise ValueError('no way')", "print('{bro'); sys.exit(0)"])
async def test_a_process_that_ends_without_a_result_is_told_as_lost(script):
    with structlog.testing.capture_logs() as told:
        assert await lines_of(script) == [{"failed": {"field": "", "reason": "lost"}}]
    assert [entry["event"] for entry in told] == ["worker lost"]
    assert ("no way" in told[0]["said"]) == ("no way" in script)


async def test_a_worker_gets_no_secret_of_the_environment(monkeypatch):
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:secret")
    monkeypatch.setenv("VAULT_MASTER_KEYS", "a:secret")
    (line,) = await lines_of('say(done={"card": dict(os.environ)})')
    assert "secret" not in json.dumps(line)
    assert "PATH" in line["done"]["card"]


async def test_the_real_worker_tells_a_bad_pair_and_is_nice(tmp_path):
    """The hidden command itself: started, asked for what it cannot do, gone."""
    with structlog.testing.capture_logs() as told:
        async with aclosing(WorkerProcesses().run({"kind": "nonsense"})) as lines:
            assert [line async for line in lines] == [{"failed": {"field": "", "reason": "lost"}}]
    assert "nonsense" in told[0]["said"]


ORPHAN = """
import asyncio, sys
from bot.processes import WorkerProcesses
SCRIPT = '''
import sys, time, os, threading
from bot.cli.worker import _end_with_parent, _first_line
_first_line()
threading.Thread(target=_end_with_parent, daemon=True).start()
print('{"progress": %d}' % os.getpid(), flush=True)
while True: time.sleep(0.05)
'''
async def main():
    async for line in WorkerProcesses(command=(sys.executable, "-c", SCRIPT)).run({}):
        print(line["progress"], flush=True)
asyncio.run(main())
"""


async def test_a_worker_ends_when_its_parent_is_killed():
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHAN, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 60))
    assert alive(pid)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await gone(pid)
    await parent.stdout.read()
