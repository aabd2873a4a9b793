"""Who is about to type a secret, so that what they type is stored nowhere. In memory only."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from telegram import MessageEntity, Update

from bot.ports import Environment, Secret

VALID_SECONDS = 120.0
HIDDEN_SECONDS = 900.0
_FIRST_MOMENTS = timedelta(seconds=2)


class Want(StrEnum):
    """Which secret is awaited."""

    NEW_PASSWORD = "new_password"  # noqa: S105 - a name
    NEW_PASSWORD_AGAIN = "new_password_again"  # noqa: S105 - a name
    OLD_PASSWORD = "old_password"  # noqa: S105 - a name
    PASSWORD = "password"  # noqa: S105 - a name
    API_KEY = "api_key"
    API_SECRET = "api_secret"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Goal:
    """What goes on once the vault is open: a key for `environment`, the sandbox's own key, or nothing.

    With `change_password` the present password is asked for and a new one takes its place.
    """

    environment: Environment | None = None
    sandbox: bool = False
    change_password: bool = False


@dataclass(frozen=True, slots=True)
class Awaited:
    """The awaited secret; `held` is the one before it (the first password, the API key), `old` the password now."""

    want: Want
    goal: Goal = Goal()
    held: Secret | None = None
    old: Secret | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    awaited: Awaited | None
    valid_until: float
    hidden_until: float


class SecretEntry:
    """One awaited secret per chat: answered within 120 s, hidden for 15 minutes.

    A slow person pastes the key after the two minutes: it is too late to be taken, and still must be stored
    nowhere and deleted.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[int, _Entry] = {}
        self._since = datetime.now(UTC).replace(microsecond=0)  # Telegram tells whole seconds
        self._heard: set[int] = set()

    def ask(self, chat_id: int, awaited: Awaited) -> None:
        now = self._clock()
        self._forget_old(now)
        self._entries[chat_id] = _Entry(awaited, now + VALID_SECONDS, now + HIDDEN_SECONDS)

    def awaited(self, chat_id: int) -> Awaited | None:
        """What this chat should type now; None when nothing is awaited or its time is over."""
        self._forget_old(self._clock())
        entry = self._entries.get(chat_id)
        return entry.awaited if entry else None

    def hides(self, chat_id: int | None) -> bool:
        """Whether what this chat types may be a secret: the inbox then keeps no text of it."""
        self._forget_old(self._clock())
        return chat_id in self._entries

    def is_secret(self, update: Update) -> bool:
        """For the inbox: whether no text of this update may be stored.

        A text from before this process began counts too: its sender may have been asked for a secret by the
        process before, which took that knowledge along.
        """
        message = update.message
        self._note_heard(update)
        if message is None:
            return False
        return self.hides(message.chat.id) or (self.from_before(update) and not is_command(update))

    def from_before(self, update: Update) -> bool:
        """Whether the message was sent before this process began, or may have been: Telegram tells whole seconds."""
        message = update.message
        if message is None:
            return False
        return message.date < self._since or (
            message.date == self._since and message.chat.id not in self._heard
        )

    def _note_heard(self, update: Update) -> None:
        """Whoever presses or commands in this process's first second has it before them, and not the one before."""
        chat = update.effective_chat
        fresh = datetime.now(UTC) - self._since < _FIRST_MOMENTS
        if chat is not None and fresh and (update.message is None or is_command(update)):
            self._heard.add(chat.id)

    def drop(self, chat_id: int) -> bool:
        """Nothing is awaited any more; whether something was."""
        return self._entries.pop(chat_id, None) is not None

    def _forget_old(self, now: float) -> None:
        for chat_id, entry in list(self._entries.items()):
            if entry.hidden_until <= now:
                del self._entries[chat_id]
            elif entry.valid_until <= now:
                self._entries[chat_id] = _Entry(None, entry.valid_until, entry.hidden_until)


def is_command(update: Update) -> bool:
    """Whether the message begins with a command."""
    message = update.message
    if message is None:
        return False
    return any(e.type == MessageEntity.BOT_COMMAND and e.offset == 0 for e in message.entities)
