"""The curve of a ladder's amounts, targets or drops: chosen, given an end value or points, drawn."""

from bot.domain.params import Curve, CurveChoice
from bot.domain.validation import check_field
from bot.errors import InvalidInput
from handlers import form_curves as views
from handlers.form import (
    BACK_TO,
    CURVE_NAMES,
    CURVE_OF_ITEM,
    Form,
    Step,
    stored_text,
    typed_end,
    typed_points,
)
from handlers.form_faults import fault_text
from handlers.form_picture import send_curve
from handlers.form_turn import Outcome, Turn


async def offer(turn: Turn) -> Outcome:
    name = turn.form.cursor.about
    if name not in CURVE_OF_ITEM:
        return await turn.show(turn.form)
    return await turn.go(turn.form, views.choice(turn.texts, turn.form, name))


async def pick(turn: Turn) -> Outcome:
    """Five curves need no more; a spline asks for its points."""
    which, chosen = CURVE_OF_ITEM.get(turn.word(1)), turn.word(2)
    if which is None or chosen not in set(Curve):
        return await turn.show(turn.form)
    if Curve(chosen) is Curve.SPLINE:
        return await turn.show(_aside(turn.form, Step.CURVE_POINTS, which.name))
    return await _with_curve(turn, turn.form, which.name, CurveChoice(Curve(chosen)))


async def ask_end(turn: Turn) -> Outcome:
    which = CURVE_OF_ITEM.get(turn.word(1))
    if which is None:
        return await turn.show(turn.form)
    return await turn.show(_aside(turn.form, Step.CURVE_END, which.name))


def _aside(form: Form, step: Step, about: str) -> Form:
    return form.kept(**{BACK_TO: str(form.cursor)}).at(step, about)


async def default_end(turn: Turn) -> Outcome:
    name = turn.form.cursor.about
    choice = CurveChoice(turn.form.curve(CURVE_NAMES[name]).curve)
    return await _with_curve(turn, turn.form.returned(), name, choice)


async def take(turn: Turn, words: str) -> Outcome:
    """A typed end value, or a spline's points."""
    step, name = turn.form.cursor.step, turn.form.cursor.about
    which = CURVE_NAMES[name]
    try:
        if step is Step.CURVE_END:
            choice = CurveChoice(turn.form.curve(which).curve, typed_end(which, words))
        else:
            choice = CurveChoice(Curve.SPLINE, None, typed_points(which, words))
        check_field(turn.form.values, name, choice)
    except InvalidInput as wrong:
        return await turn.show(turn.form, before=fault_text(turn.texts, wrong))
    return await _with_curve(turn, turn.form.returned(), name, choice)


async def _with_curve(turn: Turn, form: Form, name: str, choice: CurveChoice) -> Outcome:
    try:
        check_field(form.values, name, choice)
    except InvalidInput as wrong:
        return await turn.show(form, before=fault_text(turn.texts, wrong))
    chosen = form.kept(**{name: stored_text(choice)})
    await send_curve(turn, chosen, CURVE_NAMES[name])
    return await turn.show(chosen)
