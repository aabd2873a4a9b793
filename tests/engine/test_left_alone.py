"""Work that the end of the program overtakes before it began leaves no trace."""

import gc

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
