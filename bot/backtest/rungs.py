"""Sets of parameters as the kernel reads them: their ladders in whole numbers, with what cutting them off may hide.

Units: quote in ticks * lots of the pair's rules; ratios in 10**-18. Neighbours in a sweep share most of their
progressions, so each is computed once and kept.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.backtest.model import Terms
from bot.domain import ladder
from bot.domain.market import MarketRules
from bot.domain.money import EXACT, Quote
from bot.domain.params import StrategyParams
from bot.errors import BotError

UNIT = Decimal(10) ** 18
NO_MOST = (1 << 62) - 1
_MOST = 10**15
_MOST_RATIO, _LEAST_RATIO = 9 * 10**18, 10**16
_MOST_FEE_DIGITS = 12
_HAIR = Decimal("1e-25")
"""A number this near below a whole one might be rounded to it by the 60 digits of the exact path."""
_NEARLY_ONE = 1 - _HAIR
_TOO_NEAR = "an amount lies within a hair of a whole number of lots"
_MOST_KEPT = 512
_UNIT = int(UNIT)
_AMOUNT_FIELDS = attrgetter(
    "qty_inicial", "multiplicador_qty", "qty_minima", "qty_maxima", "limite_recompras", "curva_qty"
)
_TARGET_FIELDS = attrgetter(
    "lucro_alvo_inicial",
    "multiplicador_lucro",
    "lucro_alvo_minimo",
    "lucro_alvo_maximo",
    "limite_recompras",
    "curva_lucro",
)
_DROP_FIELDS = attrgetter(
    "recompra_queda_inicial",
    "multiplicador_recompra",
    "recompra_queda_minimo",
    "recompra_queda_maximo",
    "limite_recompras",
    "curva_recompra",
)
_FIRST_FIELDS = attrgetter("qty_inicial", "saldo_limite", "lucro_reaplicar")
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Key = tuple[Any, ...]
T = TypeVar("T")


class Beyond(BotError):  # noqa: N818 - it reads as the reason that it is
    """Not within what the kernel counts with; the words say why."""


class Amounts(NamedTuple):
    """q(0) .. q(n) in units, cut to whole ones and as doubles; their sum in quote.

    `fractions` are what was cut off the first of them; from there on all are equal.
    """

    whole: Ints
    near: Floats
    fractions: list[Decimal]
    total: Decimal


class First(NamedTuple):
    """A first buy: what it asks for in quote, whether that can be sent, and its amount in units.

    Where profit is reinvested: the amount of a whole saldo_limite, and the step of a market buy's amount (0 where it
    changes no lots).
    """

    asked: Decimal
    sent: bool
    amount: int
    full: int
    step: int


class Wholes(NamedTuple):
    """One set as bot.backtest.kernel_cycle.Rows wants it."""

    rungs: Ints
    means: Floats
    whole: tuple[int, ...]
    real: tuple[float, ...]


class Scale:
    """What one pair's rules and one balance make of sets of parameters. Beyond where there is no tick or lot step."""

    def __init__(self, terms: Terms) -> None:
        rules = terms.rules
        self.unit = unit_of(rules)
        self._terms = terms
        per_unit = EXACT.divide(Decimal(1), self.unit)
        exact = EXACT.multiply(per_unit, self.unit) == 1  # multiplying is three times as fast as dividing
        self._in_units: Callable[[Decimal], Decimal] = (
            partial(EXACT.multiply, per_unit) if exact else lambda amount: EXACT.divide(amount, self.unit)
        )
        self._limits = (
            _ceiling(EXACT.divide(rules.min_notional.value, self.unit)),
            max(1, _ceiling(EXACT.divide(rules.min_quantity.value, rules.lot_step))),
            _floor(EXACT.divide(rules.max_quantity.value, rules.lot_step)) if rules.max_quantity else NO_MOST,
        )
        self._amounts: dict[Key, Amounts] = {}
        self._targets: dict[Key, Ints] = {}
        self._drops: dict[Key, Ints] = {}
        self._firsts: dict[Key, First] = {}

    def wholes(self, params: StrategyParams) -> Wholes:
        """A valid set of parameters; Beyond where it cannot be had."""
        amounts = _kept(self._amounts, _AMOUNT_FIELDS(params), params, self._amounts_of)
        targets = _kept(self._targets, _TARGET_FIELDS(params), params, _targets_of)
        drops = _kept(self._drops, _DROP_FIELDS(params), params, _drops_of)
        saldo, given = params.saldo_limite, self._terms.balance
        balance = given.value if given is not None else saldo or amounts.total
        limit = EXACT.divide(saldo or balance, self.unit)
        free = limit if (saldo or balance) == balance else EXACT.divide(balance, self.unit)
        rungs = np.zeros((len(targets), 4), dtype=np.int64)
        rungs[:, 0] = amounts.whole
        rungs[:, 1] = _rooms(limit, amounts)
        rungs[:, 2] = targets
        rungs[1:, 3] = drops
        first = _kept(self._firsts, _FIRST_FIELDS(params), params, self._first_of)
        top, bottom = _fee(params.taxa)
        whole = (
            params.limite_recompras,
            top,
            bottom,
            int(params.lucro_reaplicar),
            int(saldo > 0),
            int(first.sent and balance >= first.asked),
            first.amount,
            first.full,
            _surely(free),
            first.step,
            *self._limits,
        )
        return Wholes(rungs, amounts.near, whole, (float(params.taxa), float(limit), float(free)))

    def _amounts_of(self, params: StrategyParams) -> Amounts:
        progression = ladder.amounts(params)
        moving = _moving(progression)
        units = [self._in_units(amount) for amount in moving]
        if max(units) > _MOST:
            raise Beyond("an amount is too large for its tick and lot")
        floors = [amount.to_integral_value(ROUND_FLOOR) for amount in units]
        fractions = [EXACT.subtract(amount, floor) for amount, floor in zip(units, floors, strict=True)]
        if max(fractions) > _NEARLY_ONE:
            raise Beyond(_TOO_NEAR)
        rest = len(progression) - len(moving)
        with localcontext(EXACT):
            total = sum(progression)
        whole = [*map(int, floors)]
        near = [*map(float, units)]
        return Amounts(
            np.array(whole + whole[-1:] * rest, dtype=np.int64),
            np.array(near + near[-1:] * rest, dtype=np.float64),
            fractions,
            Decimal(total),
        )

    def _first_of(self, params: StrategyParams) -> First:
        rules, saldo = self._terms.rules, params.saldo_limite
        asked = params.qty_inicial
        sent = rules.quote_down(Quote(asked)).value
        full, step = 0, 0
        if params.lucro_reaplicar:
            full = _surely(EXACT.divide(rules.quote_down(Quote(saldo)).value, self.unit))
            step = _step(rules.quote_step, self.unit)
        return First(
            asked,
            sent >= rules.min_notional.value and sent > 0,
            _surely(EXACT.divide(sent, self.unit)),
            full,
            step,
        )


