"""Amounts as a person of one locale reads them. Only here do numbers lose digits, and only for the eye."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from bot.domain.market import Symbol
from bot.domain.money import EXACT, Base, Price, Quote

NARROW_SPACE = "\N{NO-BREAK SPACE}"
_PRICE_DIGITS = 6
_SMALL_DIGITS = 3
_QUANTITY_PLACES = 8
_PERCENT_PLACES = 2
_MOST_PLACES = 18


class Formats:
    """The number formats of one locale (`pt_BR`, `en`)."""

    def __init__(self, locale: str) -> None:
        self.locale = locale

    def number(
        self, value: Decimal, *, least: int = 0, most: int = _QUANTITY_PLACES, signed: bool = False
    ) -> str:
        """Grouped, with at least `least` and at most `most` decimals (half to even)."""
        rounded = value.quantize(Decimal(1).scaleb(-most), rounding=ROUND_HALF_EVEN, context=EXACT)
        pattern = "#,##0" + ("." if most else "") + "0" * least + "#" * (most - least)
        if signed and rounded:
            pattern = f"+{pattern};-{pattern}"
        # babel would cut the digits by its own idea of the pattern
        return format_decimal(rounded or abs(rounded), pattern, self.locale, decimal_quantization=False)

    def price(self, price: Price) -> str:
        """Six digits that count, two decimals at least: 61,680.42 and 0.0000123456."""
        return self.number(price.value, least=2, most=_places(price.value, _PRICE_DIGITS))

    def quote(self, amount: Quote, symbol: Symbol, *, signed: bool = False) -> str:
        """Cents, or three digits that count where the amount is below one coin."""
        places = 2 if abs(amount.value) >= 1 else _places(amount.value, _SMALL_DIGITS)
        return f"{self.number(amount.value, least=2, most=places, signed=signed)}{NARROW_SPACE}{symbol.quote}"

    def base(self, quantity: Base, symbol: Symbol) -> str:
        return f"{self.number(quantity.value)}{NARROW_SPACE}{symbol.base}"

    def percent(self, fraction: Decimal, *, signed: bool = False) -> str:
        """A fraction as percent: 0.035 is 3.5%."""
        value = EXACT.multiply(fraction, Decimal(100))
        return f"{self.number(value, most=_PERCENT_PLACES, signed=signed)}%"

    def moment(self, at: int) -> str:
        """The time of day (UTC) of `at` (ms UTC)."""
        return f"{format_time(_utc(at), 'HH:mm:ss', locale=self.locale)} UTC"

    def day(self, at: int) -> str:
        return format_date(_utc(at), "medium", locale=self.locale)


def _places(value: Decimal, digits: int) -> int:
    """Decimals that show `digits` significant digits, two at least."""
    if not value:
        return 2
    return min(max(2, digits - 1 - value.adjusted()), _MOST_PLACES)


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
