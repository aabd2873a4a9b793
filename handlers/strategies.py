"""/strategies: the list, one card each, running it and sending its file."""

from dataclasses import dataclass

from telegram import InlineKeyboardMarkup, Update

from bot.ports import RunStatus, Strategy
from handlers.callback import Press
from handlers.cards import list_text, run_question, strategy_label, strategy_text
from handlers.context import ChatContext
from handlers.keyboards import GOOD, GRAVE, Button, keyboard
from handlers.talk import answer, number_in, press_of, say, show, word_in
from handlers.texts import Texts


@dataclass(frozen=True, slots=True)
class RunStrategy:
    """What a confirmed press starts."""

    strategy_id: int


async def strategies(update: Update, context: ChatContext) -> None:
    await answer(update)
    mine = await context.service.strategies(context.person)
    buttons = [[Button(strategy_label(s), Press("strategy", (str(s.id),)))] for s in mine]
    new = [Button(context.texts.plain("button.new_strategy"), Press("new"))]
    await show(update, context, list_text(context.texts, mine), keyboard(*buttons, new))


async def strategy(update: Update, context: ChatContext) -> None:
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    await show(update, context, strategy_text(context.texts, found), strategy_keyboard(context.texts, found))


def strategy_keyboard(texts: Texts, found: Strategy) -> InlineKeyboardMarkup:
    """What can be done with this strategy as it stands."""
    args = (str(found.id),)
    run = Button(texts.plain("button.run"), Press("run", args), GOOD)
    resume = Button(texts.plain("button.resume"), Press("run", args), GOOD)
    stop = Button(texts.plain("button.stop"), Press("stop", args), GRAVE)
    first = {RunStatus.IDLE: [run], RunStatus.RUNNING: [stop], RunStatus.PAUSED: [resume, stop]}
    return keyboard(
        first[found.status],
        [
            Button(texts.plain("button.status"), Press("status", args)),
            Button(texts.plain("button.file"), Press("file", args)),
        ],
        [Button(texts.plain("button.back"), Press("strategies"))],
    )


async def run(update: Update, context: ChatContext) -> None:
    """A press on run: ask once more, with everything named."""
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    await ask_to_run(update, context, found)


async def ask_to_run(update: Update, context: ChatContext, found: Strategy) -> None:
    """Item 9's question: environment, pair, money, SIM or REAL; its buttons carry a nonce for 60 seconds."""
    nonce = context.confirmations.ask(context.person.id, RunStrategy(found.id))
    await show(update, context, run_question(context.texts, found), run_keyboard(context.texts, found, nonce))


def run_keyboard(texts: Texts, found: Strategy, nonce: str) -> InlineKeyboardMarkup:
    label = "button.run_real" if found.environment.real_money else "button.run_simulation"
    style = GRAVE if found.environment.real_money else GOOD
    return keyboard(
        [Button(texts.plain(label), Press("run_yes", (str(found.id), nonce)), style)],
        [Button(texts.plain("button.no"), Press("no"))],
    )


async def run_yes(update: Update, context: ChatContext) -> None:
    """The second press: run it. An old one (60 s, or from before a restart) is asked again."""
    await answer(update)
    press = press_of(update)
    found = await context.service.strategy(context.person, number_in(press))
    if context.confirmations.take(context.person.id, word_in(press, 1)) != RunStrategy(found.id):
        await say(update, context, context.texts("confirm.expired"))
        await ask_to_run(update, context, found)
        return
    started = await context.service.run(context.person, found.id)
    buttons = keyboard([Button(context.texts.plain("button.status"), Press("status", (str(started.id),)))])
    await show(update, context, context.texts("run.done", name=started.name), buttons)


async def file(update: Update, context: ChatContext) -> None:
    """The strategy as a .js file that can be edited and read back."""
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    name, text = context.service.export(found)
    await context.bot.send_document(context.person.chat_id, text.encode(), filename=name)
