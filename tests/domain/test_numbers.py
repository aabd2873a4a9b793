from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.numbers import MAX_LENGTH, parse_answer, parse_number, parse_yes_no, typed
from bot.domain.params import BY_NAME, PARAMETERS, Kind
from bot.errors import InvalidInput

D = Decimal


def refused(text, name="qty_inicial"):
    with pytest.raises(InvalidInput) as caught:
        parse_answer(text, BY_NAME[name])
    assert caught.value.field == name
    return caught.value


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("0,035", "lucro_alvo_inicial", "0.035"),
        ("0.035", "lucro_alvo_inicial", "0.035"),
        ("3,5%", "lucro_alvo_inicial", "0.035"),
        ("3.5 %", "lucro_alvo_inicial", "0.035"),
        ("3.5\u00a0%", "lucro_alvo_inicial", "0.035"),
        ("350%", "lucro_alvo_inicial", "3.5"),
        ("1%", "recompra_queda_inicial", "0.01"),
        (",01", "recompra_queda_inicial", "0.01"),
        ("0.49", "recompra_queda_inicial", "0.49"),
        ("0.005", "lucro_alvo_minimo", "0.005"),
        ("0,1%", "taxa", "0.001"),
        ("0", "taxa", "0"),
        ("300", "qty_inicial", "300"),
        (" 300 ", "qty_inicial", "300"),
        ("+300", "qty_inicial", "300"),
        ("300.", "qty_inicial", "300"),
        ("R$ 300", "qty_inicial", "300"),
        ("US$300,50", "qty_inicial", "300.5"),
        ("$300", "qty_inicial", "300"),
        ("300 USDT", "qty_inicial", "300"),
        ("usdt 300", "qty_inicial", "300"),
        ("1.234,56", "qty_inicial", "1234.56"),
        ("1,234.56", "qty_inicial", "1234.56"),
        ("1.234,567", "qty_inicial", "1234.567"),
        ("1.234.567,8", "qty_inicial", "1234567.8"),
        ("1.234.567", "qty_inicial", "1234567"),
        ("1,234,567", "qty_inicial", "1234567"),
        ("1234.567", "qty_inicial", "1234.567"),
        ("1,02", "multiplicador_qty", "1.02"),
        ("1.0200", "multiplicador_qty", "1.02"),
        ("0", "multiplicador_qty", "0"),  # its curve decides
        ("50%", "lucro_alvo_maximo", "0.5"),
        ("0", "saldo_limite", "0"),
    ],
)
def test_numbers_as_a_brazilian_types_them(text, name, value):
    assert parse_answer(text, BY_NAME[name]) == D(value)


def test_a_count_is_an_integer():
    value = parse_answer("20", BY_NAME["limite_recompras"])
    assert value == 20
    assert type(value) is int
    assert parse_answer("20,0", BY_NAME["limite_recompras"]) == 20


def test_an_empty_answer_takes_the_default():
    for parameter in PARAMETERS:
        assert parse_answer("", parameter) == parse_answer("  \n", parameter) == parameter.default


@pytest.mark.parametrize(
    ("text", "decimal", "thousands"),
    [
        ("1.000", "1", "1000"),
        ("1,000", "1", "1000"),
        ("12.345", "12.345", "12345"),
        ("123,450", "123.45", "123450"),
    ],
)
def test_one_mark_before_three_digits_is_asked_back(text, decimal, thousands):
    found = refused(text)
    assert found.key == "ambiguous_number"
    assert (found.values["decimal"], found.values["thousands"]) == (decimal, thousands)
    assert parse_number(found.values["decimal_text"], Kind.QUOTE) == D(decimal)
    assert parse_number(found.values["thousands_text"], Kind.QUOTE) == D(thousands)


def test_an_ambiguous_percentage_offers_percentages():
    found = refused("1,234%", "lucro_alvo_inicial")
    assert (found.values["decimal_text"], found.values["thousands_text"]) == ("1.2340%", "1234%")


def test_a_leading_zero_makes_it_plainly_a_decimal():
    for text in ("0.035", "0,035", "00.035"):
        assert parse_number(text, Kind.FRACTION) == D("0.035")
    assert parse_number("01.035", Kind.FRACTION) == D("1.035")


@pytest.mark.parametrize(
    ("text", "name", "fraction", "percent"),
    [
        ("3.5", "lucro_alvo_inicial", "350%", "3.5%"),
        ("0,5", "recompra_queda_inicial", "50%", "0.5%"),
        ("50", "lucro_alvo_maximo", "5000%", "50%"),
        ("1.2345", "lucro_alvo_inicial", "123.45%", "1.2345%"),
    ],
)
def test_a_large_bare_fraction_is_asked_back(text, name, fraction, percent):
    found = refused(text, name)
    assert found.key == "percent_or_fraction"
    assert (found.values["fraction_text"], found.values["percent_text"]) == (fraction, percent)
    assert parse_answer(fraction, BY_NAME[name]) == 100 * parse_answer(percent, BY_NAME[name])


@pytest.mark.parametrize("name", ["recompra_queda_inicial", "recompra_queda_maximo", "taxa"])
def test_a_bare_fraction_out_of_range_suggests_the_percentage(name):
    found = refused("3,5", name)
    assert (found.key, found.values["percent_text"], found.values["as_percent"]) == (
        "meant_percent",
        "3.5%",
        "350",
    )
    assert "3.5%" in found.reason


