"""A strategy's real fills laid over the backtest of the same hours, each difference by its name. Pure.

One difference in a first buy's price would shift every later rung, and a backtest left alone would soon tell another
story. So each real cycle is judged by itself: its ladder is begun where its real first buy was made, at that price and
for that quantity, with the coins and the reinvested profit that it had, and then walks the candles.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from bot.backtest.candle_path import Walk
from bot.backtest.desk import Desk
from bot.backtest.differences import (
    Difference,
    ExtraFill,
    FeesDiffer,
    FirstBuySlipped,
    MissedTouch,
    NotComparable,
    OtherPrice,
    OtherQuantity,
    OtherTime,
    SoldByHand,
)
from bot.backtest.fast import run as run_plain
from bot.backtest.history import History
from bot.backtest.jobs import RealFill
from bot.backtest.model import BacktestFill, BacktestRun, Terms
from bot.backtest.real_cycles import RealCycle, RealOrder, real_cycles
from bot.domain.events import StartAsked
from bot.domain.market import MarketRules, Side
from bot.domain.money import Price, Quote, total_quote
from bot.domain.params import StrategyParams
from bot.domain.state import State
from bot.errors import InvalidInput

_SOON = 1
"""Candles that an order may be late by: a fill at a candle's edge is in either of two."""
_PLENTY = Quote(Decimal(10) ** 15)


@dataclass(frozen=True, slots=True)
class Beside:
    """A real cycle and its backtest. `end`, `net_profit` are None while open; times are ms UTC of the fills' candles.

    `same`: the same orders filled, at the same prices and within a candle of each other.
    """

    cycle: int
    start: int
    end: int | None
    rebuys: int
    net_profit: Quote | None
    tested_end: int | None
    tested_rebuys: int
    tested_net_profit: Quote | None
    same: bool


@dataclass(frozen=True, slots=True)
class Overlay:
    """`run` is the plain backtest of the same hours, left to itself; `cycles` are compared one by one.

    `slippage` is what first buys cost above the opens that a backtest buys at, as a fraction of that;
    `fees` is what was paid in quote and base (valued at its fill), `expected_fees` what taxa of the same fills is,
    leaving out fills whose fee was taken in a third coin.
    """

    run: BacktestRun
    cycles: tuple[Beside, ...]
    differences: tuple[Difference, ...]
    slippage: Decimal
    fees: Quote
    expected_fees: Quote
    net_profit: Quote
    tested_net_profit: Quote

    @property
    def same(self) -> int:
        """How many cycles are the backtest's."""
        return sum(one.same for one in self.cycles)


def lay_over(
    fills: Sequence[RealFill], params: StrategyParams, rules: MarketRules, history: History
) -> Overlay:
    """`fills` in the order of their times, all of one strategy that ran on `params`.

    Candles must reach from the first fill's to the last one's: InvalidInput where they do not, or without fills.
    """
    _check(fills, history)
    first = _candle(history, fills[0].time)
    run = run_plain(params, Terms(rules), history.between(int(history.times[first]), None))
    cycles = real_cycles(fills, params, rules)
    ends = [None, *(cycle.end for cycle in cycles[:-1])]
    judged = [_judged(cycle, end, params, rules, history) for cycle, end in zip(cycles, ends, strict=True)]
    differences = [one for _, found in judged for one in found]
    beside = tuple(one for one, _ in judged)
    slips = [one for one in differences if isinstance(one, FirstBuySlipped)]
    at_open = total_quote(one.quantity.at(one.tested) for one in slips)
    paid = total_quote(one.quantity.at(one.paid) for one in slips)
    return Overlay(
        run=run,
        cycles=beside,
        differences=tuple(differences),
        slippage=(paid - at_open).over(at_open) if at_open else Decimal(0),
        fees=total_quote(cycle.fees for cycle in cycles),
        expected_fees=total_quote(cycle.expected_fees for cycle in cycles),
        net_profit=total_quote(one.net_profit for one in beside if one.net_profit is not None),
        tested_net_profit=total_quote(
            one.tested_net_profit for one in beside if one.tested_net_profit is not None
        ),
    )


def _check(fills: Sequence[RealFill], history: History) -> None:
    if not fills:
        raise InvalidInput("fills", "a strategy that has traded")
    start, end = int(history.times[0]), int(history.times[-1]) + history.step_ms
    if fills[0].time < start or fills[-1].time >= end:
        raise InvalidInput("candles", "candles that reach from the first fill's to the last one's")


