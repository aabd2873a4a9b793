"""The setup form, pure: its fields in order, where a draft stands, and what an answer does to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import cast

from bot.domain.faults import fault, shown
from bot.domain.money import EXACT, plain
from bot.domain.numbers import parse_answer, parse_number
from bot.domain.params import (
    BY_NAME,
    CURVES,
    PARAMETERS,
    Curve,
    CurveChoice,
    CurveField,
    Kind,
    StrategyParams,
    Value,
    from_answers,
)
from bot.domain.validation import check_field
from bot.errors import InvalidInput
from bot.ports import Draft

ENVIRONMENT, PAIR = "ambiente", "par"
HEADER = (ENVIRONMENT, PAIR)
FIELDS: tuple[str, ...] = (*HEADER, *(p.name for p in PARAMETERS))
"""Every question, in the order in which it is asked."""
DRAFT = "d"
"""In a button's place for a saved strategy's number: the form that is being filled in."""
CURVE_OF_ITEM: Mapping[str, CurveField] = {which.multiplier: which for which in CURVES}
CURVE_NAMES: Mapping[str, CurveField] = {which.name: which for which in CURVES}

BASE, QUOTE, NAME, BACK_TO, SEEN = "_base", "_quote", "_name", "_back_to", "_seen"
EDITS, FIXED, WISH, SHELF = "_edits", "_fixed", "_wish", "_shelf"
"""What a draft keeps beside answers: the pair's coins, the suggested name, where a curve's question returns to,
and the last typed update; the saved strategy that it changes, whether its pair is fixed, the name wished for a new
one, and the drafts that lie under this one."""


class State(StrEnum):
    """The states of the conversation. They are stored: a value once used keeps its meaning."""

    RESUME = "resume"
    ASK = "ask"
    REVIEW = "review"
    NAME = "name"
    NEXT = "next"


class Step(StrEnum):
    """Where a draft stands. Stored too."""

    ASK = "ask"
    EDIT = "edit"
    CURVE_END = "curve_end"
    CURVE_POINTS = "curve_points"
    REVIEW = "review"
    NAME = "name"
    SAVED = "saved"
    RENAME = "rename"
    SEARCH = "search"
    TEST_PAIR = "test_pair"
    TEST_DATES = "test_dates"


_STATES: Mapping[Step, State] = {
    Step.ASK: State.ASK,
    Step.EDIT: State.ASK,
    Step.CURVE_END: State.ASK,
    Step.CURVE_POINTS: State.ASK,
    Step.REVIEW: State.REVIEW,
    Step.NAME: State.NAME,
    Step.SAVED: State.NEXT,
    Step.RENAME: State.NAME,
    Step.SEARCH: State.NAME,
    Step.TEST_PAIR: State.NAME,
    Step.TEST_DATES: State.NAME,
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """`about` is a field's name, a curve's name, or a saved strategy's number."""

    step: Step
    about: str = ""

    def __str__(self) -> str:
        return f"{self.step}:{self.about}" if self.about else self.step.value

    @classmethod
    def of(cls, text: str) -> "Cursor":
        """The first question for a text that no version of this form wrote."""
        step, _, about = text.partition(":")
        try:
            return cls(Step(step), about)
        except ValueError:
            return FIRST

    @property
    def state(self) -> State:
        return _STATES[self.step]


