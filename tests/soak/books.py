"""The bot's database, read from outside while it runs, held against what the exchange and the chat show."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.domain.orders import OrderStatus
from bot.domain.state import Phase, State
from storage.rows import state_from

FILL_KINDS = ("first_buy", "rebuy", "cycle_closed")
_TOLD = {
    "first_buy": r"Primeira compra do ciclo \d+|First buy of cycle \d+",
    "rebuy": r"Recompra \d+/\d+:|Re-buy \d+/\d+:",
    "cycle_closed": r"Ciclo \d+ encerrado|Cycle \d+ closed",
}
_THEIRS = "(SELECT id FROM strategies WHERE person_id = ?)"
_MARKUP = re.compile(r"<[^>]*>")

Venue = dict[str, Any]


class Books:
    """What is saved, read anew at each question."""

    def __init__(self, database: Path) -> None:
        self._database = database

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=10)) as db:
            yield db

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._open() as db:
            return db.execute(query, values).fetchall()

    def states(self, person: int = 1) -> list[State]:
        query = f"SELECT state FROM states WHERE strategy_id IN {_THEIRS} ORDER BY strategy_id"
        return [state_from(text) for (text,) in self.rows(query, person)]

    def moved(self, person: int = 1) -> tuple[Decimal, Decimal]:
        """What the booked fills moved, base and quote, summed here and not by the program."""
        base, quote = Decimal(0), Decimal(0)
        query = f"SELECT side, quantity, value, fee, fee_coin FROM fills WHERE strategy_id IN {_THEIRS}"
        for side, quantity, value, fee, coin in self.rows(query, person):
            sign = 1 if side == "buy" else -1
            base += sign * Decimal(quantity) - (Decimal(fee) if coin == "BTC" else 0)
            quote += -sign * Decimal(value) - (Decimal(fee) if coin == "USDT" else 0)
        return base, quote

    def at_rest(self) -> bool:
        """Every strategy holds with its orders acknowledged, or is idle."""
        return all(
            state.phase in {Phase.HOLDING, Phase.IDLE}
            and all(order.status is OrderStatus.LIVE for order in state.orders)
            for (text,) in self.rows("SELECT state FROM states")
            for state in [state_from(text)]
        )

    def differences(self, account: Venue, *, person: int = 1, start: Decimal = Decimal(10000)) -> list[str]:
        """In what the ledger differs from the exchange; empty when they are equal to the last digit."""
        base, quote = self.moved(person)
        totals = {coin: Decimal(held["total"]) for coin, held in account["balances"].items()}
        ours = {order.order_id for state in self.states(person) for order in state.orders}
        booked = Counter(
            self.rows(f"SELECT exec_id, order_id FROM fills WHERE strategy_id IN {_THEIRS}", person)
        )
        there = Counter((row["execId"], row["orderLinkId"]) for row in account["executions"])
        pairs = {
            "USDT": (start + quote, totals["USDT"]),
            "BTC": (base, totals.get("BTC", Decimal(0))),
            "orders": (ours, {row["orderLinkId"] for row in account["open_orders"]}),
            "fills": (booked, there),
        }
        return [
            f"{name}: {mine} here, {theirs} there" for name, (mine, theirs) in pairs.items() if mine != theirs
        ]

    def asked(self, strategy_id: int, kind: str) -> int:
        """How often a person's word was carried out."""
        query = "SELECT count(*) FROM journal WHERE strategy_id = ? AND kind = ?"
        return int(self.rows(query, strategy_id, kind)[0][0])

    def inbox_empty(self) -> bool:
        return not self.rows("SELECT 1 FROM inbox WHERE done_at IS NULL")

    def alerts(self, *, person: int = 1, noted: bool = False) -> int:
        """A person's alerts of fills in the outbox: all, or those noted as sent."""
        which = " AND sent_at IS NOT NULL" if noted else ""
        kinds = ", ".join("?" * len(FILL_KINDS))
        query = f"SELECT count(*) FROM outbox WHERE person_id = ? AND kind IN ({kinds}){which}"
        return int(self.rows(query, person, *FILL_KINDS)[0][0])

    def owed(self) -> int:
        """Messages that wait to be sent."""
        return int(
            self.rows("SELECT count(*) FROM outbox WHERE sent_at IS NULL AND dropped_at IS NULL")[0][0]
        )

    def fills_without_alert(self) -> list[str]:
        """Legs that filled and are not announced exactly once in the outbox."""
        legs = dict(self.rows("SELECT leg, count(DISTINCT order_id) FROM fills GROUP BY leg"))
        kinds = dict(self.rows("SELECT kind, count(*) FROM outbox GROUP BY kind"))
        cycles = self.rows("SELECT count(*) FROM cycles")[0][0]
        partial = sum(1 for state in self.states() for order in state.orders if order.filled)
        # a re-buy that fills after its cycle's end is told as a stray one
        kinds["rebuy"] = kinds.get("rebuy", 0) + kinds.get("stray_fill", 0)
        wanted = {"first_buy": legs.get("e", 0), "rebuy": legs.get("r", 0) - partial, "cycle_closed": cycles}
        return [
            f"{kind}: {kinds.get(kind, 0)} of {n}" for kind, n in wanted.items() if kinds.get(kind, 0) != n
        ]


def told(messages: list[dict[str, Any]]) -> Counter[str]:
    """How often each alert of a fill was said in a chat, by what tells alerts apart: name, leg and price line."""
    said: Counter[str] = Counter()
    for message in messages:
        if message["from"] != "bot":
            continue
        lines = _MARKUP.sub("", message["text"]).splitlines()
        for line in lines:
            if any(re.search(pattern, line) for pattern in _TOLD.values()):
                said[f"{lines[0]} | {line}"] += 1
    return said
