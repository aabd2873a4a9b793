"""What a person may ask of a backtest: the period, and the candles that suit it. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bot.errors import InvalidInput

MINUTE_MS = 60_000
DAY_MS = 86_400_000
_SHORT_MS = 93 * DAY_MS
"""Up to three months run on one-minute candles, anything longer on five-minute ones."""
_LONG_MS = 1100 * DAY_MS
"""Beyond three years, what runs a strategy many times takes 15 minutes, or its worker would outgrow 250 MB."""
_OLDEST = date(2010, 1, 1)
_DAYS = {"1m": 30, "3m": 91, "1y": 365, "3y": 1095}
NAMED = (*_DAYS, "all")
"""The periods with a button."""
_TYPED = re.compile(r"(\d{8})-(\d{8})")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")


@dataclass(frozen=True, slots=True)
class Span:
    """Typed days as `start` <= open time < `end` (ms UTC), or the last `length_ms`, None for all there is.

    What an exchange calls now is its own affair: a sandbox may live in another year.
    """

    step_ms: int
    start: int | None = None
    end: int | None = None
    length_ms: int | None = None


def span_of(period: str, now: int, *, many: bool = False) -> Span:
    """The span of a button's text: `1m`, `all`, `20220101-20220630` (both days whole); InvalidInput("periodo").

    `many`: the strategy, or variations of it, will run over it a thousand times and more.
    """
    if period == "all":
        return Span(_step(None, many=many))
    if period in _DAYS:
        length = _DAYS[period] * DAY_MS
        return Span(_step(length, many=many), length_ms=length)
    days = days_of(period)
    if days is None:
        raise _unreadable(period)
    start, end = _checked(*days, now)
    return Span(_step(end - start, many=many), start, end)


def _step(length_ms: int | None, *, many: bool) -> int:
    if length_ms is not None and length_ms <= _SHORT_MS:
        return MINUTE_MS
    long = length_ms is None or length_ms > _LONG_MS
    return (15 if many and long else 5) * MINUTE_MS


def read_period(typed: str, now: int, *, day_first: bool) -> str:
    """A button's text from `2022-01-01 2022-06-30`; one date alone runs until today. InvalidInput("periodo").

    `day_first` also takes 31/12/2022; without it such a date is refused, and not passed over.
    """
    others = list(_DAY_FIRST.finditer(typed))
    if others and not day_first:
        raise _unreadable(typed)
    at = {match.start(): (match[1], match[2], match[3], match[0]) for match in _ISO.finditer(typed)}
    at |= {match.start(): (match[3], match[2], match[1], match[0]) for match in others}
    if not 1 <= len(at) <= 2:
        raise _unreadable(typed)
    days = [_day(*at[place]) for place in sorted(at)]
    first, last = days[0], days[-1] if len(days) == 2 else _today(now)
    _checked(first, last, now)
    return f"{first:%Y%m%d}-{last:%Y%m%d}"


def days_of(period: str) -> tuple[date, date] | None:
    """The first and last day of a typed period."""
    found = _TYPED.fullmatch(period)
    if found is None:
        return None
    first, last = (_day(text[:4], text[4:6], text[6:], text) for text in found.groups())
    return first, last


def is_period(text: str) -> bool:
    return text in NAMED or _TYPED.fullmatch(text) is not None


def _checked(first: date, last: date, now: int) -> tuple[int, int]:
    if first > _today(now):
        raise _refused("dates_ahead", "nobody knows the prices of days to come", first, last)
    if last < first:
        raise _refused("dates_turned", "the second date comes before the first", first, last)
    if first < _OLDEST:
        raise _refused("dates_too_old", "there are no prices that old", first, last)
    end = _midnight(last + timedelta(days=1)) if last < _today(now) else now
    return _midnight(first), end


def _day(year: str, month: str, day: str, text: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise InvalidInput(
            "periodo",
            f"“{text[:24]}” is no day of the calendar",
            key="no_such_day",
            values={"value": text[:24]},
        ) from None


def _today(now: int) -> date:
    return datetime.fromtimestamp(now / 1000, UTC).date()


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _refused(key: str, reason: str, first: date, last: date) -> InvalidInput:
    return InvalidInput(
        "periodo", reason, key=key, values={"first": first.isoformat(), "last": last.isoformat()}
    )


def _unreadable(text: str) -> InvalidInput:
    short = text.strip()[:40]
    reason = f"takes two dates such as 2022-01-01 2022-06-30, not “{short}”"
    return InvalidInput("periodo", reason, key="bad_dates", values={"value": short})
