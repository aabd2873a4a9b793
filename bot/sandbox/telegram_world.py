"""Everything one stand-in knows: the bot, its two people, the chats, the queue, the listeners of the page."""

import asyncio
import json
import secrets
import string
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.sandbox.telegram_errors import ApiError, bad_request
from bot.sandbox.telegram_faults import Faults, FloodGate, FloodRule, UploadBrake
from bot.sandbox.telegram_store import TelegramStore
from bot.sandbox.telegram_updates import UpdateQueue, WebhookState

Json = dict[str, Any]

DEFAULT_PEOPLE: Final[tuple[Json, ...]] = (
    {"id": 1, "is_bot": False, "first_name": "Ana", "username": "ana_sandbox", "language_code": "pt-br"},
    {"id": 2, "is_bot": False, "first_name": "Bob", "username": "bob_sandbox", "language_code": "en"},
)
_LETTERS: Final = string.ascii_letters + string.digits + "_-"
_CALLS_KEPT: Final = 10_000


@dataclass
class Person:
    """Somebody with a phone: profile as a Bot API User, the facts that decide whether the bot may write."""

    profile: Json
    started: bool
    blocked: bool
    deactivated: bool = False

    @property
    def id(self) -> int:
        return int(self.profile["id"])

    def chat(self) -> Json:
        """The private chat with this person, as a Bot API Chat."""
        named: Json = {
            key: self.profile[key] for key in ("first_name", "last_name", "username") if key in self.profile
        }
        return {"id": self.id, **named, "type": "private"}


@dataclass(frozen=True)
class CallRecord:
    """One call as it was answered, for tests: parameters without file contents, HTTP status, description."""

    method: str
    params: dict[str, str]
    status: int
    description: str = ""


class World:
    """The state behind both sides, the Bot API and the chat page. Used from one event loop."""

    def __init__(
        self,
        path: str | Path = ":memory:",
        *,
        flood: FloodRule | None = None,
        poll_pacing: bool = True,
        people: tuple[Json, ...] = DEFAULT_PEOPLE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = TelegramStore(path)
        self.clock = clock
        self.started_at = clock()
        self.faults = Faults()
        self.flood = FloodGate(flood, clock)
        self.brake = UploadBrake(clock, on=flood is not None)
        self.webhook = WebhookState(self.store)
        self.calls: deque[CallRecord] = deque(maxlen=_CALLS_KEPT)
        self.token = self._kept("token", _new_token)
        self.key = self._kept("key", lambda: secrets.token_urlsafe(24))
        self.store.start_updates_at(100_000_000 + secrets.randbelow(800_000_000))
        self.updates = UpdateQueue(self.store, clock, pacing=poll_pacing)
        for profile in people:
            self.store.add_person(profile)
        self.people = {
            profile["id"]: Person(
                profile, started, blocked, bool(self.store.setting(f"deactivated:{profile['id']}"))
            )
            for profile, started, blocked in self.store.people()
        }
        self.owner = int(people[0]["id"]) if people else 0
        """Whom the page's switch names the owner: the first, whom the demo sets as owner of the bot."""
        self._listeners: set[asyncio.Queue[Json | None]] = set()

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        value = self.store.setting(name)
        if value is None:
            value = make()
            self.store.put_setting(name, value)
        return value

    @property
    def bot_user(self) -> Json:
        """The bot as it appears in messages; its id is the number of the token."""
        return {
            "id": int(self.token.partition(":")[0]),
            "is_bot": True,
            "first_name": self.store.setting("name:") or "Trader Automata",
            "username": "trader_automata_sandbox_bot",
        }

    def now(self) -> int:
        return int(self.clock())

    def close(self) -> None:
        self.updates.abort()
        self.hang_up()
        self.store.close()

    # people

    def person_of_chat(self, raw: str) -> Person:
        """The person behind a chat_id parameter.

        Raises:
            ApiError: 400 for a chat that does not exist (there are private chats only).
        """
        if not raw:
            raise bad_request("chat_id is empty")
        try:
            return self.people[int(raw)]
        except (ValueError, KeyError):
            raise bad_request("Chat not found") from None

    def writable(self, raw: str) -> Person:
        """The person behind a chat_id, provided that the bot may write to them.

        Raises:
            ApiError: also 403 for one who blocked the bot, never wrote to it, or has no account any more.
        """
        person = self.person_of_chat(raw)
        if person.deactivated:
            raise ApiError(403, "Forbidden: user is deactivated")
        if person.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if not person.started:
            raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
        return person

    def save_person(self, person: Person) -> None:
        self.store.put_person(person.profile, started=person.started, blocked=person.blocked)
        self.store.put_setting(f"deactivated:{person.id}", "yes" if person.deactivated else None)
        self.publish(person.id, {"type": "user", "user": person.id})

    # listeners of the page

    def listen(self) -> "asyncio.Queue[Json | None]":
        """A queue that gets every event from now on; None at the end."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._listeners.add(queue)
        return queue

    def unlisten(self, queue: "asyncio.Queue[Json | None]") -> None:
        self._listeners.discard(queue)

    def hang_up(self) -> None:
        for queue in self._listeners:
            queue.put_nowait(None)

    def publish(self, user: int, event: Json) -> None:
        """Tells the page of something in a chat; ``event`` is JSON with a "type"."""
        for queue in self._listeners:
            queue.put_nowait({"user": user, **event})

    # small settings of the bot

    def setting_json(self, name: str) -> Any:  # noqa: ANN401 - JSON
        raw = self.store.setting(name)
        return None if raw is None else json.loads(raw)


def _new_token() -> str:
    number = 7_000_000_000 + secrets.randbelow(999_999_999)
    return f"{number}:" + "AA" + "".join(secrets.choice(_LETTERS) for _ in range(33))
