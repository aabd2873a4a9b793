"""One turn of the setup conversation: the update, the draft it meets, and how the next screen is shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from telegram import InlineKeyboardMarkup, Update
from telegram.error import BadRequest
from telegram.ext import ConversationHandler

from bot.errors import AccessDenied, Unavailable
from bot.ports import Environment, Person
from bot.service import Market, Service
from handlers import form_curves
from handlers.context import ChatContext
from handlers.form import CURVE_NAMES, ENVIRONMENT, PAIR, SEEN, Form, State, Step
from handlers.form_shelf import taken_off
from handlers.form_views import Screen, button, paragraphs, question, review
from handlers.keyboards import keyboard
from handlers.texts import Texts

END = ConversationHandler.END
_NOTHING_TO_DO = ("not modified", "to edit not found", "can't be edited", "message_id_invalid")
Outcome = State | int
"""The conversation's next state, or END."""


@dataclass(frozen=True, slots=True)
class Turn:
    """`words` are a pressed button's verb and arguments, nothing for a typed message."""

    update: Update
    context: ChatContext
    form: Form
    words: tuple[str, ...] = ()

    @property
    def texts(self) -> Texts:
        return self.context.texts

    @property
    def service(self) -> Service:
        return self.context.service

    @property
    def person(self) -> Person:
        return self.context.person

    def word(self, position: int) -> str:
        """An argument of the button; empty for one of another version."""
        return self.words[position] if position < len(self.words) else ""

    @property
    def seen(self) -> bool:
        """Whether this very message was answered already, by a process that died before it could say so."""
        return self.form.answers.get(SEEN) == str(self.update.update_id)

    async def market(self) -> Market:
        """The draft's pair now; InvalidInput, Unavailable or AccessDenied."""
        environment = Environment(self.form.answers[ENVIRONMENT])
        return await self.service.market(self.person, environment, self.form.answers[PAIR])

    async def show(self, form: Form, *, before: str = "") -> Outcome:
        """The screen of where `form` stands."""
        return await self.go(form, screen_of(self.texts, form, self.service.environments, before=before))

    async def go(self, form: Form, screen: Screen) -> Outcome:
        """Keep the draft, put the old buttons away, show the screen below.

        The draft is kept before anything is shown: a crash in between costs a message, never an answer.
        """
        await self.service.save_draft(form.draft(self.person.id))
        await self.put_away(form.message_id)
        sent = await self.context.bot.send_message(
            self.person.chat_id, screen.text, reply_markup=screen.keyboard
        )
        await self.service.save_draft(replace(form, message_id=sent.message_id).draft(self.person.id))
        return form.cursor.state

    async def put_away(self, message_id: int | None) -> None:
        """Take the buttons off an answered message; one that is gone or bare already needs nothing."""
        if message_id is None:
            return
        try:
            await self.context.bot.edit_message_reply_markup(
                self.person.chat_id, message_id, reply_markup=None
            )
        except BadRequest as exc:
            if not any(words in exc.message.lower() for words in _NOTHING_TO_DO):
                raise

    async def leave(self, text: str, buttons: InlineKeyboardMarkup | None = None) -> Outcome:
        """Forget the draft and say a last word; a draft that lay under it is there again."""
        await self.put_away(self.form.message_id)
        below = taken_off(self.form)
        if below is None:
            await self.service.drop_draft(self.person)
        else:
            await self.service.save_draft(below.draft(self.person.id))
            text = f"{text}\n\n{self.texts('strategy.draft_waits')}"
        await self.context.bot.send_message(self.person.chat_id, text, reply_markup=buttons)
        return END


def screen_of(texts: Texts, form: Form, environments: Sequence[Environment], *, before: str = "") -> Screen:
    """The screen of where the draft stands; `before` (HTML) is said first: an echo, or what was wrong."""
    step, about = form.cursor.step, form.cursor.about
    if step is Step.CURVE_END:
        return form_curves.ask_end(texts, form, CURVE_NAMES[about], before=before)
    if step is Step.CURVE_POINTS:
        return form_curves.ask_points(texts, form, CURVE_NAMES[about], before=before)
    if step in {Step.ASK, Step.EDIT}:
        return question(texts, form, about, environments, before=before)
    if step in {Step.RENAME, Step.SEARCH, Step.TEST_PAIR, Step.TEST_DATES}:
        area = "strategy" if step in {Step.RENAME, Step.SEARCH} else "backtest"
        text = paragraphs(before, texts(f"{area}.ask_{step.value}"))
        return Screen(text, keyboard([button(texts, "cancel", "cancel")]))
    return review(texts, form, before=before)


def trouble(texts: Texts, error: Unavailable | AccessDenied) -> str:
    """Why the exchange could not be asked, as HTML."""
    return texts("form.key_refused" if isinstance(error, AccessDenied) else "form.unavailable")
