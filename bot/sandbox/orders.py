"""Values of the stand-in exchange: filters, orders, executions, refusals.

Money is plain `Decimal`. Quantities are in base coins, amounts and values in quote coins, prices in quote per base.
"""

from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from enum import Enum, StrEnum

EXACT = Context(prec=80, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Money is computed under this context: a result that would have to be rounded raises instead."""

ZERO = Decimal(0)


class Side(StrEnum):
    BUY = "Buy"
    SELL = "Sell"


class Kind(StrEnum):
    LIMIT = "Limit"
    MARKET = "Market"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    POST_ONLY = "PostOnly"


class Status(StrEnum):
    """Life of an order; the words are Bybit's."""

    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    PARTIALLY_FILLED_CANCELED = "PartiallyFilledCanceled"

    @property
    def is_open(self) -> bool:
        return self in {Status.NEW, Status.PARTIALLY_FILLED}


class End(StrEnum):
    """Why an order ended without being filled whole."""

    NONE = ""
    BY_USER = "by user"
    POST_ONLY_WOULD_TAKE = "post-only would take"
    NOT_FILLED_AT_ONCE = "nothing to fill at once"
    NOT_WHOLE_AT_ONCE = "cannot be filled whole at once"
    REST_NOT_FILLED = "the rest found no fill"


class Reason(Enum):
    """Why the exchange refuses a request; each venue has its own code and text for it."""

    UNKNOWN_SYMBOL = "unknown symbol"
    BAD_PRICE = "price is not positive"
    BAD_QTY = "quantity is not positive"
    PRICE_DECIMALS = "price off the tick"
    QTY_DECIMALS = "quantity off the lot step"
    AMOUNT_DECIMALS = "quote amount off its step"
    VALUE_TOO_LOW = "value under the minimum order"
    LIMIT_QTY_TOO_LARGE = "limit quantity over the maximum"
    MARKET_QTY_TOO_LARGE = "market quantity over the maximum"
    INSUFFICIENT = "not enough free coins"
    DUPLICATE_LINK = "client id used before"
    TOO_MANY_ORDERS = "too many open orders"
    NOT_FOUND = "no such order"
    ALREADY_FILLED = "order is filled"
    ALREADY_CANCELLED = "order is cancelled"
    CANCEL_IN_PROCESS = "cancel is being processed"
    NOT_AMENDABLE = "order cannot be amended"
    BELOW_FILLED = "new quantity under what has filled"


class Refusal(Exception):  # noqa: N818
    """A request the matching core does not take; nothing has changed."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}{': ' if detail else ''}{detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Filters:
    """The rules of one pair. Defaults are Bybit's BTCUSDT (exchange-facts, instruments-info)."""

    symbol: str = "BTCUSDT"
    base: str = "BTC"
    quote: str = "USDT"
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.000001")
    quote_step: Decimal = Decimal("0.00000001")
    min_amount: Decimal = Decimal(5)
    max_limit_qty: Decimal = Decimal(17000)
    max_market_qty: Decimal = Decimal(8500)

    @classmethod
    def of(cls, symbol: str, **changes: Decimal) -> "Filters":
        """Filters for `symbol` such as BTCUSDT or ETHUSDT, the defaults changed where named."""
        for quote in ("USDT", "USDC", "USD", "BRL", "BTC", "EUR"):
            if symbol.endswith(quote) and len(symbol) > len(quote):
                lot = Decimal("0.00001" if symbol.startswith("ETH") else "0.000001")
                pair = cls(symbol=symbol, base=symbol.removesuffix(quote), quote=quote, lot=lot)
                return replace(pair, **changes)  # type: ignore[arg-type]
        raise ValueError(f"{symbol}: a pair such as BTCUSDT or ETHUSDT is expected")

    def price_down(self, price: Decimal) -> Decimal:
        return price // self.tick * self.tick

    def price_up(self, price: Decimal) -> Decimal:
        down = self.price_down(price)
        return down if down == price else down + self.tick

    def lots_for(self, amount: Decimal, price: Decimal) -> Decimal:
        """The most whole lots that `amount` quote buys at `price`."""
        return amount // (price * self.lot) * self.lot


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a client asks for. `qty` is base, or quote where `quote_sized`; `price` is None for market orders."""

    symbol: str
    side: Side
    kind: Kind
    qty: Decimal
    price: Decimal | None = None
    tif: TimeInForce = TimeInForce.GTC
    quote_sized: bool = False
    link_id: str = ""


@dataclass(slots=True)
class Order:
    """One order of one account. `arriving`: acknowledged, not yet seen by the book (acks are asynchronous)."""

    order_id: str
    link_id: str
    account: str
    symbol: str
    side: Side
    kind: Kind
    tif: TimeInForce
    qty: Decimal
    price: Decimal | None
    quote_sized: bool
    created_ms: int
    updated_ms: int
    seq: int
    last_price: Decimal
    status: Status = Status.NEW
    end: End = End.NONE
    filled: Decimal = ZERO
    value: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    locked: Decimal = ZERO
    parts: list[Decimal] = field(default_factory=list)
    arriving: bool = True

    @property
    def is_open(self) -> bool:
        return self.status.is_open

    @property
    def leaves(self) -> Decimal:
        """Base still to fill; 0 for a quote-sized or a closed order."""
        return self.qty - self.filled if self.is_open and not self.quote_sized else ZERO

    def copy(self) -> "Order":
        return replace(self, fees=dict(self.fees), parts=list(self.parts))


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill. `fee` is in `fee_coin`; `leaves` is the base left of the order after it.

    `candle_ms` is when the candle opened in which it was made, in candle time; None where nobody knows any more.
    """

    exec_id: str
    seq: int
    order_id: str
    link_id: str
    account: str
    symbol: str
    side: Side
    kind: Kind
    price: Decimal
    qty: Decimal
    value: Decimal
    fee: Decimal
    fee_coin: str
    fee_rate: Decimal
    is_maker: bool
    leaves: Decimal
    order_price: Decimal | None
    order_qty: Decimal
    quote_sized: bool
    at_ms: int
    candle_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one operation changed in one account; listeners get copies, in the order of happening.

    `orders` are to be stored and streamed; `silent` only stored (a step the venue does not tell); `echoes` only
    streamed, for nothing changed (a cancel that came after the fill).
    """

    account: str
    at_ms: int
    seq: int
    orders: tuple[Order, ...] = ()
    silent: tuple[Order, ...] = ()
    echoes: tuple[Order, ...] = ()
    executions: tuple[Execution, ...] = ()
    coins: tuple[str, ...] = ()
