"""Promises of backtests that go wrong at an awkward moment: nothing of them is left."""

import asyncio

import pytest
from telegram.error import Forbidden

from handlers.backtest_context import BACKTESTS
from handlers.backtest_shows import BacktestShows, Wanted
from handlers.callback import Press
from tests.handlers.past import Scripted, script


def shows_of(household) -> BacktestShows:
    return household.app.application.bot_data[BACKTESTS]


class Quick(Scripted):
    """Done before anybody hears of it."""

    async def run(self, job):
        yield {"done": {"card": {}, "pictures": [], "files": []}}


class Job:
    def packed(self):
        return {"name": "a"}


async def test_a_promise_that_nobody_takes_leaves_no_folder_though_its_run_has_ended(household, monkeypatch):
    await household.ask("/start", "Trader")
    shows, person = shows_of(household), await household.person()
    script(household)
    queue = shows.desk.queue
    queue._workers = Quick()

    class Sender:
        async def send_message(self, *_, **__):
            run = queue.of(person.id)
            assert run is not None
            await run.outcome
            await household.until(lambda: not queue._running)
            assert run.folder.exists()
            raise Forbidden("blocked")

    monkeypatch.setattr(shows, "_sender", Sender())
    wanted = Wanted(job=Job(), head="x", again=Press("bts"), view=lambda *_: None)
    with pytest.raises(Forbidden):
        await shows.begin(person, wanted)
    assert not list((household.folder / "data" / "work").iterdir())


async def test_a_promise_that_breaks_while_the_program_ends_leaves_no_task(household):
    shows = shows_of(household)

    async def breaks() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("broken at the end")

    async def broken() -> None:
        await asyncio.Event().wait()

    shows.keep(breaks(), broken=broken)
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await shows.close()
    assert not shows._tasks
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "backtest-message"]
