"""One strategy: receive a fact, decide, save, and only then act."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Protocol

import structlog

from bot.domain.commands import ReloadRules, WakeAt
from bot.domain.cycle import pending
from bot.domain.events import (
    BalanceRead,
    Event,
    FillBooked,
    OrderClosed,
    OrderTaken,
    ParamsTaken,
    StartAsked,
    StopAsked,
    StopMode,
    Tick,
)
from bot.domain.ladder import build_ladder
from bot.domain.market import MarketRules
from bot.domain.notices import Paused
from bot.domain.orders import Fill
from bot.domain.state import BETWEEN_CYCLES, State
from bot.domain.turn import Context
from bot.engine.executor import Executor, Patience
from bot.engine.journal import Arrival, Decided, Journal, commands_of
from bot.errors import StoreError
from bot.ports import Clock, Exchange, OrderView, Placing, RunStatus, Saved, Strategy, StrategyStore

log = structlog.get_logger()
STOP_GRACE_S = 8.0
SOON_S = 0.005
"""How long a fact on which nothing waits stands back, so that what must be answered goes first."""
TOGETHER = 50
"""The most events that one transaction takes."""


class Money(Protocol):
    """The purse that the strategies of one account share."""

    async def grant(self, runner: "Runner") -> None:
        """Tell the runner what it may spend, one runner at a time."""

    def state_changed(self) -> None: ...


class Runner:
    """One strategy at work. Lives from run (or restart) until the strategy is idle or paused."""

    def __init__(
        self,
        *,
        strategy: Strategy,
        saved: Saved,
        known_fills: frozenset[str],
        rules: MarketRules,
        exchange: Exchange,
        up: asyncio.Event,
        store: StrategyStore,
        clock: Clock,
        patience: Patience,
        money: Money,
        on_end: Callable[["Runner"], None],
        on_store_failure: Callable[[StoreError], None],
    ) -> None:
        self.strategy = strategy
        self.rules = rules
        self.exchange = exchange
        self.clock = clock
        self.up = up
        self._journal = Journal(strategy_id=strategy.id, saved=saved, known_fills=known_fills, store=store)
        self._ladder = build_ladder(strategy.params)
        self._store = store
        self._queue: asyncio.Queue[Arrival] = asyncio.Queue()
        self._money = money
        self._on_end = on_end
        self._on_store_failure = on_store_failure
        self._executor = Executor(self, patience)
        self._wake: asyncio.TimerHandle | None = None
        self._wake_at = 0
        self._task: asyncio.Task[None] | None = None
        self._freezing: asyncio.Task[None] | None = None
        self._begun = False
        self.log: structlog.stdlib.BoundLogger = log.bind(strategy=strategy.id, pair=strategy.symbol.name)

    @property
    def state(self) -> State:
        return self._journal.state

    # --- life -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Go on where the state stands; the exchange is looked at as soon as the account's stream is up."""
        self._executor.carry_out(pending(self.state))
        if self.up.is_set():
            self._executor.reconcile()
        self._task = asyncio.create_task(self._run(), name=f"strategy-{self.strategy.id}")

    async def stop(self) -> None:
        """Take no more events, let requests under way finish (bounded), and leave the rest to the next start."""
        await self._end_task()
        self._refuse_waiting()  # a task that is cancelled before its first step refuses nobody
        await self._executor.close(STOP_GRACE_S)
        if self._freezing is not None:  # the pause is saved while there is a database
            await asyncio.gather(self._freezing, return_exceptions=True)

    async def _end_task(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._end_timers()

    async def _run(self) -> None:
        try:
            while self.state.running or not self._queue.empty() or not self._begun:
                self._begun = True
                await self._take(await self._arrived())
        except StoreError as failure:
            self._on_store_failure(failure)
        except Exception as fault:
            self.log.exception("strategy_frozen")
            await self._pause(f"{type(fault).__name__}: {fault}")
        else:
            self._on_end(self)
        finally:
            self._end_timers()
            self._refuse_waiting()

    def freeze(self, reason: str) -> None:
        """Stand still until a person acts; orders rest untouched."""
        if self._freezing is None:
            self._freezing = asyncio.create_task(self._freeze(reason))

    async def _freeze(self, reason: str) -> None:
        await self._end_task()
        await self._pause(reason)

    async def _pause(self, reason: str) -> None:
        try:
            await self._store.set_status(self.strategy.id, RunStatus.PAUSED, reason)
            await self._store.announce(
                self.strategy.person_id,
                Paused(reason),
                strategy_id=self.strategy.id,
                key=f"paused:{self.strategy.id}:{self._journal.sequence}",
            )
        except StoreError as failure:
            self._on_store_failure(failure)
        else:
            self._on_end(self)

    def _refuse_waiting(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait().refuse()

    def _end_timers(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    # --- facts in ---------------------------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        self._queue.put_nowait(Arrival(event))

    def post_soon(self, event: Event) -> None:
        """Post a fact that changes nothing at the exchange by itself, behind what comes at the same moment."""
        asyncio.get_running_loop().call_later(SOON_S, self.post, event)

    def post_saved(self, event: Event) -> asyncio.Future[None]:
        """Post an event; the future is done once its decision is saved, cancelled when the runner ended before."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(Arrival(event, done))
        return done

    async def read_balance(self) -> None:
        """Read what may be spent and decide on it before a neighbour reads the same money."""
        await self._money.grant(self)

    def ask_start(self) -> asyncio.Future[None]:
        return self.post_saved(StartAsked())

    def ask_stop(self, mode: StopMode) -> asyncio.Future[None]:
        return self.post_saved(StopAsked(mode))

    def ask_rules(self) -> None:
        self._executor.carry_out([ReloadRules()])

    def ask_reconcile(self) -> None:
        self._executor.reconcile()

    def see_fill(self, fill: Fill) -> None:
        self.post(FillBooked(fill))

    def see_order(self, view: OrderView) -> None:
        """An order as the exchange shows it, from the stream or a look-up."""
        if view.closed is None:
            self.post_soon(OrderTaken(view.order_id))
            return
        closed, order = OrderClosed(view.order_id, view.filled, view.closed), self.state.order(view.order_id)
        if order is not None and order.quantity is not None and order.filled < order.quantity <= view.filled:
            self.post_soon(closed)  # its fill comes right behind and ends the order by itself
        else:
            self.post(closed)

    # --- decide, save, act ------------------------------------------------------------------------------------

    def context(self) -> Context:
        return Context(self.strategy.params, self._ladder, self.rules, self.clock.now())

    def knows_fill(self, exec_id: str) -> bool:
        return self._journal.knows_fill(exec_id)

    async def placing(self, order_id: str) -> Placing | None:
        return await self._store.placing(self.strategy.id, order_id)

    async def compared(self) -> None:
        """Until the exchange was looked at and what it told is booked."""
        await self._executor.compared.wait()
        await asyncio.wait({self.post_saved(Tick())})
        await self._journal.closings_booked()

    async def settled(self, order_id: str, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether the order leaves the state within `timeout` seconds."""
        return await self._journal.settled(order_id, timeout)

    async def _arrived(self) -> list[Arrival]:
        """What has come, one event at least."""
        arrivals = [await self._queue.get()]
        while not self._queue.empty() and len(arrivals) < TOGETHER:
            arrivals.append(self._queue.get_nowait())
        return arrivals

    async def _take(self, arrivals: Sequence[Arrival]) -> None:
        """Decide on each in turn; whoever waits for one is told, be it that it came to nothing."""
        try:
            for balance, group in groupby(arrivals, key=lambda one: isinstance(one.event, BalanceRead)):
                if not balance:
                    await self._steps(tuple(group))
                    continue
                for arrival in group:
                    await self._take_params()
                    await self._steps([arrival])
        finally:
            for arrival in arrivals:
                arrival.refuse()

    async def _steps(self, arrivals: Sequence[Arrival]) -> None:
        """Decide on several and save them together; what was decided before a fault is saved in spite of it."""
        decided: list[Decided] = []
        try:
            for arrival in arrivals:
                one = self._journal.decide(arrival, self.context(), decided)
                if one is not None:
                    decided.append(one)
        finally:
            await self._save_and_act(decided)

    async def _save_and_act(self, decided: Sequence[Decided]) -> None:
        if await self._journal.save(decided):
            if any(one.moves for one in decided):
                self._money.state_changed()
            self._executor.carry_out(commands_of(decided))
        elif len(decided) > 1:  # a fill of theirs was booked before: without it the others decide differently
            for one in decided:
                await self._steps([one.arrival])
        for one in decided:
            one.arrival.tell()

    async def _take_params(self) -> None:
        """A cycle is about to begin: parameters that were changed during the last one hold from here on."""
        chosen = await self._store.pending_params(self.strategy.id)
        if chosen is None or self.state.phase not in BETWEEN_CYCLES:
            return
        taken, ladder = ParamsTaken(chosen, self.strategy.params), build_ladder(chosen)
        ctx = Context(chosen, ladder, self.rules, self.clock.now())
        one = self._journal.decide(Arrival(taken), ctx, ())
        if one is not None:
            await self._save_and_act([one])
        self.strategy, self._ladder = replace(self.strategy, params=chosen, pending=None), ladder
        self.log.info("params_taken")

    def wake_at(self, command: WakeAt) -> None:
        """One timer is enough: whatever waits is looked at again when it fires."""
        if self._wake is not None and self._wake_at <= command.at and self._wake_at > self.clock.now():
            return
        self._end_timers()
        self._wake_at = command.at
        delay = max(0.0, (command.at - self.clock.now()) / 1000)
        self._wake = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._wake = None
        self.post(Tick())
        for obstacle in self.state.obstacles:
            if obstacle.retry_at > self.clock.now():
                self.wake_at(WakeAt(obstacle.retry_at))
