"""Sets of parameters as the kernel reads them: their ladders in whole numbers, with what cutting them off may hide.

Units: quote in ticks * lots of the pair's rules; ratios in 10**-18. Neighbours in a sweep share most of their
progressions, so each is computed once and kept.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
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
_MOST_KEPT = 4096
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
Ints = NDArray[np.int64]
Key = tuple[Any, ...]
T = TypeVar("T")


class Beyond(BotError):  # noqa: N818 - it reads as the reason that it is
    """Not within what the kernel counts with; the words say why."""


class Amounts(NamedTuple):
    """q(0) .. q(n) in units: cut to whole ones, as doubles, whether something was cut off each, and as they are."""

    whole: Ints
    near: NDArray[np.float64]
    cut: NDArray[np.bool_]
    units: list[Decimal]


class Wholes(NamedTuple):
    """One set as bot.backtest.kernel_cycle.Rows wants it."""

    rungs: Ints
    means: NDArray[np.float64]
    whole: tuple[int, ...]
    real: tuple[float, ...]


class Scale:
    """What one pair's rules and one balance make of sets of parameters. Beyond where there is no tick or lot step."""

    def __init__(self, terms: Terms) -> None:
        rules = terms.rules
        self.unit = unit_of(rules)
        self._terms = terms
        self._limits = (
            _ceiling(EXACT.divide(rules.min_notional.value, self.unit)),
            max(1, _ceiling(EXACT.divide(rules.min_quantity.value, rules.lot_step))),
            _floor(EXACT.divide(rules.max_quantity.value, rules.lot_step)) if rules.max_quantity else NO_MOST,
        )
        self._kept_amounts: dict[Key, Amounts] = {}
        self._kept_targets: dict[Key, Ints] = {}
        self._kept_drops: dict[Key, Ints] = {}

    def wholes(self, params: StrategyParams) -> Wholes:
        """A valid set of parameters; Beyond where it cannot be had."""
        amounts = _kept(self._kept_amounts, params, _AMOUNT_FIELDS, self._amounts)
        targets = _kept(self._kept_targets, params, _TARGET_FIELDS, _targets)
        drops = _kept(self._kept_drops, params, _DROP_FIELDS, _drops)
        balance = self._terms.opening_balance(params).value
        limit = EXACT.divide(params.saldo_limite or balance, self.unit)
        rungs = np.zeros((len(targets), 4), dtype=np.int64)
        rungs[:, 0] = amounts.whole
        rungs[:, 1] = _rooms(limit, amounts)
        rungs[:, 2] = targets
        rungs[1:, 3] = drops
        free = EXACT.divide(balance, self.unit) if params.saldo_limite else limit
        real = (float(params.taxa), float(limit), float(free))
        return Wholes(rungs, amounts.near, self._whole(params, balance, _surely(free)), real)

    def _amounts(self, params: StrategyParams) -> Amounts:
        units = [EXACT.divide(amount, self.unit) for amount in ladder.amounts(params)]
        if max(units) > _MOST:
            raise Beyond("an amount is too large for its tick and lot")
        whole = [_surely(amount) for amount in units]
        cut = [amount != below for amount, below in zip(units, whole, strict=True)]
        return Amounts(
            np.array(whole, dtype=np.int64),
            np.array([float(amount) for amount in units]),
            np.array(cut, dtype=np.bool_),
            units,
        )

    def _whole(self, params: StrategyParams, balance: Decimal, cash: int) -> tuple[int, ...]:
        rules, saldo = self._terms.rules, params.saldo_limite
        top, bottom = _fee(params.taxa)
        first = min(params.qty_inicial, saldo) if saldo else params.qty_inicial
        sent = rules.quote_down(Quote(first)).value
        starts = balance >= first and sent >= rules.min_notional.value and sent > 0
        reinvests = params.lucro_reaplicar
        return (
            params.limite_recompras,
            top,
            bottom,
            int(reinvests),
            int(saldo > 0),
            int(starts),
            _surely(EXACT.divide(sent, self.unit)),
            _surely(EXACT.divide(rules.quote_down(Quote(saldo)).value, self.unit)) if reinvests else 0,
            cash,
            _step(rules.quote_step, self.unit) if reinvests else 0,
            *self._limits,
        )


def unit_of(rules: MarketRules) -> Decimal:
    """One tick times one lot, in quote; Beyond where either is off."""
    if not rules.tick or not rules.lot_step:
        raise Beyond("the pair has no tick or no lot step")
    return EXACT.multiply(rules.tick, rules.lot_step)


def _kept(
    kept: dict[Key, T],
    params: StrategyParams,
    fields: Callable[[StrategyParams], Key],
    make: Callable[[StrategyParams], T],
) -> T:
    key = fields(params)
    found = kept.get(key)
    if found is None:
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[key] = found = make(params)
    return found


def _rooms(limit: Decimal, amounts: Amounts) -> Ints:
    """What may have been spent before each amount for it to fit the limit: floor(limit - amount)."""
    most = _surely(limit)
    over = amounts.cut
    if limit != most:
        beyond = EXACT.subtract(limit, Decimal(most))
        over = np.array([a - b > beyond for a, b in zip(amounts.units, amounts.whole.tolist(), strict=True)])
    return most - amounts.whole - over


def _targets(params: StrategyParams) -> Ints:
    """1 + p(0) .. 1 + p(n)."""
    ratios = []
    for target in ladder.targets(params):
        scaled = EXACT.multiply(target, UNIT)
        whole = int(scaled)
        ratios.append(_UNIT + whole if whole == scaled else -_UNIT - whole)
    if max(map(abs, ratios)) > _MOST_RATIO:
        raise Beyond("a target is beyond what the fast engine counts with")
    return np.array(ratios, dtype=np.int64)


def _drops(params: StrategyParams) -> Ints:
    """1 - d(1) .. 1 - d(n)."""
    ratios = []
    for drop in ladder.drops(params):
        scaled = EXACT.multiply(drop, UNIT)
        whole = int(scaled)
        ratios.append(_UNIT - whole if whole == scaled else whole + 1 - _UNIT)
    if min(map(abs, ratios), default=_UNIT) < _LEAST_RATIO:
        raise Beyond("a drop is beyond what the fast engine counts with")
    return np.array(ratios, dtype=np.int64)


def _surely(number: Decimal) -> int:
    """The whole number at or below, from which the exact path cannot differ by rounding to 60 digits."""
    whole = int(number.to_integral_value(ROUND_FLOOR))
    if int(EXACT.add(number, _HAIR).to_integral_value(ROUND_FLOOR)) != whole:
        raise Beyond("an amount lies within a hair of a whole number of lots")
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
