"""An exchange account, in the house's own words.

Every amount carries its unit; no SDK object, dict or exception crosses the port.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from bot.domain.events import CloseReason
from bot.domain.market import MarketRules, Side, Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Fill


class Environment(StrEnum):
    """The exchange environments a person may choose (`ambiente` in a strategy file)."""

    BYBIT = "bybit"
    BYBIT_DEMO = "bybit-demo"
    BYBIT_TESTNET = "bybit-testnet"
    BINANCE = "binance"
    BINANCE_TESTNET = "binance-testnet"
    BINANCE_DEMO = "binance-demo"
    SANDBOX_BYBIT = "sandbox-bybit"
    SANDBOX_BINANCE = "sandbox-binance"

    @property
    def real_money(self) -> bool:
        return self in {Environment.BYBIT, Environment.BINANCE}


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order to send. Limit: `price` and `quantity`. Market buy: `amount`. Market sell: `quantity`."""

    order_id: str
    symbol: Symbol
    side: Side
    price: Price | None = None
    quantity: Base | None = None
    amount: Quote | None = None


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order of ours as the exchange sees it; `closed` None while it is open.

    `filled` (base) and `value` (quote) are cumulative. `at` is the exchange's update time, ms UTC.
    """

    order_id: str
    symbol: str
    side: Side
    filled: Base
    value: Quote
    closed: CloseReason | None
    at: int


@dataclass(frozen=True, slots=True)
class FillView:
    """A fill with the pair it belongs to."""

    symbol: str
    fill: Fill


@dataclass(frozen=True, slots=True)
class Balance:
    """Coins of one kind: all of them, and those locked in open orders."""

    total: Decimal
    locked: Decimal

    @property
    def free(self) -> Decimal:
        return self.total - self.locked


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices of some minutes; `at` is when it opened, ms UTC."""

    at: int
    open: Price
    high: Price
    low: Price
    close: Price


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What the exchange says of an API key. `expires_at` in ms UTC, None where it does not expire.

    `needless` are rights beyond reading and trading spot, in the exchange's own names.
    """

    can_trade: bool
    can_withdraw: bool
    ip_bound: bool
    expires_at: int | None
    read_only: bool
    needless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamUp:
    """Connected, authenticated and subscribed: reconcile now, nothing is replayed."""


@dataclass(frozen=True, slots=True)
class StreamDown:
    reason: str


Stage = Callable[[str], None]
StreamEvent = StreamUp | StreamDown | OrderView | FillView


class Exchange(Protocol):
    """One person's account in one environment.

    Reads raise Unavailable, RateLimited or AccessDenied. `place` raises OrderRejected (or a subclass) when the
    order surely does not exist, OutcomeUnknown when it may; `cancel` raises OrderGone when the order is not open
    any more, OutcomeUnknown when the cancel may have been taken.
    """

    @property
    def environment(self) -> Environment: ...

    async def rules(self, symbol: str, *, fresh: bool = False) -> MarketRules:
        """The pair's rules; InvalidInput when it is not traded here."""

    async def last_price(self, symbol: str) -> Price: ...

    async def candles(self, symbol: str, *, minutes: int, limit: int) -> Sequence[Candle]:
        """The last candles of that many minutes (1, 5, 15, 60 or 240), oldest first; the newest may be open."""

    async def balances(self, coins: Sequence[str]) -> Mapping[str, Balance]:
        """One entry for each asked coin, zero included."""

    async def place(self, order: OrderRequest) -> str:
        """Send once, never again; the exchange's own id. Accepted does not mean open or filled."""

    async def cancel(self, *, symbol: Symbol, order_id: str) -> None:
        """Ask for the cancel; acknowledged does not mean cancelled."""

    async def find_order(self, *, symbol: Symbol, order_id: str) -> OrderView | None:
        """By our id, in open orders, history and executions; None only when all of them answered 'none'."""

    async def open_orders(self, symbol: Symbol) -> Sequence[OrderView]:
        """Open orders that carry our prefix; a stranger's are left out."""

    async def fills_of(self, *, symbol: Symbol, order_id: str) -> Sequence[Fill]:
        """Every execution of one order of ours, oldest first."""

    async def fills_since(self, *, symbol: Symbol, order_ids: Collection[str], since: int) -> Sequence[Fill]:
        """The executions of these orders from `since` (ms UTC) until now, out of all trades of the account.

        For orders that are too old for the exchange to be asked about by their id.
        """

    async def key_facts(self) -> KeyFacts: ...

    async def fee_rate(self, symbol: str) -> Decimal | None:
        """The taker rate, None where the environment does not say."""

    async def clock_offset(self) -> float:
        """Seconds that the exchange's clock is ahead of ours."""

    def stream(self, *, stage: Stage | None = None) -> AsyncIterator[StreamEvent]:
        """Private events for ever; reconnects by itself with growing waits, StreamUp after each subscription.

        `stage` is told "connected" and "authenticated" on the way there. AccessDenied is raised when the key is
        refused.
        """

    async def close(self) -> None: ...
