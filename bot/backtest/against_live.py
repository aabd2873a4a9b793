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
    LeftOpen,
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
from bot.domain.orders import Leg
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
    fills: Sequence[RealFill],
    params: StrategyParams,
    rules: MarketRules,
    history: History,
    *,
    unplaced: Sequence[RealFill] = (),
    later: Sequence[RealFill] = (),
    over: bool = False,
) -> Overlay:
    """`fills` in the order of their times, all of one strategy that ran on `params`.

    Where several carry one time, the open of their candle, their order is that of their making. `unplaced` are of other
    cycles, of times that mean nothing here: what those carried over and reinvested is booked, and no more. `later` are
    those made after the candles: their orders are not missed. `over`: it runs no longer: a cycle still open stays so.

    Candles must reach from the first fill's to the last one's: InvalidInput where they do not, or without fills.
    """
    _check(fills, history)
    first = _candle(history, fills[0].time)
    run = run_plain(params, Terms(rules), history.between(int(history.times[first]), None))
    aside = {fill.cycle for fill in unplaced}
    cycles = real_cycles([*unplaced, *fills], params, rules)
    spans = [
        _Span(
            cycle,
            sold_before=None if before is None or before.number in aside else before.end,
            left_open=cycle.end is None and (over or after is not None),
            coming=frozenset((fill.side, fill.k) for fill in later if fill.cycle == cycle.number),
        )
        for before, cycle, after in zip([None, *cycles], cycles, [*cycles[1:], None], strict=False)
        if cycle.number not in aside
    ]
    cycles = tuple(span.real for span in spans)
    judged = [_judged(span, params, rules, history) for span in spans]
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


@dataclass(frozen=True, slots=True)
class _Span:
    """A real cycle among the others: `sold_before` is the end of the one before it; a stop left it open, or not.

    `coming` are its orders that filled after the candles.
    """

    real: RealCycle
    sold_before: int | None
    left_open: bool
    coming: frozenset[tuple[Side, int]]

    @property
    def end(self) -> int | None:
        """After this time nothing is compared; None for a cycle under way."""
        return max(order.last for order in self.real.orders) if self.left_open else self.real.end


def _judged(
    span: _Span, params: StrategyParams, rules: MarketRules, history: History
) -> tuple[Beside, list[Difference]]:
    real = span.real
    entry, number = real.entry, real.number
    differences: list[Difference] = []
    tested: list[BacktestFill] = []
    profit: Quote | None = None
    if entry is None:
        differences.append(NotComparable(number, "it did not begin with a first buy of its own"))
    else:
        pays = _open_to_buy_at(history, entry.first, span.sold_before)
        if pays is not None:
            differences.append(FirstBuySlipped(number, entry.first, pays, entry.price, entry.quantity))
        tested, profit = _tested(span, entry, params, rules, history)
        differences += _between(real, tested, history)
        if span.end is not None and span.left_open:
            differences.append(LeftOpen(number, span.end))
    if real.fees != real.expected_fees:
        differences.append(FeesDiffer(number, real.fees, real.expected_fees))
    closed = bool(tested) and tested[-1].side is Side.SELL
    unlike = (MissedTouch, ExtraFill, OtherPrice, OtherTime, SoldByHand, LeftOpen, NotComparable)
    beside = Beside(
        cycle=number,
        start=real.start,
        end=real.end,
        rebuys=real.rebuys,
        net_profit=real.net_profit,
        tested_end=tested[-1].time if closed else None,
        tested_rebuys=max((fill.k for fill in tested), default=0),
        tested_net_profit=profit if closed else None,
        same=not any(isinstance(one, unlike) for one in differences),
    )
    return beside, differences


def _open_to_buy_at(history: History, bought: int, sold_before: int | None) -> Price | None:
    """The open at which a backtest would have bought: of the candle after the exit, else of the one of the buy.

    None where that candle is still to come.
    """
    candle = _candle(history, bought)
    if sold_before is not None and _candle(history, sold_before) == candle:
        candle += 1
    return history.price(history.opens[candle]) if candle < len(history) else None


def _tested(
    span: _Span, entry: RealOrder, params: StrategyParams, rules: MarketRules, history: History
) -> tuple[list[BacktestFill], Quote | None]:
    """The backtest's fills of a cycle begun as the real one was, and its net profit if it was closed.

    Without those that the real one is not late for: in the last candle, or after a cycle's end.
    """
    real = span.real
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
    end = len(history) if span.end is None else _candle(history, span.end) + 1 + _SOON
    walk.onwards(candle + 1, end, cycles=1)
    made = {(order.side, order.k) for order in real.orders}
    fills = [fill for fill in desk.fills if (fill.side, fill.k) in made or _was_due(fill, span, history)]
    return fills, desk.booked[0] if desk.booked else None


def _was_due(fill: BacktestFill, span: _Span, history: History) -> bool:
    """Whether the real order should have filled by now, or by its cycle's end; it may be late by a candle."""
    if span.end is None:
        coming = any(side is fill.side and (side is Side.SELL or k == fill.k) for side, k in span.coming)
        return fill.candle + _SOON < len(history) and not coming
    return fill.time <= span.end or (fill.side is Side.SELL and not span.left_open)


def _between(real: RealCycle, tested: Sequence[BacktestFill], history: History) -> Iterator[Difference]:
    """What the two cycles do not share, in the order of time."""
    found: list[tuple[int, Difference]] = []
    left = {(fill.side, fill.k): fill for fill in tested}
    for order in real.orders:
        mate = left.pop((order.side, order.k), None) or _exit_of_other_rungs(real, order, left)
        if order.by_hand:
            found.append((order.first, SoldByHand(real.number, order.first, order.price, order.quantity)))
        elif mate is None:
            found.append((order.first, ExtraFill(real.number, order.first, order.side, order.k, order.price)))
        else:
            found += ((order.first, one) for one in _unlike(real.number, order, mate, history))
    first = min((k for side, k in left if side is Side.BUY), default=0)
    for fill in left.values():
        if fill.side is Side.SELL or fill.k == first:  # the next re-buys only rest once this one has filled
            found.append((fill.time, MissedTouch(real.number, fill.time, fill.side, fill.k, fill.price)))
    return (one for _, one in sorted(found, key=lambda pair: pair[0]))


def _exit_of_other_rungs(
    real: RealCycle, order: RealOrder, left: dict[tuple[Side, int], BacktestFill]
) -> BacktestFill | None:
    """The backtest's exit of a cycle that came to its own with more re-buys, or fewer."""
    own = {(one.side, one.k) for one in real.orders}
    key = next((key for key in left if key[0] is Side.SELL and key not in own), None)
    return left.pop(key) if key is not None and order.leg is Leg.EXIT else None


def _unlike(number: int, order: RealOrder, mate: BacktestFill, history: History) -> Iterator[Difference]:
    candle = _candle(history, order.last)
    away = min(abs(candle - mate.candle), abs(_candle(history, order.first) - mate.candle))
    if away > _SOON:
        yield OtherTime(number, order.last, order.side, order.k, mate.time)
    if order.price != mate.price:
        yield OtherPrice(number, order.last, order.side, order.k, order.price, mate.price)
    if order.quantity != mate.quantity:
        yield OtherQuantity(number, order.last, order.side, order.k, order.quantity, mate.quantity)
