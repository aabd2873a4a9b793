"""Amounts keep their unit, never become floats, and are rounded in one place, to one side."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import EXACT, Base, Price, Quote, exact, plain, total_base, total_quote
from tests.domain.venue import fine_rules


@pytest.mark.parametrize("value", [0.1, None, b"1", [1]])
def test_what_is_not_a_decimal_text_or_integer_is_never_money(value) -> None:
    with pytest.raises(TypeError):
        Base.of(value)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_is_never_money(text: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        exact(text)


@pytest.mark.parametrize(("left", "right"), [(Base.of(1), Quote.of(1)), (Quote.of(1), Price.of(1))])
def test_units_do_not_mix(left, right) -> None:
    with pytest.raises(TypeError):
        left + right
    with pytest.raises(TypeError):
        left - right
    with pytest.raises(TypeError):
        left.over(right)
    with pytest.raises(TypeError):
        left < right  # noqa: B015


def test_only_meaningful_products_exist() -> None:
    assert Base.of(2).at(Price.of("1.5")) == Quote.of(3)
    assert Quote.of(3).buys_at(Price.of("1.5")) == Base.of(2)
    assert Quote.of(3).per(Base.of(2)) == Price.of("1.5")
    assert not hasattr(Quote.of(1), "at")


def test_two_buys_of_the_same_money_average_by_coins_and_not_by_prices() -> None:
    spent = Quote.of(200)
    coins = Quote.of(100).buys_at(Price.of(100)) + Quote.of(100).buys_at(Price.of(50))
    assert spent.per(coins).value.quantize(Decimal("0.01")) == Decimal("66.67")


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E+2", "100"), ("0.10", "0.1"), ("0E-8", "0"), ("-0.50", "-0.5"), ("1E-8", "0.00000001")],
)
def test_an_amount_is_written_without_exponent_and_without_idle_zeros(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


def test_sums_are_exact_beyond_the_ordinary_precision() -> None:
    parts = [Quote.of("1e20"), Quote.of("1e-20")] * 3
    assert total_quote(parts).value == Decimal("300000000000000000000.00000000000000000003")
    assert total_base([]) == Base.zero()


values = st.decimals("0", "1e9", places=12)


@given(value=values, tick=st.sampled_from(["0.01", "0.05", "1", "0.000001"]))
def test_buys_round_down_sells_up_and_quantities_down_by_less_than_a_step(value, tick) -> None:
    rules, step = fine_rules(tick=tick, lot=tick, quote=tick), Decimal(tick)
    low, high = rules.tick_down(Price(value)).value, rules.tick_up(Price(value)).value
    assert low <= value <= high
    assert value - low < step
    assert high - value < step
    assert EXACT.remainder(low, step) == EXACT.remainder(high, step) == 0
    assert rules.lot_down(Base(value)).value == low == rules.quote_down(Quote(value)).value


@given(value=values)
def test_a_step_of_zero_turns_the_rounding_off(value) -> None:
    rules = fine_rules(tick="0", lot="0", quote="0")
    assert rules.tick_up(Price(value)).value == rules.lot_down(Base(value)).value == value
