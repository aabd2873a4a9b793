"""Periods: by button, typed, and typed wrongly."""

import pytest

from bot.errors import InvalidInput
from bot.service.backtest_wishes import DAY_MS, MINUTE_MS, Span, days_of, read_period, span_of

NOW = 1_795_340_000_000  # 2026-11-22 09:33 UTC
FIVE = 5 * MINUTE_MS


@pytest.mark.parametrize(
    ("typed", "day_first", "read"),
    [
        ("2022-01-01 2022-06-30", False, "20220101-20220630"),
        ("  from 2022-1-1 to 2022-06-30", False, "20220101-20220630"),
        ("01/01/2022 a 30/06/2022", True, "20220101-20220630"),
        ("1.1.2022 - 30.6.2022", True, "20220101-20220630"),
        ("01/01/2022 2022-06-30", True, "20220101-20220630"),
        ("2022-01-01 30/06/2022", True, "20220101-20220630"),
        ("2022-01-01", False, "20220101-20261122"),
        ("2026-11-22", False, "20261122-20261122"),
    ],
)
def test_dates_are_read_as_people_type_them(typed, day_first, read):
    assert read_period(typed, NOW, day_first=day_first) == read


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("ontem", "bad_dates"),
        ("", "bad_dates"),
        ("2022", "bad_dates"),
        ("2022-01-01 2022-02-01 2022-03-01", "bad_dates"),
        ("01/01/2022 2022-06-30", "bad_dates"),
        ("2022-02-30 2022-03-01", "no_such_day"),
        ("2022-13-01", "no_such_day"),
        ("2022-06-30 2022-01-01", "dates_turned"),
        ("2099-01-01", "dates_ahead"),
        ("1999-01-01 2000-01-01", "dates_too_old"),
    ],
)
def test_dates_that_are_none_are_refused_by_name(typed, key):
    with pytest.raises(InvalidInput) as refused:
        read_period(typed, NOW, day_first=False)
    assert (refused.value.field, refused.value.key) == ("periodo", key)


def test_a_slash_is_no_date_where_nobody_says_which_comes_first():
    with pytest.raises(InvalidInput):
        read_period("01/02/2022 03/04/2022", NOW, day_first=False)


@pytest.mark.parametrize(
    ("period", "span"),
    [
        ("1m", Span(MINUTE_MS, length_ms=30 * DAY_MS)),
        ("3m", Span(MINUTE_MS, length_ms=91 * DAY_MS)),
        ("1y", Span(FIVE, length_ms=365 * DAY_MS)),
        ("all", Span(FIVE)),
        ("20220101-20220101", Span(MINUTE_MS, 1640995200000, 1641081600000)),
        ("20220101-20221231", Span(FIVE, 1640995200000, 1672531200000)),
    ],
)
def test_short_periods_run_on_minutes_and_long_ones_on_five(period, span):
    assert span_of(period, NOW) == span


def test_today_ends_now():
    assert span_of("20261122-20261122", NOW).end == NOW


@pytest.mark.parametrize(
    ("period", "minutes"),
    [("3m", 1), ("3y", 5), ("all", 15), ("20200101-20221231", 5), ("20200101-20231231", 15)],
)
def test_what_runs_a_strategy_many_times_takes_longer_candles_beyond_three_years(period, minutes):
    assert span_of(period, NOW, many=True).step_ms == minutes * MINUTE_MS
    assert span_of(period, NOW).step_ms == min(minutes, 5) * MINUTE_MS


@pytest.mark.parametrize(
    "period", ["", "2y", "20220101", "20220101-2022063", "20220630-20220101", "20221301-20221302"]
)
def test_a_button_of_another_version_is_refused(period):
    with pytest.raises(InvalidInput):
        span_of(period, NOW)


def test_typed_days_can_be_named_again():
    assert [day.isoformat() for day in days_of("20220101-20220630")] == ["2022-01-01", "2022-06-30"]
    assert days_of("1y") is None
