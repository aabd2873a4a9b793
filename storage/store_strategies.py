"""What a person does to a saved strategy: rename, edit, delete."""

from bot.domain.market import Symbol
from bot.domain.params import StrategyParams
from bot.errors import InvalidInput, NotAllowed
from bot.ports.exchange import Environment
from bot.ports.store import RunStatus, Strategy
from storage import rows
from storage.database import Database, Rows
from storage.store_engine import EngineStore

_OWN = "SELECT * FROM strategies WHERE id = ? AND person_id = ? AND deleted_at IS NULL"


class StrategyStore(EngineStore):
    """Implements bot.service.strategies.StrategyBook; another person's strategy is NotAllowed("no_such_strategy")."""

    _database: Database

    async def has_traded(self, strategy_id: int) -> bool:
        """Whether the journal knows it: from then on its pair stays, and edits wait for a cycle to begin."""
        return await self._database.run(lambda db: _journalled(db, strategy_id))

    async def edit_strategy(
        self,
        person_id: int,
        strategy_id: int,
        params: StrategyParams,
        *,
        environment: Environment,
        symbol: Symbol,
    ) -> Strategy:
        """Keep new parameters; NotAllowed("pair_is_fixed") for another pair once it has traded.

        One that never ran takes them at once. Otherwise they wait as `pending`, and only the strategy's runner
        takes them over: it alone may write what the journal counts on.
        """
        place = {
            "environment": environment.value,
            "symbol": symbol.name,
            "base": symbol.base,
            "quote": symbol.quote,
        }
        return await self._database.run(lambda db: _edit(db, person_id, strategy_id, params, place))

    async def rename_strategy(self, person_id: int, strategy_id: int, name: str) -> Strategy:
        """InvalidInput("nome") for a name in use."""
        return await self._database.run(lambda db: _rename(db, person_id, strategy_id, name))

    async def delete_strategy(self, person_id: int, strategy_id: int) -> Strategy:
        """NotAllowed("running_not_deleted") while it is not idle; what it has traded stays in the books."""
        at = self._clock.now()
        return await self._database.run(lambda db: _delete(db, person_id, strategy_id, at))


def refuse_taken_name(db: Rows, person_id: int, name: str, *, but_for: int = 0) -> None:
    """InvalidInput("nome", key "name_taken") when another strategy of this person has the name."""
    query = "SELECT 1 FROM strategies WHERE person_id = ? AND name = ? AND id != ?"
    if db.execute(query, [person_id, name, but_for]).fetchone():
        reason = "a name that no other strategy of yours has"
        raise InvalidInput("nome", reason, key="name_taken", values={"name": name})


def _own(db: Rows, person_id: int, strategy_id: int) -> rows.Row:
    found = list(db.query(_OWN, [strategy_id, person_id]))
    if not found:
        raise NotAllowed("no_such_strategy")
    row: rows.Row = found[0]
    return row


def _journalled(db: Rows, strategy_id: int) -> bool:
    return db.execute("SELECT 1 FROM states WHERE strategy_id = ?", [strategy_id]).fetchone() is not None


def _edit(db: Rows, person_id: int, strategy_id: int, params: StrategyParams, place: rows.Row) -> Strategy:
    row = _own(db, person_id, strategy_id)
    if _journalled(db, strategy_id) or row["status"] != RunStatus.IDLE.value:
        if any(row[column] != value for column, value in place.items()):
            raise NotAllowed("pair_is_fixed")
        kept = None if rows.params_from(row["params"]) == params else rows.params_json(params)
        db.execute("UPDATE strategies SET pending_params = ? WHERE id = ?", [kept, strategy_id])
    else:
        db.table("strategies").update(strategy_id, {"params": rows.params_json(params), **place})
    return rows.strategy_from(_own(db, person_id, strategy_id))


def _rename(db: Rows, person_id: int, strategy_id: int, name: str) -> Strategy:
    _own(db, person_id, strategy_id)
    refuse_taken_name(db, person_id, name, but_for=strategy_id)
    db.execute("UPDATE strategies SET name = ? WHERE id = ?", [name, strategy_id])
    return rows.strategy_from(_own(db, person_id, strategy_id))


def _delete(db: Rows, person_id: int, strategy_id: int, at: int) -> Strategy:
    row = _own(db, person_id, strategy_id)
    if row["status"] != RunStatus.IDLE.value:
        raise NotAllowed("running_not_deleted")
    gone = {"deleted_at": at, "name": rows.deleted_name(row["name"], strategy_id), "pending_params": None}
    db.table("strategies").update(strategy_id, gone)
    return rows.strategy_from(row)
