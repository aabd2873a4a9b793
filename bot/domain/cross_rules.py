"""What must hold between parameters (docs/strategy.md): order, limits, splines and fees.

A rule is asked with the field that was just answered (`blamed`, "" where all stand together), so that the
fault names the value that can still be changed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal

from bot.domain.faults import fault
from bot.domain.ladder import targets
from bot.domain.money import EXACT, plain
from bot.domain.params import CURVES, Curve, CurveChoice, CurveField, StrategyParams
from bot.errors import InvalidInput

_ONE = Decimal(1)
_BRIEF = Context(prec=8)
_GRID = Decimal("0.000001")
"""Targets and fees are suggested on this grid: 0.0001 %."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`broken` yields the faults; it may rely on each of `fields` being valid by itself."""

    fields: frozenset[str]
    broken: Callable[[StrategyParams, str], Iterator[InvalidInput]]


def _ordered(low: str, high: str) -> Rule:
    def broken(params: StrategyParams, blamed: str) -> Iterator[InvalidInput]:
        floor, ceiling = plain(getattr(params, low)), plain(getattr(params, high))
        if getattr(params, low) <= getattr(params, high):
            return
        if blamed == high:
            yield fault("below_its_floor", high, value=ceiling, limit=floor, other=low)
        else:
            yield fault("above_its_ceiling", low, value=floor, limit=ceiling, other=high)

    return Rule(frozenset({low, high}), broken)


def _limit_takes_first_buy(params: StrategyParams, blamed: str) -> Iterator[InvalidInput]:
    limit, first = params.saldo_limite, params.qty_inicial
    if limit == 0 or limit >= first:
        return
    if blamed == "qty_inicial":
        yield fault(
            "above_its_ceiling", "qty_inicial", value=plain(first), limit=plain(limit), other="saldo_limite"
        )
    else:
        yield fault(
            "limit_below_first_buy",
            "saldo_limite",
            value=plain(limit),
            limit=plain(first),
            other="qty_inicial",
        )


def _no_zero_multiplier(which: CurveField) -> Rule:
    """A multiplier of 0 means something to one curve only: exponencial, which is then linear."""

    def broken(params: StrategyParams, _blamed: str) -> Iterator[InvalidInput]:
        choice: CurveChoice = getattr(params, which.name)
        if getattr(params, which.multiplier) == 0 and choice.curve is not Curve.EXPONENTIAL:
            yield fault(
                "out_of_range", which.multiplier, value="0", range="> 0, <= 1000", valid="a number above 0"
            )

    return Rule(frozenset({which.multiplier, which.name}), broken)


def _spline_spans_the_ladder(which: CurveField) -> Rule:
    def broken(params: StrategyParams, _blamed: str) -> Iterator[InvalidInput]:
        choice: CurveChoice = getattr(params, which.name)
        last = params.limite_recompras
        if choice.curve is not Curve.SPLINE or last < which.first_rung:
            return
        if last < which.first_rung + 2:
            yield fault("spline_too_short", which.name, value=str(last), needed=str(which.first_rung + 2))
        elif (choice.points[0][0], choice.points[-1][0]) != (which.first_rung, last):
            yield fault(
                "spline_ends",
                f"{which.name}_pontos",
                first=str(which.first_rung),
                last=str(last),
                value_first=str(choice.points[0][0]),
                value_last=str(choice.points[-1][0]),
            )

    return Rule(frozenset({which.name, "limite_recompras"}), broken)


def _spline_starts_at_the_start(which: CurveField) -> Rule:
    def broken(params: StrategyParams, _blamed: str) -> Iterator[InvalidInput]:
        choice: CurveChoice = getattr(params, which.name)
        start: Decimal = getattr(params, which.start)
        if choice.curve is Curve.SPLINE and choice.points[0][1] != start:
            yield fault(
                "spline_start",
                f"{which.name}_pontos",
                value=plain(choice.points[0][1]),
                limit=plain(start),
                other=which.start,
            )

    return Rule(frozenset({which.name, which.start}), broken)


