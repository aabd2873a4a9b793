import asyncio
from dataclasses import replace

import pytest

from bot.domain.events import FillBooked, StartAsked
from bot.domain.market import Side
from bot.domain.notices import Paused
from bot.domain.orders import Leg
from bot.errors import InvariantBroken, StoreError
from bot.ports import Placing, RunStatus, Saved
from tests.storage.samples import (
    NOW,
    closed_cycle,
    entry,
    fill,
    filled,
    person_of,
    started,
    strategy_of,
    tick,
)


@pytest.fixture
async def person(store):
    return await person_of(store)


@pytest.fixture
async def strategy(store, person):
    return await strategy_of(store, person)


async def everything(database):
    """Every row of every table, to see that nothing has changed."""
    return await database.run(
        lambda db: {
            t.name: [tuple(r.values()) for r in t.rows] for t in db.tables if not t.name.startswith("sqlite")
        }
    )


async def test_a_step_is_there_whole(store, database, person, strategy):
    assert await store.load(strategy.id) is None
    assert await store.commit(started(strategy)) is True
    assert await store.commit(filled(strategy)) is True

    assert await store.load(strategy.id) == Saved(filled(strategy).state, 2)
    assert [e.event for e in await store.journal(strategy.id)] == [StartAsked(), FillBooked(fill())]
    assert [(e.sequence, e.at) for e in await store.journal(strategy.id)] == [(1, NOW), (2, NOW + 10)]
    assert await store.known_fills(strategy.id) == {"x-1"}
    assert [f.fill for f in await store.fills(person.id, strategy.id)] == [fill()]
    (order,) = await database.run(lambda db: list(db["orders"].rows))
    assert (order["status"], order["amount"], order["closed_at"]) == ("closed", "300.1", NOW + 10)
    assert [i.notice.kind for i in await store.outbox.due(NOW + 10)] == ["started", "first_buy", "first_buy"]
    (running,) = await store.running()
    assert (running.id, running.status) == (strategy.id, RunStatus.RUNNING)


async def test_a_fill_that_is_booked_makes_the_whole_step_vanish(store, database, strategy):
    await store.commit(started(strategy))
    await store.commit(filled(strategy))
    before = await everything(database)
    assert await store.commit(filled(strategy, sequence=2)) is False
    assert await everything(database) == before


async def test_both_sides_of_a_trade_between_two_strategies_are_booked(store, person, strategy):
    other = await strategy_of(store, person, "rapida")
    await store.commit(started(strategy))
    await store.commit(started(other, token="b2"))
    assert await store.commit(filled(strategy)) is True
    assert await store.commit(filled(other, token="b2")) is True
    assert await store.known_fills(other.id) == {"x-1"}


async def test_a_second_writer_is_refused(store, database, strategy):
    await store.commit(started(strategy))
    before = await everything(database)
    for wrong in (0, 2, -1):
        with pytest.raises(StoreError, match="somebody else writes"):
            await store.commit(replace(filled(strategy), expected_sequence=wrong))
    assert await everything(database) == before
    assert not database.faulted.is_set()


async def test_of_two_steps_at_once_one_is_saved(store, strategy):
    outcomes = await asyncio.gather(
        *(store.commit(replace(started(strategy), at=NOW + n)) for n in range(2)), return_exceptions=True
    )
    assert sorted(type(o).__name__ for o in outcomes) == ["StoreError", "bool"]
    assert (await store.load(strategy.id)).sequence == 1


async def test_an_order_id_used_twice_saves_nothing(store, database, strategy):
    await store.commit(started(strategy))
    before = await everything(database)
    again = replace(started(strategy), expected_sequence=1)
    with pytest.raises(InvariantBroken, match="used before"):
        await store.commit(again)
    assert await everything(database) == before


async def test_a_strangers_order_id_is_not_booked(store, database, strategy):
    await store.commit(started(strategy))
    before = await everything(database)
    with pytest.raises(InvariantBroken, match="not one of our order ids"):
        await store.commit(filled(strategy, fill(order_id="web-12345")))
    assert await everything(database) == before


async def test_a_strategy_that_does_not_exist_is_a_store_error(store, strategy):
    with pytest.raises(StoreError, match="no strategy 99"):
        await store.commit(replace(started(strategy), strategy_id=99))
    with pytest.raises(StoreError, match="no strategy 99"):
        await store.set_status(99, RunStatus.IDLE)


