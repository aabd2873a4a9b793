"""What the setup form shows of curves: the choice, the question for an end value, and for points."""

from bot.domain.params import Curve, CurveField
from handlers.form import CURVE_OF_ITEM, Form, stored_text
from handlers.form_views import Screen, button, curve_text, example, paragraphs, press, shown_value
from handlers.keyboards import Button, keyboard
from handlers.texts import Texts


def choice(texts: Texts, form: Form, name: str) -> Screen:
    """The six curves of an item, each with a word on its shape."""
    which = CURVE_OF_ITEM[name]
    lines = [texts("form.curve.head", item=which.item, now=curve_text(texts, which, form.curve(which)))]
    lines += [f"• <b>{curve.value}</b>: {texts(f'form.curve.{curve.value}')}" for curve in Curve]
    buttons = [Button(curve.value, press("pick", name, curve.value)) for curve in Curve]
    rows = [buttons[i : i + 2] for i in range(0, len(buttons), 2)]
    return Screen("\n".join(lines), keyboard(*rows, [button(texts, "back", "show", name)]))


def ask_end(texts: Texts, form: Form, which: CurveField, *, before: str = "") -> Screen:
    fallback = shown_value(texts, which.end, form.offered(which.end))
    body = texts(
        "form.curve.ask_end",
        curve=form.curve(which).curve.value,
        end=which.end,
        value=fallback,
        example=example(texts, which.end),
    )
    use = Button(texts.plain("form.button.end_default", name=which.end), press("endless", which.name))
    return Screen(paragraphs(before, body), keyboard([use], [button(texts, "back", "back", which.name)]))


def ask_points(texts: Texts, form: Form, which: CurveField, *, before: str = "") -> Screen:
    start = shown_value(texts, which.start, form.offered(which.start))
    body = texts(
        "form.curve.ask_points",
        first=which.first_rung,
        last=stored_text(form.offered("limite_recompras")),
        start=start,
        example=texts.plain(f"form.curve.points.{which.name}"),
    )
    return Screen(paragraphs(before, body), keyboard([button(texts, "back", "back", which.name)]))
