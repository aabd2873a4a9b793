"""What can be wrong with a person's input, in plain English, by the key under which a chat translates it.

`{placeholders}` are the values that travel with the error, as strings: numbers without exponent, fractions
as fractions (0.035), lists joined by a comma.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bot.domain.params import BY_NAME
from bot.errors import InvalidInput

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        # an answer (numbers.py)
        "not_a_number": "takes one number, such as {example}, not “{value}”",
        "not_yes_no": "takes s or n, not “{value}”",
        "whole_number": "takes a whole number, not {value}",
        "percent_not_here": "takes a plain number, without %: “{value}” cannot be read",
        "ambiguous_number": "“{value}” may be {decimal} or {thousands}: write {decimal_text} or {thousands_text}",
        "percent_or_fraction": "{value} is {as_percent} %: write {fraction_text}, or {percent_text} if that was meant",
        "meant_percent": "takes {range}; {value} would be {as_percent} %: write {percent_text} if that was meant",
        # one parameter (validation.py)
        "out_of_range": "takes {valid} ({range}), not {value}",
        "too_many_places": "takes at most {places} decimal places, not {value}",
        "unknown_parameter": "is no parameter; the nearest is {nearest}",
        # parameters together
        "above_its_ceiling": "takes at most {limit}, the value of {other}, not {value}",
        "below_its_floor": "takes at least {limit}, the value of {other}, not {value}",
        "limit_below_first_buy": "takes 0 or at least {limit}, the value of {other}, not {value}",
        "target_can_only_lose": (
            "the target {target} at re-buy {k} is eaten by the fees of buying and selling ({taxa} each): "
            "takes at least {smallest}, not {value}"
        ),
        "fee_eats_target": (
            "the target {target} of {other} at re-buy {k} would be eaten by a fee of {value}: "
            "takes at most {largest}, unless {other} is raised to {smallest}"
        ),
        # curves
        "curve_takes_no_end": "{curve} takes no end value; leave out {value}",
        "curve_takes_no_points": "{curve} takes no points; only a spline does",
        "spline_needs_points": "a spline takes at least 3 points [rung, value], not {value}",
        "spline_too_short": "a spline needs {needed} re-buys at least, and limite_recompras is {value}: choose another curve",
        "spline_rungs_grow": "the points of a spline stand at growing rungs; {value} comes after {previous}",
        "spline_ends": "the points of a spline go from rung {first} to rung {last}, not from {value_first} to {value_last}",
        "spline_start": "the first point of a spline is the value of {other}, {limit}, not {value}",
        # a plan against the exchange's rules (plan_checks.py)
        "bad_price": "takes a price above 0 ({range}), not {value}",
        "first_buy_too_small": "the first buy of {value} is under what the exchange takes at {price}: give at least {smallest}",
        "first_buy_too_large": "the first buy of {value} is over what the exchange takes at {price}: give at most {largest}",
        "exit_too_small": "what a first buy of {value} brings could not be sold at {price}: give at least {smallest}",
        "exit_too_large": "after re-buy {k} the exit of {quantity} is over what the exchange takes: give at most {largest}",
        "rebuy_too_small": (
            "re-buy {k} of {amount} is under what the exchange takes at {price}: give at least {smallest}, not {value}"
        ),
        "rebuy_too_large": "re-buy {k} of {amount} is over what the exchange takes at {price}: give at most {largest}",
        "price_rounds_to_nothing": "the price of re-buy {k} rounds to nothing: give at most {largest}, not {value}",
        # a strategy file (strategy_file.py)
        "file_not_text": "takes a text file in UTF-8",
        "file_too_long": "takes a file of at most {limit} bytes, not {value}",
        "file_too_deep": "line {line}, column {column}: nested too deep; a strategy is one flat list of names and values",
        "file_code": (
            "line {line}, column {column}: {found} is code and is not run; write plain values, "
            "as in module.exports = {{ qty_inicial: 300 }}"
        ),
        "file_syntax": "line {line}, column {column}: expected {expected}, found {found}",
        "file_decimal_comma": "line {line}, column {column}: write a decimal with a point, such as {example}",
        "file_unknown_key": "line {line}, column {column}: no such name; the nearest is {nearest}",
        "file_duplicate_key": "line {line}, column {column}: given twice, first in line {first_line}",
        "file_wrong_value": "takes {expected}, not {found}",
        "unknown_curve": "takes one of {known}, not “{value}”",
        "unknown_environment": "takes one of {known}, not “{value}”",
        "bad_pair": "takes a pair such as BTCUSDT, not “{value}”",
        "bad_name": "takes a name of 1 to {limit} printable characters, not “{value}”",
    }
)


def fault(key: str, field: str, **values: str) -> InvalidInput:
    """The error `key` about `field`; a parameter's item number joins the values and the text."""
    parameter = BY_NAME.get(field)
    reason = FAULTS[key].format(**values)
    if parameter is None:
        return InvalidInput(field, reason, key=key, values=values)
    return InvalidInput(
        field, f"item {parameter.item}: {reason}", key=key, values={"item": parameter.item, **values}
    )


def shown(text: str, limit: int = 24) -> str:
    """What a person typed, short and printable, for quoting back. Not escaped for any markup."""
    clean = "".join(c if c.isprintable() else " " for c in text[: 4 * limit]).strip()
    return clean if len(clean) <= limit and len(text) <= 4 * limit else clean[:limit] + "…"
