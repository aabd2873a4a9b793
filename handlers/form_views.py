"""What the setup form shows: texts and keyboards from a draft, pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from telegram import InlineKeyboardMarkup

from bot.domain.params import BY_NAME, PARAMETERS, Curve, CurveChoice, CurveField, Kind, Value
from bot.domain.validation import problems
from bot.errors import InvalidInput
from bot.ports import Environment
from handlers.callback import Press
from handlers.form import (
    CURVE_NAMES,
    CURVE_OF_ITEM,
    DRAFT,
    ENVIRONMENT,
    FIELDS,
    FIXED,
    HEADER,
    PAIR,
    Form,
    Step,
    stored_text,
    stored_value,
)
from handlers.form_faults import fault_text, mends
from handlers.form_numbers import number, percent
from handlers.keyboards import GOOD, Button, keyboard
from handlers.texts import Texts

ACTION = "ns"
"""Every button of the form carries this action; its first argument is the verb."""
_SIMULATED, _REAL = "🧪", "🔴"
_MOST_IN_A_ROW = 4


@dataclass(frozen=True, slots=True)
class Screen:
    """A message to send: Telegram HTML and its buttons."""

    text: str
    keyboard: InlineKeyboardMarkup | None = None


def press(verb: str, *args: str) -> Press:
    return Press(ACTION, (verb, *args))


def button(texts: Texts, key: str, verb: str, *args: str) -> Button:
    return Button(texts.plain(f"form.button.{key}"), press(verb, *args))


def question(
    texts: Texts,
    form: Form,
    name: str,
    environments: Sequence[Environment],
    *,
    before: str = "",
    wrong: InvalidInput | None = None,
) -> Screen:
    """One field's question, with what was wrong with the last answer to it."""
    said = fault_text(texts, wrong) if wrong else before
    if name == ENVIRONMENT:
        body, rows = texts("form.ask.ambiente"), _environment_rows(texts, environments)
    elif name == PAIR:
        pair = form.answers.get(PAIR, "BTCUSDT")
        body, rows = texts("form.ask.par", example="ETHUSDT"), [[Button(pair, press("set", PAIR, pair))]]
    else:
        body, rows = _parameter_body(texts, form, name), _parameter_rows(texts, form, name, wrong)
    return Screen(paragraphs(said, body), keyboard(*rows, *_ways(texts, form, name)))


def _environment_rows(texts: Texts, environments: Sequence[Environment]) -> list[list[Button]]:
    return [[Button(environment_label(texts, e), press("set", ENVIRONMENT, e.value))] for e in environments]


def environment_label(texts: Texts, environment: Environment) -> str:
    """`🧪 sandbox-bybit · SIM`, plain."""
    mark, key = (_REAL, "real") if environment.real_money else (_SIMULATED, "sim")
    return f"{mark} {environment.value} · {texts.plain(f'form.mode.{key}')}"


def _parameter_body(texts: Texts, form: Form, name: str) -> str:
    offered = shown_value(texts, name, form.offered(name))
    place = FIELDS.index(name) - len(HEADER) + 1
    head = texts("form.ask.head", item=BY_NAME[name].item, name=name, place=place, total=len(PARAMETERS))
    about = texts(f"form.about.{name}", coin=form.coin)
    lines = [head, about, texts("form.ask.example", example=example(texts, name))]
    key = "form.ask.now" if name in form.answers else "form.ask.default"
    lines.append(texts(key, value=offered))
    if which := CURVE_OF_ITEM.get(name):
        choice = form.curve(which)
        lines.append(texts("form.ask.curve", curve=curve_text(texts, which, choice)))
        if choice.curve is not Curve.GEOMETRIC:
            lines.append(texts(f"form.curve.m.{choice.curve.value}"))
    return "\n".join(lines)


def example(texts: Texts, name: str) -> str:
    """An answer as a person of this language would type it."""
    return texts.plain(f"form.example.{name}")


def _parameter_rows(texts: Texts, form: Form, name: str, wrong: InvalidInput | None) -> list[list[Button]]:
    if wrong is not None and wrong.field == name and (suggested := mends(texts, wrong)):
        rows = [[Button(label, press("set", name, text)) for label, text in suggested]]
    elif BY_NAME[name].kind is Kind.YES_NO:
        rows = [[button(texts, "yes", "set", name, "s"), button(texts, "no", "set", name, "n")]]
    else:
        offered = form.offered(name)
        rows = [[_use(texts, name, offered)] if form.fits(name, offered) else []]
    if name == "saldo_limite":
        rows.append([button(texts, "all_free", "set", name, "0")])
    if which := CURVE_OF_ITEM.get(name):
        choice = form.curve(which)
        extra = [button(texts, "curve", "curve", name)]
        if choice.curve not in {Curve.GEOMETRIC, Curve.SPLINE}:
            extra.append(button(texts, "end", "end", name))
        rows.append(extra)
    return rows


def _use(texts: Texts, name: str, value: Value) -> Button:
    return Button(
        texts.plain("form.button.use", value=shown_value(texts, name, value)),
        press("set", name, stored_text(value)),
        GOOD,
    )


def _ways(texts: Texts, form: Form, name: str) -> list[list[Button]]:
    """Back, the rest by defaults, cancel: as far as they make sense here."""
    if form.cursor.step is not Step.ASK:
        return [[button(texts, "unchanged", "back", name)]]
    back = [] if name == ENVIRONMENT else [button(texts, "back", "back", name)]
    rest = [] if name in HEADER else [button(texts, "rest", "rest", name)]
    return [rest, [*back, button(texts, "cancel", "cancel")]]


