"""The whole cycle over real sockets and real candles: ledger and exchange agree to the last digit."""

from decimal import Decimal

import pytest

from bot.domain.events import StopMode
from bot.domain.orders import Leg
from bot.domain.params import StrategyParams
from bot.domain.state import Phase
from tests.engine.house import DATA, LIVELY, both_rest, engine_house

CANDLES = DATA / "binance_BTCUSDT_5m_202208-202309.csv.gz"
needs_candles = pytest.mark.skipif(not CANDLES.exists(), reason=f"real candles are not here: {CANDLES.name}")


@needs_candles
async def test_cycles_close_and_the_ledger_equals_the_exchange_to_the_last_digit() -> None:
    async with engine_house(candles=CANDLES) as house:
        person = await house.person()
        strategy = await house.strategy(person)
        await house.supervisor.run(strategy)
        await house.until(strategy, lambda s: s.phase is Phase.HOLDING)
        house.venue.market.resume()
        await house.until(strategy, lambda s: s.cycles_done >= 3, 90)
        await house.quiet(strategy)
        await house.check_books(strategy)
        assert (await house.state(strategy)).total_profit.value > 0
        assert house.failures == []


async def test_stop_now_sells_what_was_bought_and_leaves_no_order() -> None:
    async with engine_house(seed=3) as house:
        person = await house.person()
        strategy = await house.strategy(person)
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        await house.supervisor.stop(await house.fresh(strategy), StopMode.SELL_NOW)
        state = await house.until(strategy, lambda s: s.phase is Phase.IDLE)
        assert state.orders == ()
        await house.check_books(strategy)
        assert house.venue.core.accounts["demo"].balances["BTC"].total < Decimal("0.000001")


async def test_stop_and_keep_cancels_the_orders_and_keeps_the_coins() -> None:
    async with engine_house(seed=3) as house:
        person = await house.person()
        strategy = await house.strategy(person)
        await house.supervisor.run(strategy)
        await house.until(strategy, both_rest)
        await house.supervisor.stop(await house.fresh(strategy), StopMode.KEEP_COINS)
        await house.until(strategy, lambda s: s.phase is Phase.IDLE)
        await house.check_books(strategy)
        assert house.venue.core.accounts["demo"].balances["BTC"].total > Decimal("0.004")


async def test_two_strategies_on_one_account_do_not_spend_each_others_money() -> None:
    async with engine_house(seed=3) as house:
        person = await house.person()
        first = await house.strategy(person, StrategyParams(saldo_limite=Decimal(0)), "all")
        second = await house.strategy(person, StrategyParams(saldo_limite=Decimal(5000)), "five thousand")
        await house.supervisor.run(second)
        await house.until(second, both_rest)
        await house.supervisor.run(first)
        state = await house.until(first, lambda s: s.phase is Phase.HOLDING)
        # ten thousand in the wallet, less what the first ladder may still need
        assert state.limit.value <= Decimal(10000) - Decimal(4700)
        assert state.limit.value >= Decimal(4900)


async def test_a_strategy_waits_for_money_and_says_so() -> None:
    async with engine_house(seed=3) as house:
        person = await house.person(account="poor")
        house.venue.core.accounts["poor"].balances["USDT"].total = Decimal(100)
        strategy = await house.strategy(person)
        await house.supervisor.run(strategy)
        state = await house.until(strategy, lambda s: bool(s.obstacles))
        assert state.phase is Phase.STARTING
        assert state.orders == ()


async def test_coins_that_a_strategy_did_not_buy_are_never_sold() -> None:
    balances = {"USDT": Decimal(10000), "BTC": Decimal(1)}
    async with engine_house(seed=3, balances=balances) as house:
        strategy = await house.strategy(await house.person())
        await house.supervisor.run(strategy)
        state = await house.until(strategy, both_rest)
        resting = state.live(Leg.EXIT)
        assert resting is not None
        assert resting.quantity is not None
        assert resting.quantity <= state.holding.held
        await house.supervisor.stop(await house.fresh(strategy), StopMode.SELL_NOW)
        await house.until(strategy, lambda s: s.phase is Phase.IDLE)
        left = house.venue.core.accounts["demo"].balances["BTC"].total
        assert Decimal(1) <= left < Decimal("1.000001")


async def test_two_people_trade_side_by_side_each_on_their_own_account() -> None:
    async with engine_house(seed=5) as house:
        ana, bob = await house.person(1), await house.person(2, account="bob")
        first = await house.strategy(ana, LIVELY)
        second = await house.strategy(bob, LIVELY)
        await house.supervisor.run(first)
        await house.supervisor.run(second)
        await house.until(first, both_rest)
        await house.until(second, both_rest)
        house.venue.market.resume()
        await house.until(first, lambda s: s.cycles_done >= 1)
        await house.until(second, lambda s: s.cycles_done >= 1)
        await house.quiet(first)
        await house.quiet(second, account="bob")
        await house.check_books(first)
        await house.check_books(second, account="bob")
