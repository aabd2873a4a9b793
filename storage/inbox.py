"""Updates from Telegram, stored before they are acknowledged.

python-telegram-bot confirms what it has put in its queue with its next getUpdates, before any handler ran; a
process killed then has lost it. This queue's `put` returns once the update is in the database.
"""

import asyncio
import json
from collections.abc import Callable

from telegram import Bot, Update

from bot.ports.clock import Clock, SystemClock
from storage.database import Database, Rows
from storage.rows import Row

_KEPT_MS = 7 * 24 * 3600 * 1000
"""Telegram keeps updates for a day: after a week none comes twice."""


class DurableQueue(asyncio.Queue[object]):
    """PTB's update_queue over the inbox table; an update that was stored before is dropped.

    Of an update that `is_secret` picks no text is ever stored, only that it came. Anything that is no Update
    (PTB's stop signal) passes straight through.
    """

    def __init__(
        self,
        database: Database,
        *,
        is_secret: Callable[[Update], bool] = lambda _: False,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self.lost_secrets: tuple[int, ...] = ()
        self._database = database
        self._is_secret = is_secret
        self._clock = clock or SystemClock()
        self._bot: Bot | None = None
        self._held: set[int] = set()

    def bind(self, bot: Bot) -> None:  # the name that PTB uses
        """The Bot that updates read back from the database belong to."""
        self._bot = bot

    async def put(self, item: object) -> None:
        """Return once the update is stored; StoreError leaves it unacknowledged."""
        if isinstance(item, Update) and not await self._keep(item):
            return
        await super().put(item)

    async def done(self, update_id: int) -> None:
        """The update is handled: its text is forgotten."""
        at = self._clock.now()
        query = "UPDATE inbox SET payload = NULL, done_at = ? WHERE update_id = ?"
        await self._database.run(lambda db: db.execute(query, [at, update_id]).rowcount)
        self._held.discard(update_id)

    async def requeue(self) -> int:
        """Queue what an earlier process stored and did not finish; how many. Call it before polling starts.

        A secret that was on its way then is gone on purpose: `lost_secrets` names the chats to ask again.
        """
        now = self._clock.now()
        waiting, self.lost_secrets = await self._database.run(lambda db: _unfinished(db, now))
        for payload in waiting:
            update = Update.de_json(json.loads(payload), self._bot)
            self._held.add(update.update_id)
            await super().put(update)
        return len(waiting)

    async def _keep(self, update: Update) -> bool:
        """Whether the update is to be handled: new, or stored by a `put` that never reached the queue."""
        row: Row = {
            "update_id": update.update_id,
            "chat_id": update.effective_chat.id if update.effective_chat else None,
            "payload": None if self._is_secret(update) else update.to_json(),
            "received_at": self._clock.now(),
        }
        waiting = await self._database.run(lambda db: _store(db, row))
        if not waiting or update.update_id in self._held:
            return False
        self._held.add(update.update_id)
        return True


def _store(db: Rows, row: Row) -> bool:
    """Whether the update is still to be done."""
    db.table("inbox").insert(row, ignore=True)
    query = "SELECT done_at IS NULL FROM inbox WHERE update_id = ?"
    return bool(db.execute(query, [row["update_id"]]).fetchone()[0])


def _unfinished(db: Rows, now: int) -> tuple[list[str], tuple[int, ...]]:
    """The stored updates in their order, and the chats whose secret was lost; these count as done."""
    db.execute("DELETE FROM inbox WHERE done_at < ?", [now - _KEPT_MS])
    lost = db.execute(
        "SELECT DISTINCT chat_id FROM inbox WHERE done_at IS NULL AND payload IS NULL AND chat_id IS NOT NULL"
    )
    ask_again = tuple(row[0] for row in lost.fetchall())
    db.execute("UPDATE inbox SET done_at = ? WHERE done_at IS NULL AND payload IS NULL", [now])
    found = db.execute("SELECT payload FROM inbox WHERE done_at IS NULL ORDER BY update_id")
    return [row[0] for row in found.fetchall()], ask_again
