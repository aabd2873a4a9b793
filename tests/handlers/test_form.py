"""The form without Telegram: its fields, cursor, answers and screens."""

import re
import string
from collections.abc import Iterator
from decimal import Decimal

import pytest
from telegram import InlineKeyboardMarkup

from bot.domain.faults import FAULTS, fault
from bot.domain.params import BY_NAME, CURVES, PARAMETERS, Curve, CurveChoice, Kind
from bot.domain.validation import problems
from bot.errors import InvalidInput
from bot.ports import Draft, Environment
from bot.sandbox.telegram_html import parse_html
from handlers import form_curves
from handlers import form_views as views
from handlers.build import _PRESSES
from handlers.callback import Press
from handlers.form import (
    CURVE_OF_ITEM,
    ENVIRONMENT,
    FIELDS,
    HEADER,
    PAIR,
    Cursor,
    Form,
    State,
    Step,
    pressed_value,
    stored_text,
    stored_value,
    typed_points,
)
from handlers.form_faults import fault_text, mends
from handlers.form_numbers import number, percent, rounded
from handlers.new_strategy import _VERBS, new_strategy_handler
from handlers.texts import LOCALES, texts_for

D = Decimal
KNOWN = {ENVIRONMENT: "sandbox-bybit", PAIR: "BTCUSDT", "_base": "BTC", "_quote": "USDT"}
ENVIRONMENTS = tuple(Environment)


def at_item_1(**answers: str) -> Form:
    return Form(Cursor(Step.ASK, "qty_inicial"), {**KNOWN, **answers})


def complete(**answers: str) -> Form:
    form, wrong = at_item_1(**answers).with_defaults()
    assert wrong is None
    return form


def screens(locale: str) -> Iterator[views.Screen]:
    """Every screen that the form can show."""
    texts = texts_for(locale)
    for name in FIELDS:
        for step in (Step.ASK, Step.EDIT):
            yield views.question(texts, complete().at(step, name), name, ENVIRONMENTS)
    for which in CURVES:
        for curve in Curve:
            choice = stored_text(
                CurveChoice(curve, None if curve is Curve.SPLINE else D("0.02"), ((0, D(1)),))
            )
            form = at_item_1(**{which.name: choice}).at(Step.ASK, which.multiplier)
            yield views.question(texts, form, which.multiplier, ENVIRONMENTS)
            yield form_curves.ask_end(texts, form.at(Step.CURVE_END, which.name), which)
            yield form_curves.ask_points(texts, form.at(Step.CURVE_POINTS, which.name), which)
        yield form_curves.choice(texts, at_item_1(), which.multiplier)
    yield views.review(texts, complete())
    yield views.review(texts, complete().kept(qty_minima="900"))
    yield views.resume(texts, at_item_1())
    yield views.ask_name(texts, "BTC 300 1%")
    yield views.another(texts)


def buttons_of(keyboard: InlineKeyboardMarkup | None) -> list[tuple[str, str]]:
    rows = keyboard.inline_keyboard if keyboard else ()
    return [(b.text, str(b.callback_data)) for row in rows for b in row]


def test_the_states_are_stored_and_never_renamed() -> None:
    assert {state.name: state.value for state in State} == {
        "RESUME": "resume",
        "ASK": "ask",
        "REVIEW": "review",
        "NAME": "name",
        "NEXT": "next",
    }
    assert {step.name: step.value for step in Step} == {
        "ASK": "ask",
        "EDIT": "edit",
        "CURVE_END": "curve_end",
        "CURVE_POINTS": "curve_points",
        "REVIEW": "review",
        "NAME": "name",
        "SAVED": "saved",
        "RENAME": "rename",
        "SEARCH": "search",
        "TEST_PAIR": "test_pair",
        "TEST_DATES": "test_dates",
    }


def test_the_conversation_is_flat_persistent_and_every_state_has_an_exit() -> None:
    handler = new_strategy_handler()
    assert handler.name == "new_strategy"
    assert handler.persistent
    assert handler.allow_reentry
    assert set(handler.states) == set(State)
    assert handler.fallbacks  # /cancel works in every state
    assert {step for verb in ("cancel", "fresh") for step in _VERBS[verb].steps} == set(Step)


