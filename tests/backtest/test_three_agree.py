"""The fast path, the exact one and the live engine on the stand-in exchange: the same candles, fill for fill.

The engine is the real one, over the real adapter and sockets. The market waits for it at each fill until what rests
is what its state wants, so that no candle passes while it is at work; beyond that it runs as fast as it can.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from bot.backtest.exact import run_exact
from bot.backtest.fast import run_fast
from bot.backtest.model import BacktestRun, Terms
from bot.domain.market import MarketRules
from bot.domain.money import Quote
from bot.domain.orders import OrderId, OrderStatus
from bot.domain.params import StrategyParams
from bot.domain.state import Phase, State
from bot.ports import Environment, Strategy
from bot.sandbox.desk import CoreRules
from bot.sandbox.lockstep import Lockstep
from bot.sandbox.orders import Batch
from tests.backtest.candles import DATA, real
from tests.engine.house import EngineHouse, engine_house

D = Decimal
CANDLES = 1000
MONEY = D(10000)
Row = tuple[int, str, int, Decimal, Decimal]

SCALP = StrategyParams(
    lucro_alvo_inicial=D("0.006"),
    lucro_alvo_minimo=D("0.004"),
    recompra_queda_inicial=D("0.003"),
    recompra_queda_minimo=D("0.001"),
    saldo_limite=D(3000),
)
FREE = StrategyParams(
    qty_inicial=D(150),
    multiplicador_qty=D("1.3"),
    qty_maxima=D(900),
    lucro_alvo_inicial=D("0.008"),
    multiplicador_lucro=D("0.9"),
    lucro_alvo_minimo=D("0.003"),
    recompra_queda_inicial=D("0.004"),
    multiplicador_recompra=D("1.2"),
    recompra_queda_minimo=D("0.002"),
    limite_recompras=12,
    saldo_limite=D(0),
)
BARE = StrategyParams(lucro_alvo_inicial=D("0.0045"), lucro_alvo_minimo=D("0.004"), limite_recompras=0)
CASES = [
    ("binance_BTCUSDT_5m_202208-202309", "BTCUSDT", 2_000, SCALP),
    ("binance_ETHUSDT_5m_202208-202309", "ETHUSDT", 31_000, FREE),
    ("binanceus_BTCUSDT_1m_202303", "BTCUSDT", 14_000, SCALP),
    ("binance_BTCUSDT_5m_202208-202309", "BTCUSDT", 64_000, BARE),
]


class AtRest(Lockstep):
    """The market goes on once the engine has booked what happened and nothing is left for it to do."""

    def __init__(self, house: EngineHouse, strategy: Strategy) -> None:
        super().__init__(None)
        self._house, self._strategy, self._owed = house, strategy, True

    def executed(self, account: str) -> None:
        self._owed = True

    async def clear(self) -> None:
        async with asyncio.timeout(90):
            while self._owed:
                self._owed = not await self._settled()
                if self._owed:
                    await asyncio.sleep(0.001)

    async def _settled(self) -> bool:
        house, strategy = self._house, self._strategy
        state = await house.state(strategy)
        if {o.order_id for o in state.orders} != house.resting("demo"):
            return False
        if state.phase is Phase.HOLDING and all(o.status is OrderStatus.LIVE for o in state.orders):
            booked = (await house.store.totals(strategy.person_id, strategy.id)).fills
            return booked == len(house.venue.core.executions["demo"])
        # a first buy that is with the exchange waits there for the next open
        return state.phase is Phase.ENTERING and bool(house.venue.core.books[strategy.symbol.name].held)


class Watched:
    """The engine at work on a file's candles; `rows` are its fills as the exchange made them."""

    def __init__(self, house: EngineHouse, strategy: Strategy, rules: MarketRules) -> None:
        self.house, self.strategy, self.rules = house, strategy, rules
        self.rows: list[Row] = []
        house.venue.core.listeners.append(self._note)

    def _note(self, batch: Batch) -> None:
        for one in batch.executions:
            own = OrderId.parse(one.link_id)
            assert own is not None
            self.rows.append(
                (self.house.venue.market.index, one.side.value.lower(), own.k, one.price, one.qty)
            )

    async def run(self) -> State:
        house = self.house
        await house.supervisor.run(self.strategy)
        market = house.venue.market
        market._lockstep = AtRest(house, self.strategy)
        house.venue.core.listeners.append(lambda batch: market._lockstep.executed(batch.account))
        await house.until(self.strategy, lambda s: s.phase in {Phase.ENTERING, Phase.HOLDING})
        first = market.index
        for _ in range(CANDLES):
            await market.step()
        await market._lockstep.clear()
        assert market.index - first == CANDLES - 1
        return await house.state(self.strategy)


@asynccontextmanager
async def watched(
    name: str, symbol: str, offset: int, params: StrategyParams, *, backtest_rules: bool = True
) -> AsyncIterator[Watched]:
    options = {
        "candles": DATA / f"{name}.csv.gz",
        "offset": offset,
        "rules": CoreRules(fee_rate=params.taxa, backtest_rules=backtest_rules),
        "balances": {"USDT": MONEY},
        "lockstep": None,
    }
    async with engine_house(**options) as house:
        person = await house.person()
        exchange = house.build(Environment.SANDBOX_BYBIT, house.vault.keys[person.id])
        rules = await exchange.rules(symbol)
        await exchange.close()
        strategy = await house.store.add_strategy(
            person_id=person.id,
            name="one",
            environment=Environment.SANDBOX_BYBIT,
            symbol=rules.symbol,
            params=params,
        )
        yield Watched(house, strategy, rules)


def rows_of(run: BacktestRun, offset: int) -> list[Row]:
    return [(f.candle + offset, f.side.value, f.k, f.price.value, f.quantity.value) for f in run.fills]


@pytest.mark.parametrize(("name", "symbol", "offset", "params"), CASES)
async def test_the_live_engine_fills_what_the_backtest_says(
    name: str, symbol: str, offset: int, params: StrategyParams
) -> None:
    history = real(name)
    times = history.times
    part = history.between(int(times[offset]), int(times[offset + CANDLES - 1]) + 1)
    async with watched(name, symbol, offset, params) as live:
        state = await live.run()
        run = run_exact(params, Terms(live.rules, balance=Quote(MONEY)), part)
        fast = run_fast(params, run.terms, part)
        assert live.rows == rows_of(run, offset)
        assert (fast.fills, fast.cycles, fast.open) == (run.fills, run.cycles, run.open)
        assert state.total_profit == run.net_profit
        assert state.cycles_done == len(run.cycles)
        if run.open is not None:
            assert (state.holding.held, state.holding.held_cost) == (run.open.held, run.open.cost)
        print(f"\n{name}: {len(run.fills)} fills, {len(run.cycles)} cycles, {len(part)} candles: all equal")
        assert len(run.fills) > 20
