"""Inline keyboards as rows of values: a label and what its button carries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import KeyboardButtonStyle

from handlers.callback import Press


@dataclass(frozen=True, slots=True)
class Button:
    """`label` is plain text; `style` one of Telegram's (success, danger, primary), None for the usual one."""

    label: str
    press: Press
    style: KeyboardButtonStyle | None = None


GOOD = KeyboardButtonStyle.SUCCESS
GRAVE = KeyboardButtonStyle.DANGER


def keyboard(*rows: Sequence[Button]) -> InlineKeyboardMarkup:
    """Rows from top to bottom; an empty row is left out."""
    return InlineKeyboardMarkup([[_made(button) for button in row] for row in rows if row])


def column(buttons: Iterable[Button]) -> InlineKeyboardMarkup:
    """One button a row."""
    return keyboard(*([button] for button in buttons))


def _made(button: Button) -> InlineKeyboardButton:
    return InlineKeyboardButton(button.label, callback_data=button.press.pack(), style=button.style)
