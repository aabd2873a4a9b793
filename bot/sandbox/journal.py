"""The stand-in exchange's memory across restarts: one SQLite file, one transaction per change.

After a kill the next start finds accounts with their keys, balances, orders, executions and the market's position as
they were told to clients: a change is stored before any client hears of it.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from bot.sandbox.account import Account, Balance
from bot.sandbox.market import Position
from bot.sandbox.orders import Batch, End, Execution, Kind, Order, Side, Status, TimeInForce

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS balances (
  account TEXT NOT NULL, coin TEXT NOT NULL, total TEXT NOT NULL, locked TEXT NOT NULL,
  PRIMARY KEY (account, coin)) STRICT;
CREATE TABLE IF NOT EXISTS orders (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS executions (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
"""
_ENUMS = (Side, Kind, TimeInForce, Status, End)
_Value = TypeVar("_Value", Order, Execution)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an earlier life left; `position` is None where the market had not been stored."""

    accounts: list[Account]
    orders: list[Order]
    executions: list[Execution]
    seq: int
    position: Position | None
    source: str


class Journal:
    """Writes changes as they happen. Synchronous on purpose: nobody hears of a change that is not stored."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def save(self, batch: Batch, account: Account, position: Position) -> None:
        """Store one change with the place where the market stood, in one transaction."""
        with self._transaction():
            self._put_balances(account, batch.coins)
            for order in (*batch.orders, *batch.silent):
                self._db.execute("INSERT OR REPLACE INTO orders VALUES (?, ?)", (order.seq, _pack(order)))
            for execution in batch.executions:
                self._db.execute("INSERT INTO executions VALUES (?, ?)", (execution.seq, _pack(execution)))
            self._put_fact("seq", str(batch.seq))
            self._put_position(position)

    def save_account(self, account: Account) -> None:
        """Store a new account with its keys and balances."""
        body = {
            "api_key": account.api_key,
            "api_secret": account.api_secret,
            "uid": account.uid,
            "read_only": account.read_only,
            "wallet_permissions": account.wallet_permissions,
        }
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO accounts VALUES (?, ?)", (account.name, json.dumps(body))
            )
            self._put_balances(account, account.balances)

    def save_position(self, position: Position) -> None:
        """Store where the market stands, between changes."""
        with self._transaction():
            self._put_position(position)

    def save_source(self, name: str, position: Position) -> None:
        """Store which candles the position belongs to; both begin anew where the candles are others.

        In which of the candles before a fill was made is of no use then, and forgotten.
        """
        with self._transaction():
            stored = self._db.execute("SELECT body FROM facts WHERE name = 'source'").fetchone()
            if stored is not None and stored[0] != name:
                self._db.execute("UPDATE executions SET body = json_remove(body, '$.candle_ms')")
            self._put_fact("source", name)
            self._put_position(position)

    def load(self) -> Snapshot:
        """Everything stored so far; empty for a new file."""
        facts = dict(self._db.execute("SELECT name, body FROM facts"))
        place = json.loads(facts["position"]) if "position" in facts else None
        return Snapshot(
            accounts=[
                self._account(name, json.loads(body)) for name, body in self._rows("accounts", "rowid")
            ],
            orders=[_unpack(Order, body) for _, body in self._rows("orders", "seq")],
            executions=[_unpack(Execution, body) for _, body in self._rows("executions", "seq")],
            seq=int(facts.get("seq", "0")),
            position=Position(place[0], place[1], Decimal(place[2])) if place else None,
            source=facts.get("source", ""),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _rows(self, table: str, order: str) -> list[tuple[Any, ...]]:
        return self._db.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()  # noqa: S608

    def _put_balances(self, account: Account, coins: Iterable[str]) -> None:
        for coin in coins:
            balance = account.coin(coin)
            self._db.execute(
                "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?)",
                (account.name, coin, str(balance.total), str(balance.locked)),
            )

    def _put_fact(self, name: str, body: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, body))

    def _put_position(self, position: Position) -> None:
        self._put_fact("position", json.dumps([position.index, position.point, str(position.price)]))

    def _account(self, name: str, body: dict[str, Any]) -> Account:
        rows = self._db.execute("SELECT coin, total, locked FROM balances WHERE account = ?", (name,))
        balances = {coin: Balance(Decimal(total), Decimal(locked)) for coin, total, locked in rows}
        permissions = tuple(body.pop("wallet_permissions"))
        return Account(name=name, balances=balances, wallet_permissions=permissions, **body)


def _pack(value: Order | Execution) -> str:
    return json.dumps(asdict(value), default=str)


def _unpack(kind: type[_Value], text: str) -> _Value:
    """The value that `_pack` wrote: strings become Decimals and enums again, by the fields' types.

    A field that is not there is a younger one, with a value of its own for what was stored before it.
    """
    body, hints = json.loads(text), get_type_hints(kind)
    return kind(
        **{one.name: _typed(hints[one.name], body[one.name]) for one in fields(kind) if one.name in body}
    )


def _typed(hint: Any, value: Any) -> Any:  # noqa: ANN401
    if hint in _ENUMS:
        return hint(value)
    if hint in {Decimal, Decimal | None}:
        return None if value is None else Decimal(value)
    if hint == dict[str, Decimal]:
        return {coin: Decimal(amount) for coin, amount in value.items()}
    if hint == list[Decimal]:
        return [Decimal(part) for part in value]
    return value
