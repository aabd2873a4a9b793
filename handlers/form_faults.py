"""What was wrong with an answer, in the person's language, and the answers that would mend it."""

import re
from collections.abc import Mapping
from decimal import Decimal

from bot.domain.params import BY_NAME, Kind
from bot.errors import InvalidInput
from handlers.form_numbers import number, percent
from handlers.texts import Texts

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_IN_RANGE = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_AS_TYPED = frozenset(
    {
        "not_a_number",
        "not_yes_no",
        "percent_not_here",
        "ambiguous_number",
        "bad_points",
        "bad_pair",
        "bad_name",
    }
)
"""Faults whose `value` is the person's own text."""
_IN_FRACTIONS = frozenset({"value", "limit", "smallest", "largest", "taxa", "target"})
"""What is a ratio where the field is one; the rest (a price, a count) is a plain number."""
_RATIO_FAULTS = frozenset({"target_can_only_lose", "fee_eats_target"})
_MENDS: tuple[tuple[str, ...], ...] = (
    ("decimal_text", "thousands_text"),
    ("fraction_text", "percent_text"),
    ("percent_text",),
    ("smallest",),
    ("largest",),
    ("limit",),
)
"""Values of a fault that would pass, as far as the asked field goes; the first that are all there count."""
_NO_MEND = frozenset({"bad_name", "file_too_long", "spline_start"})


_WORDS: Mapping[str, str] = {
    "the end of the file": "end",
    "a name": "name",
    "a name or “}”": "name_or_brace",
    "“,” or “}”": "comma_or_brace",
    "a number, a text in quotes, true or false": "value",
    "a number of at most 60 digits": "digits",
    "a text in quotes": "text",
    "a number": "number",
    "s or n": "yes_no",
    "a list of [rung, value]": "points",
    "an object": "object",
    "a list": "list",
    "nothing": "nothing",
}
"""What a file reader expected and found, by the key of its translation; all else is quoted from the file."""
_PLACED = frozenset(
    {
        "file_too_deep",
        "file_code",
        "file_syntax",
        "file_decimal_comma",
        "file_unknown_key",
        "file_duplicate_key",
    }
)
"""Faults whose own words name the place in the file."""


def place_text(texts: Texts, wrong: InvalidInput) -> str:
    """`line 3, column 14` of a file's fault, as HTML; empty where there is none or the words have it."""
    if wrong.key in _PLACED or "line" not in wrong.values:
        return ""
    return texts("import.place_of_fault", line=wrong.values["line"], column=wrong.values["column"])


def fault_text(texts: Texts, wrong: InvalidInput) -> str:
    """`1.1 multiplicador_qty: takes one number ...`, as HTML; the reason in English where no words are kept."""
    item = BY_NAME[wrong.field].item + " " if wrong.field in BY_NAME else ""
    keys = (key for key in (f"form.fault.{wrong.key}", f"error.{wrong.key}") if wrong.key and key in texts)
    key = next(keys, None)
    reason = wrong.reason if key is None else texts.plain(key, **shown_values(texts, wrong))
    return texts("form.wrong", field=f"{item}{wrong.field}", reason=reason)


def shown_values(texts: Texts, wrong: InvalidInput) -> Mapping[str, str]:
    """The fault's values for the eye: numbers by locale, ratios as percentages."""
    words = {name: _shown(texts, wrong, name, value) for name, value in wrong.values.items()}
    if wrong.field in BY_NAME and "valid" in words:
        words["valid"] = texts.plain(f"form.valid.{wrong.field}")
    return words


def _shown(texts: Texts, wrong: InvalidInput, name: str, value: str) -> str:
    if name in {"expected", "found"}:
        return texts.plain(f"import.word.{_WORDS[value]}") if value in _WORDS else value
    if name == "range":
        value = value.replace("<=", "≤").replace(">=", "≥")
        return _IN_RANGE.sub(lambda found: _number(texts, Decimal(found[0]), ratio=_ratio(wrong)), value)
    if (
        name in {"item", "example", "pair"}
        or name.endswith("_text")
        or (name == "value" and wrong.key in _AS_TYPED)
    ):
        if name in {"percent_text", "fraction_text"}:
            return _mend_label(texts, wrong, value)
        return value if name != "example" else _example(texts, wrong, value)
    if not _DECIMAL.fullmatch(value):
        return value
    bare = wrong.key in {"percent_or_fraction", "meant_percent"}
    ratio = not bare and name in _IN_FRACTIONS and (_ratio(wrong) or wrong.key in _RATIO_FAULTS)
    return _number(texts, Decimal(value), ratio=ratio)


def _example(texts: Texts, wrong: InvalidInput, value: str) -> str:
    """As a person types it; a file's own spelling stays, for it knows neither a comma nor a percent sign."""
    if wrong.key == "file_decimal_comma":
        return value
    return texts.plain(f"form.example.{wrong.field}") if wrong.field in BY_NAME else value


def _ratio(wrong: InvalidInput) -> bool:
    name = wrong.field
    if name.startswith(("curva_lucro", "curva_recompra")):
        return True
    return name in BY_NAME and BY_NAME[name].kind is Kind.FRACTION


def _number(texts: Texts, value: Decimal, *, ratio: bool) -> str:
    return percent(value, texts.locale) if ratio else number(value, texts.locale)


def mends(texts: Texts, wrong: InvalidInput) -> tuple[tuple[str, str], ...]:
    """(label, text) of answers to the asked question that would pass, for buttons."""
    if wrong.key in _NO_MEND or wrong.field not in BY_NAME:
        return ()
    for names in _MENDS:
        if all(name in wrong.values for name in names):
            found = [wrong.values[name] for name in names]
            return tuple(
                (texts.plain("form.button.use", value=_mend_label(texts, wrong, t)), t) for t in found
            )
    return ()


def _mend_label(texts: Texts, wrong: InvalidInput, text: str) -> str:
    if text.endswith("%"):
        return f"{number(Decimal(text.removesuffix('%')), texts.locale)}%"
    return _number(texts, Decimal(text), ratio=_ratio(wrong))
