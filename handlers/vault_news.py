"""What the chat says by itself once the vault was opened: on the page, or by a typed password."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, assert_never
from zoneinfo import ZoneInfo

import structlog
from telegram.error import TelegramError
from telegram.ext import ExtBot

from bot.errors import BotError
from bot.ports import Clock, Person
from bot.service import Service
from bot.service.page_errand import KeyKept, News, PasswordChanged, VaultMade
from bot.service.tickets import Ticket
from bot.service.vault_care import Opened
from handlers.callback import Press
from handlers.keyboards import Button, keyboard
from handlers.secret_entry import SecretEntry
from handlers.secrets_typed import facts_text
from handlers.texts import Texts, texts_for
from handlers.vault_texts import away_text, opened_text

_log = structlog.get_logger(__name__)


class VaultNews:
    """Sends at once what was done, and a summary of the locked time when the exchange has been compared with."""

    def __init__(
        self,
        *,
        service: Service,
        sender: ExtBot[Any],
        secret_entry: SecretEntry,
        clock: Clock,
        zone_of: Callable[[Person], Awaitable[ZoneInfo]],
    ) -> None:
        self._service = service
        self._sender = sender
        self._secret_entry = secret_entry
        self._clock = clock
        self._zone_of = zone_of
        self._tasks: set[asyncio.Task[None]] = set()

    async def from_page(self, person: Person, ticket: Ticket, news: Sequence[News]) -> None:
        """The page has done this; Telegram's own troubles must not undo it."""
        self._secret_entry.drop(person.chat_id)
        texts = texts_for(person.locale or "en")
        self._go(self._tell(person, ticket, [self._line(texts, item) for item in news], news))

    def away(self, person: Person, opened: Opened) -> None:
        """Summarise the locked time in the background."""
        if opened.strategies:
            self._go(self._away(person, opened))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, person: Person, ticket: Ticket, lines: Sequence[str], news: Sequence[News]) -> None:
        if ticket.message_id is not None:
            with suppress(TelegramError):  # the link is of no use any more, wherever it stands
                await self._sender.delete_message(person.chat_id, ticket.message_id)
        texts = texts_for(person.locale or "en")
        kept = any(isinstance(item, KeyKept) for item in news)
        buttons = keyboard([Button(texts.plain("button.new_strategy"), Press("new"))]) if kept else None
        await self._sender.send_message(person.chat_id, "\n\n".join(lines), reply_markup=buttons)
        for item in news:
            if isinstance(item, Opened) and item.strategies:
                await self._away(person, item)

    async def _away(self, person: Person, opened: Opened) -> None:
        away = await self._service.care.while_away(opened)
        text = away_text(texts_for(person.locale or "en"), away, await self._zone_of(person))
        await self._sender.send_message(person.chat_id, text)

    def _line(self, texts: Texts, item: News) -> str:
        match item:
            case VaultMade():
                return texts("secret.vault_made")
            case Opened():
                return opened_text(texts, item)
            case PasswordChanged():
                return texts("secret.password_changed")
            case KeyKept():
                return facts_text(texts, item.environment, item.facts, self._clock.now())
            case _:
                assert_never(item)

    def _go(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.create_task(self._guarded(work))
        task.add_done_callback(
            lambda _: work.close()
        )  # a task cancelled before its first step never begins it
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _guarded(work: Any) -> None:  # noqa: ANN401 - a coroutine
        try:
            await work
        except (TelegramError, BotError) as exc:
            _log.warning("vault_news_not_told", reason=type(exc).__name__)
