from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Base, Price, Quote

D = Decimal
STEPS = st.sampled_from([D(s) for s in ("0.00000001", "0.000001", "0.01", "0.5", "3", "10")])
VALUES = st.decimals("0", "1000000", places=12)


def rules(step):
    return MarketRules(Symbol("BTCUSDT", "BTC", "USDT"), step, step, step, Quote.of(5))


@given(VALUES, STEPS)
def test_buy_prices_and_amounts_round_down_and_sell_prices_up(value, step):
    down = rules(step).tick_down(Price(value)).value
    up = rules(step).tick_up(Price(value)).value
    assert down % step == up % step == 0
    assert down <= value < down + step
    assert up - step < value <= up
    assert rules(step).lot_down(Base(value)).value == rules(step).quote_down(Quote(value)).value == down


@given(VALUES, STEPS)
def test_what_is_rounded_stays_as_it_is(value, step):
    once = rules(step).lot_down(Base(value))
    assert rules(step).lot_down(once) == once
    assert rules(step).tick_up(Price(once.value)).value == once.value


@given(VALUES)
def test_a_step_of_0_turns_rounding_off(value):
    assert rules(D(0)).tick_up(Price(value)).value == value
    assert rules(D(0)).lot_down(Base(value)).value == value
