"""Invites, membership and the audit log."""

from collections.abc import Sequence

from bot.ports.clock import Clock, SystemClock
from bot.ports.people import AuditEntry, Member
from bot.ports.store import Person, Role
from storage import rows
from storage.database import Database, Rows

_MEMBERS = """
    SELECT p.*, count(s.id) AS saved, coalesce(sum(s.status <> 'idle'), 0) AS running
    FROM people AS p LEFT JOIN strategies AS s ON s.person_id = p.id
    WHERE p.removed_at IS NULL GROUP BY p.id ORDER BY p.id
"""
_USE_INVITE = "UPDATE invites SET used_at = ? WHERE code_hash = ? AND used_at IS NULL AND expires_at > ?"
_REMOVE = "UPDATE people SET removed_at = ? WHERE id = ? AND role <> 'owner' AND removed_at IS NULL"
_AUDIT = """
    SELECT a.at, a.person_id, p.name, a.deed, a.about FROM audit AS a JOIN people AS p ON p.id = a.person_id
    ORDER BY a.id DESC LIMIT ?
"""


class PeopleBook:
    """Implements bot.ports.people.PeopleStore."""

    def __init__(self, database: Database, *, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    async def add_invite(self, code_hash: str, *, made_by: int, expires_at: int) -> None:
        row = {
            "code_hash": code_hash,
            "made_by": made_by,
            "created_at": self._clock.now(),
            "expires_at": expires_at,
        }
        await self._database.run(lambda db: db.table("invites").insert(row))

    async def open_invites(self) -> int:
        query = "SELECT count(*) FROM invites WHERE used_at IS NULL AND expires_at > ?"
        now = self._clock.now()
        found = await self._database.run(lambda db: db.execute(query, [now]).fetchone())
        return int(found[0])

    async def redeem_invite(self, code_hash: str, *, chat_id: int, name: str, locale: str) -> Person | None:
        now = self._clock.now()

        def redeem(db: Rows) -> Person | None:
            if db.execute(_USE_INVITE, [now, code_hash, now]).rowcount != 1:
                return None
            person = add_person(db, chat_id=chat_id, name=name, locale=locale, role=Role.USER, at=now)
            db.execute("UPDATE invites SET used_by = ? WHERE code_hash = ?", [person.id, code_hash])
            return person

        return await self._database.run(redeem)

    async def members(self) -> Sequence[Member]:
        found = await self._database.run(lambda db: list(db.query(_MEMBERS)))
        return [Member(rows.person_from(r), r["created_at"], r["running"], r["saved"]) for r in found]

    async def set_name(self, person_id: int, name: str) -> None:
        query = "UPDATE people SET name = ? WHERE id = ?"
        await self._database.run(lambda db: db.execute(query, [name, person_id]).rowcount)

    async def remove(self, person_id: int) -> bool:
        now = self._clock.now()

        def remove(db: Rows) -> bool:
            gone = db.execute(_REMOVE, [now, person_id]).rowcount == 1
            if gone:
                db.execute("DELETE FROM drafts WHERE person_id = ?", [person_id])
            return gone

        return await self._database.run(remove)

    async def note(self, person_id: int, deed: str, about: str = "") -> None:
        row = {"at": self._clock.now(), "person_id": person_id, "deed": deed, "about": about[:200]}
        await self._database.run(lambda db: db.table("audit").insert(row))

    async def audit(self, limit: int) -> Sequence[AuditEntry]:
        found = await self._database.run(lambda db: list(db.query(_AUDIT, [limit])))
        return [
            AuditEntry(r["at"], r["person_id"], r["name"], r["deed"], r["about"]) for r in reversed(found)
        ]


def add_person(db: Rows, *, chat_id: int, name: str, locale: str, role: Role, at: int) -> Person:
    """A new person, or a removed one taken back."""
    row = {"chat_id": chat_id, "name": name, "locale": locale, "role": role.value}
    back = db.execute(
        "SELECT id FROM people WHERE chat_id = ? AND removed_at IS NOT NULL", [chat_id]
    ).fetchone()
    if back is not None:
        db.table("people").update(back[0], {**row, "removed_at": None})
        return rows.person_from({"id": back[0], **row})
    person_id = db.table("people").insert({**row, "created_at": at}).last_pk
    return rows.person_from({"id": person_id, **row})
