"""The books of a run, from its fills alone: cycles, profits and what is still held, in exact decimals.

Both engines keep their books here. docs/strategy.md says what a net profit is; `Holding` of the core computes it,
so that what a backtest tells is what the live books would.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from bot.backtest.history import History
from bot.backtest.model import BacktestCycle, BacktestFill, OpenPosition
from bot.domain.accounting import Holding
from bot.domain.market import Side
from bot.domain.money import EXACT, Base, Quote
from bot.domain.params import StrategyParams

_ZERO = Decimal(0)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Books:
    """The closed cycles, the sum of what they earned, and the cycle under way, if one is.

    `dust` is what earlier cycles left unsold while no cycle is under way; its cost is in no cycle's profit yet.
    """

    cycles: tuple[BacktestCycle, ...]
    net_profit: Quote
    open: OpenPosition | None
    dust: Holding


def keep_books(fills: Iterable[BacktestFill], params: StrategyParams, history: History) -> Books:
    """The books of a run's fills, which come in their order; taxa is taken from each, in base of a buy."""
    cycles: list[BacktestCycle] = []
    carried, under_way = Holding(), None
    net_profit = _ZERO
    for of_cycle in _by_cycle(fills):
        holding = _holding(of_cycle, carried, params.taxa)
        carried, under_way = holding.rest(), None
        if of_cycle[-1].side is Side.SELL:
            cycles.append(_closed(of_cycle, holding))
            net_profit = EXACT.add(net_profit, holding.net_profit.value)
        else:
            under_way = _open(of_cycle, holding, params, history)
    return Books(tuple(cycles), Quote(net_profit), under_way, carried)


def _by_cycle(fills: Iterable[BacktestFill]) -> Iterator[list[BacktestFill]]:
    return (list(of_cycle) for _, of_cycle in groupby(fills, key=lambda fill: fill.cycle))


def _holding(fills: list[BacktestFill], carried: Holding, taxa: Decimal) -> Holding:
    """What a cycle came to hold and to sell, on top of what earlier ones carried over."""
    bought = spent = base_fees = base_fees_value = sold = received = sell_fees = _ZERO
    for fill in fills:
        quantity = fill.quantity.value
        value = EXACT.multiply(quantity, fill.price.value)
        fee_value = EXACT.multiply(value, taxa)
        if fill.side is Side.BUY:
            bought = EXACT.add(bought, quantity)
            spent = EXACT.add(spent, value)
            base_fees = EXACT.add(base_fees, EXACT.multiply(quantity, taxa))
            base_fees_value = EXACT.add(base_fees_value, fee_value)
        else:
            sold = EXACT.add(sold, quantity)
            received = EXACT.add(received, value)
            sell_fees = EXACT.add(sell_fees, fee_value)
    return Holding(
        bought=Base(bought),
        spent=Quote(spent),
        base_fees=Base(base_fees),
        base_fees_value=Quote(base_fees_value),
        carried=carried.carried,
        carried_cost=carried.carried_cost,
        sold=Base(sold),
        received=Quote(received),
        sell_fees=Quote(sell_fees),
    )


def _closed(fills: list[BacktestFill], holding: Holding) -> BacktestCycle:
    return BacktestCycle(
        start=fills[0].time,
        end=fills[-1].time,
        rebuys=fills[-1].k,
        spent=holding.spent,
        net_profit=holding.net_profit,
        base_fees_value=holding.base_fees_value,
        sell_fees=holding.sell_fees,
    )


def _open(
    fills: list[BacktestFill], holding: Holding, params: StrategyParams, history: History
) -> OpenPosition:
    """The holding at the last close, less what its sale would cost."""
    close = history.price(history.closes[-1])
    value = holding.held.at(close).times(EXACT.subtract(_ONE, params.taxa))
    cost = holding.held_cost
    return OpenPosition(
        held=holding.held,
        cost=cost,
        rebuys=fills[-1].k,
        value=value,
        unrealised=value - cost,
        start=fills[0].time,
    )
