"""The message that promises a backtest: edited while it goes on, and replaced by what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from telegram import InlineKeyboardMarkup, InputMediaDocument, InputMediaPhoto
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError
from telegram.ext import ExtBot

from bot.backtest.jobs import Job
from bot.ports import Clock, Person
from bot.ports.backtests import WaitingRun
from bot.service import Service
from bot.service.backtest_desk import BacktestDesk
from bot.service.backtests import Cancelled, Done, Failed, Outcome, Run
from handlers.backtest_views import failed_text, progress_text
from handlers.callback import Press
from handlers.form_views import Screen, paragraphs
from handlers.keyboards import Button, keyboard
from handlers.limiter import UNLIMITED, Limiter, seconds_of
from handlers.notifier import shared_limiter
from handlers.texts import Texts, texts_for

_log = structlog.get_logger(__name__)
_LOOK_S = 1.0
_WITH_PAIR = 2
_OTHER_PERIOD = frozenset({"history_before_listing", "history_not_yet", "too_short"})
"""Faults of the period asked for."""
_WAITS_S = (2, 5, 15, 30, *[60] * 55)

View = Callable[[Texts, Done], Screen]
"""What a worker's card looks like as the last message."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job with its words: `head` (HTML) stands over the progress, `again` asks for the same once more."""

    job: Job
    head: str
    again: Press
    view: View


