"""Numbers as the person's language writes them. Exact unless a number of places is asked for."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from babel.numbers import format_decimal

from bot.domain.money import EXACT

_HUNDRED = Decimal(100)


def number(value: Decimal | int, locale: str) -> str:
    """Every digit, in groups of three: `1.234,5` in pt_BR, `1,234.5` in en."""
    with localcontext(EXACT):
        return format_decimal(Decimal(value), locale=locale, decimal_quantization=False)


def rounded(value: Decimal, locale: str, places: int = 2) -> str:
    """With exactly `places` decimals, for sums on a card: `1.234,50`."""
    with localcontext(EXACT):
        return format_decimal(
            _to_places(value, places), format=f"#,##0.{'0' * places}".rstrip("."), locale=locale
        )


def column(value: Decimal, locale: str, places: int) -> str:
    """With exactly `places` decimals and no groups, for a narrow table: `1234,50`."""
    with localcontext(EXACT):
        return format_decimal(
            _to_places(value, places), format=f"0.{'0' * places}".rstrip("."), locale=locale
        )


def percent(fraction: Decimal, locale: str, places: int | None = None) -> str:
    """A fraction as a percentage, exact or to `places`: 0.035 is `3,5%` in pt_BR, `3.5%` in en."""
    hundredfold = EXACT.multiply(fraction, _HUNDRED)
    text = number(trimmed(hundredfold), locale) if places is None else rounded(hundredfold, locale, places)
    return f"{text}%"


def trimmed(value: Decimal) -> Decimal:
    """Without trailing zeros."""
    return value.normalize(EXACT)


def places_of(step: Decimal) -> int:
    """The decimals that a price or amount on this step has: 0.01 has 2."""
    return max(0, -int(trimmed(step).as_tuple().exponent))


def _to_places(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN, context=EXACT)
