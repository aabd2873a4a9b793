"""Sends what the outbox owes: at least once, in each person's order, however long Telegram is away."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from telegram import InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError
from telegram.ext import ExtBot

from bot.errors import NotAllowed
from bot.ports import Clock, OutboxItem, Person, Strategy
from bot.service import Service
from handlers.limiter import UNLIMITED, AnswersFirst, Limiter, seconds_of
from handlers.texts import texts_for
from handlers.views import notice_keyboard, notice_text

_log = structlog.get_logger(__name__)
_LONGEST_WAIT_S = 300
_IDLE_S = 60.0
_TAG = re.compile(r"<[^>]*>")


class Outbox(Protocol):
    """What the notifier needs of the stored outbox."""

    @property
    def changed(self) -> asyncio.Event: ...

    async def due(self, now: int, limit: int = 100) -> Sequence[OutboxItem]: ...

    async def next_due(self) -> int | None: ...

    async def sent(self, item_id: int) -> None: ...

    async def dropped(self, item_id: int) -> None: ...

    async def failed(self, item_id: int, retry_at: int) -> None: ...


class Notifier:
    """One task of its own: trading never waits for it. StoreError ends it, for nothing is owed without a store."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        service: Service,
        sender: ExtBot[Any],
        clock: Clock,
        limiter: Limiter | None = None,
    ) -> None:
        self._outbox = outbox
        self._service = service
        self._sender = sender
        self._clock = clock
        self._limiter = limiter or _shared_limiter(sender)

    async def run(self) -> None:
        """For ever: send what is due, then wait for more or for the next try."""
        while True:
            self._outbox.changed.clear()
            waits = await self.send_due()
            await self._rest(waits)

    async def send_due(self) -> list[float]:
        """One round; people side by side, each person's messages in order. The seconds some must wait."""
        items = await self._outbox.due(self._clock.now())
        rounds = [self._to_person(mine) for mine in _by_person(items)]
        return [wait for wait in await asyncio.gather(*rounds) if wait]

    async def _rest(self, waits: Iterable[float]) -> None:
        next_due = await self._outbox.next_due()
        later = [] if next_due is None else [(next_due - self._clock.now()) / 1000]
        # what is due and waits for its place in the limits is in `waits`; what is due and was not fetched comes at once
        seconds = min(waits, default=None) or max(0.0, min(later, default=_IDLE_S))
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, _IDLE_S)):
                await self._outbox.changed.wait()

    async def _to_person(self, items: Sequence[OutboxItem]) -> float:
        """The seconds after which the rest may be sent; 0 when all is done or is to be tried again later."""
        person = await self._service.person_by_id(items[0].person_id)
        for item in items:
            if person is None:
                await self._outbox.dropped(item.id)
                continue
            wait = self._limiter.take(person.chat_id)
            if wait:
                return wait
            if not await self._deliver(item, person):
                return 0.0
        return 0.0

    async def _deliver(self, item: OutboxItem, person: Person) -> bool:
        """Whether the next message may follow: not while this one is still to be tried."""
        try:
            await self._send(item, person)
        except Forbidden as exc:
            _log.info("person unreachable", person=person.id, reason=exc.message)
            await self._outbox.dropped(item.id)
        except RetryAfter as exc:
            await self._try_again(item, seconds_of(exc))
            return False
        except BadRequest as exc:
            _log.error("alert refused", item=item.id, kind=item.notice.kind, reason=exc.message)
            await self._outbox.dropped(item.id)
        except TelegramError as exc:  # a reply that was lost may have arrived: twice is better than never
            _log.warning("alert delayed", item=item.id, attempts=item.attempts, reason=exc.message)
            await self._try_again(item, min(2 ** min(item.attempts, 10), _LONGEST_WAIT_S))
            return False
        else:
            await self._outbox.sent(item.id)
        return True

    async def _send(self, item: OutboxItem, person: Person) -> None:
        texts = texts_for(person.locale or "en")
        strategy = await self._strategy(item, person)
        text = notice_text(texts, item.notice, strategy)
        buttons = notice_keyboard(texts, item.notice, strategy)
        try:
            await self._sender.send_message(
                person.chat_id, text, reply_markup=buttons, rate_limit_args=UNLIMITED
            )
        except BadRequest as exc:
            if "parse entities" not in exc.message.lower():
                raise
            _log.error("alert without markup", item=item.id, reason=exc.message)
            await self._send_plain(person, text, buttons)

    async def _send_plain(self, person: Person, text: str, buttons: InlineKeyboardMarkup | None) -> None:
        bare = _TAG.sub("", text)
        await self._sender.send_message(
            person.chat_id, bare, reply_markup=buttons, parse_mode=None, rate_limit_args=UNLIMITED
        )

    async def _strategy(self, item: OutboxItem, person: Person) -> Strategy | None:
        if item.strategy_id is None:
            return None
        try:
            return await self._service.strategy(person, item.strategy_id)
        except NotAllowed:  # deleted since
            return None

    async def _try_again(self, item: OutboxItem, seconds: float) -> None:
        await self._outbox.failed(item.id, self._clock.now() + int(seconds * 1000))


def _shared_limiter(sender: ExtBot[Any]) -> Limiter:
    """The one in which answers are counted too."""
    hook = sender.rate_limiter
    return hook.limiter if isinstance(hook, AnswersFirst) else Limiter()


def _by_person(items: Iterable[OutboxItem]) -> list[list[OutboxItem]]:
    grouped: dict[int, list[OutboxItem]] = {}
    for item in items:
        grouped.setdefault(item.person_id, []).append(item)
    return list(grouped.values())
