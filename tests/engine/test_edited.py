"""A running strategy is edited: this cycle goes on as it began, the next one runs on what was chosen."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.cycle import decide
from bot.domain.events import ParamsTaken, StopMode
from bot.domain.ladder import build_ladder
from bot.domain.market import MarketRules
from bot.domain.orders import Leg
from bot.domain.params import StrategyParams
from bot.domain.state import Phase, State
from bot.domain.turn import Context
from bot.errors import InvariantBroken
from bot.ports import Strategy
from storage.store_engine import JournalEntry
from tests.engine.house import DATA, EngineHouse, both_rest, engine_house

CANDLES = DATA / "binance_BTCUSDT_5m_202208-202309.csv.gz"
needs_candles = pytest.mark.skipif(not CANDLES.exists(), reason=f"real candles are not here: {CANDLES.name}")
SMALL = StrategyParams(lucro_alvo_inicial=Decimal("0.01"), lucro_reaplicar=False)
LARGE = replace(SMALL, qty_inicial=Decimal(450), lucro_alvo_inicial=Decimal("0.012"))


async def edit(house: EngineHouse, strategy: Strategy, params: StrategyParams) -> Strategy:
    return await house.store.edit_strategy(
        strategy.person_id,
        strategy.id,
        params,
        environment=strategy.environment,
        symbol=strategy.symbol,
    )


async def first_buys(house: EngineHouse, strategy: Strategy) -> dict[int, Decimal]:
    """What the first buy of each cycle spent."""
    spent: dict[int, Decimal] = {}
    for record in await house.store.fills(strategy.person_id, strategy.id):
        if record.leg == Leg.ENTRY.value:
            spent[record.cycle] = spent.get(record.cycle, Decimal(0)) + record.fill.value.value
    return spent


def replayed(
    journal: Sequence[JournalEntry], token: str, params: StrategyParams, rules: MarketRules
) -> State:
    changes = [entry.event for entry in journal if isinstance(entry.event, ParamsTaken)]
    state, held = State(token=token), changes[0].before if changes else params
    for entry in journal:
        if isinstance(entry.event, ParamsTaken):
            held = entry.event.params
        state = decide(state, entry.event, Context(held, build_ladder(held), rules, entry.at)).state
    return state


@needs_candles
async def test_an_edit_holds_from_the_next_cycle_on_and_the_journal_replays() -> None:
    async with engine_house(candles=CANDLES) as house:
        strategy = await house.strategy(await house.person(), SMALL)
        await house.supervisor.run(strategy)
        resting = (await house.until(strategy, both_rest)).orders
        edited = await edit(house, strategy, LARGE)
        assert (edited.params, edited.pending) == (SMALL, LARGE)
        house.supervisor.reconcile_all()
        assert (await house.until(strategy, both_rest)).orders == resting
        house.venue.market.resume()
        state = await house.until(strategy, lambda s: s.cycles_done >= 2, 90)
        await house.quiet(strategy)
        spent = await first_buys(house, strategy)
        assert 299 < spent[1] <= 300
        assert all(449 < amount <= 450 for cycle, amount in spent.items() if cycle > 1)
        assert (await house.fresh(strategy)).params == LARGE
        await house.check_books(strategy)
        rules = house.supervisor.rules(strategy.id)
        assert rules is not None
        journal = await house.store.journal(strategy.id)
        assert replayed(journal, state.token, LARGE, rules) == await house.state(strategy)
        assert house.failures == []


async def test_an_edit_outlives_a_stop_and_a_restart_and_holds_at_the_next_run() -> None:
    async with engine_house(seed=3) as house:
        strategy = await house.strategy(await house.person(), SMALL)
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        await edit(house, strategy, LARGE)
        await house.supervisor.stop(await house.fresh(strategy), StopMode.SELL_NOW)
        await house.until(strategy, lambda s: s.phase is Phase.IDLE)
        await house.supervisor.close()
        await house.supervisor.start()
        assert (await house.fresh(strategy)).pending == LARGE
        await house.supervisor.run(await house.fresh(strategy))
        await house.until(strategy, both_rest)
        assert 449 < (await first_buys(house, strategy))[2] <= 450
        assert (await house.fresh(strategy)).pending is None


async def test_a_strategy_that_waits_for_money_takes_the_smaller_first_buy() -> None:
    async with engine_house(seed=3) as house:
        balance = house.venue.core.accounts["demo"].balances["USDT"]
        balance.total = Decimal(100)
        strategy = await house.strategy(await house.person(), SMALL)
        await house.supervisor.run(strategy)
        await house.until(strategy, lambda s: bool(s.obstacles))
        await edit(house, strategy, replace(SMALL, qty_inicial=Decimal(60)))
        runner = house.supervisor._runners[strategy.id]
        await runner.read_balance()  # not asked for by the state: nothing may be bought on it
        assert (await house.state(strategy)).phase is Phase.STARTING
        assert (await house.fresh(strategy)).params.qty_inicial == Decimal(60)


def test_parameters_never_change_inside_a_cycle() -> None:
    state = State(token="a1", phase=Phase.HOLDING)
    rules = MarketRules.__new__(MarketRules)
    with pytest.raises(InvariantBroken):
        decide(state, ParamsTaken(LARGE, SMALL), Context(LARGE, build_ladder(LARGE), rules, 0))
