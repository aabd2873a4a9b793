"""The engine's side of the store: one decision, saved whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.events import Event, ParamsTaken, StopMode
from bot.domain.notices import Notice
from bot.domain.params import StrategyParams
from bot.errors import InvariantBroken, StoreError
from bot.ports.clock import Clock, SystemClock
from bot.ports.store import Placing, RunStatus, Saved, Step, Strategy
from storage import rows
from storage.database import Database, Rows
from storage.outbox import Outbox, enqueue

_OWNER_AND_SEQUENCE = """
    SELECT person_id, environment, symbol, status, pause_reason, coalesce(sequence, 0) AS sequence
    FROM strategies LEFT JOIN states ON strategy_id = id WHERE id = ?
"""
_BOOK_FILL = """
    INSERT INTO fills (strategy_id, environment, symbol, exec_id, order_id, leg, k, cycle, side, price, quantity,
                       value, fee, fee_coin, fee_value, at, maker)
    VALUES (:strategy_id, :environment, :symbol, :exec_id, :order_id, :leg, :k, :cycle, :side, :price, :quantity,
            :value, :fee, :fee_coin, :fee_value, :at, :maker)
    ON CONFLICT (environment, symbol, exec_id, order_id) DO NOTHING
"""
_APPEND = "INSERT INTO journal (strategy_id, sequence, at, kind, payload) VALUES (?, ?, ?, ?, ?)"
_KEEP_ORDER = """
    INSERT INTO orders (order_id, strategy_id, leg, k, cycle, price, quantity, amount, status, placed_at)
    VALUES (:order_id, :strategy_id, :leg, :k, :cycle, :price, :quantity, :amount, :status, :placed_at)
"""
_KEEP_STATE = """
    INSERT INTO states (strategy_id, sequence, state) VALUES (?, ?, ?)
    ON CONFLICT (strategy_id) DO UPDATE SET sequence = excluded.sequence, state = excluded.state
"""
_WISH = """
    INSERT INTO stop_wishes (strategy_id, mode, at) VALUES (?, ?, ?)
    ON CONFLICT (strategy_id) DO UPDATE SET mode = excluded.mode, at = excluded.at
"""
_RUNNING = """
    SELECT s.* FROM strategies AS s JOIN people AS p ON p.id = s.person_id
    WHERE s.status IN ('running', 'paused') AND p.removed_at IS NULL ORDER BY s.id
"""
_PLACING = """
    SELECT orders.placed_at, fills.* FROM orders JOIN fills ON fills.strategy_id = orders.strategy_id
    JOIN orders AS earlier ON earlier.order_id = fills.order_id AND earlier.placed_at < orders.placed_at
    WHERE orders.order_id = ? AND orders.strategy_id = ? AND fills.at <= orders.placed_at + 60000
    ORDER BY fills.at DESC, fills.id DESC LIMIT 1
"""  # a minute, for the fill's time is the exchange's and the order's ours
_CLOSE_ORDER = """
    UPDATE orders SET status = 'closed', closed_at = ? WHERE order_id = ? AND strategy_id = ? AND status = 'open'
"""
_TAKE_PARAMS = "UPDATE strategies SET params = ?, pending_params = nullif(pending_params, ?) WHERE id = ?"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One event as it was saved; `sequence` counts from 1, `at` in ms UTC."""

    sequence: int
    at: int
    event: Event


