"""A strategy's real fills as cycles of orders, with what each cycle began with and earned."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from bot.backtest.jobs import RealFill
from bot.domain.accounting import Holding
from bot.domain.market import MarketRules, Side
from bot.domain.money import EXACT, Base, Price, Quote, total_base, total_quote
from bot.domain.orders import Fill, Leg
from bot.domain.params import StrategyParams


@dataclass(frozen=True, slots=True)
class RealOrder:
    """An order's fills together: `price` is their average, `first` and `last` their times (ms UTC)."""

    leg: Leg
    k: int
    first: int
    last: int
    price: Price
    quantity: Base

    @property
    def side(self) -> Side:
        return self.leg.side

    @property
    def by_hand(self) -> bool:
        """Sold at the market by a stop."""
        return self.leg is Leg.SALE


@dataclass(frozen=True, slots=True)
class RealCycle:
    """`before` holds the coins carried into it, `increment` the profit reinvested until then.

    `fees` and `expected_fees` are in quote and leave out fills whose fee was taken in a third coin.
    """

    number: int
    orders: tuple[RealOrder, ...]
    before: Holding
    increment: Quote
    after: Holding
    fees: Quote
    expected_fees: Quote

    @property
    def entry(self) -> RealOrder | None:
        return next((order for order in self.orders if order.leg is Leg.ENTRY), None)

    @property
    def start(self) -> int:
        return self.orders[0].first

    @property
    def end(self) -> int | None:
        """The last sale's time; None while it is open."""
        return max((o.last for o in self.orders if o.side is Side.SELL), default=None)

    @property
    def rebuys(self) -> int:
        return max((order.k for order in self.orders), default=0)

    @property
    def net_profit(self) -> Quote | None:
        return self.after.net_profit if self.after.sold else None


def real_cycles(
    fills: Iterable[RealFill], params: StrategyParams, rules: MarketRules
) -> tuple[RealCycle, ...]:
    """The cycles in their order, each with the books of those before it."""
    return tuple(_cycles(fills, params, rules))


def _cycles(fills: Iterable[RealFill], params: StrategyParams, rules: MarketRules) -> Iterator[RealCycle]:
    holding, increment = Holding(), Quote.zero()
    in_order = sorted(fills, key=lambda fill: (fill.cycle, fill.time))
    for number, of_cycle in groupby(in_order, key=lambda fill: fill.cycle):
        mine = list(of_cycle)
        before = holding
        for fill in mine:
            holding = holding.with_fill(_booked(fill, params.taxa, rules), rules.symbol)
        coins = {rules.symbol.base, rules.symbol.quote}
        known = [fill for fill in mine if fill.fee_coin in coins]
        yield RealCycle(
            number=number,
            orders=_orders(mine),
            before=before,
            increment=increment,
            after=holding,
            fees=total_quote(_fee(fill, params.taxa, rules) for fill in known),
            expected_fees=total_quote(fill.quantity.at(fill.price).times(params.taxa) for fill in known),
        )
        if holding.sold and holding.net_profit.value > 0 and params.lucro_reaplicar:
            share = EXACT.divide(holding.net_profit.value, Decimal(params.limite_recompras + 1))
            increment += Quote(share)
        holding = _carried_over(holding, mine, rules)


def _carried_over(holding: Holding, fills: Sequence[RealFill], rules: MarketRules) -> Holding:
    """What the next cycle begins with: a stop leaves it no more than dust, and gives the coins to the person."""
    if holding.held.value < 0:  # records that lack a buy
        return Holding()
    exited = any(fill.leg == Leg.EXIT.value for fill in fills)
    return holding.rest() if exited or not rules.lot_down(holding.held) else Holding()


def _orders(fills: Sequence[RealFill]) -> tuple[RealOrder, ...]:
    """By leg and rung, in the order of their first fills."""
    parts: dict[tuple[str, int], list[RealFill]] = {}
    for fill in fills:
        parts.setdefault((fill.leg, fill.k), []).append(fill)
    return tuple(_order(Leg(leg), k, some) for (leg, k), some in parts.items())


def _order(leg: Leg, k: int, fills: Sequence[RealFill]) -> RealOrder:
    quantity = total_base(fill.quantity for fill in fills)
    value = total_quote(fill.quantity.at(fill.price) for fill in fills)
    return RealOrder(leg, k, fills[0].time, fills[-1].time, value.per(quantity), quantity)


def _booked(fill: RealFill, taxa: Decimal, rules: MarketRules) -> Fill:
    return Fill(
        exec_id="",
        order_id="",
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        value=fill.quantity.at(fill.price),
        fee=fill.fee,
        fee_coin=fill.fee_coin,
        fee_value=_fee(fill, taxa, rules),
        at=fill.time,
    )


def _fee(fill: RealFill, taxa: Decimal, rules: MarketRules) -> Quote:
    """In quote; a third coin's price is not known here, so taxa stands for its fee."""
    if fill.fee_coin == rules.symbol.quote:
        return Quote(fill.fee)
    if fill.fee_coin == rules.symbol.base:
        return Base(fill.fee).at(fill.price)
    return fill.quantity.at(fill.price).times(taxa)
