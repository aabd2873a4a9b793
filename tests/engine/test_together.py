"""Facts that come together: one transaction, in their order, and nobody is left waiting when it goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from bot.domain.events import FillBooked, Tick
from bot.domain.market import Side
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Fill
from bot.engine.runner import Runner
from bot.ports import RunStatus, Step, Strategy
from tests.engine.house import EngineHouse, both_rest, engine_house


class Watched:
    """A house with one strategy at rest, and the number of steps in each transaction from then on."""

    def __init__(self, house: EngineHouse, strategy: Strategy) -> None:
        self.house = house
        self.strategy = strategy
        self.runner: Runner = house.supervisor._runners[strategy.id]
        self.transactions: list[int] = []
        commit = house.store.commit

        async def counted(*steps: Step) -> bool:
            self.transactions.append(len(steps))
            return await commit(*steps)

        house.store.commit = counted  # type: ignore[method-assign]

    def stray(self, exec_id: str, token: str = "") -> FillBooked:
        """A fill of an order that the state does not hold; of another's when `token` is given."""
        order_id = f"ta-{token or self.runner.state.token}-1-r1-900"
        fill = Fill(
            exec_id, order_id, Side.BUY, Price.of(20000), Base.of("0.001"), Quote.of(20), Decimal(0), "BTC", Quote.of(0), 1
        )  # fmt: skip
        return FillBooked(fill)

    async def fills(self) -> list[str]:
        """The execution ids of the stray fills that are booked, in the journal's order."""
        events = [entry.event for entry in await self.house.store.journal(self.strategy.id)]
        found = [event.fill for event in events if isinstance(event, FillBooked)]
        return [fill.exec_id for fill in found if fill.order_id.endswith("-900")]

    async def saved(self) -> None:
        await asyncio.wait_for(self.runner.post_saved(Tick()), 60)


@asynccontextmanager
async def watched() -> AsyncIterator[Watched]:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        await house.supervisor._runners[strategy.id].compared()
        yield Watched(house, strategy)


async def test_fills_that_come_together_are_one_transaction_and_each_is_booked_once() -> None:
    async with watched() as home:
        for name in ("a", "b", "a", "c"):
            home.runner.post(home.stray(name))
        await home.saved()
        assert home.transactions[0] == 3
        assert await home.fills() == ["a", "b", "c"]


async def test_a_fill_that_the_database_knows_takes_no_other_with_it() -> None:
    async with watched() as home:
        home.runner.post(home.stray("a"))
        await home.saved()
        home.runner._journal._known_fills.discard("a")
        for name in ("a", "b", "c"):
            home.runner.post(home.stray(name))
        await home.saved()
        assert await home.fills() == ["a", "b", "c"]
        assert home.runner.knows_fill("a")


async def test_what_came_before_a_fault_is_saved_and_whoever_waits_is_told_at_once() -> None:
    async with watched() as home:
        home.runner.post(home.stray("a"))
        at_fault, behind = (
            home.runner.post_saved(home.stray("b", token="other")),
            home.runner.post_saved(Tick()),
        )
        assert await told_of_failure(at_fault, behind)
        assert await home.fills() == ["a"]
        async with asyncio.timeout(60):
            while (await home.house.fresh(home.strategy)).status is not RunStatus.PAUSED:
                await asyncio.sleep(0.01)


async def test_whoever_waits_is_told_when_the_database_fails() -> None:
    async with watched() as home:
        await home.house.database.close()
        assert await told_of_failure(home.runner.post_saved(home.stray("a")))
        assert home.house.failures


async def told_of_failure(*waiting: asyncio.Future[None]) -> bool:
    _, left = await asyncio.wait(waiting, timeout=60)
    return not left and all(one.cancelled() for one in waiting)
