"""Messages that are owed to people: stored with the fact that causes them, sent afterwards."""

import asyncio
from collections.abc import Sequence

import structlog

from bot.domain.notices import Notice
from bot.errors import StoreError
from bot.ports.clock import Clock, SystemClock
from bot.ports.store import OutboxItem
from storage import rows
from storage.database import Database, Rows

log = structlog.get_logger()

_WAITING = "sent_at IS NULL AND dropped_at IS NULL"
_OWE = """
    INSERT INTO outbox (person_id, strategy_id, kind, payload, key, at, next_try_at)
    VALUES (:person_id, :strategy_id, :kind, :payload, :key, :at, :next_try_at) ON CONFLICT DO NOTHING
"""
_DUE = f"""
    SELECT * FROM (
        SELECT o.*, row_number() OVER (PARTITION BY person_id ORDER BY id) AS place
        FROM outbox AS o WHERE {_WAITING} AND next_try_at <= :now AND NOT EXISTS (
            SELECT 1 FROM outbox AS earlier
            WHERE earlier.person_id = o.person_id AND earlier.id < o.id AND earlier.next_try_at > :now
              AND earlier.sent_at IS NULL AND earlier.dropped_at IS NULL
        )
    ) WHERE place <= :limit ORDER BY id
"""  # noqa: S608 - made of constants


class Outbox:
    """What is to be sent, in each person's order. `changed` is set when something was added in this process."""

    def __init__(self, database: Database, *, clock: Clock | None = None) -> None:
        self.changed: asyncio.Event = database.outbox_changed
        self._database = database
        self._clock = clock or SystemClock()

    async def due(self, now: int, limit: int = 100) -> Sequence[OutboxItem]:
        """What may be sent at `now` (ms UTC), oldest first, at most `limit` of each person.

        Nothing overtakes an earlier message to the same person, and nobody waits behind another's many.
        """
        found = await self._database.run(lambda db: list(db.query(_DUE, {"now": now, "limit": limit})))
        readable: list[OutboxItem] = []
        for row in found:
            try:
                readable.append(rows.outbox_from(row))
            except StoreError as fault:  # one row that a newer version wrote must not hold up the rest
                log.warning("alert_unreadable", outbox=row["id"], kind=row["kind"], reason=str(fault))
                await self.dropped(row["id"])
        return readable

    async def next_due(self) -> int | None:
        """When the next try is due (ms UTC, perhaps past); None when nothing waits."""
        query = f"SELECT min(next_try_at) FROM outbox WHERE {_WAITING}"  # noqa: S608 - made of constants
        moment: int | None = await self._database.run(lambda db: db.execute(query).fetchone()[0])
        return moment

    async def sent(self, *item_ids: int) -> None:
        """Done; several that went in one message are settled together, or a kill would repeat some of them."""
        await self._settle("UPDATE outbox SET sent_at = ?, attempts = attempts + 1 WHERE id = ?", item_ids)

    async def dropped(self, *item_ids: int) -> None:
        """Not to be sent (unwanted, or the person has blocked the bot): kept, but never tried again."""
        await self._settle("UPDATE outbox SET dropped_at = ?, attempts = attempts + 1 WHERE id = ?", item_ids)

    async def failed(self, item_id: int, retry_at: int) -> None:
        """To be tried again at `retry_at` (ms UTC)."""
        query = "UPDATE outbox SET attempts = attempts + 1, next_try_at = ? WHERE id = ?"
        await self._database.run(lambda db: db.execute(query, [retry_at, item_id]).rowcount)

    async def _settle(self, query: str, item_ids: Sequence[int]) -> None:
        at = self._clock.now()
        await self._database.run(
            lambda db: sum(db.execute(query, [at, item_id]).rowcount for item_id in item_ids)
        )


def enqueue(db: Rows, notice: Notice, *, person_id: int, strategy_id: int | None, key: str, at: int) -> None:
    """Inside the caller's transaction: owe this notice to this person, once per key."""
    row = {
        "person_id": person_id,
        "strategy_id": strategy_id,
        "kind": notice.kind,
        "payload": rows.notice_json(notice),
        "key": key,
        "at": at,
        "next_try_at": at,
    }
    db.execute(_OWE, row)
