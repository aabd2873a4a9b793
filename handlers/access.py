"""The gate before every handler: private chats of known people only."""

import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from telegram import Chat, ChatMemberUpdated, Update
from telegram.constants import ChatMemberStatus
from telegram.error import TelegramError
from telegram.ext import ApplicationHandlerStop

from bot.ports import Person, Role
from handlers.callback import Press
from handlers.commands import PANIC, STOP, publish_owners_commands
from handlers.context import ChatContext
from handlers.talk import answer
from handlers.texts import LOCALES, Texts, locale_of, texts_for

_log = structlog.get_logger(__name__)
_QUIET_SECONDS = 3600.0
_MINUTE_SECONDS = 60.0
_TRIES_AN_HOUR = 5
_REMEMBERED = 10_000
_STOPPING = frozenset(f"/{name}" for command in (STOP, PANIC) for name in command.names)


class HourlyAllowance:
    """So many times an hour (or `seconds`) and chat; in memory, bounded."""

    def __init__(
        self, times: int, clock: Callable[[], float] = time.monotonic, *, seconds: float = _QUIET_SECONDS
    ) -> None:
        self._times = times
        self._seconds = seconds
        self._clock = clock
        self._used: dict[int, list[float]] = {}

    def take(self, chat_id: int) -> bool:
        """Whether there is one left; it is used up then."""
        now = self._clock()
        recent = [at for at in self._used.get(chat_id, ()) if now - at < self._seconds]
        if len(recent) >= self._times:
            return False
        self._used.pop(chat_id, None)
        self._used[chat_id] = [*recent, now]
        while len(self._used) > _REMEMBERED:
            del self._used[next(iter(self._used))]
        return True


class Gate:
    """Lets a known person's updates through and ends all others (ApplicationHandlerStop)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = HourlyAllowance(1, clock)
        self._codes = HourlyAllowance(_TRIES_AN_HOUR, clock)
        self._warnings = HourlyAllowance(1, clock, seconds=_MINUTE_SECONDS)

    async def __call__(self, update: Update, context: ChatContext) -> None:
        """Runs as the first of all handlers."""
        chat = update.effective_chat
        if chat is None:
            raise ApplicationHandlerStop
        if chat.type != Chat.PRIVATE:
            await self._leave(update, context, chat.id)
            raise ApplicationHandlerStop
        if update.my_chat_member is not None:
            _note_membership(update.my_chat_member)
            raise ApplicationHandlerStop
        person = await context.service.person(chat.id) or await self._claimed(update, context, chat.id)
        if person is None:
            await self._turn_away(update, context, chat.id)
            raise ApplicationHandlerStop
        person = await _introduced(person, update, context)
        if not _always_served(update, context) and not context.service.people.may_command(person):
            await self._slow_down(update, context, person)
            raise ApplicationHandlerStop
        context.let_in(person)

    async def _claimed(self, update: Update, context: ChatContext, chat_id: int) -> Person | None:
        user = update.effective_user
        text = update.message.text if update.message else None
        words = (text or "").split()
        if user is None or len(words) != 2 or words[0] != "/start" or not self._codes.take(chat_id):
            return None
        person = await context.service.people.claim(
            chat_id=chat_id, name=user.full_name, locale=locale_of(user.language_code), code=words[1]
        )
        if person is not None:
            _log.info("let in", person=person.id, role=person.role.value)
            await _show_menu(person, context)
        return person

    async def _slow_down(self, update: Update, context: ChatContext, person: Person) -> None:
        """Said once a minute; a press is answered, so that its button stops waiting."""
        texts = texts_for(person.locale)
        await answer(update, texts.plain("gate.slow_down"))
        if update.message is not None and self._warnings.take(person.chat_id):
            await context.bot.send_message(person.chat_id, texts("gate.slow_down"))

    async def _turn_away(self, update: Update, context: ChatContext, chat_id: int) -> None:
        """One neutral line an hour: it says neither what this is nor who owns it."""
        if update.message is None or not self._lines.take(chat_id):
            return
        await context.bot.send_message(chat_id, _texts_for_stranger(update)("gate.private_bot"))

    async def _leave(self, update: Update, context: ChatContext, chat_id: int) -> None:
        member = update.my_chat_member
        gone = {ChatMemberStatus.LEFT, ChatMemberStatus.BANNED}
        if member is not None and member.new_chat_member.status in gone:
            return
        try:
            await context.bot.send_message(chat_id, _texts_for_stranger(update)("gate.group"))
        except TelegramError:
            _log.info("group not told", chat=chat_id)
        try:
            await context.bot.leave_chat(chat_id)
        except TelegramError as exc:
            _log.warning("group not left", chat=chat_id, reason=exc.message)


def _always_served(update: Update, context: ChatContext) -> bool:
    """What no quota may hold up: stopping, and a secret that must leave the chat at once."""
    query, message = update.callback_query, update.message
    if query is not None:
        press = Press.unpack(query.data or "")
        return press is not None and press.action.startswith(("stop", "panic"))
    if message is None:
        return False
    first = (message.text or "").split(maxsplit=1)[:1]
    command = first[0].partition("@")[0].lower() if first else ""
    entry = context.secret_entry
    return command in _STOPPING or entry.hides(message.chat.id) or entry.from_before(update)


async def _introduced(person: Person, update: Update, context: ChatContext) -> Person:
    """A person named in the settings has neither name nor language until their Telegram tells them."""
    user = update.effective_user
    if not person.name and user is not None:
        await context.service.people.set_name(person, user.full_name)
        person = replace(person, name=user.full_name)
    if person.locale in LOCALES:
        return person
    locale = locale_of(user.language_code if user else None)
    await context.service.set_locale(person, locale)
    await _show_menu(person, context)
    return replace(person, locale=locale)


async def _show_menu(person: Person, context: ChatContext) -> None:
    """At the first contact: before it, Telegram takes no menu for a chat. It waits for nobody."""
    if person.role is not Role.OWNER:
        return
    try:
        await publish_owners_commands(context.bot, person.chat_id)
    except TelegramError as exc:
        _log.warning("owner's menu not published", reason=exc.message)


def _note_membership(change: ChatMemberUpdated) -> None:
    blocked = change.new_chat_member.status == ChatMemberStatus.BANNED
    _log.info("chat blocked" if blocked else "chat opened", chat=change.chat.id)


def _texts_for_stranger(update: Update) -> Texts:
    user = update.effective_user
    return texts_for(locale_of(user.language_code if user else None))
