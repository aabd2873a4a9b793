"""Who is served: invites, roles, removal, quotas, and the log of who did what."""

import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.engine.supervisor import Supervisor
from bot.errors import NotAllowed
from bot.ports import BookStore, Clock, Person, Role, RunStatus, Strategy, Vault
from bot.ports.people import AuditEntry, Member, PeopleStore

INVITE_HOURS = 48
CLAIM_HOURS = 24
_CODE_BYTES = 12
_CLAIM_BYTES = 9
_OPEN_INVITES_AT_MOST = 20
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Quotas:
    """The most that one person may have: strategies at work, strategies saved, messages and presses a minute."""

    running: int = 20
    saved: int = 100
    commands_a_minute: int = 60


@dataclass(frozen=True, slots=True)
class Invite:
    """`code` is shown once; only its hash is kept."""

    code: str
    hours: int


class People:
    """Every call that only the owner may make raises NotAllowed("owner_only") for anybody else."""

    def __init__(
        self,
        *,
        book: PeopleStore,
        store: BookStore,
        vault: Vault,
        supervisor: Supervisor,
        clock: Clock,
        quotas: Quotas,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = book
        self._store = store
        self._vault = vault
        self._supervisor = supervisor
        self._clock = clock
        self._quotas = quotas
        self._seconds = seconds
        self._recent: dict[int, deque[float]] = {}

    # --- quotas -----------------------------------------------------------------------------------------------

    def may_command(self, person: Person) -> bool:
        """Whether this person's messages and presses of the last minute leave room for one more; it is counted."""
        now = self._seconds()
        recent = self._recent.setdefault(person.id, deque())
        while recent and now - recent[0] >= _MINUTE_S:
            recent.popleft()
        if len(recent) >= self._quotas.commands_a_minute:
            return False
        recent.append(now)
        return True

    async def check_may_run(self, strategy: Strategy) -> None:
        """NotAllowed when one more strategy at work would be too many; one that is at work may go on."""
        if strategy.status is not RunStatus.IDLE:
            return
        mine = await self._store.strategies(strategy.person_id)
        if sum(s.status is not RunStatus.IDLE for s in mine) >= self._quotas.running:
            raise NotAllowed("too_many_running")

    async def check_may_save(self, person: Person) -> None:
        if len(await self._store.strategies(person.id)) >= self._quotas.saved:
            raise NotAllowed("too_many_saved")

    # --- first contact ----------------------------------------------------------------------------------------

    async def claim(self, *, chat_id: int, name: str, locale: str, code: str) -> Person | None:
        """The owner's with the code from the log, another's with an invite; None for a wrong code."""
        if not await self._store.redeem_claim(_hashed(code), self._clock.now()):
            return await self.accept(chat_id=chat_id, name=name, locale=locale, code=code)
        return await self._store.add_person(chat_id=chat_id, name=name, locale=locale, role=Role.OWNER)

    async def owner(self) -> Person | None:
        """None before anybody has claimed this program."""
        return next((p for p in await self._store.people() if p.role is Role.OWNER), None)

    async def new_claim_code(self) -> str | None:
        """A fresh code while nobody owns this program yet, good for a day; only its hash is kept."""
        if await self.owner() is not None:
            return None
        code = secrets.token_urlsafe(_CLAIM_BYTES)
        await self._store.add_claim(_hashed(code), self._clock.now() + CLAIM_HOURS * 3_600_000)
        return code

    async def ensure_owner(self, *, chat_id: int) -> Person:
        """The owner named in the settings; name and language are taken from the first message."""
        found = await self._store.person_by_chat(chat_id)
        if found is not None:
            return found
        return await self._store.add_person(chat_id=chat_id, name="", locale="", role=Role.OWNER)

    # --- invites ----------------------------------------------------------------------------------------------

    async def invite(self, owner: Person) -> Invite:
        """A single-use code, valid for 48 hours."""
        _only_the_owner(owner)
        if await self._book.open_invites() >= _OPEN_INVITES_AT_MOST:
            raise NotAllowed("too_many_invites")
        code = secrets.token_urlsafe(_CODE_BYTES)
        until = self._clock.now() + INVITE_HOURS * 3_600_000
        await self._book.add_invite(_hashed(code), made_by=owner.id, expires_at=until)
        await self.note(owner, "invited")
        return Invite(code, INVITE_HOURS)

    async def accept(self, *, chat_id: int, name: str, locale: str, code: str) -> Person | None:
        """The person that an invite makes; None for an unknown, used or expired code."""
        person = await self._book.redeem_invite(_hashed(code), chat_id=chat_id, name=name, locale=locale)
        if person is not None:
            await self.note(person, "joined")
        return person

    # --- members ----------------------------------------------------------------------------------------------

    async def everybody(self, owner: Person) -> tuple[Sequence[Member], int]:
        """All who are served, and how many invites are open."""
        _only_the_owner(owner)
        return await self._book.members(), await self._book.open_invites()

    async def member(self, owner: Person, person_id: int) -> tuple[Member, Sequence[Strategy]]:
        """A member, and their strategies at work; NotAllowed for an unknown one."""
        _only_the_owner(owner)
        for member in await self._book.members():
            if member.person.id == person_id:
                mine = await self._store.strategies(person_id)
                return member, [s for s in mine if s.status is not RunStatus.IDLE]
        raise NotAllowed("dead_button")

    async def set_name(self, person: Person, name: str) -> None:
        """The name that Telegram tells of somebody who was known by number only."""
        await self._book.set_name(person.id, name)

    async def remove(
        self, owner: Person, person_id: int, *, forget: bool
    ) -> tuple[Member, Sequence[Strategy]]:
        """Serve a person no more; their strategies stand still, orders rest. `forget` shreds their keys.

        Answers who it was, and the strategies that were left at work.
        """
        member, at_work = await self.member(owner, person_id)
        if member.person.role is Role.OWNER or not await self._book.remove(person_id):
            raise NotAllowed("dead_button")
        await self._supervisor.suspend_person(person_id)
        self._vault.lock(person_id)
        if forget:
            await self._vault.forget(person_id)
        self._recent.pop(person_id, None)
        await self.note(owner, "removed", member.person.name)
        return member, at_work

    # --- the log ----------------------------------------------------------------------------------------------

    async def note(self, person: Person, deed: str, about: str = "") -> None:
        await self._book.note(person.id, deed, about)

    async def audit(self, owner: Person, limit: int) -> Sequence[AuditEntry]:
        """The newest entries, oldest first."""
        _only_the_owner(owner)
        return await self._book.audit(limit)


def _only_the_owner(person: Person) -> None:
    if person.role is not Role.OWNER:
        raise NotAllowed("owner_only")


def _hashed(code: str) -> str:
    return hashlib.sha256(code.strip().encode()).hexdigest()
