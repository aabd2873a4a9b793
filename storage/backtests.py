"""Who waits for a backtest, by person."""

from collections.abc import Sequence

from bot.ports.backtests import WaitingRun
from storage.database import Database


class WaitingRuns:
    """Implements bot.ports.backtests.RunBook."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, run: WaitingRun) -> None:
        row = {
            "person_id": run.person_id,
            "message_id": run.message_id,
            "again": run.again,
            "at": run.at,
        }
        await self._database.run(lambda db: db.table("backtest_runs").upsert(row, pk="person_id"))

    async def forget(self, person_id: int, message_id: int) -> None:
        """Nobody waits for this message any more; a newer one of this person stays."""
        query = "DELETE FROM backtest_runs WHERE person_id = ? AND message_id = ?"
        await self._database.run(lambda db: db.execute(query, [person_id, message_id]).rowcount)

    async def waiting(self) -> Sequence[WaitingRun]:
        query = "SELECT person_id, message_id, again, at FROM backtest_runs ORDER BY person_id"
        found = await self._database.run(lambda db: db.execute(query).fetchall())
        return [WaitingRun(*row) for row in found]
