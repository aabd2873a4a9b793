"""`kill -9` of the bot in the middle of a cycle, the stand-ins alive: it goes on, and the books are right."""

import base64
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.state import Phase
from bot.ports import SystemClock
from storage.database import Database
from storage.store import SqliteStore
from tests.end_to_end.conversation import open_account, run_by_defaults, unlock
from tests.end_to_end.processes import BTC_5M, Chat, Street, street

needs_candles = pytest.mark.skipif(not BTC_5M.exists(), reason=f"real candles are not here: {BTC_5M.name}")


@needs_candles
async def test_a_bot_killed_in_mid_cycle_goes_on_and_the_books_are_right(tmp_path: Path) -> None:
    exchange = ("--venue", "bybit", "--candles", str(BTC_5M), "--speed", "max", "--paused")
    async with street(tmp_path, *exchange) as place:
        await place.start_bot()
        chat = place.chat()
        await open_account(chat)
        await run_by_defaults(chat)
        await chat.sees("Primeira compra")
        await place.market(do="resume")
        await chat.sees("Recompra 1/20", timeout=60)
        await refuse_alerts(place, chat)
        await place.kill_bot()
        await take_alerts_again(chat)
        await place.start_bot()
        await chat.sees("/unlock|desbloque", timeout=60)
        await unlock(chat)
        await chat.sees(r"Ciclo \d+ encerrado", timeout=90)
        await place.market(do="pause")
        await place.until(lambda: settled(place))
        await place.bot_ends()
        await check_books(place)
        await check_alerts(place)


async def test_who_opted_in_is_taken_up_without_a_password_and_who_did_not_is_asked(tmp_path: Path) -> None:
    async with street(tmp_path, "--venue", "bybit", "--seed", "3", "--paused") as place:
        await place.start_bot(VAULT_MASTER_KEYS=f"k1:{base64.b64encode(bytes(32)).decode()}")
        chat = place.chat()
        await open_account(chat)
        await run_by_defaults(chat)
        await chat.sees("Primeira compra")
        await chat.say("/chaves")
        await chat.sees("Chaves")
        await chat.press("Continuar após reinícios")
        await chat.sees("O preço: o servidor guarda")
        await chat.press("Aceito isso")
        await chat.sees("continuam sozinhas")
        await place.kill_bot()
        await place.start_bot()
        await chat.say("/status")
        await chat.sees(r"Ciclo 1 · recompras")
        assert await chat.count("bloquead|/unlock") == 0
        await chat.say("/parar")
        await chat.sees("Como ela deve parar")
        await chat.press("1. Depois")
        await chat.sees("depois deste ciclo|Depois deste ciclo")
        with sqlite3.connect(f"file:{place.database}?mode=ro", uri=True) as db:
            kinds = {row[0] for row in db.execute("SELECT kind FROM journal")}
        assert "stop_asked" in kinds, "the engine took the strategy up"


_MANY = 100_000


async def refuse_alerts(place: Street, chat: Chat) -> None:
    """Until one was refused: what the chat shows is then noted as sent, and a kill makes nobody say it twice."""
    await chat.faults("POST", {"method": "sendMessage", "kind": "500", "count": _MANY})

    async def refused() -> bool:
        (left,) = await chat.faults("GET")
        return bool(left["count"] < _MANY)

    await place.until(refused)


async def take_alerts_again(chat: Chat) -> None:
    assert await chat.faults("DELETE") == []


async def settled(place: Street) -> bool:
    """Every order of the state rests at the exchange and every alert is sent."""
    with sqlite3.connect(f"file:{place.database}?mode=ro", uri=True) as db:
        waiting = db.execute("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetchone()[0]
        resting = {row[0] for row in db.execute("SELECT order_id FROM orders WHERE status = 'open'")}
    venue = await place.venue()
    live = {o["orderLinkId"] for o in account(venue)["open_orders"]}
    return waiting == 0 and live == resting and len(live) > 0


def account(venue: dict[str, Any]) -> dict[str, Any]:
    return dict(venue["accounts"]["demo"])


async def check_books(place: Street) -> None:
    """The ledger equals the exchange's balances to the last digit; no order is left that should not be."""
    database = await Database.open(place.database)
    try:
        store = SqliteStore(database, clock=SystemClock())
        base, quote, resting = Decimal(0), Decimal(10000), set()
        for strategy in await store.running():
            totals = await store.totals(strategy.person_id, strategy.id)
            base, quote = base + totals.base_delta.value, quote + totals.quote_delta.value
            saved = await store.load(strategy.id)
            assert saved is not None
            assert saved.state.phase is Phase.HOLDING
            resting |= {o.order_id for o in saved.state.orders}
    finally:
        await database.close()
    venue = account(await place.venue())
    balances = {coin: Decimal(b["total"]) for coin, b in venue["balances"].items()}
    assert balances["USDT"] == quote
    assert balances["BTC"] == base
    assert {o["orderLinkId"] for o in venue["open_orders"]} == resting


async def check_alerts(place: Street) -> None:
    """Every buy, re-buy and exit was told, once."""
    chat = place.chat()
    with sqlite3.connect(f"file:{place.database}?mode=ro", uri=True) as db:
        kinds = dict(db.execute("SELECT kind, count(*) FROM outbox GROUP BY kind").fetchall())
        cycles = db.execute("SELECT count(*) FROM cycles").fetchone()[0]
        legs = dict(db.execute("SELECT leg, count(DISTINCT order_id) FROM fills GROUP BY leg").fetchall())
    assert kinds["cycle_closed"] == cycles == legs["x"] == await chat.count(r"Ciclo \d+ encerrado")
    assert kinds["rebuy"] == await chat.count(r"Recompra \d+/20:")
    late = kinds.get("stray_fill", 0)
    assert late == await chat.count("executada enquanto era encerrada")
    assert kinds["rebuy"] + late == legs["r"]
    assert kinds["first_buy"] == legs["e"] == await chat.count("Primeira compra do ciclo")
