"""One living card for each running strategy: edited in place, only when its figures changed, never in a hurry."""

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError
from telegram.ext import ExtBot

from bot.errors import ExchangeError, InvalidInput
from bot.ports import Clock, Person, RunStatus, Strategy
from bot.ports.preferences import LiveCard
from bot.service import Service, StatusCard
from bot.service.reports import Reports
from handlers.cards import status_figures, status_text
from handlers.limiter import UNLIMITED, Limiter, seconds_of
from handlers.notifier import shared_limiter
from handlers.status_keyboard import status_keyboard
from handlers.texts import texts_for

_log = structlog.get_logger(__name__)
EVERY_S = 7.0
FIRST_AFTER_S = 15.0
"""A strategy that runs for so long and has no card gets one."""
_UNREACHABLE_S = 3600.0
_LONGEST_AWAY_S = 60.0


class LiveCards:
    """A task of its own; trading never waits for it. An edit that is overtaken is never sent: none is queued.

    StoreError ends it. The limiter is the one that alerts and answers share; cards leave them some places.
    """

    def __init__(
        self,
        *,
        service: Service,
        reports: Reports,
        sender: ExtBot[Any],
        clock: Clock,
        limiter: Limiter | None = None,
        every: float = EVERY_S,
        first_after: float = FIRST_AFTER_S,
    ) -> None:
        self._service = service
        self._reports = reports
        self._sender = sender
        self._clock = clock
        self._limiter = limiter or shared_limiter(sender)
        self._every = every
        self._first_after = first_after
        self._shown: dict[int, tuple[int, str]] = {}
        self._since: dict[int, float] = {}
        self._quiet: dict[int, float] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self) -> None:
        """For ever; while Telegram is away the rounds are further apart."""
        wait = self._every
        while True:
            await asyncio.sleep(wait)
            wait = self._every if await self.round() else min(wait * 2, _LONGEST_AWAY_S)

    async def round(self) -> bool:
        """Bring every card up to date once; False when Telegram could not be reached."""
        running = {strategy.id: strategy for strategy in await self._reports.running()}
        cards = {card.strategy_id: card for card in await self._reports.preferences.cards()}
        self._since = {n: self._since.get(n, time.monotonic()) for n in running}
        due = sorted({*running, *cards}, key=lambda n: (n in self._shown, n))
        for strategy_id in due:
            card = cards.get(strategy_id)
            try:
                await self._one(strategy_id, running.get(strategy_id), card.person_id if card else 0)
            except (ExchangeError, InvalidInput) as exc:
                _log.info("card without figures", strategy=strategy_id, reason=str(exc))
            except TelegramError as exc:
                _log.info("card not shown", strategy=strategy_id, reason=exc.message)
                return False
        return True

    async def _one(self, strategy_id: int, strategy: Strategy | None, owner_id: int) -> None:
        person_id = strategy.person_id if strategy else owner_id
        person = await self._service.person_by_id(person_id)
        if person is None or self._quiet.get(person_id, 0.0) > time.monotonic():
            return
        if self._limiter.wait(person.chat_id, lowly=True):
            return
        try:
            async with self._locks[strategy_id]:
                card = await self.card_of(person, strategy_id)  # its person may have had a new one meanwhile
                if strategy is None:
                    await self._finish(person, card)
                elif card is None:
                    await self._begin(person, strategy)
                else:
                    await self._edit(person, strategy, card)
        except RetryAfter as exc:
            self._limiter.pause(person.chat_id, seconds_of(exc))
        except (Forbidden, BadRequest) as exc:
            _log.info("card not shown", strategy=strategy_id, reason=exc.message)
            self._quiet[person_id] = time.monotonic() + _UNREACHABLE_S

    async def _begin(self, person: Person, strategy: Strategy) -> None:
        old_enough = time.monotonic() - self._since.get(strategy.id, 0.0) >= self._first_after
        if strategy.status is RunStatus.RUNNING and old_enough:
            await self._send(person, strategy, None, silent=True)

    async def _finish(self, person: Person, card: LiveCard | None) -> None:
        """The strategy has stopped: its card says so for the last time."""
        if card is None:
            return
        strategies = {s.id: s for s in await self._service.strategies(person)}
        if card.strategy_id in strategies:
            await self._edit(person, strategies[card.strategy_id], card)
        if card.pinned:
            with suppress(BadRequest):
                await self._sender.unpin_chat_message(person.chat_id, card.message_id)
        await self._reports.preferences.drop_card(card)
        self._shown.pop(card.strategy_id, None)

    async def _edit(self, person: Person, strategy: Strategy, card: LiveCard) -> None:
        found = await self._service.status_card(person, strategy)
        texts = texts_for(person.locale or "en")
        figures = status_figures(texts, found)
        if self._shown.get(strategy.id) == (card.message_id, figures):
            return
        if self._limiter.take(person.chat_id, lowly=True):
            return
        try:
            await self._sender.edit_message_text(
                status_text(texts, found, await self._reports.zone(person)),
                chat_id=person.chat_id,
                message_id=card.message_id,
                reply_markup=status_keyboard(texts, found, pinned=card.pinned),
                rate_limit_args=UNLIMITED,
            )
        except BadRequest as exc:
            if "not modified" not in exc.message.lower():
                _log.info("card lost", strategy=strategy.id, reason=exc.message)
                if strategy.status is not RunStatus.IDLE:
                    await self._send(person, strategy, card, silent=True)
                return
        self._shown[strategy.id] = (card.message_id, figures)

    # --- asked for by a person ------------------------------------------------------------------------------------

    async def fresh(self, person: Person, strategy: Strategy) -> None:
        """A new card at the end of the chat; the old one goes."""
        async with self._locks[strategy.id]:
            await self._send(person, strategy, await self.card_of(person, strategy.id), silent=False)

    async def card_of(self, person: Person, strategy_id: int) -> LiveCard | None:
        cards = await self._reports.preferences.cards(person.id)
        return next((card for card in cards if card.strategy_id == strategy_id), None)

    async def pin(self, person: Person, strategy: Strategy, message_id: int) -> StatusCard | None:
        """Pin the living card, or let it go; None when the message is not the living card."""
        async with self._locks[strategy.id]:
            card = await self.card_of(person, strategy.id)
            if card is None or card.message_id != message_id:
                return None
            if card.pinned:
                await self._sender.unpin_chat_message(person.chat_id, message_id)
            else:
                await self._sender.pin_chat_message(person.chat_id, message_id, disable_notification=True)
            await self._reports.preferences.keep_card(replace(card, pinned=not card.pinned))
            return await self._service.status_card(person, strategy)

    async def _send(self, person: Person, strategy: Strategy, old: LiveCard | None, *, silent: bool) -> None:
        found = await self._service.status_card(person, strategy)
        texts = texts_for(person.locale or "en")
        pinned = old is not None and old.pinned
        message = await self._sender.send_message(
            person.chat_id,
            status_text(texts, found, await self._reports.zone(person)),
            reply_markup=status_keyboard(texts, found, pinned=pinned),
            disable_notification=silent,
        )
        card = LiveCard(strategy.id, person.id, message.message_id, pinned, self._clock.now())
        await self._reports.preferences.keep_card(card)
        self._shown[strategy.id] = (card.message_id, status_figures(texts, found))
        if old is not None:
            await self._retire(person, old)
        if pinned:
            with suppress(BadRequest):
                await self._sender.pin_chat_message(
                    person.chat_id, card.message_id, disable_notification=True
                )

    async def _retire(self, person: Person, old: LiveCard) -> None:
        """Telegram deletes a bot's message within 48 hours only; an older one says where the figures are now."""
        try:
            await self._sender.delete_message(person.chat_id, old.message_id)
        except BadRequest as exc:
            if "not found" in exc.message.lower():
                return
            texts = texts_for(person.locale or "en")
            with suppress(BadRequest):
                await self._sender.edit_message_text(
                    texts("live.moved"), chat_id=person.chat_id, message_id=old.message_id
                )
