"""A venue on a stage: what the contract suite needs of an exchange beyond the port, in six hooks.

Another venue joins by a class with the same methods over its own stand-in and an entry in `STAGES`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from bot.domain.market import Symbol
from bot.exchanges.environments import Endpoints
from bot.exchanges.factory import build_exchange
from bot.ports import Credentials, Environment, Exchange, Secret, SystemClock
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.exchange_faults import Answer, RequestFault
from bot.sandbox.orders import Kind, OrderRequest, Side
from bot.sandbox.venue import real_clock_ms

BTCUSDT = Symbol("BTCUSDT", "BTC", "USDT")
DEADLINE = 30.0


class ShiftedClock(SystemClock):
    """A machine whose clock is wrong by `shift` ms, which may change at any time."""

    def __init__(self, shift: int = 0) -> None:
        self.shift = shift

    def now(self) -> int:
        return super().now() + self.shift


T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]]) -> T:
    """The first answer that is not None (or False), asked again and again before a deadline."""
    async with asyncio.timeout(DEADLINE):
        while not (found := await look()):
            await asyncio.sleep(0.005)
        return found


@dataclass
class BybitStage:
    """Bybit's stand-in at a standing price of 60000 USDT, with 10000 USDT in the account."""

    pool: ThreadPoolExecutor
    server: SandboxExchange = field(
        default_factory=lambda: SandboxExchange(ExchangeOptions(paused=True, ack_lead_ms=5))
    )
    opened: list[Exchange] = field(default_factory=list)

    async def start(self) -> None:
        await self.server.start()

    async def stop(self) -> None:
        for exchange in self.opened:
            await exchange.close()
        await self.server.stop()

    def exchange(
        self, *, clock: SystemClock | None = None, credentials: Credentials | None = None
    ) -> Exchange:
        endpoints = Endpoints(self.server.rest_url, self.server.ws_private_url)
        exchange = build_exchange(
            Environment.SANDBOX_BYBIT,
            credentials or Credentials(Secret(self.server.api_key), Secret(self.server.api_secret)),
            pool=self.pool,
            clock=clock or SystemClock(),
            endpoints=endpoints,
        )
        self.opened.append(exchange)
        return exchange

    def wrong_key(self) -> Credentials:
        return Credentials(Secret("no-such-key"), Secret("no-such-secret"))

    def withdrawing_key(self) -> Credentials:
        key, secret = self.server.add_account("reckless", wallet_permissions=("AccountTransfer", "Withdraw"))
        return Credentials(Secret(key), Secret(secret))

    def reading_key(self) -> Credentials:
        key, secret = self.server.add_account("looker", read_only=True)
        return Credentials(Secret(key), Secret(secret))

    def move_price(self, price: str) -> None:
        """What was acknowledged reaches the book first."""
        self.server.effects.finish()
        while not self.server.core.advance("BTCUSDT", Decimal(price)):
            pass

    def lose_next_place(self, *, taken: bool) -> None:
        """The next order's answer is lost; `taken` says whether the order got there."""
        self.server.faults.add(RequestFault("/v5/order/create", Answer.DROP, effect=taken))

    def lose_next_cancel(self) -> None:
        self.server.faults.add(RequestFault("/v5/order/cancel", Answer.DROP, effect=True))

    def break_lookup(self, way: int) -> None:
        """One of the (up to three) ways to look an order up fails, once."""
        paths = ("/v5/order/realtime", "/v5/order/history", "/v5/execution/list")
        self.server.faults.add(RequestFault(paths[way], Answer.HTTP, status=503))

    def limit_rate_of_next_place(self) -> None:
        self.server.faults.add(
            RequestFault("/v5/order/create", Answer.RET_CODE, code=10006, message="Too many visits!")
        )

    def cut_streams(self) -> None:
        self.server.private.drop()

    def trade_by_hand(self) -> str:
        """The person's own resting order on the same account, 10 USDT far below the market; its id."""
        account = next(iter(self.server.core.accounts))
        request = OrderRequest(
            "BTCUSDT",
            Side.BUY,
            Kind.LIMIT,
            Decimal("0.001"),
            Decimal(10000),
            link_id=f"by-hand-{real_clock_ms()}",
        )
        order = self.server.core.place(account, request)
        self.server.core.arrive(order.order_id)
        return order.link_id


STAGES = {"bybit": BybitStage}
