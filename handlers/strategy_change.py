"""A saved strategy changed in conversation: edited or cloned on the review card, renamed, searched for."""

from telegram import Update

from bot.domain.params import StrategyParams, as_answers
from bot.domain.strategy_file import strategy_name
from bot.errors import InvalidInput
from bot.ports import RunStatus, Strategy
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.form import BASE, EDITS, ENVIRONMENT, FIXED, PAIR, QUOTE, WISH, Cursor, Form, Step, stored_text
from handlers.form_faults import fault_text
from handlers.form_shelf import laid_over, taken_off
from handlers.form_turn import END, Outcome, Turn
from handlers.keyboards import Button, keyboard
from handlers.strategies import list_keyboard, searchable
from handlers.strategy_texts import page_text
from handlers.talk import answer, number_in, press_of


def filled(params: StrategyParams, *, environment: str, pair: str, **extra: str) -> Form:
    """A form that is answered whole, at its review; `extra` joins what the draft keeps beside answers."""
    answers = {name: stored_text(value) for name, value in as_answers(params).items()}
    return Form(Cursor(Step.REVIEW), {ENVIRONMENT: environment, PAIR: pair, **answers, **extra})


async def opened(update: Update, context: ChatContext, form: Form, *, before: str = "") -> Outcome:
    """Lay a form over what was under way, and show it."""
    left = await context.service.draft(context.person)
    form = laid_over(form, Form.of(left) if left else None)
    return await Turn(update, context, form).show(form, before=before)


async def edit(update: Update, context: ChatContext) -> Outcome:
    """The review card of a saved strategy."""
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    fixed = await context.service.saved.pair_is_fixed(found)
    extra = {EDITS: str(found.id), **({FIXED: "s"} if fixed else {})}
    key = "idle" if found.status is RunStatus.IDLE else "running"
    before = context.texts(f"strategy.editing_{key}", name=found.name)
    return await opened(update, context, _form(found, **extra), before=before)


async def clone(update: Update, context: ChatContext) -> Outcome:
    """The same answers as a new strategy, to be changed and saved under another name."""
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    before = context.texts("strategy.cloning", name=found.name)
    return await opened(update, context, _form(found, **{WISH: found.name}), before=before)


def _form(found: Strategy, **extra: str) -> Form:
    symbol = found.symbol
    coins = {BASE: symbol.base, QUOTE: symbol.quote}
    return filled(found.chosen, environment=found.environment.value, pair=symbol.name, **coins, **extra)


async def rename(update: Update, context: ChatContext) -> Outcome:
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    before = context.texts("strategy.renaming", name=found.name)
    return await opened(update, context, Form(Cursor(Step.RENAME, str(found.id))), before=before)


async def renamed(turn: Turn, words: str) -> Outcome:
    """The typed name; a bad one or one in use is asked again."""
    try:
        name = strategy_name(words)
        found = await turn.service.saved.rename(turn.person, int(turn.form.cursor.about or 0), name)
    except InvalidInput as wrong:
        taken = wrong.key == "name_taken"
        before = turn.texts("form.name_taken") if taken else fault_text(turn.texts, wrong)
        return await turn.show(turn.form, before=before)
    card = Button(turn.texts.plain("button.strategy"), Press("strategy", (str(found.id),)))
    return await turn.leave(turn.texts("strategy.renamed", name=found.name), keyboard([card]))


async def search(update: Update, context: ChatContext) -> Outcome:
    await answer(update)
    return await opened(update, context, Form(Cursor(Step.SEARCH)))


async def searched(turn: Turn, words: str) -> Outcome:
    """The list of what was found; the form that waited goes on waiting."""
    words, texts = searchable(words), turn.texts
    found = await turn.service.saved.find(turn.person, words)
    below = taken_off(turn.form)
    await turn.put_away(turn.form.message_id)
    if below is None:
        await turn.service.drop_draft(turn.person)
    else:
        await turn.service.save_draft(below.draft(turn.person.id))
    buttons = list_keyboard(texts, found, 0, words)
    await turn.context.bot.send_message(
        turn.person.chat_id, page_text(texts, found, 0, words), reply_markup=buttons
    )
    return END
