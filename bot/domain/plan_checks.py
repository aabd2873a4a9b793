"""What an exchange would refuse of a planned ladder, each with the value that would pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from bot.domain.faults import fault
from bot.domain.market import MarketRules
from bot.domain.money import EXACT, Base, Price, Quote, plain
from bot.domain.params import StrategyParams
from bot.errors import InvalidInput

_ONE = Decimal(1)
_FINE = Decimal("1e-8")
"""Suggested amounts are rounded up to this where no lot step makes them exact."""


@dataclass(frozen=True, slots=True)
class PlannedBuy:
    """The k-th buy: `quantity` is what `amount` buys at `price`, rounded down to the lot."""

    k: int
    amount: Quote
    price: Price
    quantity: Base

    @property
    def cost(self) -> Quote:
        return self.quantity.at(self.price)


def broken_rules(
    params: StrategyParams,
    rules: MarketRules,
    placed: Sequence[PlannedBuy],
    exits: Sequence[Price],
    to_the_end: bool,
) -> Iterator[InvalidInput]:
    """Faults of the placed buys and of the exit that belongs to each (`exits[k]`).

    `to_the_end`: no limit cut the ladder, so that a missing rung is one whose price rounds to nothing.
    """
    if placed:
        yield from _first_buy(params, rules, placed[0], exits[0])
        yield from _rebuys_too_small(params, rules, placed[1:])
        yield from _rebuys_too_large(params, rules, placed[1:])
        yield from _exits_too_large(params, rules, placed)
    if to_the_end and len(placed) <= params.limite_recompras:
        yield fault(
            "price_rounds_to_nothing",
            "limite_recompras",
            value=str(params.limite_recompras),
            k=str(len(placed)),
            largest=str(len(placed) - 1),
        )


def _first_buy(
    params: StrategyParams, rules: MarketRules, buy: PlannedBuy, exit_price: Price
) -> Iterator[InvalidInput]:
    """Later exits sell more and, as re-buys pass the same minimum, are worth more: the first one decides."""
    words = {"value": plain(buy.amount.value), "price": plain(buy.price.value)}
    smallest = _smallest_first_buy(params, rules, buy.price, exit_price)
    if buy.amount < _smallest_market_buy(buy.price, rules):
        yield fault("first_buy_too_small", "qty_inicial", **words, smallest=plain(smallest.value))
    elif buy.amount < smallest:
        words["price"] = plain(exit_price.value)
        yield fault("exit_too_small", "qty_inicial", **words, smallest=plain(smallest.value))
    elif rules.max_quantity and buy.quantity > rules.max_quantity:
        largest = rules.max_quantity.at(buy.price)
        yield fault("first_buy_too_large", "qty_inicial", **words, largest=plain(largest.value))


def _rebuys_too_small(
    params: StrategyParams, rules: MarketRules, rebuys: Sequence[PlannedBuy]
) -> Iterator[InvalidInput]:
    """The floor holds every re-buy up, so raising it (and a ceiling below it) is what mends them."""
    small = [buy for buy in rebuys if not _large_enough(buy, rules)]
    if not small:
        return
    worst = max(small, key=lambda buy: smallest_buy(buy.price, rules))
    smallest = smallest_buy(worst.price, rules)
    for field in ("qty_minima", "qty_maxima"):
        value: Decimal = getattr(params, field)
        if value < smallest.value:
            yield fault(
                "rebuy_too_small",
                field,
                value=plain(value),
                k=str(worst.k),
                amount=_brief(worst.amount.value),
                price=plain(worst.price.value),
                smallest=plain(smallest.value),
            )


def _rebuys_too_large(
    params: StrategyParams, rules: MarketRules, rebuys: Sequence[PlannedBuy]
) -> Iterator[InvalidInput]:
    large = [buy for buy in rebuys if rules.max_quantity and buy.quantity > rules.max_quantity]
    if large:
        worst = large[-1]  # prices only fall: the deepest one allows least
        yield fault(
            "rebuy_too_large",
            "qty_maxima",
            value=plain(params.qty_maxima),
            k=str(worst.k),
            amount=_brief(worst.amount.value),
            price=plain(worst.price.value),
            largest=plain(rules.max_quantity.at(worst.price).value),
        )


def _exits_too_large(
    params: StrategyParams, rules: MarketRules, placed: Sequence[PlannedBuy]
) -> Iterator[InvalidInput]:
    if not rules.max_quantity:
        return
    bought = Base.zero()
    for buy in placed:
        bought += buy.quantity
        quantity = _sold(bought, params, rules)
        if buy.k and quantity > rules.max_quantity:
            yield fault(
                "exit_too_large",
                "limite_recompras",
                value=str(params.limite_recompras),
                k=str(buy.k),
                quantity=plain(quantity.value),
                largest=str(buy.k - 1),
            )
            return


def smallest_buy(price: Price, rules: MarketRules) -> Quote:
    """The smallest amount whose limit buy at `price` the exchange takes."""
    quantity = max(_lot_up(rules.min_notional.buys_at(price), rules), _least_quantity(rules))
    if rules.lot_step:
        return quantity.at(price)
    return _fine_up(max(quantity.at(price), rules.min_notional))


def _large_enough(buy: PlannedBuy, rules: MarketRules) -> bool:
    return buy.quantity.value > 0 and buy.quantity >= rules.min_quantity and buy.cost >= rules.min_notional


def _smallest_market_buy(price: Price, rules: MarketRules) -> Quote:
    """A market buy is sized in quote: its amount meets the minimum, whatever the lot leaves of it."""
    return _quote_up(max(rules.min_notional, _least_quantity(rules).at(price)), rules)


def _smallest_first_buy(params: StrategyParams, rules: MarketRules, price: Price, exit_price: Price) -> Quote:
    """The smallest first buy of which, after the fee in coins, enough is left to be sold at the exit."""
    to_sell = max(_lot_up(rules.min_notional.buys_at(exit_price), rules), _least_quantity(rules))
    kept = EXACT.subtract(_ONE, params.taxa)
    bought = _lot_up(Base(EXACT.divide(to_sell.value, kept)), rules)
    amount = bought.at(price) if rules.lot_step else _fine_up(bought.at(price))
    return max(_quote_up(amount, rules), _smallest_market_buy(price, rules))


def _sold(bought: Base, params: StrategyParams, rules: MarketRules) -> Base:
    return rules.lot_down(bought - bought.times(params.taxa))


def _least_quantity(rules: MarketRules) -> Base:
    return max(_lot_up(rules.min_quantity, rules), Base(rules.lot_step))


def _lot_up(quantity: Base, rules: MarketRules) -> Base:
    down = rules.lot_down(quantity)
    return down if down == quantity else down + Base(rules.lot_step)


def _quote_up(amount: Quote, rules: MarketRules) -> Quote:
    down = rules.quote_down(amount)
    return down if down == amount else down + Quote(rules.quote_step)


def _fine_up(amount: Quote) -> Quote:
    return Quote(amount.value.quantize(_FINE, rounding=ROUND_CEILING, context=EXACT))


def _brief(value: Decimal) -> str:
    """For showing: an amount of a long ladder has dozens of digits."""
    return plain(round(value, 8))