def test_the_questions_are_environment_pair_and_items_1_to_6() -> None:
    assert FIELDS[:2] == HEADER
    items = [BY_NAME[name].item for name in FIELDS[2:]]
    assert items == [
        *("1", "1.1", "1.1a", "1.1b", "2", "2.1", "2.1a", "2.1b"),
        *("3", "3.1", "3.1a", "3.1b", "3.1c", "4", "5", "6"),
    ]


@pytest.mark.parametrize("cursor", [Cursor(step, about) for step in Step for about in ("", "qty_inicial")])
def test_a_cursor_reads_back_as_written(cursor: Cursor) -> None:
    assert Cursor.of(str(cursor)) == cursor


def test_a_cursor_of_another_version_starts_at_the_first_question() -> None:
    assert Cursor.of("ask_all:qty") == Cursor(Step.ASK, ENVIRONMENT)


def test_a_draft_reads_back_as_written() -> None:
    draft = Draft(7, "edit:taxa", {"taxa": "0.001", "_seen": "12"}, 99)
    assert Form.of(draft).draft(7) == draft


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("qty_inicial", D("123456789012.123456789012345678")),
        ("taxa", D("0.00075")),
        ("qty_maxima", D("1E+3")),
        ("limite_recompras", 20),
        ("lucro_reaplicar", True),
        ("lucro_reaplicar", False),
        ("curva_qty", CurveChoice()),
        ("curva_qty", CurveChoice(Curve.POWER, D("600.5"))),
        ("curva_lucro", CurveChoice(Curve.SPLINE, None, ((0, D("0.035")), (10, D("0.02")), (20, D("0.01"))))),
    ],
)
def test_a_stored_value_is_exactly_the_answer(name: str, value: object) -> None:
    assert stored_value(name, stored_text(value)) == value


def test_defaults_for_the_rest_end_at_a_review_that_can_run() -> None:
    form = complete()
    assert form.cursor == Cursor(Step.REVIEW)
    assert form.complete
    assert problems(form.params) == ()


def test_defaults_keep_what_was_answered_before() -> None:
    assert complete(taxa="0.002").params.taxa == D("0.002")


def test_defaults_stop_at_the_first_that_does_not_fit() -> None:
    form, wrong = at_item_1(qty_inicial="7000").with_defaults()
    assert form.cursor == Cursor(Step.ASK, "saldo_limite")
    assert wrong is not None
    assert (wrong.field, wrong.key) == ("saldo_limite", "limit_below_first_buy")
    screen = views.question(texts_for("en"), form, "saldo_limite", ENVIRONMENTS, wrong=wrong)
    assert ("Use 7,000", "v1:ns:set:saldo_limite:7000") in buttons_of(screen.keyboard)


def test_back_goes_one_question_up_and_loses_nothing() -> None:
    form = at_item_1().answered("qty_inicial", D(500))
    assert form.cursor == Cursor(Step.ASK, "multiplicador_qty")
    assert form.back().cursor == Cursor(Step.ASK, "qty_inicial")
    assert form.back().offered("qty_inicial") == D(500)
    assert Form().back().cursor == Cursor(Step.ASK, ENVIRONMENT)


def test_a_change_from_the_review_returns_to_it() -> None:
    form = complete().at(Step.EDIT, "taxa").answered("taxa", D("0.002"))
    assert form.cursor == Cursor(Step.REVIEW)
    assert form.params.taxa == D("0.002")


def test_another_environment_asks_for_the_pair_again() -> None:
    assert complete().at(Step.EDIT, ENVIRONMENT).onward(ENVIRONMENT).cursor == Cursor(Step.EDIT, PAIR)


def test_an_answer_that_breaks_another_is_refused() -> None:
    with pytest.raises(InvalidInput) as found:
        complete().at(Step.EDIT, "qty_maxima").answered("qty_maxima", D(10))
    assert found.value.key == "below_its_floor"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("qty_inicial", "1000", D(1000)),
        ("lucro_alvo_inicial", "0.9", D("0.9")),  # typed, it would be asked back
        ("lucro_alvo_inicial", "3.5%", D("0.035")),
        ("limite_recompras", "20", 20),
        ("lucro_reaplicar", "n", False),
    ],
)
def test_a_buttons_value_is_exact_and_never_asked_back(name: str, text: str, value: object) -> None:
    found = pressed_value(name, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "", "x", "9" * 60, "1e999999"])
