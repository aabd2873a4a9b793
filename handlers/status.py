"""/status: the living card of each strategy, its picture, and pinning it."""

from telegram import Message, Update
from telegram.error import TelegramError

from bot.errors import BotError, NotAllowed
from handlers.alert_context import live_cards_of, reports_of, zone_of
from handlers.callback import Press
from handlers.cards import header, status_text
from handlers.context import ChatContext
from handlers.keyboards import Button, keyboard
from handlers.status_keyboard import status_keyboard
from handlers.status_picture import picture
from handlers.talk import answer, chat_id_of, number_in, press_of, say, show


async def all_status(update: Update, context: ChatContext) -> None:
    """A fresh card for each strategy that runs or is paused; the former ones go."""
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
        await live_cards_of(context).fresh(context.person, card.strategy)


async def one_status(update: Update, context: ChatContext) -> None:
    """The pressed card again, with the figures of now."""
    await answer(update)
    strategy = await context.service.strategy(context.person, number_in(press_of(update)))
    card = await context.service.status_card(context.person, strategy)
    living = await live_cards_of(context).card_of(context.person, strategy.id)
    pinned = living.pinned if living is not None and living.message_id == _message_id(update) else None
    text, buttons = (
        status_text(context.texts, card, await zone_of(context)),
        status_keyboard(context.texts, card, pinned=pinned),
    )
    await show(update, context, text, buttons)


async def pin(update: Update, context: ChatContext) -> None:
    """Pin the living card to the top of the chat, or let it go again."""
    texts = context.texts
    try:
        strategy = await context.service.strategy(context.person, number_in(press_of(update)))
        card = await live_cards_of(context).pin(context.person, strategy, _message_id(update))
        if card is None:
            raise NotAllowed("dead_button")
    except (BotError, TelegramError):
        await answer(update)  # what went wrong is told in the chat
        raise
    living = await live_cards_of(context).card_of(context.person, strategy.id)
    pinned = living is not None and living.pinned
    await answer(update, texts.plain("live.pinned" if pinned else "live.unpinned"))
    await show(
        update,
        context,
        status_text(texts, card, await zone_of(context)),
        status_keyboard(texts, card, pinned=pinned),
    )


async def status_picture(update: Update, context: ChatContext) -> None:
    """Price, ladder, average, exit and fills, as a photo."""
    await answer(update)
    texts, reports = context.texts, reports_of(context)
    strategy = await context.service.strategy(context.person, number_in(press_of(update)))
    past = await reports.past(context.person, strategy)
    taste = await reports.preferences.taste(context.person.id)
    zone = await zone_of(context)
    png = await picture(texts, past, zone, dark=taste.dark)
    await context.bot.send_photo(
        chat_id_of(update), png, caption=header(texts, strategy), filename=f"{strategy.symbol.name}.png"
    )


def _message_id(update: Update) -> int:
    query = update.callback_query
    message = query.message if query is not None else None
    return message.message_id if isinstance(message, Message) else 0