FIRST = Cursor(Step.ASK, ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class Form:
    """A draft, read. `answers` are exact texts by field; what is not answered is not there."""

    cursor: Cursor = FIRST
    answers: Mapping[str, str] = field(default_factory=dict)
    message_id: int | None = None

    @classmethod
    def of(cls, draft: Draft) -> "Form":
        return cls(Cursor.of(draft.cursor), dict(draft.answers), draft.message_id)

    def draft(self, person_id: int) -> Draft:
        return Draft(person_id, str(self.cursor), dict(self.answers), self.message_id)

    @property
    def values(self) -> dict[str, Value]:
        """The parameters and curves answered so far."""
        return {
            name: stored_value(name, text)
            for name, text in self.answers.items()
            if name in BY_NAME or name in CURVE_NAMES
        }

    @property
    def params(self) -> StrategyParams:
        """Unchecked; what is not answered takes its default."""
        return from_answers(self.values)

    @property
    def edits(self) -> int | None:
        """The saved strategy that this form changes."""
        number = self.answers.get(EDITS, "")
        return int(number) if number.isdecimal() else None

    @property
    def complete(self) -> bool:
        return all(name in self.answers for name in FIELDS)

    @property
    def coin(self) -> str:
        """The quote coin, as far as a pair is known."""
        return self.answers.get(QUOTE, "USDT")

    def curve(self, which: CurveField) -> CurveChoice:
        choice = self.values.get(which.name)
        return choice if isinstance(choice, CurveChoice) else CurveChoice()

    def kept(self, **extra: str) -> "Form":
        """The same place with more in the draft."""
        return replace(self, answers={**self.answers, **extra})

    def at(self, step: Step, about: str = "") -> "Form":
        return replace(self, cursor=Cursor(step, about))

    def answered(self, name: str, value: Value) -> "Form":
        """With a parameter's answer, at the next question; InvalidInput when it does not fit the others."""
        check_field(self.values, name, value)
        return self.kept(**{name: stored_text(value)}).onward(name)

    def onward(self, name: str) -> "Form":
        """At what follows field `name`: the next question, or the review."""
        if self.cursor.step is Step.ASK and name != FIELDS[-1]:
            return self.at(Step.ASK, FIELDS[FIELDS.index(name) + 1])
        if name == ENVIRONMENT:  # another exchange may not trade the pair
            return self.at(Step.EDIT, PAIR)
        return self.at(Step.REVIEW)

    def back(self) -> "Form":
        """At the question before this one; a field under change goes back to the review unchanged."""
        step, about = self.cursor.step, self.cursor.about
        if step in {Step.CURVE_END, Step.CURVE_POINTS}:
            return self.returned()
        if step is Step.ASK and about in FIELDS:
            return self.at(Step.ASK, FIELDS[max(0, FIELDS.index(about) - 1)])
        return self.at(Step.REVIEW)

    def returned(self) -> "Form":
        """From a curve's own question to the item it is an extra of."""
        return replace(self, cursor=Cursor.of(self.answers.get(BACK_TO, Step.REVIEW.value)))

    def with_defaults(self) -> tuple["Form", InvalidInput | None]:
        """Every question from here on by what its button offers; stops where a default does not fit."""
        form = self
        while form.cursor.step is Step.ASK:
            name = form.cursor.about
            try:
                form = form.answered(name, form.offered(name))
            except InvalidInput as fault_found:
                return form, fault_found
        return form, None

    def offered(self, name: str) -> Value:
        """What a parameter's button offers: its answer, else its default."""
        return self.values.get(name, BY_NAME[name].default)

    def fits(self, name: str, value: Value) -> bool:
        try:
            check_field(self.values, name, value)
        except InvalidInput:
            return False
        return True


def typed_value(name: str, text: str) -> Value:
    """A parameter as a person typed it; InvalidInput."""
    return parse_answer(text, BY_NAME[name])


def pressed_value(name: str, text: str) -> Value:
    """A parameter from a button: exact, so never asked back; InvalidInput for what no button of ours says."""
    if BY_NAME[name].kind is Kind.YES_NO:
        return typed_value(name, text)
    try:
        number = Decimal(text.removesuffix("%"))
    except InvalidOperation as exc:
        raise fault("not_a_number", name, value=shown(text), example="1") from exc
    if not number.is_finite() or len(text) > 48:
        raise fault("not_a_number", name, value=shown(text), example="1")
    if text.endswith("%"):
        number = number.scaleb(-2, EXACT)
    whole = BY_NAME[name].kind is Kind.COUNT and number == number.to_integral_value()
    return int(number) if whole else number


def typed_end(which: CurveField, text: str) -> Decimal:
    """A curve's end value, typed as the parameter that it stands for is; InvalidInput."""
    return cast("Decimal", typed_value(which.end, text))


def typed_points(which: CurveField, text: str) -> tuple[tuple[int, Decimal], ...]:
    """`0:300, 10:400, 20:600` as (rung, value) pairs; a comma inside a number wants `;` between the points."""
    kind = BY_NAME[which.start].kind
    between = ";" if ";" in text or "\n" in text else ","
    parts = [part for part in text.replace("\n", ";").split(between) if part.strip()]
    points = []
    for part in parts[:201]:
        rung, colon, value = part.partition(":")
        if not colon or not rung.strip().isdecimal() or len(rung.strip()) > 3:
            raise InvalidInput(
                f"{which.name}_pontos",
                "takes points such as 0:300; 10:400; 20:600",
                key="bad_points",
                values={"value": shown(part)},
            )
        points.append((int(rung), parse_number(value, kind, f"{which.name}_pontos")))
    return tuple(points)


def stored_text(value: Value) -> str:
    """A value as the draft keeps it, exact."""
    if isinstance(value, bool):
        return "s" if value else "n"
    if isinstance(value, CurveChoice):
        points = [[rung, plain(at)] for rung, at in value.points]
        end = None if value.end is None else plain(value.end)
        return json.dumps({"curve": value.curve.value, "end": end, "points": points})
    return plain(value) if isinstance(value, Decimal) else str(value)


def stored_value(name: str, text: str) -> Value:
    """What `stored_text` wrote."""
    if name in CURVE_NAMES:
        kept = json.loads(text)
        return CurveChoice(
            Curve(kept["curve"]),
            None if kept["end"] is None else Decimal(kept["end"]),
            tuple((int(rung), Decimal(at)) for rung, at in kept["points"]),
        )
    kind = BY_NAME[name].kind
    if kind is Kind.YES_NO:
        return text == "s"
    return int(text) if kind is Kind.COUNT else Decimal(text)