def test_a_forged_button_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        value = pressed_value("qty_inicial", text)
        at_item_1().answered("qty_inicial", value)


def test_spline_points_are_read_with_either_decimal_mark() -> None:
    which = CURVE_OF_ITEM["multiplicador_lucro"]
    assert typed_points(which, "0:0.035, 10:0.02, 20:0.01")[1] == (10, D("0.02"))
    assert typed_points(which, "0: 3,5%; 10: 2%; 20: 1%") == (
        (0, D("0.035")),
        (10, D("0.02")),
        (20, D("0.01")),
    )


@pytest.mark.parametrize(
    "text", ["300", "0-300; 10-400", "0:300; x:400; 20:600", "0: ; 10:1; 20:2", "-1:3; 1:4; 2:5"]
)
def test_bad_spline_points_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        typed_points(CURVE_OF_ITEM["multiplicador_qty"], text)


# --- what is shown ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
def test_every_screen_is_valid_markup_and_short_enough(locale: str) -> None:
    for screen in screens(locale):
        text, _ = parse_html(screen.text)
        assert 0 < len(text) <= 4096


@pytest.mark.parametrize("locale", LOCALES)
def test_every_button_of_the_form_has_exactly_one_handler(locale: str) -> None:
    seen = set()
    for screen in screens(locale):
        labels = [label for label, _ in buttons_of(screen.keyboard)]
        assert len(labels) == len(set(labels)), labels
        for label, carried in buttons_of(screen.keyboard):
            assert 0 < len(label) <= 40
            press = Press.unpack(carried)
            assert press is not None
            if press.action in dict(_PRESSES):  # a look aside, such as a backtest of the draft
                continue
            assert press.action == views.ACTION
            assert press.args[0] in _VERBS
            seen.add(press.args[0])
    outside = {"run", "yes", "later"}  # items 7 to 9, in the tests of the conversation
    assert seen | outside == set(_VERBS)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_question_says_number_name_meaning_example_and_default(locale: str) -> None:
    texts = texts_for(locale)
    for parameter in PARAMETERS:
        form = at_item_1().at(Step.ASK, parameter.name)
        screen = views.question(texts, form, parameter.name, ENVIRONMENTS)
        assert f"<b>{parameter.item} {parameter.name}</b>" in screen.text
        assert texts(f"form.about.{parameter.name}", coin="USDT") in screen.text
        assert views.example(texts, parameter.name) in screen.text
        labels = [label for label, _ in buttons_of(screen.keyboard)]
        default = views.shown_value(texts, parameter.name, parameter.default)
        if parameter.kind is not Kind.YES_NO:
            assert texts.plain("form.button.use", value=default) in labels
        assert texts.plain("form.button.back") in labels
        assert texts.plain("form.button.rest") in labels
        assert texts.plain("form.button.cancel") in labels


@pytest.mark.parametrize("locale", LOCALES)
def test_every_example_is_an_answer_that_is_taken(locale: str) -> None:
    from handlers.form import typed_value

    for parameter in PARAMETERS:
        value = typed_value(parameter.name, views.example(texts_for(locale), parameter.name))
        complete().at(Step.EDIT, parameter.name).answered(parameter.name, value)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_curves_example_is_taken(locale: str) -> None:
    for which in CURVES:
        points = typed_points(which, texts_for(locale).plain(f"form.curve.points.{which.name}"))
        form = complete().kept(**{which.name: stored_text(CurveChoice(Curve.SPLINE, None, points))})
        assert problems(form.params) == ()


def test_the_review_shows_every_value_and_offers_the_plan_only_when_it_is_sound() -> None:
    texts = texts_for("pt_BR")
    good = views.review(texts, complete())
    for parameter in PARAMETERS:
        assert f"{parameter.item} {parameter.name}: <b>" in good.text
    assert "7 Plano" in dict(buttons_of(good.keyboard))
    bad = views.review(texts, complete().kept(qty_minima="900"))
    assert "7 Plano" not in dict(buttons_of(bad.keyboard))
    assert "8 Salvar" not in dict(buttons_of(bad.keyboard))
    assert "no máximo 600" in bad.text


