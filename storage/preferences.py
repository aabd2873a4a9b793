"""Alert choices, tastes and living cards, by person."""

from collections.abc import Mapping, Sequence

from bot.ports.preferences import Choice, LiveCard, Taste, Told
from storage import rows
from storage.database import Database

_TOLD = "SELECT strategy_id, payload, at FROM outbox WHERE person_id = ? ORDER BY id DESC LIMIT ?"


class Preferences:
    """Implements bot.ports.preferences.PreferenceStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def choices(self, person_id: int) -> Mapping[str, Choice]:
        """What was chosen, by kind of notice; what is absent is ON."""
        query = "SELECT kind, choice FROM alert_choices WHERE person_id = ?"
        found = await self._database.run(lambda db: db.execute(query, [person_id]).fetchall())
        return {kind: Choice(choice) for kind, choice in found}

    async def choose(self, person_id: int, kind: str, choice: Choice) -> None:
        row = {"person_id": person_id, "kind": kind, "choice": choice.value}
        await self._database.run(lambda db: db.table("alert_choices").upsert(row, pk=("person_id", "kind")))

    async def taste(self, person_id: int) -> Taste:
        query = "SELECT zone, digest_hour, digest_day, dark FROM tastes WHERE person_id = ?"
        found = await self._database.run(lambda db: db.execute(query, [person_id]).fetchone())
        return Taste(found[0], found[1], found[2], bool(found[3])) if found else Taste()

    async def keep_taste(self, person_id: int, taste: Taste) -> None:
        row = {
            "person_id": person_id,
            "zone": taste.zone,
            "digest_hour": taste.digest_hour,
            "digest_day": taste.digest_day,
            "dark": int(taste.dark),
        }
        await self._database.run(lambda db: db.table("tastes").upsert(row, pk="person_id"))

    async def digest_people(self) -> Sequence[int]:
        """Who wants a digest."""
        query = "SELECT person_id FROM tastes WHERE digest_hour IS NOT NULL ORDER BY person_id"
        found = await self._database.run(lambda db: db.execute(query).fetchall())
        return [row[0] for row in found]

    async def cards(self, person_id: int | None = None) -> Sequence[LiveCard]:
        """Every living card, or one person's."""
        query = "SELECT * FROM live_cards WHERE ?1 IS NULL OR person_id = ?1 ORDER BY strategy_id"
        found = await self._database.run(lambda db: list(db.query(query, [person_id])))
        return [
            LiveCard(r["strategy_id"], r["person_id"], r["message_id"], bool(r["pinned"]), r["at"])
            for r in found
        ]

    async def keep_card(self, card: LiveCard) -> None:
        row = {
            "strategy_id": card.strategy_id,
            "person_id": card.person_id,
            "message_id": card.message_id,
            "pinned": int(card.pinned),
            "at": card.at,
        }
        await self._database.run(lambda db: db.table("live_cards").upsert(row, pk="strategy_id"))

    async def drop_card(self, card: LiveCard) -> None:
        """Forget it, unless another message has taken its place."""
        query = "DELETE FROM live_cards WHERE strategy_id = ? AND message_id = ?"
        await self._database.run(lambda db: db.execute(query, [card.strategy_id, card.message_id]).rowcount)

    async def told(self, person_id: int, limit: int) -> Sequence[Told]:
        """The last notices, oldest first; whether they were sent makes no difference."""
        found = await self._database.run(lambda db: list(db.query(_TOLD, [person_id, limit])))
        return [Told(r["strategy_id"], rows.notice_from(r["payload"]), r["at"]) for r in reversed(found)]
