"""The book: people, their strategies, and what these have earned."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from bot.domain.market import Side, Symbol
from bot.domain.money import Base, Quote, total_base, total_quote
from bot.domain.orders import Fill
from bot.domain.params import StrategyParams
from bot.ports.clock import Clock
from bot.ports.exchange import Environment
from bot.ports.store import CycleRecord, Draft, FillRecord, LedgerTotals, Person, Role, RunStatus, Strategy
from storage import rows
from storage.database import Database, Rows
from storage.people import add_person
from storage.store_strategies import StrategyStore, refuse_taken_name

_FILLS = """
    SELECT fills.* FROM fills JOIN strategies AS s ON s.id = fills.strategy_id
    WHERE s.person_id = ? AND s.id = ? ORDER BY fills.at, fills.id
"""
_CYCLES = """
    SELECT cycles.* FROM cycles JOIN strategies AS s ON s.id = cycles.strategy_id
    WHERE s.person_id = ? AND s.id = ? ORDER BY sequence
"""


class SqliteStore(StrategyStore):
    """Implements bot.ports.store.BookStore; what belongs to another person is as if it did not exist."""

    async def people(self) -> Sequence[Person]:
        query = "SELECT * FROM people WHERE removed_at IS NULL ORDER BY id"
        found = await self._database.run(lambda db: list(db.query(query)))
        return [rows.person_from(row) for row in found]

    async def person(self, person_id: int) -> Person | None:
        return await self._database.run(lambda db: _person(db, "id", person_id))

    async def person_by_chat(self, chat_id: int) -> Person | None:
        return await self._database.run(lambda db: _person(db, "chat_id", chat_id))

    async def add_person(self, *, chat_id: int, name: str, locale: str, role: Role) -> Person:
        """StoreError when this chat has a person already."""
        at = self._clock.now()
        return await self._database.run(
            lambda db: add_person(db, chat_id=chat_id, name=name, locale=locale, role=role, at=at)
        )

    async def set_locale(self, person_id: int, locale: str) -> None:
        query = "UPDATE people SET locale = ? WHERE id = ?"
        await self._database.run(lambda db: db.execute(query, [locale, person_id]).rowcount)

    async def add_claim(self, code_hash: str, expires_at: int) -> None:
        row = {"code_hash": code_hash, "expires_at": expires_at}
        await self._database.run(lambda db: db.table("claim_codes").insert(row))

    async def redeem_claim(self, code_hash: str, now: int) -> bool:
        query = (
            "UPDATE claim_codes SET used_at = ? WHERE code_hash = ? AND used_at IS NULL AND expires_at > ?"
        )
        return await self._database.run(lambda db: db.execute(query, [now, code_hash, now]).rowcount == 1)

    async def add_strategy(
        self, *, person_id: int, name: str, environment: Environment, symbol: Symbol, params: StrategyParams
    ) -> Strategy:
        row = {
            "person_id": person_id,
            "name": name,
            "environment": environment.value,
            "symbol": symbol.name,
            "base": symbol.base,
            "quote": symbol.quote,
            "params": rows.params_json(params),
            "status": RunStatus.IDLE.value,
            "created_at": self._clock.now(),
        }
        return await self._database.run(lambda db: _add_strategy(db, row))

    async def strategies(self, person_id: int) -> Sequence[Strategy]:
        query = "SELECT * FROM strategies WHERE person_id = ? AND deleted_at IS NULL ORDER BY id"
        found = await self._database.run(lambda db: list(db.query(query, [person_id])))
        return [rows.strategy_from(row) for row in found]

    async def all_strategies(self, person_id: int) -> Sequence[Strategy]:
        """Deleted ones too, under the names that they had."""
        query = "SELECT * FROM strategies WHERE person_id = ? ORDER BY id"
        found = await self._database.run(lambda db: list(db.query(query, [person_id])))
        return [rows.strategy_from(row) for row in found]

    async def cycles(self, person_id: int, strategy_id: int) -> Sequence[CycleRecord]:
        """Oldest first."""
        found = await self._database.run(lambda db: list(db.query(_CYCLES, [person_id, strategy_id])))
        return [rows.cycle_from(row) for row in found]

    async def fills(self, person_id: int, strategy_id: int) -> Sequence[FillRecord]:
        """Oldest first."""
        found = await self._database.run(lambda db: list(db.query(_FILLS, [person_id, strategy_id])))
        return [rows.fill_from(row) for row in found]

    async def totals(self, person_id: int, strategy_id: int) -> LedgerTotals:
        """Exact sums of what the fills moved. A fee in a third coin (BNB) touches neither of the two."""
        strategy = await self.strategy(person_id, strategy_id)
        if strategy is None:
            return LedgerTotals(Base.zero(), Quote.zero(), 0)
        fills = [record.fill for record in await self.fills(person_id, strategy_id)]
        return LedgerTotals(
            total_base(_base_moved(fill, strategy.symbol) for fill in fills),
            total_quote(_quote_moved(fill, strategy.symbol) for fill in fills),
            len(fills),
        )

    async def draft(self, person_id: int) -> Draft | None:
        query = "SELECT * FROM drafts WHERE person_id = ?"
        found = await self._database.run(lambda db: list(db.query(query, [person_id])))
        return rows.draft_from(found[0]) if found else None

    async def save_draft(self, draft: Draft) -> None:
        row = rows.draft_row(draft, at=self._clock.now())
        await self._database.run(lambda db: db.table("drafts").upsert(row, pk="person_id"))

    async def drop_draft(self, person_id: int) -> None:
        query = "DELETE FROM drafts WHERE person_id = ?"
        await self._database.run(lambda db: db.execute(query, [person_id]).rowcount)


@asynccontextmanager
async def open_store(path: Path | None, *, clock: Clock | None = None) -> AsyncIterator[SqliteStore]:
    """A store over its own database (None: in memory), closed at the end."""
    async with await Database.open(path) as database:
        yield SqliteStore(database, clock=clock)


def _person(db: Rows, column: str, value: int) -> Person | None:
    found = list(db.table("people").rows_where(f"{column} = ? AND removed_at IS NULL", [value]))
    return rows.person_from(found[0]) if found else None


def _add_strategy(db: Rows, row: rows.Row) -> Strategy:
    refuse_taken_name(db, row["person_id"], row["name"])
    strategy_id = db.table("strategies").insert(row).last_pk
    return rows.strategy_from({"id": strategy_id, "pause_reason": None, **row})


def _base_moved(fill: Fill, symbol: Symbol) -> Base:
    fee = Base(fill.fee if fill.fee_coin == symbol.base else Decimal(0))
    return fill.quantity - fee if fill.side is Side.BUY else Base.zero() - fill.quantity - fee


def _quote_moved(fill: Fill, symbol: Symbol) -> Quote:
    fee = Quote(fill.fee if fill.fee_coin == symbol.quote else Decimal(0))
    return fill.value - fee if fill.side is Side.SELL else Quote.zero() - fill.value - fee
