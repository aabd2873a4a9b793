"""/newstrategy: a flat conversation over the form's fields. Its draft lies in the database.

The stored draft, and not PTB's state, says where a person is: a press is judged against it, so that a button of
an old question, or a press handled twice after a crash, changes nothing.
"""

import warnings
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from telegram import Update
from telegram.ext import CallbackQueryHandler, CommandHandler, ConversationHandler, MessageHandler, filters
from telegram.warnings import PTBUserWarning

from bot.domain.strategy_file import pair_name
from bot.errors import AccessDenied, InvalidInput, Unavailable
from bot.ports import Environment
from bot.service import parse_environment
from handlers import backtest_typed
from handlers import form_views as views
from handlers import new_strategy_curves as curves
from handlers import new_strategy_run as run
from handlers import new_strategy_save as saving
from handlers import strategy_change as change
from handlers.callback import pattern
from handlers.commands import CANCEL, NEW_STRATEGY
from handlers.context import ChatContext
from handlers.form import (
    BASE,
    ENVIRONMENT,
    FIELDS,
    PAIR,
    QUOTE,
    SEEN,
    Form,
    State,
    Step,
    pressed_value,
    typed_value,
)
from handlers.form_shelf import emptied, taken_off
from handlers.form_turn import END, Outcome, Turn, trouble
from handlers.optimize import try_this
from handlers.strategy_import import imported
from handlers.talk import answer, press_of, say


def new_strategy_handler() -> ConversationHandler[ChatContext]:
    """Presses are entry points: they work in every state, and after a restart, for the draft decides."""
    text = filters.TEXT & ~filters.COMMAND
    other = ~filters.TEXT & ~filters.COMMAND
    answers: list[Any] = [MessageHandler(text, typed), MessageHandler(other, only_text)]
    buttons: list[Any] = [MessageHandler(text | other, only_buttons)]
    with warnings.catch_warnings():
        # presses are not told apart by message here on purpose: the draft knows the message that counts
        warnings.filterwarnings("ignore", message=".*per_message=False.*", category=PTBUserWarning)
        return ConversationHandler(
            entry_points=[
                CommandHandler(NEW_STRATEGY.names, begin),
                CallbackQueryHandler(begin, pattern("new")),
                CallbackQueryHandler(change.edit, pattern("edit")),
                CallbackQueryHandler(change.clone, pattern("clone")),
                CallbackQueryHandler(change.rename, pattern("rename")),
                CallbackQueryHandler(change.search, pattern("search")),
                CallbackQueryHandler(backtest_typed.ask_pair, pattern("bt_pair")),
                CallbackQueryHandler(backtest_typed.ask_dates, pattern("bt_dates")),
                CallbackQueryHandler(try_this, pattern("opt_try")),
                MessageHandler(filters.Document.ALL, imported),
                CallbackQueryHandler(pressed, pattern(views.ACTION)),
            ],
            states={
                State.RESUME: buttons,
                State.ASK: answers,
                State.REVIEW: buttons,
                State.NAME: answers,
                State.NEXT: [],
            },
            fallbacks=[CommandHandler(CANCEL.names, cancel)],
            name="new_strategy",
            persistent=True,
            allow_reentry=True,
            per_message=False,
        )


async def begin(update: Update, context: ChatContext) -> Outcome:
    """A fresh form; where one was left half-way, the choice between the two."""
    await answer(update)
    left = await context.service.draft(context.person)
    form = Form.of(left) if left else Form()
    turn = Turn(update, context, form)
    if form.answers.get(ENVIRONMENT) is None:
        below = taken_off(form)
        if below is None:
            return await turn.show(Form(message_id=form.message_id))
        await turn.put_away(form.message_id)
        form = below
    if update.callback_query is not None and press_of(update).args == ("on",):
        return await Turn(update, context, form).show(form)
    await turn.go(form, views.resume(context.texts, form))
    return State.RESUME


async def pressed(update: Update, context: ChatContext) -> Outcome:
    """Any button of the form."""
    words = press_of(update).args
    draft = await context.service.draft(context.person)
    verb = _VERBS.get(words[0]) if words else None
    if draft is None or verb is None:
        await answer(update, context.texts.plain("form.closed"))
        return END
    turn = Turn(update, context, Form.of(draft), words)
    pressed_on = update.effective_message.message_id if update.effective_message else None
    if pressed_on != turn.form.message_id:
        await answer(update, context.texts.plain("form.stale"))
        await turn.put_away(pressed_on)
        return turn.form.cursor.state
    await answer(update)
    return await (verb.act(turn) if verb.fits(turn) else turn.show(turn.form))


async def typed(update: Update, context: ChatContext) -> Outcome:
    """A typed answer, for whatever the draft asks."""
    draft = await context.service.draft(context.person)
    if draft is None:
        await say(update, context, context.texts("form.closed"))
        return END
    turn = Turn(update, context, Form.of(draft))
    if turn.seen:
        return await turn.show(turn.form)
    turn = Turn(update, context, turn.form.kept(**{SEEN: str(update.update_id)}))
    words = (update.message.text if update.message else None) or ""
    match turn.form.cursor.step:
        case Step.ASK | Step.EDIT:
            return await take(turn, words, typed_value)
        case Step.CURVE_END | Step.CURVE_POINTS:
            return await curves.take(turn, words)
        case Step.NAME:
            return await saving.save(turn, words)
        case Step.RENAME:
            return await change.renamed(turn, words)
        case Step.SEARCH:
            return await change.searched(turn, words)
        case Step.TEST_PAIR:
            return await backtest_typed.typed_pair(turn, words)
        case Step.TEST_DATES:
            return await backtest_typed.typed_dates(turn, words)
        case _:
            return await turn.show(turn.form, before=turn.texts("form.only_buttons"))


