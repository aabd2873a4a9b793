"""The scheduler's jobs do their work on the engine's loop."""

import asyncio
from datetime import UTC, datetime

import pytest
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED

from bot.engine.jobs import schedule
from tests.engine.house import both_rest, engine_house


@pytest.mark.parametrize("job", ["reconcile", "rules"])
async def test_a_scheduled_job_reaches_every_strategy_that_runs(job: str) -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        scheduler, done = schedule(house.supervisor), asyncio.Queue()
        scheduler.add_listener(done.put_nowait, EVENT_JOB_ERROR | EVENT_JOB_EXECUTED)
        scheduler.start()
        try:
            scheduler.modify_job(job, next_run_time=datetime.now(UTC))
            outcome = await asyncio.wait_for(done.get(), 60)
        finally:
            scheduler.shutdown(wait=False)
        assert outcome.exception is None, outcome.traceback
        await house.quiet(strategy)
        await house.check_books(strategy)