class BacktestShows:
    """One task for each run. An edit that is overtaken is never sent: none is queued."""

    def __init__(
        self,
        *,
        service: Service,
        desk: BacktestDesk,
        sender: ExtBot[Any],
        clock: Clock,
        limiter: Limiter | None = None,
    ) -> None:
        self._service = service
        self._sender = sender
        self._clock = clock
        self._limiter = limiter or shared_limiter(sender)
        self._tasks: set[asyncio.Task[None]] = set()
        self.desk = desk

    async def begin(self, person: Person, wanted: Wanted) -> None:
        """Queue a job and promise its result; NotAllowed("backtest_busy") while this person waits for another."""
        run = self.desk.queue.submit(person.id, wanted.job.packed())
        texts = texts_for(person.locale or "en")
        text = progress_text(texts, wanted.head, run.progress)
        try:
            message = await self._sender.send_message(person.chat_id, text, reply_markup=_stop_button(texts))
            note = WaitingRun(person.id, message.message_id, wanted.again.pack(), self._clock.now())
            await self.desk.book.note(note)
        except BaseException:
            self.desk.queue.cancel(run)
            self.desk.queue.release(run)  # it may have ended before
            raise
        shown = _Shown(person, texts, message.message_id, wanted)
        self.keep(self._follow(run, shown, text), broken=partial(self._broken, shown))

    def keep(
        self,
        work: Coroutine[Any, Any, None],
        *,
        broken: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """Carry on with it until it ends, or the program does; what fails in it is logged, and `broken` carried out."""
        task = asyncio.create_task(work, name="backtest-message")
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, broken))

    def _ended(
        self, broken: Callable[[], Coroutine[Any, Any, None]] | None, task: asyncio.Task[None]
    ) -> None:
        self._tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            _log.error("backtest message failed", exc_info=fault)
            if broken is not None:
                self.keep(broken())

    async def close(self) -> None:
        """Promises stay noted: the next process says that they were cut."""
        while tasks := list(self._tasks):  # one that fails at its end may leave word to be given
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def tell_cut(self, left: Sequence[WaitingRun]) -> None:
        """After a start: nobody waits for ever for what an earlier process promised. Ends once everybody is told."""
        for run in left:
            person = await self._service.person_by_id(run.person_id)
            again = Press.unpack(run.again)
            if person is not None and again is not None:
                texts = texts_for(person.locale or "en")
                head = await self._head(person, texts, again)
                screen = Screen(paragraphs(head, texts("backtest.cut")), _again_button(texts, again))
                await _patiently(partial(self._replace, person.chat_id, run.message_id, screen))
            await self.desk.book.forget(run.person_id, run.message_id)

    async def _head(self, person: Person, texts: Texts, again: Press) -> str:
        """Whose test it was, as far as its button tells (HTML); nothing for a form's draft or what is gone."""
        mine = await self._service.strategies(person)
        name = next((s.name for s in mine if str(s.id) == again.args[0]), None) if again.args else None
        if name is None or len(again.args) < _WITH_PAIR:
            return ""
        return texts("backtest.of", name=name, pair=again.args[1])

    # --- following a run ------------------------------------------------------------------------------------------

    async def _follow(self, run: Run, shown: "_Shown", before: str) -> None:
        while not run.outcome.done():
            run.changed.clear()
            text = progress_text(shown.texts, shown.wanted.head, run.progress)
            if text != before and not self._limiter.take(shown.person.chat_id, lowly=True):
                before = text
                await self._progressed(shown, text)
            with suppress(TimeoutError):
                await asyncio.wait_for(run.changed.wait(), _LOOK_S)
            if not run.outcome.done():
                await asyncio.wait({run.outcome}, timeout=_LOOK_S)
        told = True
        try:
            for say in await self._sayings(run, shown):  # each until it is taken, so that none is said twice
                told = told and await _patiently(say)
        finally:
            self.desk.queue.release(run)
        if told:
            await self.desk.book.forget(shown.person.id, shown.message_id)

    async def _progressed(self, shown: "_Shown", text: str) -> None:
        try:
            await self._sender.edit_message_text(
                text,
                chat_id=shown.person.chat_id,
                message_id=shown.message_id,
                reply_markup=_stop_button(shown.texts),
                rate_limit_args=UNLIMITED,
            )
        except RetryAfter as exc:
            self._limiter.pause(shown.person.chat_id, seconds_of(exc))
        except TelegramError as exc:  # the next edit, or the result, says more
            _log.info("progress not shown", reason=exc.message)

    async def _sayings(self, run: Run, shown: "_Shown") -> Sequence[Callable[[], Awaitable[None]]]:
        """What is said at the end, in its order; nothing to a person who was removed meanwhile."""
        if await self._service.person(shown.person.chat_id) is None:
            return ()
        outcome, texts, chat_id = run.outcome.result(), shown.texts, shown.person.chat_id
        if not isinstance(outcome, Done):
            said = failed_text(texts, outcome) if isinstance(outcome, Failed) else texts("backtest.stopped")
            buttons = _way_on(texts, outcome, shown.wanted.again)
            screen = Screen(paragraphs(shown.wanted.head, said), buttons)
            return (partial(self._replace, chat_id, shown.message_id, screen),)
        card = shown.wanted.view(texts, outcome)
        return (
            partial(self._send_pictures, chat_id, outcome.pictures),
            partial(self._send_files, chat_id, outcome.files),
            partial(self._send_card, shown, card),
        )

    async def _broken(self, shown: "_Shown") -> None:
        """Our own fault, which is in the log: nobody is left before a message that promises."""
        screen = Screen(
            paragraphs(shown.wanted.head, shown.texts("backtest.failed.lost")),
            _again_button(shown.texts, shown.wanted.again),
        )
        await _patiently(partial(self._replace, shown.person.chat_id, shown.message_id, screen))
        await self.desk.book.forget(shown.person.id, shown.message_id)

    async def _send_card(self, shown: "_Shown", card: Screen) -> None:
        """The last message, where the eye is, in the place of the promise."""
        chat_id = shown.person.chat_id
        await self._sender.send_message(chat_id, card.text, reply_markup=card.keyboard)
        with suppress(TelegramError):
            await self._sender.delete_message(chat_id, shown.message_id)

    async def _send_pictures(self, chat_id: int, pictures: Sequence[Path]) -> None:
        if len(pictures) == 1:
            await self._sender.send_photo(chat_id, pictures[0].read_bytes(), filename=pictures[0].name)
        elif pictures:
            album = [InputMediaPhoto(path.read_bytes(), filename=path.name) for path in pictures]
            await self._sender.send_media_group(chat_id, album)

    async def _send_files(self, chat_id: int, files: Sequence[Path]) -> None:
        if len(files) == 1:
            await self._sender.send_document(chat_id, files[0].read_bytes(), filename=files[0].name)
        elif files:
            album = [InputMediaDocument(path.read_bytes(), filename=path.name) for path in files]
            await self._sender.send_media_group(chat_id, album)

    async def _replace(self, chat_id: int, message_id: int, screen: Screen) -> None:
        """In the promise's place; a new message where that is gone."""
        try:
            await self._sender.edit_message_text(
                screen.text, chat_id=chat_id, message_id=message_id, reply_markup=screen.keyboard
            )
        except BadRequest as exc:
            if "not modified" not in exc.message.lower():
                await self._sender.send_message(chat_id, screen.text, reply_markup=screen.keyboard)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Where a run is shown, and to whom."""

    person: Person
    texts: Texts
    message_id: int
    wanted: Wanted


def _stop_button(texts: Texts) -> InlineKeyboardMarkup:
    return keyboard([Button(texts.plain("button.bt_stop"), Press("bt_stop"))])


def _way_on(texts: Texts, outcome: Outcome, again: Press) -> InlineKeyboardMarkup:
    """The same once more, but another period where asking again would only say the same."""
    if isinstance(outcome, Failed) and outcome.key in _OTHER_PERIOD and len(again.args) > 1:
        of = "opt_of" if again.action.startswith("opt") else "bt_of"
        return keyboard([Button(texts.plain("button.bt_again"), Press(of, again.args[:2]))])
    return _again_button(texts, again)


def _again_button(texts: Texts, again: Press) -> InlineKeyboardMarkup:
    return keyboard([Button(texts.plain("button.bt_retry"), again)])


async def _patiently(say: Callable[[], Awaitable[None]]) -> bool:
    """Until Telegram takes it, for an hour at most; what it refuses for good is only logged."""
    for wait in _WAITS_S:
        try:
            await say()
        except (BadRequest, Forbidden) as exc:
            _log.info("backtest not shown", reason=exc.message)
        except RetryAfter as exc:
            await asyncio.sleep(max(wait, seconds_of(exc)))
            continue
        except TelegramError as exc:
            _log.info("telegram out of reach", reason=exc.message, again_in=wait)
            await asyncio.sleep(wait)
            continue
        return True
    return False


async def stop(shows: BacktestShows, person: Person) -> bool:
    """End what this person waits for; whether there was anything."""
    run = shows.desk.queue.of(person.id)
    if run is not None:
        shows.desk.queue.cancel(run, Cancelled.BY_PERSON)
    return run is not None
