"""Faults between the engine and the exchange: nothing is sent twice, nothing is lost, all of it heals."""

import asyncio
import random
from pathlib import Path

import pytest

from bot.domain.events import StopMode
from bot.domain.orders import Leg, OrderId
from bot.domain.state import Phase
from bot.ports import RunStatus
from bot.sandbox.exchange_faults import Answer, RequestFault
from tests.engine.house import LIVELY, EngineHouse, both_rest, engine_house

CREATE, CANCEL = "/v5/order/create", "/v5/order/cancel"


def entries(house: EngineHouse) -> list[str]:
    """The market buys that the exchange ever saw, each as its order id."""
    ids = [OrderId.parse(o.link_id) for o in house.venue.core.orders.values()]
    return [str(i) for i in ids if i is not None and i.leg is Leg.ENTRY]


async def test_an_answer_lost_after_the_order_was_taken_buys_once() -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        house.venue.faults.add(RequestFault(CREATE, Answer.DROP, effect=True))
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        assert len(entries(house)) == 1
        await house.check_books(strategy)


async def test_an_order_that_never_arrived_is_placed_anew_under_another_id() -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        house.venue.faults.add(RequestFault(CREATE, Answer.DROP, effect=False))
        await house.supervisor.run(strategy)
        state = await house.until(strategy, both_rest)
        assert len(entries(house)) == 1
        assert state.sequence == 4, "one id was spent on the order that never arrived"
        await house.check_books(strategy)


@pytest.mark.parametrize("code", [10000, 10016, 170007, 170146])
async def test_an_unknown_outcome_is_looked_up_and_never_sent_again(code: int) -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        house.venue.faults.add(RequestFault(CREATE, Answer.RET_CODE, effect=True, code=code))
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        assert len(entries(house)) == 1
        await house.check_books(strategy)


async def test_a_rate_limited_order_is_tried_again_later() -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        house.venue.faults.add(RequestFault(CREATE, Answer.RET_CODE, code=10006, message="Too many visits!"))
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        assert len(entries(house)) == 1


async def test_a_silent_stream_is_made_good_by_looking_up() -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        house.venue.faults.stream.silent = True
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        await house.check_books(strategy)


async def test_lost_and_doubled_messages_leave_the_books_right() -> None:
    async with engine_house(seed=5) as house:
        strategy = await house.strategy(await house.person(), LIVELY)
        await house.supervisor.run(strategy)
        await house.until(strategy, lambda s: s.phase is Phase.HOLDING)
        house.venue.market.resume()
        for cycle in range(1, 4):
            house.venue.faults.stream.duplicate = 20
            house.venue.faults.stream.execution_first = cycle % 2 == 0
            await house.until(strategy, lambda s, c=cycle: s.cycles_done >= c, 60)
            house.venue.faults.stream.lose = 3
            house.supervisor.reconcile_all()
        house.venue.market.pause()
        house.venue.faults.clear()
        house.supervisor.reconcile_all()
        await house.quiet(strategy)
        await house.check_books(strategy)


async def test_a_dropped_stream_comes_back_and_reconciles() -> None:
    async with engine_house(seed=5) as house:
        strategy = await house.strategy(await house.person(), LIVELY)
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        house.venue.faults.stream.refuse = 1
        assert house.venue.private.drop() == 1
        house.venue.market.resume()
        await house.until(strategy, lambda s: s.cycles_done >= 2, 60)
        await house.quiet(strategy)
        await house.check_books(strategy)


async def test_an_order_cancelled_by_hand_is_put_back() -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        await house.supervisor.run(strategy)
        state = await house.until(strategy, both_rest)
        exit_order = state.live(Leg.EXIT)
        assert exit_order is not None
        exchange = house.build(strategy.environment, house.vault.keys[strategy.person_id])
        await exchange.cancel(symbol=strategy.symbol, order_id=exit_order.order_id)
        await exchange.close()
        moved = await house.until(
            strategy,
            lambda s: (found := s.live(Leg.EXIT)) is not None and found.order_id != exit_order.order_id,
        )
        again = moved.live(Leg.EXIT)
        assert again is not None
        assert (again.price, again.quantity) == (exit_order.price, exit_order.quantity)


async def test_strangers_orders_are_left_alone() -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        by_hand = house.build(strategy.environment, house.vault.keys[strategy.person_id])
        from pybit.unified_trading import HTTP

        session = HTTP(api_key=house.venue.api_key, api_secret=house.venue.api_secret, retry_codes={-1})
        session.endpoint = house.venue.rest_url
        await asyncio.to_thread(
            session.place_order,
            category="spot",
            symbol="BTCUSDT",
            side="Buy",
            orderType="Limit",
            qty="0.001",
            price="30000",
            orderLinkId="mine",
        )
        session.client.close()
        await by_hand.close()
        house.supervisor.reconcile_all()
        await house.supervisor.stop(await house.fresh(strategy), StopMode.KEEP_COINS)
        await house.until(strategy, lambda s: s.phase is Phase.IDLE)
        left = [o.link_id for o in house.venue.core.orders.values() if o.is_open]
        assert left == ["mine"]


async def test_a_key_that_is_refused_pauses_the_strategy_and_tells(tmp_path: Path) -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person())
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        house.venue.faults.add(RequestFault("/v5/order/realtime", Answer.RET_CODE, code=10003, count=99))
        house.supervisor.reconcile_all()
        async with asyncio.timeout(60):
            while (await house.fresh(strategy)).status is not RunStatus.PAUSED:
                await asyncio.sleep(0.01)
        assert len([o for o in house.venue.core.orders.values() if o.is_open]) == 2, "orders stay"
        house.venue.faults.clear()
        await house.supervisor.run(await house.fresh(strategy))
        await house.until(strategy, both_rest)
        assert (await house.fresh(strategy)).status is RunStatus.RUNNING


@pytest.mark.parametrize("seed", [1, 2])
async def test_restarts_at_random_moments_leave_the_books_right(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    async with engine_house(tmp_path / "trader.sqlite", seed=seed) as house:
        strategy = await house.strategy(await house.person(), LIVELY)
        await house.supervisor.run(strategy)
        await house.until(strategy, lambda s: s.phase is Phase.HOLDING)
        house.venue.market.resume()
        for _ in range(6):
            await asyncio.sleep(chance.uniform(0.05, 0.5))
            await house.restart()
        async with asyncio.timeout(60):  # the fewer it did between the restarts, the busier the machine
            while (await house.store.totals(strategy.person_id, strategy.id)).fills <= 3:
                await asyncio.sleep(0.02)
        await house.quiet(strategy)
        await house.check_books(strategy)
        assert (await house.store.totals(strategy.person_id, strategy.id)).fills > 3
