"""The use cases that the chat and the command line ask for. Every call names the person it acts for."""

from collections.abc import Callable, Sequence

import structlog

from bot.domain.events import StopMode
from bot.domain.ladder import build_ladder
from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Price, Quote
from bot.domain.params import StrategyParams
from bot.domain.plan import Plan, build_plan
from bot.domain.validation import validated
from bot.engine.status import status_of
from bot.engine.supervisor import Supervisor
from bot.errors import ExchangeError, InvalidInput, NotAllowed
from bot.ports import (
    BookStore,
    Clock,
    Credentials,
    CycleRecord,
    Draft,
    Environment,
    Exchange,
    KeyFacts,
    Person,
    RunStatus,
    Secret,
    Strategy,
    Vault,
)
from bot.service.key_test import KeyTest
from bot.service.people import People
from bot.service.prices import RecentPrices
from bot.service.stopping import StopOutcome, Stopping
from bot.service.strategies import SavedStrategies
from bot.service.vault_care import VaultCare
from bot.service.views import Market, StatusCard, VaultState

log = structlog.get_logger()
ExchangeFactory = Callable[[Environment, Credentials | None], Exchange]


class Service:
    """Holds no state of its own: everything lies in the store, the vault and the engine."""

    def __init__(
        self,
        *,
        store: BookStore,
        vault: Vault,
        supervisor: Supervisor,
        exchanges: ExchangeFactory,
        environments: Sequence[Environment],
        clock: Clock,
        sandbox_credentials: Callable[[Person], Credentials] | None = None,
        master_key_present: bool = False,
        secrets_in_chat: bool = False,
        default_pair: str = "BTCUSDT",
        care: VaultCare,
        people: People,
    ) -> None:
        self._store = store
        self._vault = vault
        self._supervisor = supervisor
        self._exchanges = exchanges
        self._clock = clock
        self._sandbox_credentials = sandbox_credentials
        self._master_key_present = master_key_present
        self._public: dict[Environment, Exchange] = {}
        self.prices = RecentPrices(self._ask_price, now=clock.now)
        self.saved = SavedStrategies(
            store=store,
            supervisor=supervisor,
            note=people.note,
            price_of=self._price,
            rules_of=self._rules,
        )
        self.environments = tuple(environments)
        self.secrets_in_chat = secrets_in_chat
        self.default_pair = default_pair
        self.care = care
        self.now = clock.now
        self.key_test = KeyTest(
            vault=vault, exchanges=exchanges, environments=environments, clock=clock, pair=default_pair
        )
        self.people = people
        self.stopping = Stopping(
            store=store, vault=vault, supervisor=supervisor, people=people, outcome=self.stop_outcome
        )

    # --- people -------------------------------------------------------------------------------------------

    async def person(self, chat_id: int) -> Person | None:
        return await self._store.person_by_chat(chat_id)

    async def person_by_id(self, person_id: int) -> Person | None:
        return await self._store.person(person_id)

    async def set_locale(self, person: Person, locale: str) -> None:
        await self._store.set_locale(person.id, locale)

    # --- keys and the vault ---------------------------------------------------------------------------------

    async def vault_state(self, person: Person) -> VaultState:
        return VaultState(
            exists=await self._vault.exists(person.id),
            unlocked=self._vault.unlocked(person.id),
            unattended=await self._vault.unattended(person.id),
            can_be_unattended=self._master_key_present,
            environments=await self._vault.environments(person.id),
        )

    async def create_vault(self, person: Person, password: Secret) -> None:
        await self._vault.create(person.id, password)

    async def lock(self, person: Person) -> None:
        """Strategies stand still; their orders rest at the exchange."""
        was_open = self._vault.unlocked(person.id)
        await self.care.lock(person)
        if was_open:
            await self.people.note(person, "locked")

    async def set_unattended(self, person: Person, *, enabled: bool) -> None:
        await self._vault.set_unattended(person.id, enabled=enabled)
        await self.people.note(person, "unattended_on" if enabled else "unattended_off")

    def sandbox_key(self, person: Person) -> Credentials | None:
        """The sandbox exchange's key pair for this person, where the deployment has one."""
        return self._sandbox_credentials(person) if self._sandbox_credentials else None

    async def add_key(self, person: Person, environment: Environment, credentials: Credentials) -> KeyFacts:
        """Checks the key at the exchange, then keeps it; VaultLocked when the vault is not open."""
        facts = await self.key_test.check(environment, credentials)
        await self._vault.put(person.id, environment, credentials)
        await self._supervisor.forget_account(person.id, environment)
        return facts

    async def remove_key(self, person: Person, environment: Environment) -> bool:
        for strategy in await self._store.strategies(person.id):
            if strategy.environment is environment and strategy.status is not RunStatus.IDLE:
                raise NotAllowed("key_in_use")
        await self._supervisor.forget_account(person.id, environment)
        return await self._vault.remove(person.id, environment)

    # --- planning ---------------------------------------------------------------------------------------------

    async def market(self, person: Person, environment: Environment, pair: str) -> Market:
        """InvalidInput("par") for a pair that is not traded there."""
        public = self.public(environment)
        rules = await public.rules(pair)
        price = await public.last_price(pair)
        return Market(environment, rules, price, await self._free(person, environment, rules.symbol))

    async def _free(self, person: Person, environment: Environment, symbol: Symbol) -> Quote | None:
        if not self._vault.unlocked(person.id) or environment not in await self._vault.environments(
            person.id
        ):
            return None
        return await self._supervisor.available(person.id, environment, symbol)

    def plan(self, market: Market, params: StrategyParams) -> Plan:
        return build_plan(params, market.rules, market.last_price, market.free)

    # --- strategies -------------------------------------------------------------------------------------------

    async def save_strategy(
        self, person: Person, *, name: str, market: Market, params: StrategyParams
    ) -> Strategy:
        """InvalidInput for a bad parameter or a name in use; NotAllowed when there are too many."""
        await self.people.check_may_save(person)
        return await self._store.add_strategy(
            person_id=person.id,
            name=name,
            environment=market.environment,
            symbol=market.symbol,
            params=validated(params),
        )

    async def strategies(self, person: Person) -> Sequence[Strategy]:
        return await self._store.strategies(person.id)

    async def strategy(self, person: Person, strategy_id: int) -> Strategy:
        """NotAllowed for an unknown or somebody else's strategy."""
        found = await self._store.strategy(person.id, strategy_id)
        if found is None:
            raise NotAllowed("no_such_strategy")
        return found

    async def run(self, person: Person, strategy_id: int) -> Strategy:
        """Starts a strategy, or resumes a paused or stopping one; VaultLocked without keys in reach."""
        strategy = await self.strategy(person, strategy_id)
        if strategy.environment not in await self._vault.environments(person.id):
            raise NotAllowed("no_key")
        await self.people.check_may_run(strategy)
        if strategy.status is RunStatus.RUNNING:
            ending = {StopMode.KEEP_COINS, StopMode.SELL_NOW}
            if (await self._supervisor.state(strategy.id)).stop in ending:
                raise NotAllowed("is_stopping")
        await self._supervisor.run(strategy)
        await self.people.note(person, "run", strategy.name)
        return strategy

    async def stop(self, person: Person, strategy_id: int, mode: StopMode) -> Strategy:
        strategy = await self.strategy(person, strategy_id)
        await self._supervisor.stop(strategy, mode)
        await self.people.note(person, "stop", strategy.name)
        return strategy

    async def stop_outcome(self, person: Person, strategy_id: int) -> StopOutcome:
        """The state and price that the three ways of stopping are explained with."""
        strategy = await self.strategy(person, strategy_id)
        state = await self._supervisor.state(strategy.id)
        wish = await self._store.wished_stop(strategy.id)
        return StopOutcome(strategy, state, await self._price(strategy), wish)

    async def status(self, person: Person) -> Sequence[StatusCard]:
        """A card for each strategy that runs or is paused, in order of creation."""
        strategies = await self._store.strategies(person.id)
        return [await self.status_card(person, s) for s in strategies if s.status is not RunStatus.IDLE]

    async def status_card(self, person: Person, strategy: Strategy) -> StatusCard:
        state = await self._supervisor.state(strategy.id)
        rules = await self._rules(strategy)
        status = status_of(
            state,
            max_rebuys=build_ladder(strategy.params).max_rebuys,
            rules=rules,
            last_price=await self._price(strategy),
            fee=strategy.params.taxa,
        )
        locked = not self._vault.unlocked(person.id)
        wish = await self._store.wished_stop(strategy.id) if locked else None
        return StatusCard(strategy, status, locked, self._clock.now(), wish)

    async def cycles(self, person: Person, strategy_id: int) -> Sequence[CycleRecord]:
        return await self._store.cycles(person.id, strategy_id)

    async def _rules(self, strategy: Strategy) -> MarketRules:
        known = self._supervisor.rules(strategy.id)
        return known or await self.public(strategy.environment).rules(strategy.symbol.name)

    async def _price(self, strategy: Strategy) -> Price | None:
        return await self.prices.of(strategy.environment, strategy.symbol)

    async def _ask_price(self, environment: Environment, symbol: Symbol) -> Price | None:
        """None while the exchange is out of reach."""
        try:
            return await self.public(environment).last_price(symbol.name)
        except ExchangeError as fault:
            log.info("no_price", pair=symbol.name, reason=str(fault))
            return None

    def public(self, environment: Environment) -> Exchange:
        """The exchange as everybody sees it, without a key; kept until `close`."""
        public = self._public.get(environment)
        if public is None:
            public = self._public[environment] = self._exchanges(environment, None)
        return public

    # --- drafts -----------------------------------------------------------------------------------------------

    async def draft(self, person: Person) -> Draft | None:
        return await self._store.draft(person.id)

    async def save_draft(self, draft: Draft) -> None:
        await self._store.save_draft(draft)

    async def drop_draft(self, person: Person) -> None:
        await self._store.drop_draft(person.id)

    async def close(self) -> None:
        for exchange in self._public.values():
            await exchange.close()


def parse_environment(text: str, offered: Sequence[Environment]) -> Environment:
    """InvalidInput("ambiente") naming those that are offered."""
    for environment in offered:
        if environment.value == text.strip().lower():
            return environment
    names = ", ".join(e.value for e in offered)
    raise InvalidInput("ambiente", f"one of {names}", key="one_of", values={"choices": names})
