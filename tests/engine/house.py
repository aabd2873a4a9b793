"""The real engine over the real adapter, against the stand-in exchange's sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from bot.domain.market import Symbol
from bot.domain.orders import OrderStatus
from bot.domain.params import StrategyParams
from bot.domain.state import Phase, State
from bot.engine.executor import Patience
from bot.engine.supervisor import Supervisor
from bot.exchanges.environments import Endpoints
from bot.exchanges.factory import build_exchange
from bot.ports import Credentials, Environment, Exchange, Person, Role, Secret, Strategy, SystemClock
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.lockstep import LockstepTimes
from storage.database import Database
from storage.store import SqliteStore

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
BTC = Symbol("BTCUSDT", "BTC", "USDT")
QUICK = Patience(absent_after=1.0, looks=3, stream_grace=0.3, closing_grace=1.0, retry=0.05, retry_most=0.5)
LIVELY = StrategyParams(
    lucro_alvo_inicial=Decimal("0.006"),
    lucro_alvo_minimo=Decimal("0.004"),
    recompra_queda_inicial=Decimal("0.003"),
    recompra_queda_minimo=Decimal("0.001"),
    saldo_limite=Decimal(3000),
)
LOCKSTEP = LockstepTimes(quiet_ms=40, first_ms=2000, max_ms=6000)


def both_rest(state: State) -> bool:
    """Exit and re-buy are both acknowledged by the exchange."""
    return len(state.orders) == 2 and all(o.status is OrderStatus.LIVE for o in state.orders)


@dataclass
class OpenVault:
    """A vault that is open: what keys there are is all that the engine asks of it."""

    keys: dict[int, Credentials] = field(default_factory=dict)
    locked: set[int] = field(default_factory=set)

    def unlocked(self, person_id: int) -> bool:
        return person_id not in self.locked

    async def unlock_unattended(self, person_id: int) -> bool:
        return False

    async def credentials(self, person_id: int, environment: Environment) -> Credentials | None:
        return self.keys.get(person_id)


class EngineHouse:
    def __init__(self, exchange: SandboxExchange, path: Path | None) -> None:
        self.venue = exchange
        self.path = path
        self.vault = OpenVault()
        self.failures: list[Exception] = []

    async def open(self) -> None:
        self.database = await Database.open(self.path)
        self.store = SqliteStore(self.database)
        self.pool = ThreadPoolExecutor(8)
        self.supervisor = Supervisor(
            store=self.store,
            vault=self.vault,  # type: ignore[arg-type]
            exchanges=self.build,
            clock=SystemClock(),
            on_store_failure=self.failures.append,
            patience=QUICK,
        )

    def build(self, environment: Environment, credentials: Credentials) -> Exchange:
        endpoints = Endpoints(self.venue.rest_url, self.venue.ws_private_url)
        return build_exchange(
            environment, credentials, pool=self.pool, clock=SystemClock(), endpoints=endpoints
        )

    async def close(self) -> None:
        await self.supervisor.close()
        await self.database.close()
        self.pool.shutdown()

    async def restart(self) -> None:
        """Stop as a kill would leave it, as far as one process can: tasks are dropped where they stand."""
        await self.close()
        await self.open()
        await self.supervisor.start()

    async def person(self, chat_id: int = 1, *, account: str | None = None) -> Person:
        person = await self.store.add_person(chat_id=chat_id, name="Ana", locale="en", role=Role.OWNER)
        key, secret = self.venue.api_key, self.venue.api_secret
        if account is not None:
            key, secret = self.venue.add_account(account)
        self.vault.keys[person.id] = Credentials(Secret(key), Secret(secret))
        return person

    async def strategy(
        self, person: Person, params: StrategyParams | None = None, name: str = "one"
    ) -> Strategy:
        return await self.store.add_strategy(
            person_id=person.id,
            name=name,
            environment=Environment.SANDBOX_BYBIT,
            symbol=BTC,
            params=params or StrategyParams(),
        )

    async def fresh(self, strategy: Strategy) -> Strategy:
        found = await self.store.strategy(strategy.person_id, strategy.id)
        assert found is not None
        return found

    async def state(self, strategy: Strategy) -> State:
        return await self.supervisor.state(strategy.id)

    async def until(
        self,
        strategy: Strategy,
        wanted: Callable[[State], bool],
        timeout: float = 60.0,  # noqa: ASYNC109
    ) -> State:
        """Wait until the strategy's state is as wanted."""
        state = await self.state(strategy)
        try:
            async with asyncio.timeout(timeout):
                while not wanted(state):
                    await asyncio.sleep(0.01)
                    state = await self.state(strategy)
        except TimeoutError:
            raise AssertionError(f"still waiting at {state}") from None
        return state

    async def quiet(self, *strategies: Strategy, account: str = "demo") -> None:
        """Hold the market and wait until every fill is booked and what rests is what the states want."""
        await self.venue.market.stand_still()
        try:
            async with asyncio.timeout(60):
                while not await self._agreed(strategies, account):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            states = [await self.state(s) for s in strategies]
            raise AssertionError(f"never at rest: {states}") from None

    async def _agreed(self, strategies: tuple[Strategy, ...], account: str) -> bool:
        booked, known, live = 0, set(), True
        for strategy in strategies:
            booked += (await self.store.totals(strategy.person_id, strategy.id)).fills
            state = await self.state(strategy)
            known |= {o.order_id for o in state.orders}
            live &= state.phase in {Phase.HOLDING, Phase.IDLE}
            live &= all(o.status is OrderStatus.LIVE for o in state.orders)
        return live and booked == len(self.venue.core.executions[account]) and known == self.resting(account)

    def resting(self, account: str) -> set[str]:
        """The client ids of the orders that are open at the exchange."""
        orders = self.venue.core.orders.values()
        return {o.link_id for o in orders if o.account == account and o.is_open}

    async def check_books(self, *strategies: Strategy, account: str = "demo", start: str = "10000") -> None:
        """The ledger equals the exchange's balances to the last digit, and so do the open orders."""
        base, quote, ours = Decimal(0), Decimal(start), set()
        for strategy in strategies:
            totals = await self.store.totals(strategy.person_id, strategy.id)
            base += totals.base_delta.value
            quote += totals.quote_delta.value
            ours |= {o.order_id for o in (await self.state(strategy)).orders}
        balances = self.venue.core.accounts[account].balances
        assert balances["USDT"].total == quote
        assert (balances["BTC"].total if "BTC" in balances else Decimal(0)) == base
        assert self.resting(account) == ours


@asynccontextmanager
async def engine_house(path: Path | None = None, **options: object) -> AsyncIterator[EngineHouse]:
    chosen = replace(ExchangeOptions(speed=0, paused=True, lockstep=LOCKSTEP), **options)  # type: ignore[arg-type]
    async with SandboxExchange(chosen) as exchange:
        house = EngineHouse(exchange, path)
        await house.open()
        try:
            yield house
        finally:
            await house.close()
