"""A set of parameters as the kernel reads it: its ladder in whole numbers, with what cutting them off may hide.

Units: quote in ticks * lots of the pair's rules; ratios in 10**-18.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.backtest.model import Terms
from bot.domain.ladder import Ladder, build_ladder
from bot.domain.market import MarketRules
from bot.domain.money import EXACT, Quote
from bot.domain.params import StrategyParams

UNIT = Decimal(10) ** 18
_MOST = 10**15
_MOST_RATIO = 9 * 10**18
_LEAST_RATIO = 10**16
_HAIR = Decimal("1e-25")
"""An amount this near below a whole number might be rounded to it by the 60 digits of the exact path."""
NO_MOST = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class Wholes:
    """One set for the kernel (bot.backtest.kernel_cycle.Rows); `why` says why it cannot be had, and then all is empty.

    `rungs` is all amounts, then what may have been spent before each, then all 1 + target, then all 1 - drop.
    """

    rungs: Sequence[int] = ()
    means: Sequence[float] = ()
    whole: Sequence[int] = ()
    real: Sequence[float] = ()
    why: str = ""


class Beyond(ArithmeticError):  # noqa: N818 - it is a reason
    """Not within what the kernel counts with; the words say why."""


def in_wholes(params: StrategyParams, terms: Terms) -> Wholes:
    try:
        return _in_wholes(params, terms)
    except Beyond as why:
        return Wholes(why=str(why))


def unit_of(rules: MarketRules) -> Decimal:
    """One tick times one lot, in quote; Beyond where either is off."""
    if not rules.tick or not rules.lot_step:
        raise Beyond("the pair has no tick or no lot step")
    return EXACT.multiply(rules.tick, rules.lot_step)


def _in_wholes(params: StrategyParams, terms: Terms) -> Wholes:
    rules, ladder = terms.rules, build_ladder(params)
    unit = unit_of(rules)
    balance = terms.opening_balance(params)
    limit = params.saldo_limite or balance.value
    amounts = [EXACT.divide(amount, unit) for amount in ladder.amounts]
    rooms = [EXACT.divide(EXACT.subtract(limit, amount), unit) for amount in ladder.amounts]
    one = Decimal(1)
    return Wholes(
        rungs=[
            *map(_cut, amounts),
            *map(_surely, rooms),
            *(_ratio(EXACT.add(one, target)) for target in ladder.targets),
            0,
            *(_ratio(EXACT.subtract(one, drop)) for drop in ladder.drops),
        ],
        means=list(map(float, amounts)),
        whole=_whole(params, terms, ladder, balance, unit),
        real=[float(params.taxa), float(EXACT.divide(limit, unit)), float(EXACT.divide(balance.value, unit))],
    )


def _whole(params: StrategyParams, terms: Terms, ladder: Ladder, balance: Quote, unit: Decimal) -> list[int]:
    rules = terms.rules
    top, bottom = _fee(params.taxa)
    first = min(ladder.amounts[0], params.saldo_limite or ladder.amounts[0])
    sent = rules.quote_down(Quote(first))
    starts = balance.value >= first and sent >= rules.min_notional and sent.value > 0
    full = rules.quote_down(Quote(params.saldo_limite))
    return [
        params.limite_recompras,
        top,
        bottom,
        int(params.lucro_reaplicar),
        int(params.saldo_limite > 0),
        int(starts),
        _cut(EXACT.divide(sent.value, unit)),
        _cut(EXACT.divide(full.value, unit)),
        _floor(EXACT.divide(balance.value, unit)),
        _step(rules.quote_step, unit, matters=params.lucro_reaplicar),
        _ceiling(EXACT.divide(rules.min_notional.value, unit)),
        max(1, _ceiling(EXACT.divide(rules.min_quantity.value, rules.lot_step))),
        _floor(EXACT.divide(rules.max_quantity.value, rules.lot_step)) if rules.max_quantity else NO_MOST,
    ]


def _cut(amount: Decimal) -> int:
    if amount > _MOST:
        raise Beyond("an amount is too large for its tick and lot")
    return _surely(amount)


def _surely(number: Decimal) -> int:
    """The whole number at or below, from which the exact path cannot differ by rounding to 60 digits."""
    whole = number.to_integral_value(rounding=ROUND_FLOOR)
    if whole != number and 1 - (number - whole) < _HAIR:
        raise Beyond("an amount lies within a hair of a whole number of lots")
    return max(-NO_MOST, min(NO_MOST, int(whole)))


def _floor(number: Decimal) -> int:
    return max(-NO_MOST, min(NO_MOST, int(number.to_integral_value(rounding=ROUND_FLOOR))))


def _ceiling(number: Decimal) -> int:
    return min(NO_MOST, int(number.to_integral_value(rounding=ROUND_CEILING)))


def _ratio(ratio: Decimal) -> int:
    scaled = EXACT.multiply(ratio, UNIT)
    whole = int(scaled)
    if not _LEAST_RATIO < whole < _MOST_RATIO:
        raise Beyond("a target or a drop is beyond what the fast engine counts with")
    return whole if whole == scaled else -whole


def _fee(taxa: Decimal) -> tuple[int, int]:
    top, bottom = taxa.as_integer_ratio()
    digits = max(0, -int(taxa.normalize().as_tuple().exponent))
    if digits > 12:
        raise Beyond("taxa has more than 12 decimals")
    return top * (10**digits // bottom), 10**digits


def _step(step: Decimal, unit: Decimal, *, matters: bool) -> int:
    """The step of a first buy's amount in units; 0 where cutting to it changes no lots."""
    if not step or unit % step == 0 or not matters:
        return 0
    if step % unit:
        raise Beyond("the step of a market buy's amount is no multiple of tick times lot")
    return int(step / unit)


def packed(sets: Sequence[Wholes]) -> tuple[NDArray[Any], ...]:
    """The sets as the arrays of bot.backtest.kernel_cycle.Rows, one row a set, filled up with zeros."""
    most = max((len(one.means) for one in sets), default=1)
    rungs = np.zeros((len(sets), most, 4), dtype=np.int64)
    means = np.zeros((len(sets), most), dtype=np.float64)
    for number, one in enumerate(sets):
        rungs[number, : len(one.means)] = np.array(one.rungs, dtype=np.int64).reshape(4, -1).T
        means[number, : len(one.means)] = one.means
    whole = np.array([one.whole for one in sets], dtype=np.int64)
    return rungs, means, whole, np.array([one.real for one in sets], dtype=np.float64)