def _candle(history: History, time: int) -> int:
    """The candle within which `time` falls, or the last one before a gap."""
    return int(np.searchsorted(history.times, time, side="right")) - 1


def _judged(
    real: RealCycle, before: int | None, params: StrategyParams, rules: MarketRules, history: History
) -> tuple[Beside, list[Difference]]:
    entry, number = real.entry, real.number
    differences: list[Difference] = []
    tested: list[BacktestFill] = []
    profit: Quote | None = None
    if entry is None:
        differences.append(NotComparable(number, "it did not begin with a first buy of its own"))
    else:
        pays = _open_to_buy_at(history, entry.first, before)
        differences.append(FirstBuySlipped(number, entry.first, pays, entry.price, entry.quantity))
        tested, profit = _tested(real, entry, params, rules, history)
        differences += _between(real, tested, history)
    if real.fees != real.expected_fees:
        differences.append(FeesDiffer(number, real.fees, real.expected_fees))
    closed = bool(tested) and tested[-1].side is Side.SELL
    unlike = (MissedTouch, ExtraFill, OtherPrice, OtherTime, SoldByHand, NotComparable)
    beside = Beside(
        cycle=number,
        start=real.start,
        end=real.end,
        rebuys=real.rebuys,
        net_profit=real.net_profit,
        tested_end=tested[-1].time if closed else None,
        tested_rebuys=max((fill.k for fill in tested), default=0),
        tested_net_profit=profit,
        same=not any(isinstance(one, unlike) for one in differences),
    )
    return beside, differences


def _open_to_buy_at(history: History, bought: int, sold_before: int | None) -> Price:
    """The open at which a backtest would have bought: of the candle after the exit, else of the one of the buy."""
    candle = _candle(history, bought)
    if sold_before is not None and _candle(history, sold_before) == candle:
        candle = min(candle + 1, len(history) - 1)
    return history.price(history.opens[candle])


def _tested(
    real: RealCycle, entry: RealOrder, params: StrategyParams, rules: MarketRules, history: History
) -> tuple[list[BacktestFill], Quote | None]:
    """The backtest's fills of a cycle begun as the real one was, and its net profit if it was closed."""
    state = State("bt", increment=real.increment, holding=real.before)
    desk = Desk(params, Terms(rules, balance=_PLENTY), state)
    walk = Walk(desk, history)
    candle = _candle(history, entry.first)
    desk.stand_at(candle, int(history.times[candle]))
    desk.tell(StartAsked())
    desk.answer_balance()
    desk.enter(entry.price, entry.quantity)
    soon = [one for one in real.orders if one is not entry and _candle(history, one.first) == candle]
    walk.rest_of_candle([entry.price.value, *(one.price.value for one in soon)])
    end = len(history) if real.end is None else _candle(history, real.end) + 1 + _SOON
    walk.onwards(candle + 1, end, cycles=1)
    return desk.fills, desk.booked[0] if desk.booked else None


def _between(real: RealCycle, tested: Sequence[BacktestFill], history: History) -> Iterator[Difference]:
    """What the two cycles do not share, in the order of time."""
    found: list[tuple[int, Difference]] = []
    left = {(fill.side, fill.k): fill for fill in tested}
    for order in real.orders:
        key = (order.side, order.k)
        mate = left.pop(key, None)
        if order.by_hand:
            found.append((order.first, SoldByHand(real.number, order.first, order.price, order.quantity)))
        elif mate is None:
            found.append((order.first, ExtraFill(real.number, order.first, order.side, order.k, order.price)))
        else:
            found += ((order.first, one) for one in _unlike(real.number, order, mate, history))
    for fill in left.values():
        if real.end is None or fill.time <= real.end or fill.side is Side.SELL:
            found.append((fill.time, MissedTouch(real.number, fill.time, fill.side, fill.k, fill.price)))
    return (one for _, one in sorted(found, key=lambda pair: pair[0]))


def _unlike(number: int, order: RealOrder, mate: BacktestFill, history: History) -> Iterator[Difference]:
    candle = _candle(history, order.last)
    away = min(abs(candle - mate.candle), abs(_candle(history, order.first) - mate.candle))
    if away > _SOON:
        yield OtherTime(number, order.last, order.side, order.k, mate.time)
    if order.price != mate.price:
        yield OtherPrice(number, order.last, order.side, order.k, order.price, mate.price)
    if order.quantity != mate.quantity:
        yield OtherQuantity(number, order.last, order.side, order.k, order.quantity, mate.quantity)
