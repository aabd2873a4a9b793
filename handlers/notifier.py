"""Sends what the outbox owes: at least once, in each person's order, however long Telegram is away."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog
from telegram import InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError
from telegram.ext import ExtBot

from bot.errors import NotAllowed
from bot.ports import Clock, OutboxItem, Person, Strategy
from bot.ports.preferences import Choice
from bot.service import Service
from handlers.alert_kinds import Batch, batches, choice_for
from handlers.formats import UTC
from handlers.limiter import UNLIMITED, AnswersFirst, Limiter, seconds_of
from handlers.texts import LOCALES, texts_for
from handlers.views import notice_keyboard, notices_text

_log = structlog.get_logger(__name__)
_LONGEST_WAIT_S = 300
_IDLE_S = 60.0
GATHER_S = 4.0
"""After a fill was told, the next ones of its strategy are gathered for so long and come together."""
_TAG = re.compile(r"<[^>]*>")


class Outbox(Protocol):
    """What the notifier needs of the stored outbox."""

    @property
    def changed(self) -> asyncio.Event: ...

    async def due(self, now: int, limit: int = 100) -> Sequence[OutboxItem]: ...

    async def next_due(self) -> int | None: ...

    async def sent(self, *item_ids: int) -> None: ...

    async def dropped(self, *item_ids: int) -> None: ...

    async def failed(self, item_id: int, retry_at: int) -> None: ...


class Choices(Protocol):
    """What each person wants to be told."""

    async def choices(self, person_id: int) -> Mapping[str, Choice]: ...


class Notifier:
    """One task of its own: trading never waits for it. StoreError ends it, for nothing is owed without a store."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        service: Service,
        sender: ExtBot[Any],
        clock: Clock,
        choices: Choices | None = None,
        zone_of: Callable[[Person], Awaitable[ZoneInfo]] | None = None,
        limiter: Limiter | None = None,
        gather: float = GATHER_S,
    ) -> None:
        self._outbox = outbox
        self._service = service
        self._sender = sender
        self._clock = clock
        self._choices = choices
        self._zone_of = zone_of
        self._limiter = limiter or shared_limiter(sender)
        self._gather = gather
        self._gathering: dict[tuple[int, int | None], float] = {}

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
        if person is None:
            await self._outbox.dropped(*(item.id for item in items))
            return 0.0
        choices = await self._choices.choices(person.id) if self._choices else {}
        unwanted = [item.id for item in items if choice_for(item.notice, choices) is Choice.OFF]
        if unwanted:
            await self._outbox.dropped(*unwanted)
        waits = []
        for batch in batches([item for item in items if item.id not in unwanted], choices):
            gathering = self._still_gathering(batch)
            if gathering:
                waits.append(gathering)
                continue
            wait = self._limiter.take(person.chat_id, urgent=batch.urgent)
            if wait:
                waits.append(wait)
                break
            if not await self._deliver(batch, person):
                return 0.0
        return min(waits, default=0.0)

    def _still_gathering(self, batch: Batch) -> float:
        """Seconds that these fills wait for more of their kind."""
        first = batch.items[0]
        until = self._gathering.get((first.person_id, first.strategy_id), 0.0)
        return max(0.0, until - time.monotonic()) if batch.may_grow else 0.0

    async def _deliver(self, batch: Batch, person: Person) -> bool:
        """Whether the next message may follow: not while this one is still to be tried."""
        first, ids = batch.items[0], [item.id for item in batch.items]
        try:
            await self._send(batch, person)
        except Forbidden as exc:
            _log.info("person unreachable", person=person.id, reason=exc.message)
            await self._outbox.dropped(*ids)
        except RetryAfter as exc:
            self._limiter.pause(person.chat_id, seconds_of(exc))
            await self._try_again(first, seconds_of(exc))
            return False
        except BadRequest as exc:
            _log.error("alert refused", items=ids, kind=first.notice.kind, reason=exc.message)
            await self._outbox.dropped(*ids)
        except TelegramError as exc:  # a reply that was lost may have arrived: twice is better than never
            _log.warning("alert delayed", item=first.id, attempts=first.attempts, reason=exc.message)
            await self._try_again(first, min(2 ** min(first.attempts, 10), _LONGEST_WAIT_S))
            return False
        else:
            await self._outbox.sent(*ids)
            self._gather_after(batch)
        return True

    def _gather_after(self, batch: Batch) -> None:
        now = time.monotonic()
        self._gathering = {key: until for key, until in self._gathering.items() if until > now}
        if batch.fills:
            self._gathering[batch.items[0].person_id, batch.items[0].strategy_id] = now + self._gather

    async def _send(self, batch: Batch, person: Person) -> None:
        last = batch.items[-1]
        strategy = await self._strategy(last, person)
        zone = await self._zone_of(person) if self._zone_of else UTC
        # whose Telegram has not yet told a language, such as an owner named in the settings, reads every one
        all_texts = [texts_for(locale) for locale in LOCALES if person.locale in {locale, ""}]
        notices = [item.notice for item in batch.items]
        text = "\n\n".join(notices_text(texts, notices, strategy, zone) for texts in all_texts)
        buttons = notice_keyboard(all_texts[0], last.notice, strategy)
        try:
            await self._sender.send_message(
                person.chat_id,
                text,
                reply_markup=buttons,
                disable_notification=batch.silent,
                rate_limit_args=UNLIMITED,
            )
        except BadRequest as exc:
            if "parse entities" not in exc.message.lower():
                raise
            _log.error("alert without markup", item=last.id, reason=exc.message)
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


def shared_limiter(sender: ExtBot[Any]) -> Limiter:
    """The one in which answers are counted too."""
    hook = sender.rate_limiter
    return hook.limiter if isinstance(hook, AnswersFirst) else Limiter()


def _by_person(items: Iterable[OutboxItem]) -> list[list[OutboxItem]]:
    grouped: dict[int, list[OutboxItem]] = {}
    for item in items:
        grouped.setdefault(item.person_id, []).append(item)
    return list(grouped.values())