class EngineStore:
    """Implements bot.ports.store.StrategyStore."""

    def __init__(self, database: Database, *, clock: Clock | None = None) -> None:
        self.outbox = Outbox(database, clock=clock)
        self._database = database
        self._clock = clock or SystemClock()

    async def running(self) -> Sequence[Strategy]:
        found = await self._database.run(lambda db: list(db.query(_RUNNING)))
        return [rows.strategy_from(row) for row in found]

    async def strategy(self, person_id: int, strategy_id: int) -> Strategy | None:
        query = "SELECT * FROM strategies WHERE id = ? AND person_id = ? AND deleted_at IS NULL"
        found = await self._database.run(lambda db: list(db.query(query, [strategy_id, person_id])))
        return rows.strategy_from(found[0]) if found else None

    async def load(self, strategy_id: int) -> Saved | None:
        query = "SELECT state, sequence FROM states WHERE strategy_id = ?"
        found = await self._database.run(lambda db: list(db.query(query, [strategy_id])))
        return Saved(rows.state_from(found[0]["state"]), found[0]["sequence"]) if found else None

    async def known_fills(self, strategy_id: int) -> frozenset[str]:
        query = "SELECT exec_id FROM fills WHERE strategy_id = ?"
        found = await self._database.run(lambda db: db.execute(query, [strategy_id]).fetchall())
        return frozenset(row[0] for row in found)

    async def placing(self, strategy_id: int, order_id: str) -> Placing | None:
        found = await self._database.run(lambda db: list(db.query(_PLACING, [order_id, strategy_id])))
        return Placing(found[0]["placed_at"], rows.fill_from(found[0]).fill) if found else None

    async def pending_params(self, strategy_id: int) -> StrategyParams | None:
        query = "SELECT pending_params FROM strategies WHERE id = ? AND pending_params IS NOT NULL"
        found = await self._database.run(lambda db: db.execute(query, [strategy_id]).fetchone())
        return rows.params_from(found[0]) if found else None

    async def commit(self, *steps: Step) -> bool:
        """Save steps that follow each other in one transaction; False when a fill of theirs was booked before.

        StoreError when `expected_sequence` is not the journal's length; InvariantBroken for an order id that is
        used twice or is not ours. Nothing of any step is saved then, nor after False.
        """
        then = self.outbox.changed.set if any(step.notices for step in steps) else None
        try:
            await self._database.run(lambda db: _commit_all(db, steps), then=then)
        except _BookedBefore:
            return False
        return True

    async def journal(self, strategy_id: int) -> Sequence[JournalEntry]:
        """Every event of a strategy in its order: `decide` over them gives the saved state again."""
        query = "SELECT sequence, at, payload FROM journal WHERE strategy_id = ? ORDER BY sequence"
        found = await self._database.run(lambda db: list(db.query(query, [strategy_id])))
        return [JournalEntry(row["sequence"], row["at"], rows.event_from(row["payload"])) for row in found]

    async def set_status(self, strategy_id: int, status: RunStatus, reason: str | None = None) -> None:
        await self._database.run(lambda db: _set_status(db, strategy_id, status, reason))

    async def wish_stop(self, strategy_id: int, mode: StopMode) -> None:
        at = self._clock.now()
        await self._database.run(lambda db: db.execute(_WISH, [strategy_id, mode.value, at]).rowcount)

    async def wished_stop(self, strategy_id: int) -> StopMode | None:
        query = "SELECT mode FROM stop_wishes WHERE strategy_id = ?"
        found = await self._database.run(lambda db: db.execute(query, [strategy_id]).fetchone())
        return StopMode(found[0]) if found else None

    async def drop_wish(self, strategy_id: int) -> None:
        query = "DELETE FROM stop_wishes WHERE strategy_id = ?"
        await self._database.run(lambda db: db.execute(query, [strategy_id]).rowcount)

    async def announce(
        self, person_id: int, notice: Notice, *, strategy_id: int | None = None, key: str
    ) -> None:
        """Put a notice in the outbox, once per person and `key`."""
        at = self._clock.now()
        await self._database.run(
            lambda db: enqueue(
                db, notice, person_id=person_id, strategy_id=strategy_id, key=f"said:{key}", at=at
            ),
            then=self.outbox.changed.set,
        )


class _BookedBefore(Exception):  # noqa: N818
    """Undoes the transaction that met a known fill; never leaves this file."""


def _commit_all(db: Rows, steps: Sequence[Step]) -> None:
    for step in steps:
        _commit(db, step)


def _commit(db: Rows, step: Step) -> None:
    found = list(db.query(_OWNER_AND_SEQUENCE, [step.strategy_id]))
    if not found:
        raise StoreError(f"there is no strategy {step.strategy_id}")
    (strategy,) = found
    if strategy["sequence"] != step.expected_sequence:
        raise StoreError(
            f"strategy {step.strategy_id} has {strategy['sequence']} events, not {step.expected_sequence}: "
            "somebody else writes it"
        )
    if step.fill is not None:
        fill = rows.fill_row(
            step.fill,
            strategy_id=step.strategy_id,
            environment=strategy["environment"],
            symbol=strategy["symbol"],
        )
        if not db.execute(_BOOK_FILL, fill).rowcount:
            raise _BookedBefore
    sequence = step.expected_sequence + 1
    _append(db, step, sequence)
    _project_orders(db, step)
    if step.cycle is not None:
        closed = rows.cycle_row(step.cycle, strategy_id=step.strategy_id, sequence=sequence, at=step.at)
        db.table("cycles").insert(closed)
    for number, notice in enumerate(step.notices):
        enqueue(
            db,
            notice,
            person_id=strategy["person_id"],
            strategy_id=step.strategy_id,
            key=f"{step.strategy_id}:{sequence}:{number}",
            at=step.at,
        )
    if isinstance(step.event, ParamsTaken):
        taken = rows.params_json(step.event.params)
        db.execute(_TAKE_PARAMS, [taken, taken, step.strategy_id])
    if (step.status, step.pause_reason) != (strategy["status"], strategy["pause_reason"]):
        _set_status(db, step.strategy_id, step.status, step.pause_reason)


def _append(db: Rows, step: Step, sequence: int) -> None:
    db.execute(_APPEND, [step.strategy_id, sequence, step.at, step.event.kind, rows.event_json(step.event)])
    db.execute(_KEEP_STATE, [step.strategy_id, sequence, rows.state_json(step.state)])


def _project_orders(db: Rows, step: Step) -> None:
    for order in step.placed:
        if db.execute("SELECT 1 FROM orders WHERE order_id = ?", [order.order_id]).fetchone():
            raise InvariantBroken(f"{order.order_id} was used before")
        db.execute(_KEEP_ORDER, rows.order_row(order, strategy_id=step.strategy_id, at=step.at))
    for order_id in step.closed:
        db.execute(_CLOSE_ORDER, [step.at, order_id, step.strategy_id])


def _set_status(db: Rows, strategy_id: int, status: RunStatus, reason: str | None) -> None:
    query = "UPDATE strategies SET status = ?, pause_reason = ? WHERE id = ?"
    if not db.execute(query, [status.value, reason, strategy_id]).rowcount:
        raise StoreError(f"there is no strategy {strategy_id}")
