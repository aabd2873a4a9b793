"""Carries out what was decided and saved, and turns what comes of it into events.

A write is sent once. What became of an unanswered one is found by looking it up with patience, never by sending
it again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, assert_never

from bot.domain.commands import Announce, Cancel, Command, FetchFills, Place, ReadBalance, ReloadRules, WakeAt
from bot.domain.events import CancelFailed, OrderAbsent, OrderRefused, OrderTaken, RefusalReason, Tick
from bot.domain.orders import OrderStatus, OwnOrder
from bot.domain.setbacks import is_moot
from bot.engine.desk import Desk
from bot.engine.lookup import Lookup, Seen
from bot.errors import (
    AccessDenied,
    DuplicateOrderId,
    ExchangeError,
    InsufficientBalance,
    OrderGone,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    RuleViolation,
    Unavailable,
)
from bot.ports import OrderRequest


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait for facts, in seconds.

    An order counts as never arrived only when `looks` look-ups over at least `absent_after` found nothing: no
    exchange admits a request later than its receive window (5 s) plus its own time limit (10 s).
    """

    absent_after: float = 30.0
    looks: int = 5
    stream_grace: float = 0.5
    closing_grace: float = 5.0
    retry: float = 1.0
    retry_most: float = 30.0


class Executor:
    """The hands of one desk. Every task ends by posting events; none of them decides anything."""

    def __init__(self, desk: Desk, patience: Patience) -> None:
        self._desk = desk
        self._patience = patience
        self._lookup = Lookup(desk)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing: set[str] = set()
        self._under_way = 0
        self._nothing_sent = asyncio.Event()
        self._nothing_sent.set()
        self._cancels: dict[str, int] = {}
        self._resolving: set[str] = set()
        self._reconciling = False
        self.compared = asyncio.Event()
        """Set once the state has been held against the exchange for the first time."""

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Start the work for each command; returns at once."""
        for command in commands:
            match command:
                case Place(order=order):
                    self._writing.add(order.order_id)
                    self._go(self._place(order))
                case Cancel(order_id=order_id):
                    self._writing.add(order_id)
                    self._go(self._cancel(order_id))
                case FetchFills(order_id=order_id):
                    self._go(self._fetch_fills(order_id))
                case ReadBalance():
                    self._go(self._read_balance())
                case ReloadRules():
                    self._go(self._reload_rules())
                case WakeAt():
                    self._desk.wake_at(command)
                case Announce():
                    pass  # saved to the outbox together with the state
                case _:
                    assert_never(command)

    def reconcile(self) -> None:
        """Hold the state against the exchange; one reconciliation at a time."""
        if not self._reconciling:
            self._reconciling = True
            self._go(self._reconcile())

    async def close(self, grace: float) -> None:
        """Give requests under way `grace` seconds to end, then leave them: they are journalled as intended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._nothing_sent.wait()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(work), name=getattr(work, "__name__", ""))
        # A task cancelled before its first step never begins its coroutine, which then nobody would end.
        task.add_done_callback(lambda _: work.close())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except AccessDenied as denied:
            self._desk.freeze(str(denied))
        except Exception:
            self._desk.log.exception("executor_fault")
            self._desk.freeze("an internal fault; see the log")

    @contextmanager
    def _request(self, order_id: str) -> Iterator[None]:
        """A write is under way: the end of the program waits for its answer."""
        self._under_way += 1
        self._nothing_sent.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            self._writing.discard(order_id)
            if self._under_way == 0:
                self._nothing_sent.set()

    # --- writes -----------------------------------------------------------------------------------------------

    async def _place(self, order: OwnOrder) -> None:
        desk, order_id = self._desk, order.order_id
        request = OrderRequest(
            order_id, desk.strategy.symbol, order.leg.side, order.price, order.quantity, order.amount
        )
        await desk.up.wait()
        if is_moot(desk.state, order):  # by a fill or a wish of the same moment, or while the stream was away
            self._writing.discard(order_id)
            desk.post(OrderAbsent(order_id))
            return
        try:
            with self._request(order_id):
                await desk.exchange.place(request)
        except (OutcomeUnknown, DuplicateOrderId) as unknown:
            desk.log.warning("outcome_unknown", order=order_id, reason=str(unknown))
            self._resolve(order_id)
        except OrderRejected as refused:
            desk.post(OrderRefused(order_id, _reason(refused), str(refused)))
        except RateLimited as limited:
            desk.post(OrderRefused(order_id, RefusalReason.OTHER, str(limited)))
        except AccessDenied as denied:
            desk.post(OrderRefused(order_id, RefusalReason.OTHER, str(denied)))
            raise
        else:
            desk.post_soon(OrderTaken(order_id))
            if order.price is None:
                await self._watch(order_id)

    async def _cancel(self, order_id: str) -> None:
        """One request; a cancel that came to nothing is told, and decided on anew."""
        desk, tries = self._desk, self._cancels.get(order_id, 0)
        self._cancels[order_id] = tries + 1
        if tries:
            await desk.clock.sleep(min(self._patience.retry * 2**tries, self._patience.retry_most))
        grace = self._patience.closing_grace
        try:
            with self._request(order_id):
                await desk.exchange.cancel(symbol=desk.strategy.symbol, order_id=order_id)
        except OrderGone:
            grace = 0.0
        except (OutcomeUnknown, Unavailable) as unknown:
            desk.log.warning("cancel_unanswered", order=order_id, reason=str(unknown))
            if isinstance(unknown, RateLimited):
                await desk.clock.sleep(unknown.retry_after)
        if await self._expect_closed(order_id, grace):
            self._cancels.pop(order_id, None)
        else:
            desk.post(CancelFailed(order_id))

    async def _expect_closed(self, order_id: str, grace: float) -> bool:
        """The stream should say soon that the order is closed; ask when it does not. False: it is open still."""
        wait = grace
        while not await self._desk.settled(order_id, wait):
            if await self._observe(order_id) is Seen.OPEN:
                return False
            wait = min(max(wait, self._patience.retry) * 2, self._patience.retry_most)
        return True

    async def _watch(self, order_id: str) -> None:
        """A market order ends by itself; ask until it has."""
        while not await self._expect_closed(order_id, self._patience.closing_grace):
            pass

    # --- reads ------------------------------------------------------------------------------------------------

    async def _observe(self, order_id: str) -> Seen:
        """Look one order up until an answer comes, and post what it says."""
        seen = Seen.NOTHING

        async def look() -> None:
            nonlocal seen
            seen = await self._lookup.observe(order_id)

        await self._until_answered(look)
        return seen

    def _resolve(self, order_id: str) -> None:
        if order_id not in self._resolving:
            self._resolving.add(order_id)
            self._go(self._resolve_patiently(order_id))

    async def _resolve_patiently(self, order_id: str) -> None:
        """Find out what became of an order that may or may not have arrived."""
        desk, patience = self._desk, self._patience
        started, looks = desk.clock.now(), 0
        pause = patience.absent_after / (2 * patience.looks)
        try:
            while True:
                order = desk.state.order(order_id)
                if order is None or order.status is not OrderStatus.INTENDED:
                    return
                try:
                    if await self._lookup.observe(order_id) is not Seen.NOTHING:
                        return
                    looks += 1
                except AccessDenied:
                    raise
                except ExchangeError as fault:
                    desk.log.info("lookup_failed", order=order_id, reason=str(fault))
                waited = (desk.clock.now() - started) / 1000
                if looks >= patience.looks and waited >= patience.absent_after:
                    desk.post(OrderAbsent(order_id))
                    return
                await desk.clock.sleep(pause)
        finally:
            self._resolving.discard(order_id)

    async def _fetch_fills(self, order_id: str) -> None:
        """Executions usually come by the stream at the same moment; ask for them when they do not."""
        wait = self._patience.stream_grace
        while not await self._desk.settled(order_id, wait):
            await self._until_answered(lambda: self._lookup.post_fills(order_id))
            wait = min(max(wait, 0.2) * 2, self._patience.retry_most)

    async def _read_balance(self) -> None:
        await self._desk.up.wait()
        await self._until_answered(self._desk.read_balance)

    async def _reload_rules(self) -> None:
        desk = self._desk

        async def reload() -> None:
            desk.rules = await desk.exchange.rules(desk.strategy.symbol.name, fresh=True)

        await self._until_answered(reload)
        desk.post(Tick())

    async def _reconcile(self) -> None:
        try:
            await self._until_answered(self._reconcile_once)
            self._desk.post(Tick())
            self.compared.set()
        finally:
            self._reconciling = False

    async def _reconcile_once(self) -> None:
        busy = self._writing | self._resolving
        for order_id in await self._lookup.compare(busy):
            self._resolve(order_id)

    async def _until_answered(self, read: Callable[[], Awaitable[None]]) -> None:
        """Repeat a read with growing waits while the exchange is out of reach."""
        wait = self._patience.retry
        while True:
            try:
                await read()
            except AccessDenied:
                raise
            except RateLimited as limited:
                await self._desk.clock.sleep(limited.retry_after)
            except ExchangeError as fault:
                self._desk.log.info("exchange_out_of_reach", reason=str(fault))
                await self._desk.clock.sleep(wait)
                wait = min(wait * 2, self._patience.retry_most)
            else:
                return


def _reason(refused: OrderRejected) -> RefusalReason:
    if isinstance(refused, InsufficientBalance):
        return RefusalReason.NO_FUNDS
    return RefusalReason.RULES if isinstance(refused, RuleViolation) else RefusalReason.OTHER
