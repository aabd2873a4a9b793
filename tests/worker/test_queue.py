"""The queue of backtests: one for each person, so many at a time, everybody's place told, nothing left behind."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import pytest

from bot.errors import NotAllowed
from bot.service.backtests import Backtests, Cancelled, Done, Failed


class Bench:
    """Workers that do what their job says when they are told to go on."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.ended: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.end = {"done": {"card": {"a": 1}, "files": ["../a.csv"]}}

    def gate(self, name: str) -> asyncio.Event:
        return self.gates.setdefault(name, asyncio.Event())

    async def run(self, job: Mapping[str, object]) -> AsyncGenerator[Mapping, None]:
        name = str(job["name"])
        self.running.append(name)
        try:
            yield {"progress": {"words": "run", "done": 0.25, "left_s": 3}}
            await self.gate(name).wait()
            yield self.end
        finally:
            self.running.remove(name)
            self.ended.append(name)


@pytest.fixture
async def bench():
    return Bench()


@pytest.fixture
async def queue(bench, tmp_path):
    made = Backtests(workers=bench, root=tmp_path / "work")
    yield made
    await made.close()


async def until(fact) -> None:
    async with asyncio.timeout(30):
        while not fact():
            await asyncio.sleep(0)


def wish(name: str) -> dict[str, object]:
    return {"name": name}


async def test_one_runs_at_a_time_and_the_others_know_their_place(queue, bench):
    first, second, third = (queue.submit(n, wish(str(n))) for n in (1, 2, 3))
    await until(lambda: bench.running == ["1"])
    assert (second.progress.place, third.progress.place) == (1, 2)
    bench.gate("1").set()
    await first.outcome
    await until(lambda: bench.running == ["2"])
    assert (second.progress.place, third.progress.place) == (0, 1)
    assert second.progress.stage == "run"
    assert second.progress.left_s == 3


async def test_as_many_run_together_as_the_settings_say(bench, tmp_path):
    queue = Backtests(workers=bench, root=tmp_path / "work", at_once=2)
    for number in (1, 2, 3):
        queue.submit(number, wish(str(number)))
    await until(lambda: bench.running == ["1", "2"])
    await queue.close()


async def test_a_person_waits_for_one_at_a_time(queue, bench):
    run = queue.submit(1, wish("a"))
    with pytest.raises(NotAllowed, match="backtest_busy"):
        queue.submit(1, wish("b"))
    bench.gate("a").set()
    assert isinstance(await run.outcome, Done)
    queue.submit(1, wish("b"))


async def test_what_works_in_the_background_lets_everybody_go_first(queue, bench):
    queue.submit(1, wish("now"))
    quiet = queue.submit(1, wish("quiet"), background=True)
    queue.submit(2, wish("other"))
    assert quiet.progress.place == 2
    await until(lambda: bench.running == ["now"])
    bench.gate("now").set()
    await until(lambda: bench.running == ["other"])
    bench.gate("other").set()
    await until(lambda: bench.running == ["quiet"])


async def test_a_newer_wish_in_the_background_takes_the_olders_place(queue, bench):
    old = queue.submit(1, wish("old"), background=True)
    await until(lambda: bench.running == ["old"])
    queue.submit(1, wish("new"), background=True)
    assert await old.outcome is Cancelled.BY_ANOTHER
    await until(lambda: bench.running == ["new"])


async def test_cancelling_ends_a_running_one_and_a_waiting_one(queue, bench):
    first, second = queue.submit(1, wish("1")), queue.submit(2, wish("2"))
    await until(lambda: bench.running == ["1"])
    queue.cancel(second)
    queue.cancel(first)
    assert await first.outcome is Cancelled.BY_PERSON
    assert await second.outcome is Cancelled.BY_PERSON
    await until(lambda: bench.ended == ["1"])
    assert queue.of(1) is None
    await until(lambda: not first.folder.exists())


async def test_a_folder_lives_until_it_is_released_and_no_file_leads_out_of_it(queue, bench):
    run = queue.submit(1, wish("a"))
    await until(lambda: bench.running == ["a"])
    assert run.folder.stat().st_mode & 0o777 == 0o700
    bench.gate("a").set()
    done = await run.outcome
    await until(lambda: not bench.running)
    assert done.files == (run.folder / "a.csv",)
    assert run.folder.exists()
    queue.release(run)
    assert not run.folder.exists()


async def test_a_failure_is_told_and_its_folder_is_gone(queue, bench):
    bench.end = {"failed": {"field": "periodo", "reason": "no", "key": "k", "values": {"first": 5}}}
    run = queue.submit(1, wish("a"))
    bench.gate("a").set()
    assert await run.outcome == Failed("periodo", "no", "k", {"first": "5"})
    await until(lambda: not bench.running)
    await until(lambda: not run.folder.exists())


async def test_a_worker_that_says_nothing_at_the_end_is_a_failure(queue, bench):
    bench.end = {"progress": {"words": "run", "done": 1.0}}
    run = queue.submit(1, wish("a"))
    bench.gate("a").set()
    assert await run.outcome == Failed("", "lost")


async def test_closing_kills_and_clears_everything(queue, bench, tmp_path):
    queue.submit(1, wish("1"))
    waiting = queue.submit(2, wish("2"))
    await until(lambda: bench.running == ["1"])
    await queue.close()
    assert bench.ended == ["1"]
    assert not waiting.outcome.done()
    assert not (tmp_path / "work").exists()
    with pytest.raises(NotAllowed, match="backtest_closing"):
        queue.submit(3, wish("3"))


async def test_what_a_killed_program_left_is_cleared_at_the_start(bench, tmp_path):
    root: Path = tmp_path / "work"
    (root / "ab").mkdir(parents=True)
    (root / "ab" / "price.png").write_bytes(b"x")
    Backtests(workers=bench, root=root).clear_leftovers()
    assert not root.exists()