def _moving(progression: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    """A progression up to where it stands still for good."""
    last = progression[-1:]
    end = len(progression)
    while end > 1 and progression[end - 2] is last[0]:
        end -= 1
    return progression[:end]


def unit_of(rules: MarketRules) -> Decimal:
    """One tick times one lot, in quote; Beyond where either is off."""
    if not rules.tick or not rules.lot_step:
        raise Beyond("the pair has no tick or no lot step")
    return EXACT.multiply(rules.tick, rules.lot_step)


def _kept(kept: dict[Key, T], key: Key, params: StrategyParams, make: Callable[[StrategyParams], T]) -> T:
    found = kept.get(key)
    if found is None:
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[key] = found = make(params)
    return found


def _rooms(limit: Decimal, amounts: Amounts) -> Ints:
    """What may have been spent before each amount for it to fit the limit: floor(limit - amount)."""
    most = _surely(limit)
    beyond = EXACT.subtract(limit, Decimal(most))
    rooms = most - amounts.whole
    least, most_near = EXACT.subtract(beyond, _HAIR), EXACT.add(beyond, _HAIR)
    if any(least <= fraction <= most_near and fraction != beyond for fraction in amounts.fractions):
        raise Beyond(_TOO_NEAR)  # a quotient that is cut off at 60 digits: thirds of a limit and of an amount
    over = [fraction > beyond for fraction in amounts.fractions]
    rooms[: len(over)] -= over
    rooms[len(over) :] -= over[-1]
    return rooms


def _targets_of(params: StrategyParams) -> Ints:
    """1 + p(0) .. 1 + p(n)."""
    progression, ratios = ladder.targets(params), []
    for target in _moving(progression):
        scaled = EXACT.multiply(target, UNIT)
        whole = scaled.to_integral_value(ROUND_FLOOR)
        ratios.append(_UNIT + int(whole) if whole == scaled else -_UNIT - int(whole))
    if max(map(abs, ratios)) > _MOST_RATIO:
        raise Beyond("a target is beyond what the fast engine counts with")
    return np.array(ratios + ratios[-1:] * (len(progression) - len(ratios)), dtype=np.int64)


def _drops_of(params: StrategyParams) -> Ints:
    """1 - d(1) .. 1 - d(n)."""
    progression, ratios = ladder.drops(params), []
    for drop in _moving(progression):
        scaled = EXACT.multiply(drop, UNIT)
        whole = scaled.to_integral_value(ROUND_FLOOR)
        ratios.append(_UNIT - int(whole) if whole == scaled else int(whole) + 1 - _UNIT)
    if min(map(abs, ratios), default=_UNIT) < _LEAST_RATIO:
        raise Beyond("a drop is beyond what the fast engine counts with")
    return np.array(ratios + ratios[-1:] * (len(progression) - len(ratios)), dtype=np.int64)


def _surely(number: Decimal) -> int:
    """The whole number at or below, from which the exact path cannot differ by rounding to 60 digits."""
    whole = int(number.to_integral_value(ROUND_FLOOR))
    if int(EXACT.add(number, _HAIR).to_integral_value(ROUND_FLOOR)) != whole:
        raise Beyond(_TOO_NEAR)
    return max(-NO_MOST, min(NO_MOST, whole))


def _floor(number: Decimal) -> int:
    return min(NO_MOST, int(number.to_integral_value(ROUND_FLOOR)))


def _ceiling(number: Decimal) -> int:
    return min(NO_MOST, int(number.to_integral_value(ROUND_CEILING)))


@lru_cache(maxsize=64)
def _fee(taxa: Decimal) -> tuple[int, int]:
    digits = max(0, -int(taxa.normalize().as_tuple().exponent))
    if digits > _MOST_FEE_DIGITS:
        raise Beyond("taxa has more decimals than the fast engine counts with")
    return int(taxa.scaleb(digits)), 10**digits


@lru_cache(maxsize=64)
def _step(step: Decimal, unit: Decimal) -> int:
    """The step of a first buy's amount in units; 0 where cutting to it changes no lots."""
    if not step or unit % step == 0:
        return 0
    if step % unit:
        raise Beyond("the step of a market buy's amount is no multiple of tick times lot")
    return int(step / unit)


def packed(sets: Sequence[Wholes]) -> tuple[NDArray[Any], ...]:
    """The sets as the arrays of bot.backtest.kernel_cycle.Rows, one row a set, filled up with zeros."""
    most = max(len(one.means) for one in sets)
    rungs = np.zeros((len(sets), most, 4), dtype=np.int64)
    means = np.zeros((len(sets), most), dtype=np.float64)
    for number, one in enumerate(sets):
        rungs[number, : len(one.means)] = one.rungs
        means[number, : len(one.means)] = one.means
    whole = np.array([one.whole for one in sets], dtype=np.int64)
    return rungs, means, whole, np.array([one.real for one in sets], dtype=np.float64)
