"""Saved strategies: edited, renamed, deleted."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.events import ParamsTaken, StartAsked
from bot.domain.market import Symbol
from bot.domain.params import StrategyParams
from bot.domain.state import Phase, State
from bot.errors import InvalidInput, NotAllowed
from bot.ports import RunStatus, Step
from tests.storage.samples import NOW, person_of, strategy_of

LARGER = replace(StrategyParams(), qty_inicial=Decimal(400))
LARGEST = replace(StrategyParams(), qty_inicial=Decimal(500))
ETH = Symbol("ETHUSDT", "ETH", "USDT")


@pytest.fixture
async def mine(store):
    return await strategy_of(store, await person_of(store))


async def edit(store, strategy, params, symbol=None):
    return await store.edit_strategy(
        strategy.person_id,
        strategy.id,
        params,
        environment=strategy.environment,
        symbol=symbol or strategy.symbol,
    )


async def step(store, strategy, event, sequence, phase):
    status = RunStatus.IDLE if phase is Phase.IDLE else RunStatus.RUNNING
    state = State("a1", phase=phase)
    await store.commit(Step(strategy.id, sequence, NOW, event, state, status))


async def test_one_that_never_ran_takes_an_edit_at_once_and_another_pair(store, mine):
    edited = await edit(store, mine, LARGER, ETH)
    assert (edited.params, edited.pending, edited.symbol) == (LARGER, None, ETH)
    assert not await store.has_traded(mine.id)


async def test_a_running_ones_edit_waits_and_is_taken_with_its_event(store, mine):
    await step(store, mine, StartAsked(), 0, Phase.STARTING)
    edited = await edit(store, mine, LARGER)
    assert (edited.params, edited.chosen) == (mine.params, LARGER)
    assert await store.pending_params(mine.id) == LARGER
    with pytest.raises(NotAllowed, match="pair_is_fixed"):
        await edit(store, mine, LARGER, ETH)
    await step(store, mine, ParamsTaken(LARGER, mine.params), 1, Phase.STARTING)
    taken = await store.strategy(mine.person_id, mine.id)
    assert (taken.params, taken.pending) == (LARGER, None)
    assert (await store.journal(mine.id))[-1].event == ParamsTaken(LARGER, mine.params)


async def test_an_edit_made_while_another_is_taken_still_waits(store, mine):
    await step(store, mine, StartAsked(), 0, Phase.STARTING)
    await edit(store, mine, LARGER)
    await edit(store, mine, LARGEST)  # between the runner's reading and its commit
    await step(store, mine, ParamsTaken(LARGER, mine.params), 1, Phase.STARTING)
    assert await store.pending_params(mine.id) == LARGEST


async def test_editing_back_to_what_holds_leaves_nothing_pending(store, mine):
    await step(store, mine, StartAsked(), 0, Phase.STARTING)
    await edit(store, mine, LARGER)
    assert (await edit(store, mine, mine.params)).pending is None


async def test_a_name_is_given_once_and_free_again_after_its_strategy_is_deleted(store, mine):
    other = await strategy_of(store, await store.person(mine.person_id), name="other")
    with pytest.raises(InvalidInput):
        await store.rename_strategy(mine.person_id, other.id, mine.name)
    assert (await store.rename_strategy(mine.person_id, mine.id, mine.name)).name == mine.name
    await store.delete_strategy(mine.person_id, mine.id)
    assert (await store.rename_strategy(mine.person_id, other.id, mine.name)).name == mine.name


async def test_only_an_idle_strategy_is_deleted_and_its_books_stay(store, mine):
    await step(store, mine, StartAsked(), 0, Phase.STARTING)
    with pytest.raises(NotAllowed, match="running_not_deleted"):
        await store.delete_strategy(mine.person_id, mine.id)
    await step(store, mine, StartAsked(), 1, Phase.IDLE)
    await store.delete_strategy(mine.person_id, mine.id)
    assert await store.strategies(mine.person_id) == []
    assert await store.strategy(mine.person_id, mine.id) is None
    assert len(await store.journal(mine.id)) == 2


async def test_another_persons_strategy_is_as_if_it_were_not_there(store, mine):
    stranger = await person_of(store, chat_id=2)
    for attempt in (
        store.rename_strategy(stranger.id, mine.id, "x"),
        store.delete_strategy(stranger.id, mine.id),
        store.edit_strategy(stranger.id, mine.id, LARGER, environment=mine.environment, symbol=mine.symbol),
    ):
        with pytest.raises(NotAllowed, match="no_such_strategy"):
            await attempt
    assert await store.strategy(mine.person_id, mine.id) == mine
