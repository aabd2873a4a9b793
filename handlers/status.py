"""/status: a card per strategy with a refresh button."""

from telegram import InlineKeyboardMarkup, Update

from bot.ports import RunStatus
from bot.service import StatusCard
from handlers.callback import Press
from handlers.cards import status_text
from handlers.context import ChatContext
from handlers.keyboards import GRAVE, Button, keyboard
from handlers.talk import answer, number_in, press_of, say, show
from handlers.texts import Texts


async def all_status(update: Update, context: ChatContext) -> None:
    """One message for each strategy that runs or is paused."""
    await answer(update)
    texts = context.texts
    cards = await context.service.status(context.person)
    if not cards:
        buttons = [
            Button(texts.plain("button.strategies"), Press("strategies")),
            Button(texts.plain("button.new_strategy"), Press("new")),
        ]
        await say(update, context, texts("status.nothing_runs"), keyboard(buttons))
    for card in cards:
        await say(update, context, status_text(texts, card), status_keyboard(texts, card))


async def one_status(update: Update, context: ChatContext) -> None:
    """The pressed card again, with the figures of now."""
    await answer(update)
    strategy = await context.service.strategy(context.person, number_in(press_of(update)))
    card = await context.service.status_card(context.person, strategy)
    await show(update, context, status_text(context.texts, card), status_keyboard(context.texts, card))


def status_keyboard(texts: Texts, card: StatusCard) -> InlineKeyboardMarkup:
    args = (str(card.strategy.id),)
    idle = card.strategy.status is RunStatus.IDLE
    unlock = [Button(texts.plain("button.unlock"), Press("unlock"))] if card.locked and not idle else []
    stop = [] if idle else [Button(texts.plain("button.stop"), Press("stop", args), GRAVE)]
    return keyboard(
        [Button(texts.plain("button.refresh"), Press("status", args)), *stop],
        unlock,
        [Button(texts.plain("button.strategy"), Press("strategy", args))],
    )