async def only_text(update: Update, context: ChatContext) -> None:
    """A photo or a sticker is no answer; the question stands."""
    await say(update, context, context.texts("form.only_text"))


async def only_buttons(update: Update, context: ChatContext) -> None:
    await say(update, context, context.texts("form.only_buttons"))


async def cancel(update: Update, context: ChatContext) -> Outcome:
    """Ends what is newest: an awaited secret, else the form."""
    draft = await context.service.draft(context.person)
    if context.secret_entry.drop(context.person.chat_id) and draft is not None:
        await say(update, context, context.texts("cancel.done"))
        return Form.of(draft).cursor.state
    return await drop(Turn(update, context, Form.of(draft) if draft else Form()))


# --- answers ----------------------------------------------------------------------------------------------

Reader = Callable[[str, str], Any]


async def take(turn: Turn, words: str, read: Reader) -> Outcome:
    """An answer to the field at the cursor; a bad one is told what would pass, and asked again."""
    name, texts, environments = turn.form.cursor.about, turn.texts, turn.service.environments
    try:
        form = await _with_answer(turn, name, words, read)
    except InvalidInput as wrong:
        return await turn.go(turn.form, views.question(texts, turn.form, name, environments, wrong=wrong))
    except (Unavailable, AccessDenied) as exc:
        return await turn.show(turn.form, before=trouble(texts, exc))
    return await turn.show(form, before=views.echo(texts, name, form))


async def _with_answer(turn: Turn, name: str, words: str, read: Reader) -> Form:
    if name == ENVIRONMENT:
        chosen = parse_environment(words, turn.service.environments)
        return turn.form.kept(**{ENVIRONMENT: chosen.value}).onward(name)
    if name == PAIR:
        environment = Environment(turn.form.answers[ENVIRONMENT])
        market = await turn.service.market(turn.person, environment, pair_name(words))
        symbol = market.symbol
        coins = {PAIR: symbol.name, BASE: symbol.base, QUOTE: symbol.quote}
        return turn.form.kept(**coins).onward(name)
    return turn.form.answered(name, read(name, words))


async def press_value(turn: Turn) -> Outcome:
    return await take(turn, turn.word(2), pressed_value)


async def defaults(turn: Turn) -> Outcome:
    """Every question from here on by its default; the first default that does not fit is asked."""
    form, wrong = turn.form.with_defaults()
    if wrong is None:
        return await turn.show(form, before=turn.texts("form.echo.defaults"))
    environments, name = turn.service.environments, form.cursor.about
    return await turn.go(form, views.question(turn.texts, form, name, environments, wrong=wrong))


async def back(turn: Turn) -> Outcome:
    return await turn.show(turn.form.back())


async def show(turn: Turn) -> Outcome:
    return await turn.show(turn.form)


async def edit(turn: Turn) -> Outcome:
    name = turn.word(1)
    return await turn.show(turn.form.at(Step.EDIT, name) if name in FIELDS else turn.form)


async def review(turn: Turn) -> Outcome:
    return await turn.show(turn.form.at(Step.REVIEW))


async def fresh(turn: Turn) -> Outcome:
    return await turn.show(emptied(turn.form))


async def drop(turn: Turn) -> Outcome:
    step, key = turn.form.cursor.step, "form.cancelled"
    if step is Step.SAVED:
        key = "form.done"
    elif turn.form.edits is not None or step in {Step.RENAME, Step.SEARCH}:
        key = "strategy.unchanged"
    elif step in {Step.TEST_PAIR, Step.TEST_DATES}:
        key = "backtest.not_asked"
    return await turn.leave(turn.texts(key))


# --- the table of buttons ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verb:
    """What a button does, and where: `steps` none means everywhere; `named` ones carry the field they are of."""

    act: Callable[[Turn], Awaitable[Outcome]]
    steps: frozenset[Step] = frozenset(Step)
    named: bool = False

    def fits(self, turn: Turn) -> bool:
        cursor = turn.form.cursor
        return cursor.step in self.steps and (not self.named or turn.word(1) == cursor.about)


_ASKING = frozenset({Step.ASK, Step.EDIT})
_ASIDE = frozenset({Step.CURVE_END, Step.CURVE_POINTS})
_REVIEWING = frozenset({Step.REVIEW})
_NAMING = frozenset({Step.NAME})
_SAVED = frozenset({Step.SAVED})

_VERBS: Mapping[str, Verb] = {
    "set": Verb(press_value, _ASKING, named=True),
    "back": Verb(back, _ASKING | _ASIDE, named=True),
    "rest": Verb(defaults, frozenset({Step.ASK}), named=True),
    "show": Verb(show, _ASKING, named=True),
    "curve": Verb(curves.offer, _ASKING, named=True),
    "pick": Verb(curves.pick, _ASKING, named=True),
    "end": Verb(curves.ask_end, _ASKING, named=True),
    "endless": Verb(curves.default_end, frozenset({Step.CURVE_END}), named=True),
    "edit": Verb(edit, _REVIEWING),
    "review": Verb(review, _REVIEWING | _NAMING),
    "plan": Verb(saving.show_plan, _REVIEWING),
    "save": Verb(saving.ask_to_save, _REVIEWING),
    "unsaved": Verb(saving.do_not_save, _REVIEWING | _NAMING),
    "name": Verb(saving.save_suggested, _NAMING),
    "run": Verb(run.confirm, _SAVED),
    "yes": Verb(run.run, _SAVED),
    "later": Verb(run.later, _SAVED),
    "again": Verb(run.again, _SAVED),
    "done": Verb(run.done, _SAVED),
    "resume": Verb(show),
    "fresh": Verb(fresh),
    "cancel": Verb(drop),
}
