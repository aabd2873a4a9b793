"""A strategy that is to run and has not begun is begun when it is taken up, whatever else happens meanwhile."""

import asyncio

from bot.domain.events import StopMode
from bot.domain.state import Phase
from bot.ports import RunStatus
from tests.engine.house import both_rest, engine_house


async def test_it_begins_though_a_look_at_the_exchange_is_faster_than_the_database() -> None:
    async with engine_house(seed=3) as house:
        person = await house.person()
        first, second = await house.strategy(person), await house.strategy(person, name="two")
        await house.supervisor.run(first)
        await house.until(first, both_rest)
        await house.store.set_status(second.id, RunStatus.RUNNING)
        wished = house.store.wished_stop

        async def slow(strategy_id: int) -> StopMode | None:
            await asyncio.sleep(0.5)
            return await wished(strategy_id)

        house.store.wished_stop = slow  # type: ignore[method-assign]
        async with asyncio.timeout(60):
            await house.supervisor.resume_person(person.id)
        await house.until(second, lambda state: state.phase is Phase.HOLDING)
