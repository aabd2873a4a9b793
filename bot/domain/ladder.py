"""Amount, drop and target of the k-th order of a cycle (docs/strategy.md, "The ladder")."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import repeat

from bot.domain.curves import shaped, spline
from bot.domain.market import MarketRules
from bot.domain.money import EXACT, Base, Price, Quote
from bot.domain.params import CURVES, Curve, CurveChoice, CurveField, StrategyParams

_AMOUNT, _TARGET, _DROP = CURVES


@dataclass(frozen=True, slots=True)
class Ladder:
    """The three progressions of one set of parameters, unrounded (to 60 digits).

    `amounts[k]` (quote) and `targets[k]` (fraction) for k = 0 .. limite_recompras; `drops[k - 1]` (fraction)
    for the re-buy k = 1 .. limite_recompras.
    """

    amounts: tuple[Decimal, ...]
    targets: tuple[Decimal, ...]
    drops: tuple[Decimal, ...]

    @property
    def max_rebuys(self) -> int:
        return len(self.drops)

    def amount(self, k: int, increment: Quote) -> Quote:
        """What the k-th buy spends: q(k) plus the reinvested increment."""
        return Quote(self.amounts[k]) + increment

    def rebuy_price(self, k: int, last_buy: Price, rules: MarketRules) -> Price:
        """P(k) = tick_down(P(k-1) * (1 - d(k)))."""
        return rules.tick_down(last_buy.times(EXACT.subtract(Decimal(1), self.drops[k - 1])))

    def exit_price(self, k: int, spent: Quote, bought: Base, rules: MarketRules) -> Price:
        """S(k) = tick_up(A * (1 + p(k))), A = spent / bought; multiplied first, so that only one step rounds."""
        return rules.tick_up(spent.times(EXACT.add(Decimal(1), self.targets[k])).per(bought))


def build_ladder(params: StrategyParams) -> Ladder:
    """The progressions of `params`, by the curve chosen for each. `params` must be valid."""
    return Ladder(amounts(params), targets(params), drops(params))


def amounts(params: StrategyParams) -> tuple[Decimal, ...]:
    """q(0) .. q(limite_recompras), in quote."""
    return _progression(params, _AMOUNT)


def targets(params: StrategyParams) -> tuple[Decimal, ...]:
    """p(0) .. p(limite_recompras), as fractions of the average price."""
    return _progression(params, _TARGET)


def drops(params: StrategyParams) -> tuple[Decimal, ...]:
    """d(1) .. d(limite_recompras), as fractions of the last buy's price."""
    return _progression(params, _DROP)


def _progression(params: StrategyParams, which: CurveField) -> tuple[Decimal, ...]:
    """The values of one curve; from the second on they are clamped, the first never is."""
    rungs = range(which.first_rung, params.limite_recompras + 1)
    if not rungs:
        return ()
    start: Decimal = getattr(params, which.start)
    multiplier: Decimal = getattr(params, which.multiplier)
    low: Decimal = getattr(params, which.low)
    high: Decimal = getattr(params, which.high)
    choice: CurveChoice = getattr(params, which.name)
    if choice.curve is Curve.GEOMETRIC:
        return _geometric(start, multiplier, low, high, len(rungs))
    if choice.curve is Curve.SPLINE:
        values = spline(choice.points, rungs)
    else:
        end = choice.end if choice.end is not None else getattr(params, which.end)
        values = shaped(choice.curve, start, end, multiplier, len(rungs))
    return (start, *(_clamp(value, low, high) for value in values[1:]))


def _geometric(
    start: Decimal, factor: Decimal, low: Decimal, high: Decimal, count: int
) -> tuple[Decimal, ...]:
    values, value = [start], start
    while len(values) < count:  # _clamp spelt out: a sweep comes here a million times
        value = EXACT.multiply(value, factor)
        if value > high:  # noqa: PLR1730
            value = high
        if value < low:  # noqa: PLR1730
            value = low
        if value == values[-1]:  # and so are all that follow
            return (*values, *repeat(values[-1], count - len(values)))
        values.append(value)
    return tuple(values)


def _clamp(value: Decimal, low: Decimal, high: Decimal) -> Decimal:
    return max(low, min(high, value))
