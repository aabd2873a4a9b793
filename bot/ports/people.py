"""Who is served: invites, removal, and the log of who did what. No secret is ever among it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.ports.store import Person


@dataclass(frozen=True, slots=True)
class Member:
    """A person with the time (ms UTC) since when they are known, and how many strategies they have."""

    person: Person
    since: int
    running: int
    saved: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`deed` is a word of ours such as `run`, `about` what it was done to; `at` in ms UTC."""

    at: int
    person_id: int
    name: str
    deed: str
    about: str


class PeopleStore(Protocol):
    """Invites, membership and the audit log."""

    async def add_invite(self, code_hash: str, *, made_by: int, expires_at: int) -> None:
        """Keep the hash of a single-use code (SHA-256, hex) until `expires_at` (ms UTC)."""

    async def open_invites(self) -> int: ...

    async def redeem_invite(self, code_hash: str, *, chat_id: int, name: str, locale: str) -> Person | None:
        """Use an invite up for this chat; None for an unknown, used or expired one."""

    async def members(self) -> Sequence[Member]: ...

    async def set_name(self, person_id: int, name: str) -> None: ...

    async def remove(self, person_id: int) -> bool:
        """No longer served, nor their strategies taken up; their records stay. Never the owner."""

    async def note(self, person_id: int, deed: str, about: str = "") -> None: ...

    async def audit(self, limit: int) -> Sequence[AuditEntry]:
        """The newest entries, oldest first."""
