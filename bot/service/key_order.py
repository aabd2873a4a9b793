"""The order that tests a key: the smallest that the pair takes, where it does not fill, and its surely being gone."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import EXACT, Base, Price, Quote
from bot.errors import ExchangeError, OrderGone, OutcomeUnknown, Unavailable
from bot.ports import Clock, Exchange

FAR = Decimal("0.8")
"""The order's price, as a fraction of the last price: far below, where it does not fill."""
_CANCEL_S = 10.0


@dataclass(frozen=True, slots=True)
class SmallOrder:
    """The smallest order that the pair takes, at a price where it does not fill."""

    rules: MarketRules
    price: Price
    quantity: Base

    @property
    def value(self) -> Quote:
        return self.quantity.at(self.price)


def smallest_order(rules: MarketRules, last: Price) -> SmallOrder:
    """What the pair takes at least, `last` being its price now."""
    price = rules.tick_down(last.times(FAR))
    return SmallOrder(rules, price, _smallest(rules, price))


def _smallest(rules: MarketRules, price: Price) -> Base:
    """Rounded up to the lot, and one lot more: the exchange counts the value with its own price."""
    least = max(rules.min_quantity.value, EXACT.divide(rules.min_notional.value, price.value))
    step = rules.lot_step or Decimal("0.00000001")
    lots = EXACT.divide(least, step).to_integral_value(rounding=ROUND_CEILING)
    return Base(EXACT.multiply(lots + 1, step))


async def cancelled(exchange: Exchange, symbol: Symbol, order_id: str, *, clock: Clock) -> Exception | None:
    """Cancel until the exchange says that the order is closed; None then, else why not."""
    last: Exception = Unavailable("the exchange does not say that the order is cancelled")
    with suppress(TimeoutError):
        async with asyncio.timeout(_CANCEL_S):
            while True:
                try:
                    with suppress(OrderGone, OutcomeUnknown):
                        await exchange.cancel(symbol=symbol, order_id=order_id)
                    found = await exchange.find_order(symbol=symbol, order_id=order_id)
                    if found is not None and found.closed is not None:
                        return None
                except ExchangeError as fault:
                    last = fault
                await clock.sleep(0.2)
    return last
