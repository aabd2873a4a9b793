"""Our own orders: their legs, their ids, and what we know of each."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.domain.market import Side
from bot.domain.money import Base, Price, Quote

PREFIX = "ta-"
_ID = re.compile(
    r"ta-(?P<token>[a-z0-9]{1,12})-(?P<cycle>\d{1,6})-(?P<leg>[erxs])(?P<k>\d{1,3})-(?P<seq>\d{1,6})"
)


class Leg(StrEnum):
    """What an order is for; the letter stands in its id."""

    ENTRY = "e"
    REBUY = "r"
    EXIT = "x"
    SALE = "s"

    @property
    def side(self) -> Side:
        return Side.BUY if self in {Leg.ENTRY, Leg.REBUY} else Side.SELL


class OrderStatus(StrEnum):
    INTENDED = "intended"
    """Journalled; it may or may not have reached the exchange."""
    LIVE = "live"
    CANCELLING = "cancelling"


@dataclass(frozen=True, slots=True)
class OrderId:
    """A self-describing client id: at most 36 of [A-Za-z0-9-_], never used twice (`seq` only grows)."""

    token: str
    cycle: int
    leg: Leg
    k: int
    seq: int

    def __str__(self) -> str:
        return f"{PREFIX}{self.token}-{self.cycle}-{self.leg.value}{self.k}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "OrderId | None":
        """The id's parts, or None for an order that is not ours."""
        found = _ID.fullmatch(text)
        if not found:
            return None
        return cls(found["token"], int(found["cycle"]), Leg(found["leg"]), int(found["k"]), int(found["seq"]))


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """An order that is not closed yet.

    A limit order has `price` and `quantity`; a market buy only `amount`; a market sell only `quantity`.
    `filled` and `value` are booked from fills. `closed_at` is set once the exchange says that the order is
    closed with that cumulative quantity while fills are still missing here.
    """

    order_id: str
    leg: Leg
    k: int
    status: OrderStatus
    price: Price | None = None
    quantity: Base | None = None
    amount: Quote | None = None
    filled: Base = Base(Decimal(0))  # noqa: RUF009
    value: Quote = Quote(Decimal(0))  # noqa: RUF009
    closed_at: Base | None = None

    @property
    def remaining(self) -> Base:
        """Base still open; zero for a quote-sized market buy, whose quantity is not known before."""
        return self.quantity - self.filled if self.quantity is not None else Base.zero()

    @property
    def complete(self) -> bool:
        """Whether every coin that this order will ever move is booked."""
        if self.closed_at is not None:
            return self.filled >= self.closed_at
        return self.quantity is not None and self.filled >= self.quantity


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order of ours, as the exchange reports it. Fills are the truth.

    `exec_id` is unique per environment and symbol; `at` in ms UTC; `fee` in `fee_coin`, positive when paid;
    `fee_value` is that fee in quote, whatever its coin, at the fill.
    """

    exec_id: str
    order_id: str
    side: Side
    price: Price
    quantity: Base
    value: Quote
    fee: Decimal
    fee_coin: str
    fee_value: Quote
    at: int
    maker: bool = False
