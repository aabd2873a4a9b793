"""The report's language: its texts and the way its numbers and times are written. Only here do numbers lose digits."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from bot.backtest.words_en import TEXTS as EN
from bot.backtest.words_prompt_en import TEXTS as PROMPT_EN
from bot.backtest.words_prompt_pt import TEXTS as PROMPT_PT
from bot.backtest.words_pt import REASONS
from bot.backtest.words_pt import TEXTS as PT
from bot.domain.market import Symbol
from bot.domain.money import EXACT, Base, Price, Quote

LANGUAGES = ("pt_BR", "en")
_SPACE = "\N{NO-BREAK SPACE}"
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_FRACTIONS_OF_DAYS_BELOW = 10 * _DAY
_MOST_PLACES = 18
_POINT_FOR_COMMA = str.maketrans(",.", ".,")
_TEXTS = {"pt_BR": {**PT, **PROMPT_PT}, "en": {**EN, **PROMPT_EN}}


class Words:
    """Texts and number formats of one language ("pt_BR" or "en"; ValueError for another). Times are UTC."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"no report in {language!r}: one of {', '.join(LANGUAGES)}")
        self.language = language
        self._texts = _TEXTS[language]

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of `key`, nothing escaped; KeyError for a key that is not there."""
        return self._texts[key].format(**values)

    def reason(self, english: str) -> str:
        """Why the exact engine ran, in this language where it is known."""
        return REASONS.get(english, english) if self.language == "pt_BR" else english

    def number(self, value: Decimal, *, least: int = 0, most: int = 8, signed: bool = False) -> str:
        """Grouped, with `least` to `most` decimals (half to even)."""
        rounded = value.quantize(Decimal(1).scaleb(-most), rounding=ROUND_HALF_EVEN, context=EXACT)
        whole, _, decimals = format(rounded.copy_abs(), ",f").partition(".")
        decimals = decimals.rstrip("0").ljust(least, "0")
        sign = "" if not rounded else "-" if rounded < 0 else "+" * signed
        shown = f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
        return shown.translate(_POINT_FOR_COMMA) if self.language == "pt_BR" else shown

    def amount(self, amount: Quote, *, signed: bool = False) -> str:
        """Cents, or three digits that count below one coin; without the coin."""
        small = 0 < abs(amount.value) < 1
        return self.number(
            amount.value, least=2, most=_places(amount.value, 3) if small else 2, signed=signed
        )

    def quote(self, amount: Quote, symbol: Symbol, *, signed: bool = False) -> str:
        return f"{self.amount(amount, signed=signed)}{_SPACE}{symbol.quote}"

    def base(self, quantity: Base, symbol: Symbol) -> str:
        return f"{self.number(quantity.value)}{_SPACE}{symbol.base}"

    def price(self, price: Price) -> str:
        """Six digits that count, two decimals at least."""
        return self.number(price.value, least=2, most=_places(price.value, 6))

    def percent(self, fraction: Decimal, *, signed: bool = False) -> str:
        """A fraction as percent: 0.035 is 3.5%."""
        return f"{self.number(EXACT.multiply(fraction, Decimal(100)), most=2, signed=signed)}%"

    def tick(self, value: float, _place: object = None) -> str:
        """A number on an axis."""
        return self.number(Decimal(f"{value:.8g}"))

    def day(self, at: int) -> str:
        from babel.dates import format_date  # noqa: PLC0415 - 26 ms, and most answers have no month's name

        return str(format_date(_utc(at), "medium", locale=self.language))

    def date(self, at: int) -> str:
        """A day in figures."""
        return self.moment(at).partition(" ")[0]

    def period(self, start: int, end: int, candles: int, step_ms: int) -> str:
        """From `start` until before `end`, with the candles in it."""
        step = self.step(step_ms)
        count = (
            self("candle", step=step) if candles == 1 else self("candles", n=self.tick(candles), step=step)
        )
        if self.date(start) != self.date(end - 1):
            return self("period", start=self.day(start), end=self.day(end - 1), candles=count)
        times = {"start": self.moment(start)[-5:], "end": self.moment(end)[-5:]}
        return self("period.day", day=self.day(start), candles=count, **times)

    def moment(self, at: int) -> str:
        """Day and minute, as a table sorts and a person reads them."""
        form = "%d/%m/%Y %H:%M" if self.language == "pt_BR" else "%Y-%m-%d %H:%M"
        return _utc(at).strftime(form)

    def month(self, year: int, month: int) -> str:
        """Short: Sep 2022, set. 2022."""
        from babel.dates import format_skeleton  # noqa: PLC0415 - the same

        name = format_skeleton("MMM", datetime(year, month, 1, tzinfo=UTC), tzinfo=UTC, locale=self.language)
        return f"{name} {year}"

    def duration(self, ms: int) -> str:
        if ms < _MINUTE:
            return self("ms.same")
        if ms < _HOUR:
            return self("ms.minutes", n=ms // _MINUTE)
        if ms < 2 * _DAY:
            minutes = ms % _HOUR // _MINUTE
            rest = f" {self('ms.minutes', n=minutes)}" if minutes else ""
            return self("ms.hours", n=ms // _HOUR) + rest
        return self.days(EXACT.divide(Decimal(ms), Decimal(_DAY)))

    def days(self, days: Decimal) -> str:
        """Days, with a decimal below ten."""
        shown = self.number(days, most=1 if days < _FRACTIONS_OF_DAYS_BELOW // _DAY else 0)
        return self("ms.day" if shown == "1" else "ms.days", n=shown)

    def step(self, ms: int) -> str:
        """A candle's length: 1 min, 4 h, 1 day."""
        for unit, name in ((_DAY, "day" if ms == _DAY else "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
            if ms % unit == 0:
                return self(f"ms.{name}", n=ms // unit)
        return f"{ms} ms"


def _places(value: Decimal, digits: int) -> int:
    return min(max(2, digits - 1 - value.adjusted()), _MOST_PLACES) if value else 2


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
