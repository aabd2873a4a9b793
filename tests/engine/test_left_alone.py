"""Work that the end of the program overtakes before it began leaves no trace."""

import asyncio
import gc

from bot.ports import RunStatus
from tests.engine.house import engine_house
from tests.engine.test_forgotten import holding


async def test_a_comparison_asked_for_at_the_very_end_is_dropped_in_silence() -> None:
    """Warnings are errors here: a coroutine that nobody ever awaits would fail this test."""
    async with engine_house(seed=3) as house:
        _, runner = await holding(house)
        runner._executor._reconciling = False
        runner._executor.reconcile()
        await runner._executor.close(0)
        gc.collect()


async def test_a_pause_that_is_being_saved_is_waited_for() -> None:
    async with engine_house(seed=3) as house:
        strategy, runner = await holding(house)
        begun, go_on, save = asyncio.Event(), asyncio.Event(), house.store.set_status

        async def slow(*wish: object) -> None:
            begun.set()
            await go_on.wait()
            await save(*wish)  # type: ignore[arg-type]

        house.store.set_status = slow  # type: ignore[method-assign]
        runner.freeze("no_key")
        await begun.wait()
        closing = asyncio.create_task(house.supervisor.close())
        await asyncio.wait({closing}, timeout=0.3)
        assert not closing.done()
        go_on.set()
        await closing
        assert (await house.fresh(strategy)).status is RunStatus.PAUSED


async def test_whoever_asked_a_runner_that_ends_before_it_began_is_told() -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        runner = await house.supervisor._open_runner(strategy)
        asked = runner.ask_start()
        await runner.stop()
        assert asked.cancelled()
        house.supervisor._runners.clear()


async def test_a_pause_that_cannot_be_saved_stops_the_program() -> None:
    async with engine_house(seed=3) as house:
        _, runner = await holding(house)
        await house.database.close()
        runner.freeze("no_key")
        await runner.stop()
        assert house.failures
