"""An exchange for tests of the core: no socket, no clock, no chance of its own. What happens to an order is scripted by the caller.

It keeps balances with locks, takes and refuses orders by the pair's filters, and turns every execution into a
`Fill` with its fee. Nothing is announced by it: `happened` gathers the facts, and the caller delivers them, at
once or late, in order or not.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bot.domain.events import CloseReason, Event, FillBooked, OrderClosed, RefusalReason
from bot.domain.market import MarketRules, Side, Symbol
from bot.domain.money import EXACT, Base, Price, Quote
from bot.domain.orders import Fill, OwnOrder

BTCUSDT = Symbol("BTCUSDT", "BTC", "USDT")
THIRD_COIN_PRICE = Decimal(600)


class FeeCoin(StrEnum):
    RECEIVED = "received"
    """Base for buys, quote for sells: what both exchanges do by default."""
    QUOTE = "quote"
    THIRD = "third"


def fine_rules(
    tick: str = "0.01", lot: str = "0.000001", quote: str = "0.01", minimum: str = "5"
) -> MarketRules:
    return MarketRules(BTCUSDT, Decimal(tick), Decimal(lot), Decimal(quote), Quote(Decimal(minimum)))


@dataclass
class VenueOrder:
    order_id: str
    side: Side
    price: Decimal | None
    quantity: Decimal | None
    amount: Decimal | None
    filled: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    closed: CloseReason | None = None
    fills: list[Fill] = field(default_factory=list)

    @property
    def remaining(self) -> Decimal:
        return Decimal(0) if self.quantity is None else self.quantity - self.filled

    @property
    def locked_quote(self) -> Decimal:
        if self.closed or self.side is Side.SELL:
            return Decimal(0)
        return self.amount - self.value if self.price is None else self.remaining * self.price

    @property
    def locked_base(self) -> Decimal:
        return self.remaining if self.side is Side.SELL and not self.closed else Decimal(0)


class Venue:
    """One account on one pair; `base` and `quote` are the person's coins when the test begins."""

    def __init__(
        self,
        rules: MarketRules,
        price: str | Decimal,
        *,
        taxa: str | Decimal = "0.001",
        fee_coin: FeeCoin = FeeCoin.RECEIVED,
        base: str | Decimal = "0",
        quote: str | Decimal = "100000",
    ) -> None:
        self.rules = rules
        self.price = Decimal(price)
        self.taxa = Decimal(taxa)
        self.fee_coin = fee_coin
        self.base = self.first_base = Decimal(base)
        self.quote = self.first_quote = Decimal(quote)
        self.now = 1_700_000_000_000
        self.orders: dict[str, VenueOrder] = {}
        self.happened: list[Event] = []
        self.fills: list[Fill] = []
        self.spent_on_fees = Decimal(0)
        self._open: dict[str, VenueOrder] = {}

    @property
    def open(self) -> list[VenueOrder]:
        return list(self._open.values())

    @property
    def free_quote(self) -> Decimal:
        return self.quote - sum((o.locked_quote for o in self.open), Decimal(0))

    @property
    def free_base(self) -> Decimal:
        return self.base - sum((o.locked_base for o in self.open), Decimal(0))

    def take(self, order: OwnOrder) -> RefusalReason | None:
        """Open the order, or say why it is refused."""
        if order.order_id in self.orders:
            raise AssertionError(f"the id {order.order_id} was sent twice")
        mine = VenueOrder(
            order.order_id,
            order.leg.side,
            order.price and order.price.value,
            order.quantity and order.quantity.value,
            order.amount and order.amount.value,
        )
        if not self._passes_filters(mine):
            return RefusalReason.RULES
        if mine.locked_quote > self.free_quote or mine.locked_base > self.free_base:
            return RefusalReason.NO_FUNDS
        self.orders[order.order_id] = self._open[order.order_id] = mine
        return None

    def forget(self, order_id: str) -> None:
        """The order was never taken after all."""
        del self.orders[order_id], self._open[order_id]

    def _passes_filters(self, order: VenueOrder) -> bool:
        rules = self.rules
        if order.amount is not None:
            return order.amount % rules.quote_step == 0 and order.amount >= rules.min_notional.value
        price = order.price or self.price
        if order.price is not None and (order.price <= 0 or order.price % rules.tick):
            return False
        quantity = order.quantity or Decimal(0)
        return quantity % rules.lot_step == 0 and rules.sellable(Base(quantity), Price(price))

    def crosses(self, order: VenueOrder) -> bool:
        """Whether the market stands at the order's price or beyond."""
        if order.price is None:
            return True
        return self.price <= order.price if order.side is Side.BUY else self.price >= order.price

    def wants(self, order: VenueOrder, at: Decimal) -> Decimal:
        """The base that the order would still trade at this price."""
        if order.amount is None:
            return order.remaining
        left = Base(EXACT.divide(order.amount - order.value, at))
        return self.rules.lot_down(left).value

    def execute(
        self, order: VenueOrder, quantity: Decimal | None = None, at: Decimal | None = None
    ) -> Fill | None:
        """One execution (whole by default, at its limit by default); the order closes once nothing is left of it."""
        price = at or order.price or self.price
        quantity = min(quantity or self.wants(order, price), self.wants(order, price))
        if order.closed or quantity <= 0:
            return None
        fill = self._fill(order, quantity, price)
        order.fills.append(fill)
        self.fills.append(fill)
        self.spent_on_fees += fill.fee_value.value
        order.filled += quantity
        order.value += fill.value.value
        self._settle(fill)
        self.happened.append(FillBooked(fill))
        if self.wants(order, price) <= 0:
            self.close(order, CloseReason.FILLED)
        return fill

    def close(self, order: VenueOrder, reason: CloseReason) -> None:
        if order.closed is None:
            order.closed = reason
            del self._open[order.order_id]
            self.happened.append(OrderClosed(order.order_id, Base(order.filled), reason))

    def _fill(self, order: VenueOrder, quantity: Decimal, price: Decimal) -> Fill:
        value = quantity * price
        fee_value = value * self.taxa
        coin, fee = BTCUSDT.quote, fee_value
        if self.fee_coin is FeeCoin.THIRD:
            coin, fee = "BNB", EXACT.divide(fee_value, THIRD_COIN_PRICE)
        elif self.fee_coin is FeeCoin.RECEIVED and order.side is Side.BUY:
            coin, fee = BTCUSDT.base, quantity * self.taxa
        return Fill(
            f"x{len(self.fills) + 1}",
            order.order_id,
            order.side,
            Price(price),
            Base(quantity),
            Quote(value),
            fee,
            coin,
            Quote(fee_value),
            self.now,
        )

    def _settle(self, fill: Fill) -> None:
        base, quote = deltas(fill)
        self.base += base
        self.quote += quote


def deltas(fill: Fill) -> tuple[Decimal, Decimal]:
    """What a fill does to the wallet: (base, quote)."""
    sign = 1 if fill.side is Side.BUY else -1
    base, quote = sign * fill.quantity.value, -sign * fill.value.value
    if fill.fee_coin == BTCUSDT.base:
        base -= fill.fee
    elif fill.fee_coin == BTCUSDT.quote:
        quote -= fill.fee
    return base, quote