BAD = [
    ("NaN", "qty_inicial", "not_a_number"),
    ("nan", "taxa", "not_a_number"),
    ("Infinity", "qty_inicial", "not_a_number"),
    ("-inf", "qty_inicial", "not_a_number"),
    ("1e5", "qty_inicial", "not_a_number"),
    ("1E-3", "taxa", "not_a_number"),
    ("9" * 5000, "qty_inicial", "not_a_number"),
    ("🚀", "qty_inicial", "not_a_number"),
    ("30🚀", "qty_inicial", "not_a_number"),
    ("<b>300</b>", "qty_inicial", "not_a_number"),
    ("300 400", "qty_inicial", "not_a_number"),
    ("300; 400", "qty_inicial", "not_a_number"),
    ("1 000", "qty_inicial", "not_a_number"),
    ("300 a 400", "qty_inicial", "not_a_number"),
    ("trezentos", "qty_inicial", "not_a_number"),
    ("5²", "qty_inicial", "not_a_number"),
    ("½", "qty_inicial", "not_a_number"),
    ("٣٠٠", "qty_inicial", "not_a_number"),
    (".", "qty_inicial", "not_a_number"),
    (",", "taxa", "not_a_number"),
    ("-", "qty_inicial", "not_a_number"),
    ("%", "taxa", "not_a_number"),
    ("R$", "qty_inicial", "not_a_number"),
    ("1.2.3", "qty_inicial", "not_a_number"),
    ("1..2", "qty_inicial", "not_a_number"),
    ("1.2,3", "qty_inicial", "not_a_number"),
    ("1.234.56", "qty_inicial", "not_a_number"),
    ("1,234.567.890", "qty_inicial", "not_a_number"),
    ("1.234,567,890", "qty_inicial", "not_a_number"),
    ("12.34.567", "qty_inicial", "not_a_number"),
    ("3%%", "taxa", "not_a_number"),
    ("1_000", "qty_inicial", "not_a_number"),
    ("0x10", "qty_inicial", "not_a_number"),
    ("--5", "qty_inicial", "not_a_number"),
    ("/cancel", "qty_inicial", "not_a_number"),
    ("5%", "qty_inicial", "percent_not_here"),
    ("105%", "multiplicador_qty", "percent_not_here"),
    ("20%", "limite_recompras", "percent_not_here"),
    ("2,5", "limite_recompras", "whole_number"),
    ("-5", "qty_inicial", "out_of_range"),
    ("\u22125", "qty_inicial", "out_of_range"),
    ("0", "qty_inicial", "out_of_range"),
    ("1000000000001", "qty_inicial", "out_of_range"),
    ("-1", "limite_recompras", "out_of_range"),
    ("201", "limite_recompras", "out_of_range"),
    ("100%", "recompra_queda_inicial", "out_of_range"),
    ("6%", "taxa", "out_of_range"),
    ("-3", "taxa", "out_of_range"),
    ("10000", "lucro_alvo_inicial", "out_of_range"),
    ("-2", "multiplicador_qty", "out_of_range"),
    ("talvez", "lucro_reaplicar", "not_yes_no"),
    ("sn", "lucro_reaplicar", "not_yes_no"),
    ("s" * 5000, "lucro_reaplicar", "not_yes_no"),
    ("1", "lucro_reaplicar", "not_yes_no"),
]


@pytest.mark.parametrize(("text", "name", "key"), BAD, ids=[f"{n}-{t[:12]!a}" for t, n, _ in BAD])
def test_a_bad_answer_is_refused_saying_what_would_pass(text, name, key):
    found = refused(text, name)
    assert found.key == key
    assert "takes " in found.reason
    assert len(found.reason) < 200


def test_yes_and_no_in_both_languages_and_any_case():
    for text in ("s", "S", "sim", "SIM", "y", "Yes", " yes "):
        assert parse_yes_no(text, "lucro_reaplicar") is True
    for text in ("n", "N", "não", "NÃO", "na\u0303o", "nao", "no"):
        assert parse_yes_no(text, "lucro_reaplicar") is False


@given(st.text(max_size=80), st.sampled_from(PARAMETERS))
def test_any_text_gives_a_value_or_an_invalid_input(text, parameter):
    try:
        value = parse_answer(text, parameter)
    except InvalidInput as found:
        assert found.field == parameter.name
        assert found.key
    else:
        assert parameter.kind is Kind.YES_NO or parameter.limits.hold(D(value)) or value == 0


@given(st.text("0123456789.,-+%$RUSDT eE", max_size=MAX_LENGTH + 5), st.sampled_from(list(Kind)))
def test_anything_like_a_number_is_finite_or_refused(text, kind):
    try:
        value = parse_number(text, kind)
    except InvalidInput:
        return
    assert value.is_finite()


@given(st.decimals("0", "999999999999", places=8))
def test_what_we_suggest_to_type_is_read_as_what_we_meant(value):
    assert parse_number(typed(value), Kind.QUOTE) == value
    assert parse_number(typed(value) + "%", Kind.FRACTION) == value / 100


@given(st.integers(0, 10**9), st.integers(0, 99), st.booleans())
def test_both_national_ways_of_writing_an_amount_are_one(whole, cents, brazilian):
    text = f"{whole:,}.{cents:02}"
    if brazilian:
        text = text.translate(str.maketrans(",.", ".,"))
    assert parse_number(text, Kind.QUOTE) == D(whole) + D(cents) / 100
