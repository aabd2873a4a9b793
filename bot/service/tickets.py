"""Tickets for the one-time page: random, five minutes, used once, and good for one person and one errand."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.ports import Environment

VALID_SECONDS = 300.0
MOST_TRIES = 10
_RANDOM_BYTES = 32


class Purpose(StrEnum):
    """What the page was opened for."""

    UNLOCK = "unlock"
    KEY = "key"
    SANDBOX = "sandbox"
    PASSWORD = "password"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Errand:
    """A purpose; `environment` says where a KEY belongs."""

    purpose: Purpose
    environment: Environment | None = None

    def pack(self) -> str:
        """As it stands in a link: `unlock`, `key.bybit-demo`."""
        return f"{self.purpose.value}.{self.environment.value}" if self.environment else self.purpose.value

    @classmethod
    def unpack(cls, text: str) -> "Errand | None":
        """None for what is no errand of ours."""
        purpose, _, environment = text.partition(".")
        if purpose not in set(Purpose) or bool(environment) != (purpose == Purpose.KEY):
            return None
        if environment and environment not in set(Environment):
            return None
        return cls(Purpose(purpose), Environment(environment) if environment else None)


@dataclass(frozen=True, slots=True)
class Ticket:
    """`until` in the seconds of the clock given to `Tickets`; `message_id` is the chat's message with the link."""

    person_id: int
    errand: Errand
    until: float
    tries: int = 0
    message_id: int | None = None


class Tickets:
    """Open tickets by the hash of their token, in memory: after a restart a person asks for a new one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, Ticket] = {}

    def issue(self, person_id: int, errand: Errand) -> str:
        """A new token; what this person had open before is void."""
        before = self.drop(person_id)
        return self._put(Ticket(person_id, errand, self._clock() + VALID_SECONDS, message_id=before))

    def note_message(self, token: str, message_id: int) -> None:
        """Where the link stands, so that it can be taken away once it is used."""
        ticket = self._open.get(_hashed(token))
        if ticket is not None:
            self._open[_hashed(token)] = replace(ticket, message_id=message_id)

    def look(self, token: str) -> Ticket | None:
        """The ticket as long as it is good; looking does not use it up."""
        self._forget_old()
        return self._open.get(_hashed(token))

    def take(self, token: str) -> Ticket | None:
        """The ticket, once."""
        self._forget_old()
        return self._open.pop(_hashed(token), None)

    def again(self, ticket: Ticket) -> str | None:
        """A new token for another try of what failed, within the same five minutes; None after too many."""
        if ticket.tries + 1 >= MOST_TRIES or ticket.until <= self._clock():
            return None
        return self._put(replace(ticket, tries=ticket.tries + 1))

    def drop(self, person_id: int) -> int | None:
        """This person's open tickets are void; answers the message that has the link, where there is one."""
        mine = [t.message_id for t in self._open.values() if t.person_id == person_id]
        self._open = {h: t for h, t in self._open.items() if t.person_id != person_id}
        return next((message_id for message_id in mine if message_id is not None), None)

    def seconds_left(self, ticket: Ticket) -> int:
        return max(0, int(ticket.until - self._clock()))

    def _put(self, ticket: Ticket) -> str:
        token = secrets.token_urlsafe(_RANDOM_BYTES)
        self._open[_hashed(token)] = ticket
        return token

    def _forget_old(self) -> None:
        now = self._clock()
        self._open = {h: t for h, t in self._open.items() if t.until > now}


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
