"""The way to the one-time page: buttons where it is public, a plain link where it is on this machine only."""

import html
import re
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update, WebAppInfo

from bot.errors import BotError, WrongPassword
from bot.service.tickets import Errand, Purpose
from handlers.alert_context import zone_of
from handlers.context import ChatContext
from handlers.failures import explain
from handlers.formats import Formats
from handlers.secret_entry import Goal
from handlers.start import environment_name
from handlers.talk import chat_id_of
from handlers.texts import Texts, texts_for

_TAG = re.compile(r"<[^>]*>")


def errand_of(goal: Goal) -> Errand:
    """The page's errand for what a person wants in the chat."""
    if goal.change_password:
        return Errand(Purpose.PASSWORD)
    if goal.sandbox:
        return Errand(Purpose.SANDBOX)
    return Errand(Purpose.KEY, goal.environment) if goal.environment else Errand(Purpose.UNLOCK)


async def offer_page(update: Update, context: ChatContext, goal: Goal, typed: str | None) -> None:
    """One message with the way to the page; `typed` is what asks for the secret in the chat, where that is allowed."""
    care, texts, errand = context.service.care, context.texts, errand_of(goal)
    token = care.tickets.issue(context.person.id, errand)
    url = str(care.page_url)
    link = f"{url}/entry#t={token}"
    asks = texts(
        f"page.ask_{errand.purpose.value}",
        environment=environment_name(texts, errand.environment) if errand.environment else "",
        since=Formats(texts.locale, await zone_of(context)).minute(care.locked_since(context.person)),
    )
    where = _where(texts, link, in_chat=care.page_in_chat)
    parts = [typed, texts("page.or_typed"), where] if typed else [asks, where]
    sent = await context.bot.send_message(
        chat_id_of(update),
        "\n\n".join(part for part in parts if part),
        reply_markup=_buttons(texts, f"{url}/entry?for={errand.pack()}", link) if care.page_in_chat else None,
    )
    care.tickets.note_message(token, sent.message_id)


def _where(texts: Texts, link: str, *, in_chat: bool) -> str:
    if _is_public(link):
        return texts("page.chat_buttons")
    return texts("page.chat_app_or_link" if in_chat else "page.chat_link", link=link)


def _buttons(texts: Texts, app: str, link: str) -> InlineKeyboardMarkup:
    """Telegram takes no button that leads to this machine: there the link stands in the text."""
    rows = [[InlineKeyboardButton(texts.plain("button.page_app"), web_app=WebAppInfo(app))]]
    if _is_public(link):
        rows.append([InlineKeyboardButton(texts.plain("button.page_browser"), url=link)])
    return InlineKeyboardMarkup(rows)


def _is_public(link: str) -> bool:
    return link.startswith("https://")


class PageWords:
    """The page's texts, from the same catalogues as the chat's."""

    @staticmethod
    def text(locale: str, key: str, **values: Any) -> str:  # noqa: ANN401
        return texts_for(locale or "en").plain(key, **values)

    @staticmethod
    def explain(locale: str, error: BotError) -> str:
        texts = texts_for(locale or "en")
        if isinstance(error, WrongPassword) and not error.retry_after:
            return texts.plain("page.wrong_password")
        told = explain(texts, error) or texts("error.exchange", reason=type(error).__name__)
        return html.unescape(_TAG.sub("", told))

    @staticmethod
    def environment(locale: str, errand: Errand) -> str:
        return environment_name(texts_for(locale or "en"), errand.environment) if errand.environment else ""
