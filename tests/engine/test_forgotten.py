"""An order that the exchange has forgotten: its trades tell what became of it, or a person is asked."""

import asyncio
from collections.abc import Callable

import pytest

from bot.domain.orders import Leg, OwnOrder
from bot.engine.runner import Runner
from bot.ports import RunStatus, Strategy, SystemClock
from bot.sandbox.orders import Status
from tests.engine.house import EngineHouse, both_rest, engine_house

DAY_MS = 24 * 3_600_000


class Later(SystemClock):
    """Two days on, as the engine sees it."""

    def now(self) -> int:
        return super().now() + 2 * DAY_MS


async def holding(house: EngineHouse) -> tuple[Strategy, Runner]:
    strategy = await house.strategy(await house.person())
    await house.supervisor.run(strategy)
    await house.until(strategy, both_rest)
    runner = house.supervisor._runners[strategy.id]
    await runner.compared()
    return strategy, runner


def exit_of(runner: Runner) -> OwnOrder:
    found = runner.state.live(Leg.EXIT)
    assert found is not None
    return found


def forget(house: EngineHouse, order_id: str) -> None:
    """The order ends unfilled, its coins are free again, and no list of orders tells of it any more."""
    order = house.venue.core.find("demo", order_id="", link_id=order_id, symbol="BTCUSDT")
    house.venue.core.cancel(order.order_id)
    assert order.status is Status.CANCELLED
    del house.venue.core.orders[order.order_id]


async def look(runner: Runner, until: Callable[[], bool]) -> None:
    """Reconcile as the minutes would; a look while a request is under way does not count."""
    async with asyncio.timeout(60):
        while not until():
            await runner._executor._reconcile_once()
            await asyncio.sleep(0.05)


async def test_an_order_forgotten_after_a_day_is_placed_anew_without_asking() -> None:
    async with engine_house(seed=3) as house:
        strategy, runner = await holding(house)
        lost = exit_of(runner)
        house.venue.faults.stream.silent = True
        forget(house, lost.order_id)
        runner.clock = Later()
        await look(runner, lambda: runner.state.order(lost.order_id) is None)
        state = await house.until(strategy, lambda s: both_rest(s) and s.order(lost.order_id) is None)
        assert (await house.fresh(strategy)).status is RunStatus.RUNNING
        again = state.live(Leg.EXIT)
        assert again is not None
        assert (again.price, again.quantity) == (lost.price, lost.quantity)
        await house.check_books(strategy)


async def test_an_order_that_is_missing_too_soon_is_a_question_for_a_person() -> None:
    async with engine_house(seed=3) as house:
        strategy, runner = await holding(house)
        house.venue.faults.stream.silent = True
        forget(house, exit_of(runner).order_id)
        await look(runner, lambda: runner._freezing is not None)
        await paused(house, strategy)


async def test_where_the_trades_are_wiped_too_nothing_is_concluded() -> None:
    async with engine_house(seed=3) as house:
        strategy, runner = await holding(house)
        house.venue.faults.stream.silent = True
        forget(house, exit_of(runner).order_id)
        house.venue.core.executions["demo"].clear()
        runner.clock = Later()
        await look(runner, lambda: runner._freezing is not None)
        await paused(house, strategy)


async def paused(house: EngineHouse, strategy: Strategy) -> None:
    try:
        async with asyncio.timeout(60):
            while (await house.fresh(strategy)).status is not RunStatus.PAUSED:
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail("it goes on")
