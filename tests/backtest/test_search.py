"""The search for the next candle that matters, against a look at every candle."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.backtest.history import History
from bot.backtest.search import first_at_or_below, first_touch
from tests.backtest.candles import candles
from tests.backtest.worlds import histories

PRICES = st.decimals(Decimal(50), Decimal(25_000), places=4)


@settings(max_examples=200, deadline=None)
@given(histories(most=700), st.data())
def test_the_first_candle_that_touches_is_found_from_every_start(
    history: History, draw: st.DataObject
) -> None:
    start = draw.draw(st.integers(0, len(history)))
    some = st.sampled_from([history.price(x).value for x in (*history.lows, *history.highs)])
    buy, sell = (draw.draw(st.none() | PRICES | some) for _ in range(2))
    touching = (
        i
        for i in range(start, len(history))
        if (buy is not None and history.price(history.lows[i]).value <= buy)
        or (sell is not None and history.price(history.highs[i]).value >= sell)
    )
    assert first_touch(history, start, buy, sell) == next(touching, None)


@settings(max_examples=100, deadline=None)
@given(histories(most=700), PRICES, st.integers(0, 700))
def test_the_first_open_that_is_low_enough_is_found(history: History, price: Decimal, start: int) -> None:
    low = (i for i in range(start, len(history)) if history.price(history.opens[i]).value <= price)
    assert first_at_or_below(history, start, price) == next(low, None)


def test_no_candle_is_passed_over_where_one_stretch_ends_and_the_next_begins() -> None:
    flat = candles([(100, 100, 100, 100)] * 600)
    for at in range(600):
        lows, opens = flat.lows.copy(), flat.opens.copy()
        lows[at] = opens[at] = 9000
        dip = replace(flat, lows=lows, opens=opens)
        assert first_touch(dip, 0, Decimal(90), Decimal(101)) == at
        assert first_at_or_below(dip, 0, Decimal(90)) == at


def test_a_price_beyond_all_numbers_of_a_column_touches_nothing_or_everything() -> None:
    history = candles([(1, 2, 1, 2)])
    assert first_touch(history, 0, None, Decimal("1e30")) is None
    assert first_touch(history, 0, Decimal("1e30"), None) == 0