def earns(target: Decimal, taxa: Decimal) -> bool:
    """Whether selling at `target` over the average pays the fee of both sides: (1 + p) * (1 - taxa)^2 > 1."""
    kept = EXACT.subtract(_ONE, taxa)
    return EXACT.multiply(EXACT.add(_ONE, target), EXACT.multiply(kept, kept)) > 1


def smallest_target(taxa: Decimal) -> Decimal:
    """The smallest target, of six decimal places, that earns anything at this fee."""
    kept = EXACT.subtract(_ONE, taxa)
    edge = EXACT.subtract(EXACT.divide(_ONE, EXACT.multiply(kept, kept)), _ONE)
    target = edge.quantize(_GRID, rounding=ROUND_FLOOR, context=EXACT)
    while not earns(target, taxa):
        target += _GRID
    return target


def largest_fee(target: Decimal) -> Decimal:
    """The largest fee, of six decimal places, at which this target earns anything; 0 where none does."""
    edge = EXACT.subtract(_ONE, EXACT.divide(_ONE, EXACT.add(_ONE, target).sqrt(EXACT)))
    fee = edge.quantize(_GRID, rounding=ROUND_FLOOR, context=EXACT)
    while fee > 0 and not earns(target, fee):
        fee -= _GRID
    return fee


def _loses(field: str, k: int, target: Decimal, params: StrategyParams) -> InvalidInput:
    return fault(
        "target_can_only_lose",
        field,
        value=plain(getattr(params, field)),
        k=str(k),
        target=plain(_BRIEF.plus(target)),
        taxa=plain(params.taxa),
        smallest=plain(smallest_target(params.taxa)),
    )


def _fee_eats(field: str, k: int, target: Decimal, params: StrategyParams) -> InvalidInput:
    return fault(
        "fee_eats_target",
        "taxa",
        value=plain(params.taxa),
        k=str(k),
        target=plain(_BRIEF.plus(target)),
        other=field,
        largest=plain(largest_fee(target)),
        smallest=plain(smallest_target(params.taxa)),
    )


def _first_target_earns(params: StrategyParams, blamed: str) -> Iterator[InvalidInput]:
    target = params.lucro_alvo_inicial
    if not earns(target, params.taxa):
        blame = _fee_eats if blamed == "taxa" else _loses
        yield blame("lucro_alvo_inicial", 0, target, params)


def _later_targets_earn(params: StrategyParams, blamed: str) -> Iterator[InvalidInput]:
    """The floor holds every later target up, so raising it (and a ceiling below it) is what mends them."""
    later = targets(params)[1:]
    if not later or earns(min(later), params.taxa):
        return
    lowest = min(later)
    k = 1 + later.index(lowest)
    if blamed == "taxa":
        yield _fee_eats("lucro_alvo_minimo", k, lowest, params)
        return
    yield _loses("lucro_alvo_minimo", k, lowest, params)
    if params.lucro_alvo_maximo < smallest_target(params.taxa):
        yield _loses("lucro_alvo_maximo", k, lowest, params)


_TARGET_FIELDS = frozenset(
    {
        "lucro_alvo_inicial",
        "multiplicador_lucro",
        "lucro_alvo_minimo",
        "lucro_alvo_maximo",
        "limite_recompras",
        "curva_lucro",
        "taxa",
    }
)

STRUCTURE: tuple[Rule, ...] = (
    *(_ordered(which.low, which.high) for which in CURVES),
    Rule(frozenset({"saldo_limite", "qty_inicial"}), _limit_takes_first_buy),
    *(_no_zero_multiplier(which) for which in CURVES),
    *(_spline_spans_the_ladder(which) for which in CURVES),
    *(_spline_starts_at_the_start(which) for which in CURVES),
)
"""Rules that can be judged on any valid values."""

OUTCOME: tuple[Rule, ...] = (
    Rule(frozenset({"lucro_alvo_inicial", "taxa"}), _first_target_earns),
    Rule(_TARGET_FIELDS, _later_targets_earn),
)
"""Rules that compute the ladder, and so need STRUCTURE to hold for their fields."""
