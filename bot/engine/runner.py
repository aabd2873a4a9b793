"""One strategy: receive a fact, decide, save, and only then act."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from bot.domain.commands import Announce, Place, ReloadRules, WakeAt
from bot.domain.cycle import decide, pending
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
from bot.domain.notices import CycleClosed, Notice, Paused
from bot.domain.orders import Fill
from bot.domain.state import BETWEEN_CYCLES, State
from bot.domain.turn import Context, Decision
from bot.engine.executor import Executor, Patience
from bot.errors import StoreError
from bot.ports import Clock, Exchange, OrderView, RunStatus, Saved, Step, Strategy, StrategyStore

log = structlog.get_logger()
STOP_GRACE_S = 8.0
FILL_FIRST_S = 0.005


@dataclass(slots=True)
class _Arrival:
    """An event on its way to the decision; `done` is told once it is saved."""

    event: Event
    done: asyncio.Future[None] | None = field(default=None)


class Money(Protocol):
    """The purse that the strategies of one account share."""

    async def grant(self, runner: "Runner") -> None:
        """Tell the runner what it may spend, one runner at a time."""

    def state_changed(self) -> None: ...


class Runner:
    """The only writer of one strategy's state. Lives from run (or restart) until the strategy is idle or paused."""

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
        self.state: State = saved.state
        self.rules = rules
        self.exchange = exchange
        self.clock = clock
        self.up = up
        self._sequence = saved.sequence
        self._known_fills = set(known_fills)
        self._ladder = build_ladder(strategy.params)
        self._store = store
        self._queue: asyncio.Queue[_Arrival] = asyncio.Queue()
        self._moved = asyncio.Condition()
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
        await self._executor.close(STOP_GRACE_S)

    async def _end_task(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._end_timers()

    async def _run(self) -> None:
        try:
            while self.state.running or not self._queue.empty() or not self._begun:
                self._begun = True
                await self._step(await self._queue.get())
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
        await self._store.set_status(self.strategy.id, RunStatus.PAUSED, reason)
        await self._store.announce(
            self.strategy.person_id,
            Paused(reason),
            strategy_id=self.strategy.id,
            key=f"paused:{self.strategy.id}:{self._sequence}",
        )
        self._on_end(self)

    def _refuse_waiting(self) -> None:
        while not self._queue.empty():
            done = self._queue.get_nowait().done
            if done is not None:
                done.cancel()

    def _end_timers(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    # --- facts in ---------------------------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        self._queue.put_nowait(_Arrival(event))

    def post_saved(self, event: Event) -> asyncio.Future[None]:
        """Post an event; the future is done once its decision is saved, cancelled when the runner ended before."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Arrival(event, done))
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
            self.post(OrderTaken(view.order_id))
            return
        closed, order = OrderClosed(view.order_id, view.filled, view.closed), self.state.order(view.order_id)
        if order is not None and order.quantity is not None and order.filled < order.quantity <= view.filled:
            # its fill comes right behind and ends the order by itself: told first, it saves a step on the way
            asyncio.get_running_loop().call_later(FILL_FIRST_S, self.post, closed)
        else:
            self.post(closed)

    # --- decide, save, act ------------------------------------------------------------------------------------

    def context(self) -> Context:
        return Context(self.strategy.params, self._ladder, self.rules, self.clock.now())

    def knows_fill(self, exec_id: str) -> bool:
        return exec_id in self._known_fills

    async def compared(self) -> None:
        """Until the exchange was looked at and what it told is booked."""
        await self._executor.compared.wait()
        await asyncio.wait({self.post_saved(Tick())})
        async with self._moved:
            await self._moved.wait_for(lambda: all(o.closed_at is None for o in self.state.orders))

    async def settled(self, order_id: str, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether the order leaves the state within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout), self._moved:
                await self._moved.wait_for(lambda: self.state.order(order_id) is None)
        except TimeoutError:
            return False
        return True

    async def _step(self, arrival: _Arrival) -> None:
        event = arrival.event
        repeated = isinstance(event, FillBooked) and self.knows_fill(event.fill.exec_id)
        if not repeated:
            if isinstance(event, BalanceRead):
                await self._take_params()
            ctx = self.context()
            decision = decide(self.state, event, ctx)
            if decision.state == self.state and all(isinstance(c, WakeAt) for c in decision.commands):
                self._executor.carry_out(decision.commands)
            else:
                await self._save_and_act(event, decision, ctx.now)
        if arrival.done is not None and not arrival.done.done():
            arrival.done.set_result(None)

    async def _take_params(self) -> None:
        """A cycle is about to begin: parameters that were changed during the last one hold from here on."""
        chosen = await self._store.pending_params(self.strategy.id)
        if chosen is None or self.state.phase not in BETWEEN_CYCLES:
            return
        taken, ladder = ParamsTaken(chosen, self.strategy.params), build_ladder(chosen)
        ctx = Context(chosen, ladder, self.rules, self.clock.now())
        await self._save_and_act(taken, decide(self.state, taken, ctx), ctx.now)
        self.strategy, self._ladder = replace(self.strategy, params=chosen, pending=None), ladder
        self.log.info("params_taken")

    async def _save_and_act(self, event: Event, decision: Decision, at: int) -> None:
        saved = await self._store.commit(self._step_record(event, decision, at))
        if isinstance(event, FillBooked):
            self._known_fills.add(event.fill.exec_id)
        if not saved:
            return
        self._sequence += 1
        async with self._moved:
            self.state = decision.state
            self._moved.notify_all()
        self._money.state_changed()
        self._executor.carry_out(decision.commands)

    def _step_record(self, event: Event, decision: Decision, at: int) -> Step:
        notices: list[Notice] = [c.notice for c in decision.commands if isinstance(c, Announce)]
        after = {order.order_id for order in decision.state.orders}
        running = decision.state.running
        return Step(
            strategy_id=self.strategy.id,
            expected_sequence=self._sequence,
            at=at,
            event=event,
            state=decision.state,
            status=RunStatus.RUNNING if running else RunStatus.IDLE,
            placed=tuple(c.order for c in decision.commands if isinstance(c, Place)),
            closed=tuple(o.order_id for o in self.state.orders if o.order_id not in after),
            fill=event.fill if isinstance(event, FillBooked) else None,
            cycle=next((n for n in notices if isinstance(n, CycleClosed)), None),
            notices=tuple(notices),
        )

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
