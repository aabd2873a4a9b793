"""What happened while nobody listened is booked in its order, and nothing is sent that it has overtaken."""

import json
from pathlib import Path

from bot.domain.events import StopMode
from bot.domain.orders import OrderId
from bot.domain.state import Phase
from bot.ports import Step
from tests.bench.street import LIVELY
from tests.engine.house import EngineHouse, both_rest, engine_house


async def test_a_rebuy_that_filled_before_the_exit_is_told_and_counts_in_the_cycle(tmp_path: Path) -> None:
    async with engine_house(tmp_path / "away.sqlite", seed=5) as house:
        strategy = await house.strategy(await house.person(), LIVELY)
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        await house.close()
        await both_fill(house)
        await house.open()
        await house.supervisor.start()
        await house.until(strategy, lambda s: s.cycles_done == 1)
        await house.quiet(strategy)
        await house.check_books(strategy)
        told = await house.database.run(
            lambda db: db.execute("SELECT kind, payload FROM outbox ORDER BY id").fetchall()
        )
        assert [kind for kind, _ in told][:4] == ["started", "first_buy", "rebuy", "cycle_closed"]
        assert json.loads(told[3][1])["rebuys"] == 1
        ours = [OrderId.parse(order.link_id) for order in house.venue.core.orders.values()]
        assert "r2" not in [f"{one.leg.value}{one.k}" for one in ours if one and one.cycle == 1]


async def test_a_first_buy_that_waits_for_the_exchange_is_not_sent_after_a_stop() -> None:
    async with engine_house(seed=5) as house:
        strategy = await house.strategy(await house.person())
        commit = house.store.commit

        async def and_the_stream_breaks(*steps: Step) -> bool:
            saved = await commit(*steps)
            if steps[-1].state.phase is Phase.ENTERING:
                house.supervisor._runners[strategy.id].up.clear()
            return saved

        house.store.commit = and_the_stream_breaks  # type: ignore[method-assign]
        await house.supervisor.run(strategy)
        await house.until(strategy, lambda s: s.phase is Phase.ENTERING)
        runner = house.supervisor._runners[strategy.id]
        await runner.ask_stop(StopMode.SELL_NOW)
        runner.up.set()
        await house.until(strategy, lambda s: not s.running)
        assert not house.venue.core.orders


async def both_fill(house: EngineHouse) -> None:
    """Walk the market until the re-buy has filled, and after it the exit."""
    executions = house.venue.core.executions["demo"]
    for _ in range(2000):
        if len(executions) == 3:
            break
        await house.venue.market.step()
    legs = [OrderId.parse(one.link_id) for one in executions]
    assert [leg and leg.leg.value for leg in legs] == ["e", "r", "x"], "another seed is wanted"
