"""Numbers as people type them, Brazilians first: parsed, or asked back, never guessed.

A comma and a point are both decimal marks; where both stand, the last is. `1.000` may be one or a thousand and
is asked back. A fraction is typed as 0.035 or as 3,5%; without the sign it is a fraction.
"""

import re
import unicodedata
from decimal import Decimal

from bot.domain.faults import fault, shown
from bot.domain.money import EXACT, plain
from bot.domain.params import Kind, Parameter, Value

MAX_LENGTH = 60
"""Longer than any number that a parameter takes."""
SUSPICIOUS = Decimal("0.5")
"""A bare fraction from here on is asked back: 0.5 % and 50 % are both far from rare."""

_EXAMPLES = {Kind.QUOTE: "300", Kind.MULTIPLIER: "1,02", Kind.FRACTION: "0,035 (3,5%)", Kind.COUNT: "20"}
_YES = frozenset({"s", "sim", "y", "yes"})
_NO = frozenset({"n", "não", "nao", "no"})
_SIGN = r"(?P<sign>[-+\u2212]?)"
_COIN = r"(?:(?:R|US)?\$|USDT)?"
_NUMBER = re.compile(rf"{_SIGN}\s*{_COIN}\s*(?P<digits>[0-9.,]+)\s*(?P<tail>%|USDT)?", re.IGNORECASE)
_WHOLE = re.compile(r"[0-9]+")
_ONE_MARK = re.compile(r"(?P<whole>[0-9]*)(?P<mark>[.,])(?P<part>[0-9]*)")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:(?P<mark>[.,])[0-9]{3})(?:(?P=mark)[0-9]{3})*")
_BOTH_MARKS = re.compile(
    r"(?P<whole>[0-9]{1,3}(?:(?P<mark>[.,])[0-9]{3})(?:(?P=mark)[0-9]{3})*)(?!(?P=mark))[.,](?P<part>[0-9]+)"
)


def parse_number(text: str, kind: Kind, field: str = "number") -> Decimal:
    """One number as typed, as a plain decimal (a percentage divided by 100); its range is not judged.

    `field` is what the InvalidInput is about. Its keys: not_a_number, percent_not_here, whole_number, and
    ambiguous_number, whose `decimal_text` and `thousands_text` are the two readings, each fit to be parsed.
    """
    found = _NUMBER.fullmatch(_clean(text)) if len(text) <= MAX_LENGTH else None
    if found is None:
        raise _not_a_number(text, kind, field)
    percent = found["tail"] == "%"
    if percent and kind is not Kind.FRACTION:
        raise fault("percent_not_here", field, value=shown(text))
    size = _size(found["digits"], text, kind, field, percent=percent)
    value = -size if found["sign"] in {"-", "\u2212"} and size else size
    if kind is Kind.COUNT and value != value.to_integral_value():
        raise fault("whole_number", field, value=plain(value))
    return value.scaleb(-2, EXACT) if percent else value


def _clean(text: str) -> str:
    """Composed letters, trimmed. Not NFKC: that would read 5² as 52."""
    return unicodedata.normalize("NFC", text).strip()


def _not_a_number(text: str, kind: Kind, field: str) -> Exception:
    return fault("not_a_number", field, value=shown(text), example=_EXAMPLES.get(kind, "300"))


def _size(digits: str, text: str, kind: Kind, field: str, *, percent: bool) -> Decimal:
    """The number without its sign, whatever marks it was typed with."""
    if _WHOLE.fullmatch(digits):
        return Decimal(digits)
    if found := _ONE_MARK.fullmatch(digits):
        whole, part = found["whole"], found["part"]
        if not whole and not part:
            raise _not_a_number(text, kind, field)
        decimal = Decimal(f"{whole or '0'}.{part or '0'}")
        if _THOUSANDS.fullmatch(digits) and not whole.startswith("0"):
            raise _ambiguous(text, field, decimal, Decimal(whole + part), percent=percent)
        return decimal
    if _THOUSANDS.fullmatch(digits):
        return Decimal(re.sub("[.,]", "", digits))
    if found := _BOTH_MARKS.fullmatch(digits):
        return Decimal(re.sub("[.,]", "", found["whole"]) + "." + found["part"])
    raise _not_a_number(text, kind, field)


def _ambiguous(text: str, field: str, decimal: Decimal, thousands: Decimal, *, percent: bool) -> Exception:
    sign = "%" if percent else ""
    return fault(
        "ambiguous_number",
        field,
        value=shown(text),
        decimal=plain(decimal) + sign,
        thousands=plain(thousands) + sign,
        decimal_text=typed(decimal) + sign,
        thousands_text=typed(thousands) + sign,
    )


def typed(value: Decimal) -> str:
    """The value as a text that parse_number reads back as itself: 12.345 is typed 12.3450."""
    text = plain(value)
    return f"{text}0" if _THOUSANDS.fullmatch(text) and not text.startswith("0") and "." in text else text


def parse_yes_no(text: str, field: str) -> bool:
    """s, sim, y, yes or n, não, nao, no, in any case; InvalidInput("not_yes_no") otherwise."""
    answer = _clean(text).casefold() if len(text) <= MAX_LENGTH else ""
    if answer in _YES or answer in _NO:
        return answer in _YES
    raise fault("not_yes_no", field, value=shown(text))


def parse_answer(text: str, parameter: Parameter) -> Value:
    """A person's answer to one item; an empty one takes the default.

    Beyond parse_number and parse_yes_no it raises InvalidInput with the keys out_of_range, meant_percent (a
    bare fraction out of range that would fit as a percentage) and percent_or_fraction (a bare fraction that
    would fit either way and is large: `fraction_text` and `percent_text` are the two, fit to be parsed).
    What ties it to other parameters is validation.check_field's to judge.
    """
    if not text.strip():
        return parameter.default
    if parameter.kind is Kind.YES_NO:
        return parse_yes_no(text, parameter.name)
    value = parse_number(text, parameter.kind, parameter.name)
    if parameter.kind is Kind.COUNT and parameter.limits.hold(value):
        return int(value)
    if parameter.kind is Kind.FRACTION and "%" not in _clean(text):
        _ask_back_percent(value, parameter)
    if not parameter.limits.hold(value) and not (parameter.kind is Kind.MULTIPLIER and not value):
        raise fault(
            "out_of_range",
            parameter.name,
            value=shown(plain(value)),
            range=str(parameter.limits),
            valid=parameter.valid,
        )
    return value


def _ask_back_percent(value: Decimal, parameter: Parameter) -> None:
    percent = value.scaleb(-2, EXACT)
    words = {
        "value": plain(value),
        "as_percent": plain(value.scaleb(2, EXACT)),
        "percent_text": f"{typed(value)}%",
    }
    if not parameter.limits.hold(value):
        if parameter.limits.hold(percent):
            raise fault("meant_percent", parameter.name, **words, range=str(parameter.limits))
    elif value >= SUSPICIOUS:
        fraction_text = f"{typed(value.scaleb(2, EXACT))}%"
        raise fault("percent_or_fraction", parameter.name, **words, fraction_text=fraction_text)
