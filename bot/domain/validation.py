"""Whether a strategy may run on its parameters: each alone, and those that depend on one another.

Every fault names the item, the value and what would be accepted (`bot.domain.faults`).
"""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from itertools import pairwise

from bot.domain.cross_rules import OUTCOME, STRUCTURE
from bot.domain.faults import fault, shown
from bot.domain.money import plain
from bot.domain.params import (
    BY_NAME,
    CURVES,
    MAX_PLACES,
    Curve,
    CurveChoice,
    CurveField,
    Kind,
    Parameter,
    StrategyParams,
    Value,
    as_answers,
    from_answers,
)
from bot.errors import InvalidInput

_CURVE_BY_NAME = {which.name: which for which in CURVES}
FIELDS: tuple[str, ...] = tuple(as_answers(StrategyParams()))
"""Every field of StrategyParams in the menu's order, the three curves last."""


def problems(params: StrategyParams) -> tuple[InvalidInput, ...]:
    """Everything that is wrong, in the menu's order and then what is wrong between parameters; empty if valid."""
    return tuple(_faults(params, FIELDS, ""))


def validated(params: StrategyParams) -> StrategyParams:
    """The same parameters, if a strategy may run on them; else the first InvalidInput is raised."""
    for found in _faults(params, FIELDS, ""):
        raise found
    return params


def check_field(answers: Mapping[str, Value], name: str, value: Value) -> None:
    """Whether `name` may take `value` beside the answers given so far; InvalidInput if not.

    What ties `name` to a parameter that is not in `answers` is left to be judged when that one is answered.
    A curve that was not chosen counts as answered (geometrica).
    """
    require_known(name)
    params = from_answers({**answers, name: value})
    known = {*answers, *_CURVE_BY_NAME, name}
    for found in _faults(params, known, name):
        raise found


def require_known(name: str) -> None:
    """InvalidInput, naming the nearest parameter, if `name` is none."""
    if name not in FIELDS:
        raise fault("unknown_parameter", shown(name), nearest=nearest(name, FIELDS))


def nearest(name: str, known: Collection[str]) -> str:
    """The known name most like `name`; the first where none is."""
    return next(iter(get_close_matches(name[:64], known, n=1, cutoff=0)), next(iter(known)))


def _faults(params: StrategyParams, known: Collection[str], asked: str) -> Iterator[InvalidInput]:
    """Faults of `asked` (of every field if empty) alone, then of the rules whose fields are all `known`.

    A rule is asked only where each of its fields is sound, so that one mistake gives one fault.
    """
    alone = {name: tuple(_alone(name, getattr(params, name))) for name in FIELDS if name in known}
    sound = {name for name, found in alone.items() if not found}
    for name, found in alone.items():
        if asked in {"", name}:
            yield from found
    for rules in (STRUCTURE, OUTCOME):
        broken: set[str] = set()
        for rule in rules:
            if not rule.fields <= sound:
                continue
            found = tuple(rule.broken(params, asked))
            broken |= rule.fields if found else set()
            if not asked or asked in rule.fields:
                yield from found
        sound -= broken


def _alone(name: str, value: object) -> Iterator[InvalidInput]:
    if name in _CURVE_BY_NAME:
        yield from _curve_faults(_CURVE_BY_NAME[name], value)
        return
    parameter = BY_NAME[name]
    if parameter.kind is Kind.YES_NO:
        if not isinstance(value, bool):
            yield fault("not_yes_no", name, value=shown(str(value)))
    elif parameter.kind is Kind.COUNT:
        yield from _count_faults(parameter, value)
    else:
        yield from _number_faults(name, value, parameter)


def _count_faults(parameter: Parameter, value: object) -> Iterator[InvalidInput]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield fault("whole_number", parameter.name, value=shown(str(value)))
    elif not parameter.limits.hold(Decimal(value)):
        yield _out_of_range(parameter.name, shown(str(value)), parameter)


def _number_faults(field: str, value: object, parameter: Parameter) -> Iterator[InvalidInput]:
    """Faults of a decimal of `parameter`'s kind and limits, told of `field`."""
    if not isinstance(value, Decimal) or not value.is_finite():
        yield fault("not_a_number", field, value=shown(str(value)), example=plain_default(parameter))
    elif parameter.kind is Kind.MULTIPLIER and value == 0:
        return  # judged together with its curve
    elif not parameter.limits.hold(value):
        yield _out_of_range(field, _short(value), parameter)
    elif _places(value) > MAX_PLACES:
        yield fault("too_many_places", field, value=_short(value), places=str(MAX_PLACES))


def _out_of_range(field: str, value: str, parameter: Parameter) -> InvalidInput:
    return fault("out_of_range", field, value=value, range=str(parameter.limits), valid=parameter.valid)


def plain_default(parameter: Parameter) -> str:
    """The parameter's default as a person would type it: `0.035`, `20`, `s`."""
    default = parameter.default
    if isinstance(default, bool):
        return "s" if default else "n"
    return plain(default) if isinstance(default, Decimal) else str(default)


def _short(value: Decimal) -> str:
    """The value without exponent, or with one where it would fill the screen."""
    return shown(plain(value) if abs(value.adjusted()) <= 40 else str(value), 48)


def _places(value: Decimal) -> int:
    """Decimal places that are not trailing zeros."""
    digits = value.as_tuple().digits
    trailing = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -int(value.as_tuple().exponent) - trailing


def _curve_faults(which: CurveField, choice: object) -> Iterator[InvalidInput]:
    """Faults of a curve by itself; how it fits the ladder is a matter of the rules between parameters."""
    if not isinstance(choice, CurveChoice) or not isinstance(choice.curve, Curve):
        yield fault("unknown_curve", which.name, value=shown(str(choice)), known=", ".join(Curve))
        return
    if choice.end is not None:
        if choice.curve in {Curve.GEOMETRIC, Curve.SPLINE}:
            yield fault(
                "curve_takes_no_end",
                f"{which.name}_fim",
                curve=choice.curve.value,
                value=shown(str(choice.end)),
            )
        else:
            yield from _number_faults(f"{which.name}_fim", choice.end, BY_NAME[which.end])
    if choice.curve is Curve.SPLINE:
        yield from _points_faults(which, choice)
    elif choice.points:
        yield fault("curve_takes_no_points", f"{which.name}_pontos", curve=choice.curve.value)


def _points_faults(which: CurveField, choice: CurveChoice) -> Iterator[InvalidInput]:
    field = f"{which.name}_pontos"
    if len(choice.points) < 3:
        yield fault("spline_needs_points", field, value=str(len(choice.points)))
        return
    for (rung, _), (following, _) in pairwise(choice.points):
        if following <= rung:
            yield fault("spline_rungs_grow", field, value=str(following), previous=str(rung))
            return
    for _, value in choice.points:
        yield from _number_faults(field, value, BY_NAME[which.end])
