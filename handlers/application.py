"""PTB's application, made durable: an update is acknowledged once stored and handled exactly once.

Left alone, PTB confirms updates to Telegram before their handlers ran, and a kill loses them. Here `put` of the
queue stores an update before it is confirmed, and it is marked done after its handlers have ended.
"""

import asyncio
import weakref
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

from telegram import Update
from telegram.error import TelegramError
from telegram.ext import Application, BaseUpdateProcessor, ExtBot

from handlers.context import ChatContext

AT_ONCE = 16
QUEUED = 512
HANDLER_SECONDS = 60.0
PRESS_SECONDS = 5.0


async def _soothe(update: object) -> None:
    """A press whose turn does not come is answered all the same: Telegram gives seconds for that, then it is too late."""
    query = update.callback_query if isinstance(update, Update) else None
    if query is not None:
        await asyncio.sleep(PRESS_SECONDS)
        with suppress(TelegramError):
            await query.answer()


class Inbox(Protocol):
    """The durable queue, beside being an asyncio.Queue. `lost_secrets` are chats to be asked again."""

    lost_secrets: tuple[int, ...]

    def bind(self, bot: ExtBot[Any], /) -> None:
        """The bot that stored updates belong to."""

    async def done(self, update_id: int) -> None:
        """The update is handled: its text is forgotten."""

    async def requeue(self) -> int:
        """Put what was stored and not handled by an earlier process in the queue again; how many."""


class TraderApplication(
    Application[ExtBot[Any], ChatContext, dict[Any, Any], dict[Any, Any], dict[Any, Any], Any]
):
    """Marks each update done in the inbox after its handlers, and keeps the conversations' states before that."""

    def __init__(self, *, inbox: Inbox, **rest: Any) -> None:  # noqa: ANN401 - PTB's own arguments
        super().__init__(**rest)
        self.inbox = inbox

    async def process_update(self, update: object) -> None:
        """Handlers are bounded in time: one that hangs would hold up its chat, and the end of the program."""
        try:
            async with asyncio.timeout(HANDLER_SECONDS):
                await super().process_update(update)
        except TimeoutError as exc:
            await self.process_error(update, exc)
        if isinstance(update, Update):
            if self.persistence is not None:
                await self.update_persistence()
            await self.inbox.done(update.update_id)


class ChatByChat(BaseUpdateProcessor):
    """Up to 16 updates at once, those of one chat strictly one after another.

    PTB's default, one at a time, lets a slow exchange call of one person freeze everybody; its concurrent mode
    breaks conversations, which count on the order of a chat's messages. PTB's own semaphore stands before
    this lock: it is wide, so that one busy chat waiting for its own turn does not use up everybody's places.
    """

    def __init__(self) -> None:
        super().__init__(QUEUED)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._running: set[asyncio.Task[Any]] = set()
        self._abandoned = False
        self._locks: weakref.WeakValueDictionary[int, asyncio.Lock] = weakref.WeakValueDictionary()

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        chat = update.effective_chat if isinstance(update, Update) else None
        lock = self._lock(chat.id) if chat else asyncio.Lock()
        soothed = asyncio.create_task(_soothe(update))
        try:
            async with lock, self._places:
                soothed.cancel()
                if not self._abandoned:
                    await self._run(coroutine)
        finally:
            soothed.cancel()
            if isinstance(coroutine, Coroutine):
                coroutine.close()  # one that never began; an ended one does not mind

    async def _run(self, coroutine: Awaitable[Any]) -> None:
        task = asyncio.current_task()
        if task is None:
            raise LookupError("updates are processed in tasks")
        self._running.add(task)
        try:
            await coroutine
        finally:
            self._running.discard(task)

    def abandon(self) -> None:
        """End handlers where they stand and begin no more: their updates stay in the inbox."""
        self._abandoned = True
        for task in self._running:
            task.cancel()

    def _lock(self, chat_id: int) -> asyncio.Lock:
        lock = self._locks.get(chat_id)
        if lock is None:
            lock = self._locks[chat_id] = asyncio.Lock()
        return lock

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to give back."""