def echo(texts: Texts, name: str, form: Form) -> str:
    """The answer as it was understood, exact: `✓ 1.1 multiplicador_qty = 1,02`."""
    if name in HEADER:
        return texts("form.echo.plain", name=name, value=form.answers[name])
    value = shown_value(texts, name, stored_value(name, form.answers[name]))
    return texts("form.echo", item=BY_NAME[name].item, name=name, value=value)


def shown_value(texts: Texts, name: str, value: Value) -> str:
    """A parameter's value for the eye, every digit of it; plain."""
    kind = BY_NAME[name].kind
    if isinstance(value, bool):
        return texts.plain("form.yes" if value else "form.no")
    if isinstance(value, CurveChoice):
        return value.curve.value
    if name == "saldo_limite" and value == 0:
        return texts.plain("form.all_free")
    if kind is Kind.FRACTION:
        return percent(Decimal(value), texts.locale)
    return number(value, texts.locale)


def curve_text(texts: Texts, which: CurveField, choice: CurveChoice) -> str:
    """`potencia → 600`, plain."""
    if choice.curve is Curve.SPLINE:
        return f"spline {points_text(texts, which, choice)}"
    if choice.end is None:
        return choice.curve.value
    return f"{choice.curve.value} → {shown_value(texts, which.end, choice.end)}"


def points_text(texts: Texts, which: CurveField, choice: CurveChoice) -> str:
    return "; ".join(f"{rung}: {shown_value(texts, which.start, value)}" for rung, value in choice.points)


# --- the review card --------------------------------------------------------------------------------------


def review(texts: Texts, form: Form, *, before: str = "") -> Screen:
    """Every answer on one card, a button for each to change it, and items 7 and 8."""
    faults = problems(form.params)
    lines = [texts("form.review.head")]
    lines += [texts("form.review.plain", name=name, value=form.answers.get(name, "?")) for name in HEADER]
    lines += [_review_line(texts, form, p.item, p.name) for p in PARAMETERS]
    wrong = [fault_text(texts, found) for found in faults]
    rows = _change_rows(fixed=FIXED in form.answers)
    last = [button(texts, "plan", "plan"), save_button(texts, form)] if not faults else []
    past = [Button(texts.plain("button.bt_test"), Press("bt_of", (DRAFT,)))] if not faults else []
    text = paragraphs(before, "\n".join(lines), *wrong)
    return Screen(text, keyboard(*rows, last, [*past, button(texts, "cancel", "cancel")]))


def _review_line(texts: Texts, form: Form, item: str, name: str) -> str:
    line = texts("form.review.line", item=item, name=name, value=shown_value(texts, name, form.offered(name)))
    which = CURVE_OF_ITEM.get(name)
    if which is None or form.curve(which).curve is Curve.GEOMETRIC:
        return line
    return f"{line} · {texts('form.review.curve', curve=curve_text(texts, which, form.curve(which)))}"


def save_button(texts: Texts, form: Form) -> Button:
    """Item 8: a new strategy under a name, or the changes to a saved one."""
    return button(texts, "save" if form.edits is None else "keep", "save")


def _change_rows(*, fixed: bool) -> Iterable[list[Button]]:
    yield [] if fixed else [_change(name, name) for name in HEADER]
    for _, group in groupby(PARAMETERS, key=lambda p: p.item[0] if p.item[0] in "123" else ""):
        row = [_change(p.item, p.name) for p in group]
        wide = len(row) if len(row) <= _MOST_IN_A_ROW else _MOST_IN_A_ROW - 1
        yield row[:wide]
        yield row[wide:]


def _change(label: str, name: str) -> Button:
    return Button(f"✎ {label}", press("edit", name))


# --- around the form --------------------------------------------------------------------------------------


def resume(texts: Texts, form: Form) -> Screen:
    """A draft was left: go on with it, or start afresh."""
    answered = sum(name in form.answers for name in FIELDS)
    text = texts("form.resume", answered=answered, total=len(FIELDS), where=where(texts, form))
    row = [button(texts, "resume", "resume"), button(texts, "fresh", "fresh")]
    return Screen(text, keyboard(row, [button(texts, "cancel", "cancel")]))


def where(texts: Texts, form: Form) -> str:
    """The place of a draft in a few words, plain."""
    step, about = form.cursor.step, form.cursor.about
    if about in BY_NAME:
        return f"{BY_NAME[about].item} {about}"
    if about in HEADER:
        return about
    if step in {Step.CURVE_END, Step.CURVE_POINTS}:
        return f"{CURVE_NAMES[about].item} {about}"
    return texts.plain("form.where.name" if step is Step.NAME else "form.where.review")


def ask_name(texts: Texts, suggestion: str, *, before: str = "") -> Screen:
    """Item 8: the name to save under."""
    use = Button(texts.plain("form.button.use", value=suggestion), press("name"), GOOD)
    rows = keyboard([use], [button(texts, "unsaved", "unsaved"), button(texts, "review", "review")])
    return Screen(paragraphs(before, texts("form.ask.name")), rows)


def another(texts: Texts, *, before: str = "") -> Screen:
    """Item 10."""
    rows = keyboard([button(texts, "another", "again")], [button(texts, "done", "done")])
    return Screen(paragraphs(before, texts("form.ask.another")), rows)


def paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
