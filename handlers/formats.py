"""Amounts as a person of one locale reads them. Only here do numbers lose digits, and only for the eye."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from bot.domain.market import Symbol
from bot.domain.money import EXACT, Base, Price, Quote

UTC = ZoneInfo("UTC")
NARROW_SPACE = "\N{NO-BREAK SPACE}"
_PRICE_DIGITS = 6
_SMALL_DIGITS = 3
_QUANTITY_PLACES = 8
_PERCENT_PLACES = 2
_MOST_PLACES = 18


class Formats:
    """The number formats of one locale (`pt_BR`, `en`); times of day and days are those of `zone`."""

    def __init__(self, locale: str, zone: ZoneInfo = UTC) -> None:
        self.locale = locale
        self._zone = zone

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
        """The time of day, to the second, of `at` (ms UTC)."""
        return self._time(at, "HH:mm:ss")

    def minute(self, at: int) -> str:
        """The same, to the minute."""
        return self._time(at, "HH:mm")

    def stamp(self, at: int) -> str:
        """Day and minute, short enough to begin a line; the zone stands above the lines."""
        form = f"{self.short_day} %H:%M"
        return f"{self._local(at):{form}}"

    @property
    def short_day(self) -> str:
        """Day and month as strftime writes them."""
        return "%d/%m" if self.locale == "pt_BR" else "%b %d"

    def day(self, at: int) -> str:
        return format_date(self._local(at), "medium", locale=self.locale)

    def _time(self, at: int, form: str) -> str:
        """UTC is nobody's own clock: there it is said."""
        name = " UTC" if self._zone.key == UTC.key else ""
        return f"{format_time(self._local(at), form, locale=self.locale)}{name}"

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at / 1000, self._zone)


def _places(value: Decimal, digits: int) -> int:
    """Decimals that show `digits` significant digits, two at least."""
    if not value:
        return 2
    return min(max(2, digits - 1 - value.adjusted()), _MOST_PLACES)
