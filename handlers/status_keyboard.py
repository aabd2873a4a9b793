"""The buttons under a status card."""

from telegram import InlineKeyboardMarkup

from bot.ports import RunStatus
from bot.service import StatusCard
from handlers.callback import Press
from handlers.keyboards import GRAVE, Button, keyboard
from handlers.texts import Texts


def status_keyboard(texts: Texts, card: StatusCard, *, pinned: bool | None = None) -> InlineKeyboardMarkup:
    """`pinned` None for a card that is not the living one: it cannot be pinned."""
    args = (str(card.strategy.id),)
    idle = card.strategy.status is RunStatus.IDLE
    unlock = [Button(texts.plain("button.unlock"), Press("unlock"))] if card.locked and not idle else []
    stop = [] if idle else [Button(texts.plain("button.stop"), Press("stop", args), GRAVE)]
    look = [Button(texts.plain("button.picture"), Press("picture", args))]
    if pinned is not None and not idle:
        look.append(Button(texts.plain("button.unpin" if pinned else "button.pin"), Press("card_pin", args)))
    return keyboard(
        [Button(texts.plain("button.refresh"), Press("status", args)), *stop],
        unlock,
        look,
        [
            Button(texts.plain("button.why"), Press("why", args)),
            Button(texts.plain("button.strategy"), Press("strategy", args)),
        ],
    )