def test_real_money_is_marked_in_the_first_question() -> None:
    screen = views.question(texts_for("en"), Form(), ENVIRONMENT, ENVIRONMENTS)
    labels = [label for label, _ in buttons_of(screen.keyboard)]
    assert "🔴 bybit · REAL" in labels
    assert "🧪 sandbox-bybit · SIM" in labels


@pytest.mark.parametrize("locale", LOCALES)
def test_every_fault_of_the_domain_is_told_in_the_persons_language(locale: str) -> None:
    texts = texts_for(locale)
    for key, english in FAULTS.items():
        names = {name for _, name, _, _ in string.Formatter().parse(english) if name}
        values = {name: "> 0, < 10" if name == "range" else "0.035" for name in names}
        told = fault_text(texts, fault(key, "lucro_alvo_inicial", **values))
        assert "{" not in told
        if locale == "pt_BR":
            assert " takes " not in told
        parse_html(told)


@pytest.mark.parametrize(
    ("key", "field", "values", "labels"),
    [
        (
            "ambiguous_number",
            "qty_inicial",
            {
                "value": "1.000",
                "decimal": "1",
                "thousands": "1000",
                "decimal_text": "1",
                "thousands_text": "1000",
            },
            ["Usar 1", "Usar 1.000"],
        ),
        (
            "percent_or_fraction",
            "lucro_alvo_inicial",
            {"value": "0.5", "as_percent": "50", "percent_text": "0.5%", "fraction_text": "50%"},
            ["Usar 50%", "Usar 0,5%"],
        ),
        (
            "above_its_ceiling",
            "lucro_alvo_minimo",
            {"value": "0.1", "limit": "0.05", "other": "x"},
            ["Usar 5%"],
        ),
        ("out_of_range", "taxa", {"value": "1", "range": ">= 0, <= 0.05", "valid": "x"}, []),
    ],
)
def test_a_fault_offers_what_would_pass(
    key: str, field: str, values: dict[str, str], labels: list[str]
) -> None:
    found = mends(texts_for("pt_BR"), fault(key, field, **values))
    assert [label for label, _ in found] == labels


def test_a_ratio_is_told_in_percent_and_a_range_too() -> None:
    wrong = fault("out_of_range", "taxa", value="0.06", range=">= 0, <= 0.05", valid="x")
    told = fault_text(texts_for("pt_BR"), wrong)
    assert "≥ 0%, ≤ 5%" in told
    assert "6%" in told


def test_what_a_person_typed_is_quoted_as_it_was_and_escaped() -> None:
    wrong = fault("not_a_number", "qty_inicial", value="<b>1.5</b>", example="300")
    assert "&lt;b&gt;1.5&lt;/b&gt;" in fault_text(texts_for("pt_BR"), wrong)


def test_a_pair_of_digits_is_quoted_as_a_name_and_not_as_a_number() -> None:
    values = {"pair": "1234567", "environment": "bybit"}
    absent = InvalidInput("par", "not there", key="pair_not_traded", values=values)
    for wrong, shown in ((fault("bad_pair", "par", value="1234"), "1234"), (absent, "1234567")):
        assert shown in fault_text(texts_for("pt_BR"), wrong)


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ("pt_BR", ("1.234,56", "0,00000123", "3,15875%", "1.234,50", "123.456.789.012,123456789012345678")),
        ("en", ("1,234.56", "0.00000123", "3.15875%", "1,234.50", "123,456,789,012.123456789012345678")),
    ],
)
def test_numbers_are_written_by_locale_and_never_rounded_unasked(locale: str, shown: tuple[str, ...]) -> None:
    assert (
        number(D("1234.56"), locale),
        number(D("0.00000123"), locale),
        percent(D("0.0315875"), locale),
        rounded(D("1234.5"), locale),
        number(D("123456789012.123456789012345678"), locale),
    ) == shown


def test_both_catalogues_have_the_same_keys_and_placeholders() -> None:
    en, pt = (dict(texts_for(locale)._catalogue) for locale in ("en", "pt_BR"))
    mine = {key for key in en if key.startswith(("form.", "plan.", "error."))}
    assert mine == {key for key in pt if key.startswith(("form.", "plan.", "error."))}
    for key in mine:
        holes = [set(re.findall(r"\{(\w+)\}", str(found[key]))) for found in (en, pt)]
        assert holes[0] == holes[1], key
        parse_html(str(en[key]))
        parse_html(str(pt[key]))
