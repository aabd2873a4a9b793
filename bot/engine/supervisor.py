"""Runs everybody's strategies: one account per person and environment, one runner per strategy."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from secrets import choice

import structlog

from bot.domain.events import RebuysPaused, RebuysResumed, StopMode
from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Quote
from bot.domain.notices import RestingExitNote, VaultLockedNotice
from bot.domain.orders import Leg
from bot.domain.state import Phase, State
from bot.engine.accounts import Accounts
from bot.engine.executor import Patience
from bot.engine.runner import Runner
from bot.errors import AccessDenied, ExchangeError, NotAllowed, StoreError, Unavailable, VaultLocked
from bot.ports import (
    Clock,
    Credentials,
    Environment,
    Exchange,
    RunStatus,
    Saved,
    Strategy,
    StrategyStore,
    Vault,
)

log = structlog.get_logger()
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ANSWER_S = 10.0


def new_token() -> str:
    """Ten random characters that make a strategy's order ids its own, on every machine and for ever."""
    return "".join(choice(_ALPHABET) for _ in range(10))


class Supervisor:
    """Starts, stops and finds runners."""

    def __init__(
        self,
        *,
        store: StrategyStore,
        vault: Vault,
        exchanges: Callable[[Environment, Credentials], Exchange],
        clock: Clock,
        on_store_failure: Callable[[StoreError], None],
        patience: Patience | None = None,
        boot: str = "",
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._on_store_failure = on_store_failure
        self._patience = patience or Patience()
        self._boot = boot or new_token()
        self._accounts = Accounts(vault=vault, exchanges=exchanges, clock=clock)
        self._runners: dict[int, Runner] = {}
        self._opening = asyncio.Lock()
        self._ending: set[asyncio.Task[None]] = set()
        self._retries: set[asyncio.Task[None]] = set()

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up every running strategy whose owner's vault opens; ask the others to unlock."""
        waiting: dict[int, list[Strategy]] = {}
        for strategy in await self._store.running():
            person_id = strategy.person_id
            if self._vault.unlocked(person_id) or await self._vault.unlock_unattended(person_id):
                await self._take_up(await self._as_wished(strategy))
            elif strategy.status is RunStatus.RUNNING:
                waiting.setdefault(person_id, []).append(strategy)
        for person_id, strategies in waiting.items():
            notice = await self._locked_notice(strategies)
            await self._store.announce(person_id, notice, key=f"locked:{self._boot}:{person_id}")

    async def _locked_notice(self, strategies: Sequence[Strategy]) -> VaultLockedNotice:
        exits = []
        for strategy in strategies:
            order = (await self.state(strategy.id)).live(Leg.EXIT)
            price = order.price if order is not None else None
            exits.append(RestingExitNote(strategy.name, strategy.symbol.name, price))
        names = tuple(s.name for s in strategies)
        return VaultLockedNotice(names, self._clock.now(), tuple(exits))

    async def close(self) -> None:
        """Stop taking new steps, let requests under way end, close the connections; orders stay at the exchange."""
        for task in self._retries:
            task.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)
        await asyncio.gather(*(runner.stop() for runner in tuple(self._runners.values())))
        self._runners.clear()
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self._accounts.close()

    async def resume_person(self, person_id: int) -> int:
        """The vault is open: take up this person's running strategies; how many run now."""
        mine = [await self._as_wished(s) for s in await self._store.running() if s.person_id == person_id]
        running = [s for s in mine if s.status is RunStatus.RUNNING]
        for strategy in running:
            await self._take_up(strategy)
        return len(running)

    async def suspend_person(self, person_id: int) -> None:
        """The vault closes: stop the runners and forget the keys; orders rest at the exchange."""
        for environment in self._accounts.environments(person_id):
            await self._close_account(person_id, environment)

    async def forget_account(self, person_id: int, environment: Environment) -> None:
        """The key has changed: the next use opens the account anew; running strategies go on with it."""
        for strategy in await self._close_account(person_id, environment):
            await self._take_up(strategy)

    async def _close_account(self, person_id: int, environment: Environment) -> list[Strategy]:
        """The strategies that ran on it."""
        account = self._accounts.take(person_id, environment)
        if account is None:
            return []
        runners = tuple(account.runners.values())
        for runner in runners:
            self._runners.pop(runner.strategy.id, None)
            await runner.stop()
        await account.close()
        return [runner.strategy for runner in runners]

    def reconcile_all(self) -> None:
        """The regular net under the streams (every 60 s)."""
        for runner in self._runners.values():
            runner.ask_reconcile()

    def reload_rules(self) -> None:
        """Exchanges change their filters now and then: read them again (daily)."""
        for runner in self._runners.values():
            runner.ask_rules()

    # --- strategies -------------------------------------------------------------------------------------------

    async def run(self, strategy: Strategy) -> None:
        """Start or resume; VaultLocked, AccessDenied or Unavailable when that cannot be done now."""
        if not self._vault.unlocked(strategy.person_id):
            raise VaultLocked("the vault is locked")
        await self._store.drop_wish(strategy.id)
        runner = self._runners.get(strategy.id) or await self._open_runner(strategy)
        # asked before any wait: an idle runner ends after its first event, and that may be a tick
        saving = runner.ask_start()
        await self._store.set_status(strategy.id, RunStatus.RUNNING)
        await self._answered(saving)

    async def stop(self, strategy: Strategy, mode: StopMode) -> None:
        """Ask a strategy to stop; saved before this returns. A paused one is taken up again in order to stop."""
        if strategy.status is RunStatus.IDLE:
            raise NotAllowed("not_running")
        begun = (await self.state(strategy.id)).running
        if not begun and strategy.id not in self._runners:  # it was refused before its first step
            await self._store.set_status(strategy.id, RunStatus.IDLE)
            return
        if not self._vault.unlocked(strategy.person_id):
            raise VaultLocked("the vault is locked")
        runner = self._runners.get(strategy.id) or await self._open_runner(strategy)
        if strategy.status is RunStatus.PAUSED:
            await self._store.set_status(strategy.id, RunStatus.RUNNING)
        await self._answered(runner.ask_stop(mode))
        await self._store.drop_wish(strategy.id)

    async def stop_later(self, strategy: Strategy, mode: StopMode) -> None:
        """The exchange is out of reach: the wish is kept and carried out as soon as the strategy is taken up."""
        await self._store.wish_stop(strategy.id, mode)
        self._keep(self._take_up_again(await self._as_wished(strategy)), self._retries)

    async def hold_rebuys(self, strategy: Strategy, *, paused: bool) -> None:
        """Pause re-buys alone, or let them go on; saved before this returns."""
        if strategy.status is not RunStatus.RUNNING:
            raise NotAllowed("not_running")
        if not self._vault.unlocked(strategy.person_id):
            raise VaultLocked("the vault is locked")
        runner = self._runners.get(strategy.id) or await self._open_runner(strategy)
        await self._answered(runner.post_saved(RebuysPaused() if paused else RebuysResumed()))

    async def _answered(self, saving: "asyncio.Future[None]") -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await saving
        except (TimeoutError, asyncio.CancelledError) as late:
            if isinstance(late, asyncio.CancelledError) and not saving.cancelled():
                raise
            raise Unavailable("the strategy does not answer") from late

    async def state(self, strategy_id: int) -> State:
        """The state now; a strategy that never ran is idle."""
        runner = self._runners.get(strategy_id)
        if runner is not None:
            return runner.state
        saved = await self._store.load(strategy_id)
        return saved.state if saved is not None else State(token="")

    async def compared(self, strategy_ids: Sequence[int], *, within: float) -> bool:
        """Wait until these were held against the exchange; False when `within` seconds did not do."""
        runners = [self._runners[i] for i in strategy_ids if i in self._runners]
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(*(runner.compared() for runner in runners))
        except TimeoutError:
            return False
        return len(runners) == len(strategy_ids)

    def rules(self, strategy_id: int) -> MarketRules | None:
        """The pair's rules as a running strategy knows them."""
        runner = self._runners.get(strategy_id)
        return runner.rules if runner is not None else None

    async def _take_up(self, strategy: Strategy) -> None:
        """Recovery: a strategy that cannot be taken up now is paused and its owner told."""
        if strategy.status is not RunStatus.RUNNING or strategy.id in self._runners:
            return
        wish = await self._store.wished_stop(strategy.id)
        try:
            runner = await self._open_runner(strategy)
            # asked before any wait, as in `run`
            if wish is not None:
                await self._answered(runner.ask_stop(wish))
            elif (
                runner.state.phase is Phase.IDLE
            ):  # the process died between the person's word and its saving
                await self._answered(runner.ask_start())
        except (AccessDenied, NotAllowed) as denied:
            await self._store.set_status(strategy.id, RunStatus.PAUSED, str(denied))
            return
        except ExchangeError as fault:
            log.warning("take_up_later", strategy=strategy.id, reason=str(fault))
            self._keep(self._take_up_again(strategy), self._retries)
            return
        if wish is not None:
            await self._store.drop_wish(strategy.id)

    async def _as_wished(self, strategy: Strategy) -> Strategy:
        """A strategy that shall stop is taken up for that, though it was paused; one that never began is idle."""
        if await self._store.wished_stop(strategy.id) is None:
            return strategy
        begun = (await self.state(strategy.id)).running
        status = RunStatus.RUNNING if begun else RunStatus.IDLE
        await self._store.set_status(strategy.id, status)
        if not begun:
            await self._store.drop_wish(strategy.id)
        return replace(strategy, status=status, pause_reason=None)

    async def _take_up_again(self, strategy: Strategy) -> None:
        await self._clock.sleep(self._patience.retry_most)
        await self._take_up(strategy)

    async def _open_runner(self, strategy: Strategy) -> Runner:
        account = await self._accounts.of(strategy.person_id, strategy.environment)
        rules = await account.exchange.rules(strategy.symbol.name)
        async with self._opening:
            if strategy.id in self._runners:
                return self._runners[strategy.id]
            saved = await self._store.load(strategy.id) or Saved(State(token=new_token()), 0)
            runner = Runner(
                strategy=strategy,
                saved=saved,
                known_fills=await self._store.known_fills(strategy.id),
                rules=rules,
                exchange=account.exchange,
                up=account.up,
                store=self._store,
                clock=self._clock,
                patience=self._patience,
                money=account,
                on_end=self._ended,
                on_store_failure=self._on_store_failure,
            )
            self._runners[strategy.id] = runner
            account.runners[saved.state.token] = runner
            runner.start()
            return runner

    def _ended(self, runner: Runner) -> None:
        """A runner came to its end: idle, or frozen."""
        self._runners.pop(runner.strategy.id, None)
        account = self._accounts.known(runner.strategy.person_id, runner.strategy.environment)
        if account is not None:
            account.runners.pop(runner.state.token, None)
        self._keep(runner.stop(), self._ending)

    @staticmethod
    def _keep(work: Coroutine[object, object, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    # --- money ------------------------------------------------------------------------------------------------

    async def available(self, person_id: int, environment: Environment, symbol: Symbol) -> Quote:
        """Free quote coins that no running strategy has reserved."""
        return await self._accounts.available(person_id, environment, symbol)

    async def free(self, person_id: int, environment: Environment, coin: str) -> Quote:
        """What the exchange shows as free of a coin, whatever strategies have reserved of it."""
        return await self._accounts.free(person_id, environment, coin)