async def test_an_order_closes_once_and_only_by_its_own_strategy(store, database, person, strategy):
    other = await strategy_of(store, person, "rapida")
    await store.commit(started(strategy))
    await store.commit(started(other, token="b2"))
    await store.commit(tick(other, 1, closed=("ta-a1-1-e0-1",)))
    await store.commit(filled(strategy))
    await store.commit(tick(strategy, 2, closed=("ta-a1-1-e0-1", "ta-a1-1-x0-99")))
    query = "SELECT order_id, status, closed_at FROM orders ORDER BY order_id"
    found = await database.run(lambda db: db.execute(query).fetchall())
    assert found == [("ta-a1-1-e0-1", "closed", NOW + 10), ("ta-b2-1-e0-1", "open", None)]


async def test_a_closed_cycle_is_kept_with_its_step(store, person, strategy):
    await store.commit(started(strategy))
    await store.commit(tick(strategy, 1, cycle=closed_cycle(1)))
    await store.commit(tick(strategy, 2, cycle=closed_cycle(2)))
    records = await store.cycles(person.id, strategy.id)
    assert [r.closed for r in records] == [closed_cycle(1), closed_cycle(2)]
    assert [r.at for r in records] == [NOW + 21, NOW + 22]


async def test_a_pause_keeps_its_reason_until_the_strategy_runs_again(store, person, strategy):
    await store.commit(replace(started(strategy), status=RunStatus.PAUSED, pause_reason="chave recusada"))
    (paused,) = await store.running()
    assert (paused.status, paused.pause_reason) == (RunStatus.PAUSED, "chave recusada")
    await store.set_status(strategy.id, RunStatus.RUNNING)
    assert (await store.strategy(person.id, strategy.id)).pause_reason is None
    await store.set_status(strategy.id, RunStatus.IDLE)
    assert await store.running() == []


async def test_an_announcement_is_owed_once_per_key(store, person, strategy):
    for _ in range(2):
        await store.announce(person.id, Paused("x"), strategy_id=strategy.id, key="p1")
    await store.announce(person.id, Paused("y"), key="p2")
    owed = await store.outbox.due(NOW)
    assert [(i.notice, i.strategy_id) for i in owed] == [(Paused("x"), strategy.id), (Paused("y"), None)]


async def test_a_commit_whose_caller_was_cancelled_still_wakes_the_notifier(store, strategy):
    task = asyncio.create_task(store.commit(started(strategy)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    saved = await store.load(strategy.id)  # commands keep their order: this one comes after
    async with asyncio.timeout(60):
        if saved is not None:
            await store.outbox.changed.wait()
    assert (saved is not None) == bool(await store.outbox.due(NOW))


async def test_steps_that_come_together_are_saved_in_one_transaction(store, strategy):
    assert await store.commit(started(strategy), filled(strategy), tick(strategy, 2)) is True
    assert await store.load(strategy.id) == Saved(tick(strategy, 2).state, 3)
    assert [e.sequence for e in await store.journal(strategy.id)] == [1, 2, 3]


async def test_a_known_fill_makes_all_that_came_with_it_vanish(store, database, strategy):
    await store.commit(started(strategy), filled(strategy))
    before = await everything(database)
    assert await store.commit(tick(strategy, 2), filled(strategy, sequence=3)) is False
    assert await everything(database) == before


async def test_a_refused_step_takes_those_before_it_along(store, database, strategy):
    before = await everything(database)
    with pytest.raises(StoreError):
        await store.commit(started(strategy), filled(strategy, sequence=5))
    assert await everything(database) == before


async def test_an_order_is_known_by_when_it_was_placed_and_what_had_filled_by_then(store, strategy):
    await store.commit(started(strategy), filled(strategy))
    later = entry(seq=2, leg=Leg.EXIT)
    await store.commit(replace(tick(strategy, 2), at=NOW + 20, placed=(later,)))
    after = fill("x-9", order_id=later.order_id, side=Side.SELL, at=NOW + 30)
    await store.commit(replace(filled(strategy, after, sequence=3), at=NOW + 30))
    assert await store.placing(strategy.id, later.order_id) == Placing(NOW + 20, fill())
    assert await store.placing(strategy.id, "ta-a1-1-e0-1") is None
    assert await store.placing(strategy.id + 1, later.order_id) is None
