"""What the hands of a strategy see of its head: the runner, as far as the executor and the look-ups need it."""

import asyncio
from typing import Protocol

import structlog

from bot.domain.commands import WakeAt
from bot.domain.events import Event
from bot.domain.market import MarketRules
from bot.domain.orders import Fill
from bot.domain.state import State
from bot.ports import Clock, Exchange, OrderView, Placing, Strategy


class Desk(Protocol):
    """One strategy's state, exchange and inbox."""

    strategy: Strategy
    rules: MarketRules
    exchange: Exchange
    clock: Clock
    up: asyncio.Event
    log: structlog.stdlib.BoundLogger

    @property
    def state(self) -> State: ...

    def post(self, event: Event) -> None: ...

    def post_soon(self, event: Event) -> None:
        """Post a fact that changes nothing at the exchange by itself, behind what comes at the same moment."""

    async def read_balance(self) -> None:
        """Post what may be spent, and return once that is decided on and saved."""

    def see_fill(self, fill: Fill) -> None: ...

    def see_order(self, view: OrderView) -> None: ...

    async def placing(self, order_id: str) -> Placing | None:
        """When an order was placed and what had filled by then; None when nothing had."""

    def knows_fill(self, exec_id: str) -> bool: ...

    async def settled(self, order_id: str, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether the order leaves the state within `timeout` seconds."""

    def wake_at(self, command: WakeAt) -> None: ...

    def freeze(self, reason: str) -> None:
        """Stand still until a person acts."""
