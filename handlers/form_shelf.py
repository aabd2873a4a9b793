"""One draft laid over another: a file or an edit that comes in between loses nothing of a half-answered form."""

import json
from dataclasses import replace

from handlers.form import ENVIRONMENT, SHELF, Cursor, Form, Step

_DEEPEST = 5


def laid_over(form: Form, below: Form | None) -> Form:
    """`form` with `below` kept under it, as far as that holds answers which are saved nowhere."""
    if below is None:
        return form
    shelf = _shelf(below)
    if ENVIRONMENT in below.answers and below.cursor.step is not Step.SAVED:
        answers = {name: text for name, text in below.answers.items() if name != SHELF}
        shelf = [*shelf, (str(below.cursor), answers)][-_DEEPEST:]
    kept = form.kept(**{SHELF: json.dumps(shelf)}) if shelf else form
    return replace(kept, message_id=below.message_id)


def taken_off(form: Form) -> Form | None:
    """What lies under a form that is done with; its question is asked again with the next /newstrategy."""
    shelf = _shelf(form)
    if not shelf:
        return None
    *rest, (cursor, answers) = shelf
    below = Form(Cursor.of(cursor), answers)
    return below.kept(**{SHELF: json.dumps(rest)}) if rest else below


def emptied(form: Form) -> Form:
    """A fresh form over the same shelf."""
    kept = {SHELF: form.answers[SHELF]} if SHELF in form.answers else {}
    return Form(answers=kept, message_id=form.message_id)


def _shelf(form: Form) -> list[tuple[str, dict[str, str]]]:
    return [(cursor, answers) for cursor, answers in json.loads(form.answers.get(SHELF, "[]"))]
