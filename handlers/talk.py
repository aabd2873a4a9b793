"""Small things that every handler says: a reply, an edited card, an answered press."""

from contextlib import suppress

from telegram import InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest, TelegramError

from bot.errors import NotAllowed
from handlers.callback import Press
from handlers.context import ChatContext


def chat_id_of(update: Update) -> int:
    """The private chat of an update that the gate has let in."""
    chat = update.effective_chat
    if chat is None:
        raise LookupError("an update without a chat")
    return chat.id


def press_of(update: Update) -> Press:
    """What the pressed button carries; LookupError for an update that is no press of ours."""
    query = update.callback_query
    press = Press.unpack(query.data or "") if query else None
    if press is None:
        raise LookupError("not a press of ours")
    return press


def word_in(press: Press, position: int = 0) -> str:
    """An argument of a button; NotAllowed for a button of another version of this program."""
    if position >= len(press.args):
        raise NotAllowed("dead_button")
    return press.args[position]


def number_in(press: Press, position: int = 0) -> int:
    """A whole number among a button's arguments."""
    word = word_in(press, position)
    if not word.isdecimal():
        raise NotAllowed("dead_button")
    return int(word)


async def say(
    update: Update, context: ChatContext, text: str, keyboard: InlineKeyboardMarkup | None = None
) -> Message:
    """A new message in this chat."""
    return await context.bot.send_message(chat_id_of(update), text, reply_markup=keyboard)


async def answer(update: Update, toast: str | None = None) -> None:
    """Answer a press, so that its button stops waiting; a press too old to be answered is no fault."""
    if update.callback_query is not None:
        with suppress(BadRequest):
            await update.callback_query.answer(toast)


async def show(
    update: Update, context: ChatContext, text: str, keyboard: InlineKeyboardMarkup | None = None
) -> None:
    """A card: in the place of the pressed message where that can be edited, else as a new message."""
    query = update.callback_query
    if query is None or not isinstance(query.message, Message) or query.message.text is None:
        await say(update, context, text, keyboard)
        return
    try:
        await query.message.edit_text(text, reply_markup=keyboard)
    except BadRequest as exc:
        reason = exc.message.lower()
        if "not modified" in reason:
            return
        if "to edit" not in reason and "be edited" not in reason:
            raise
        await say(update, context, text, keyboard)


async def erase(update: Update) -> bool:
    """Delete the message that the person has just sent; whether it is gone."""
    message = update.effective_message
    if message is None:
        return False
    for _ in range(2):
        try:
            return await message.delete()
        except TelegramError as exc:
            if "not found" in exc.message.lower():
                return True
    return False
