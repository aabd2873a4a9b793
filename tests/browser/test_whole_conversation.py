"""The main job in a real browser on a phone's width: set up, run on real candles, alerts, status, stop."""

import re
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.state import Phase
from storage.store import open_store
from tests.browser.chromium import needs_chromium
from tests.browser.demo_desk import demo, phone
from tests.browser.phone import Phone
from tests.end_to_end.processes import BTC_5M, PASSWORD, Street

PERSON, FREE = 1, Decimal(10000)
CYCLES, REBUYS = 3, 10

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.browser,
    needs_chromium,
    pytest.mark.skipif(not BTC_5M.exists(), reason=f"real candles are not here: {BTC_5M.name}"),
]


async def test_a_person_trades_in_portuguese_from_the_first_word_to_the_last(browser, tmp_path: Path):
    async with demo(tmp_path, candles=BTC_5M) as (street, process):
        async with phone(browser, street, tmp_path, "pt", "light") as chat:
            await begin_in_portuguese(chat)
            await set_up_in_portuguese(chat)
            await street.market(do="resume")
            await street.until(lambda: done(street, rebuys=REBUYS, cycles=CYCLES))
            await street.market(do="pause")
            await street.until(lambda: quiet(street))
            await look_and_stop_in_portuguese(chat)
            await street.until(lambda: quiet(street))
            told = alerts([message["text"] for message in await chat.messages()])
            await chat.stays_in_width()
        venue = (await street.venue())["accounts"]["demo"]
        assert await process.end() == 0
    await check_books(street, venue)
    check_alerts(street, told)
    assert sum(kind == "exit" for kind, *_ in told) > CYCLES  # three by their exit, one sold on request


async def begin_in_portuguese(chat: Phone) -> None:
    await chat.press("Começar")
    await chat.sees("Olá, Ana! Eu sou o Trader Automata")
    await chat.shoot("welcome")
    await chat.type("/keys")
    await chat.sees("Você ainda não tem senha")
    await chat.press("Usar a chave do sandbox")
    await chat.sees("12 caracteres ou mais")
    await chat.shoot("password")
    await chat.type(PASSWORD)
    await chat.sees("Mais uma vez")
    await chat.type(PASSWORD)
    await chat.sees("pode negociar")
    await chat.shoot("keys")
    shown = await chat.page.locator("#log").inner_text()
    assert PASSWORD not in shown


async def set_up_in_portuguese(chat: Phone) -> None:
    await chat.type("/newstrategy")
    await chat.sees("Nova estratégia")
    await chat.shoot("environment")
    await chat.press("🧪 sandbox-bybit · SIM")
    await chat.sees("Qual par")
    await chat.press("BTCUSDT")
    await chat.sees("1 qty_inicial")
    await chat.shoot("question")
    await chat.press("Padrões no resto »")
    await chat.sees("Revisão")
    await chat.shoot("review")
    await chat.press("7 Plano")
    table = await chat.sees("Nada nela fere uma regra")
    assert re.search(r"\n×20 .* 7734", table), table
    picture = chat.page.locator("#log .photo img").last
    await picture.scroll_into_view_if_needed()
    assert await picture.evaluate("e => e.decode().then(() => e.naturalWidth)") > 500
    await chat.shoot("plan-picture", at="imprimir_estrategia")
    await chat.shoot("plan-table", at="Compras", edge="start")
    await chat.shoot("plan-end")
    await chat.stays_in_width()
    await chat.press("8 Salvar")
    await chat.sees("salvar_estrategia")
    await chat.press("Usar BTC 300 1%")
    await chat.sees("executar_estrategia")
    file = chat.page.get_by_role("link", name=re.compile(r"\.js"))
    async with chat.page.expect_download() as started:
        await file.click()
    saved = Path(await (await started.value).path()).read_text()
    assert "module.exports = {" in saved
    assert "qty_inicial: 300" in saved
    await chat.shoot("saved")
    await chat.press("9 Executar")
    question = await chat.sees("Executar BTC 300 1%")
    assert all(word in question for word in ("SIMULAÇÃO", "sandbox-bybit", "BTCUSDT", "USDT"))
    await chat.shoot("run-confirmation")
    await chat.press("Executar em simulação")
    await chat.sees("está rodando")
    await chat.sees("Primeira compra do ciclo 1")
    await chat.shoot("first-buy")


async def look_and_stop_in_portuguese(chat: Phone) -> None:
    await chat.shoot("alerts-rebuy", at=r"Recompra [2-9]/20")
    await chat.shoot("alerts-exit", at=r"Ciclo \d+ encerrado")
    await chat.type("/status")
    card = await chat.sees(r"Ciclo \d+ ·")
    assert re.search(r"recompras \d+/20", card)
    await chat.shoot("status")
    await chat.refresh("🔄 Atualizar", r"Ciclo \d+ ·")
    await chat.type("/stop")
    await chat.sees("Como ela deve parar")
    await chat.shoot("stop")
    await chat.press("3. Cancelar ordens, vender agora")
    await chat.sees("Tem certeza", edited=True)
    await chat.shoot("stop-sure")
    await chat.press("Sim, cancelar e vender")
    await chat.sees("parada; nenhuma ordem dela está aberta")
    await chat.shoot("stopped")


async def test_a_person_trades_in_english_in_the_dark_and_stops_after_the_cycle(browser, tmp_path: Path):
    async with demo(tmp_path, candles=BTC_5M) as (street, process):
        async with phone(browser, street, tmp_path, "en", "dark") as chat:
            await begin_in_english(chat)
            await set_up_in_english(chat)
            await street.market(do="resume")
            await street.until(lambda: done(street, rebuys=1, cycles=1))
            await street.market(do="pause")
            await street.until(lambda: quiet(street))
            await look_and_stop_in_english(chat)
            await street.market(do="resume")
            await chat.sees("stopped; none of its orders is open", timeout=120)
            await chat.shoot("stopped")
            told = alerts([message["text"] for message in await chat.messages()])
            await chat.stays_in_width()
        venue = (await street.venue())["accounts"]["demo"]
        assert await process.end() == 0
    await check_books(street, venue)
    check_alerts(street, told)


async def begin_in_english(chat: Phone) -> None:
    await chat.press("Começar")
    await chat.sees("Olá, Ana")
    await chat.type("/language")
    await chat.press("🇬🇧 English")
    await chat.sees("English", edited=True)
    await chat.page.get_by_role("button", name="Pessoa: Ana").click()
    await chat.page.get_by_label("Idioma do aplicativo").select_option("en")
    await chat.page.get_by_label("App language").wait_for()
    await chat.page.keyboard.press("Escape")
    await chat.type("/start")
    await chat.sees("Hello, Ana! I am Trader Automata")
    await chat.shoot("welcome")
    await chat.type("/keys")
    await chat.sees("no password yet")
    await chat.press("Use the sandbox key")
    await chat.sees("12 characters or more")
    await chat.type(PASSWORD)
    await chat.sees("Once more")
    await chat.type(PASSWORD)
    await chat.sees("may trade")
    await chat.shoot("keys")


async def set_up_in_english(chat: Phone) -> None:
    """One wrong answer, one by hand, the rest by default."""
    await chat.type("/newstrategy")
    await chat.sees("New strategy")
    await chat.press("🧪 sandbox-bybit · SIM")
    await chat.sees("Which pair")
    await chat.type("btcusdt")
    await chat.sees("1 qty_inicial")
    await chat.type("lots")
    await chat.sees("takes one number, such as 300")
    await chat.shoot("wrong-answer")
    await chat.type("250")
    await chat.sees("1.1 multiplicador_qty")
    await chat.shoot("question")
    await chat.press("Defaults for the rest »")
    await chat.sees("Review")
    await chat.shoot("review")
    await chat.press("7 Plan")
    await chat.sees("Nothing in it breaks")
    await chat.shoot("plan-picture", at="imprimir_estrategia")
    await chat.shoot("plan-table", at="Buys", edge="start")
    await chat.shoot("plan-end")
    await chat.stays_in_width()
    await chat.press("8 Save")
    await chat.sees("salvar_estrategia")
    await chat.type("First steps")
    await chat.sees("executar_estrategia")
    await chat.page.get_by_role("link", name=re.compile(r"\.js")).wait_for()
    await chat.press("9 Run")
    await chat.sees("Run First steps")
    await chat.shoot("run-confirmation")
    await chat.press("Run in simulation")
    await chat.sees("First buy of cycle 1")
    await chat.shoot("first-buy")


async def look_and_stop_in_english(chat: Phone) -> None:
    await chat.shoot("alerts-rebuy", at=r"Re-buy \d+/20")
    await chat.shoot("alerts-exit", at=r"Cycle \d+ closed")
    await chat.type("/status")
    await chat.sees(r"Cycle \d+ ·")
    await chat.shoot("status")
    await chat.refresh("🔄 Refresh", r"Cycle \d+ ·")
    await chat.type("/stop")
    await chat.sees("How shall it stop")
    await chat.shoot("stop")
    await chat.press("1. After this cycle")
    await chat.sees("stops after this cycle", edited=True)


# --- facts ------------------------------------------------------------------------------------------------

_TOLD = (
    ("first", re.compile(r"(?:Primeira compra do ciclo|First buy of cycle) (\d+):")),
    ("rebuy", re.compile(r"(?:Recompra|Re-buy) (\d+)/\d+:")),
    ("exit", re.compile(r"(?:Ciclo|Cycle) (\d+) (?:encerrado|closed)")),
)
_LEGS = {"e": "first", "r": "rebuy", "x": "exit", "s": "exit"}


def alerts(texts: list[str]) -> list[tuple[str, int, int]]:
    """(what, cycle, k) of each line that tells of a fill, in the order in which the chat shows them."""
    told, cycle, k = [], 0, 0
    for line in (line for text in texts for line in text.splitlines()):
        for what, words in _TOLD:
            if found := words.search(line):
                number = int(found[1])
                cycle, k = (cycle, number) if what == "rebuy" else (number, 0)
                told.append((what, cycle, k))
    return told


async def done(street: Street, *, rebuys: int, cycles: int) -> bool:
    """So much has been traded. The chat tells of it later: one message a second is what Telegram takes."""
    with sqlite3.connect(f"file:{street.database}?mode=ro", uri=True) as db:
        rebought = db.execute("SELECT count(DISTINCT order_id) FROM fills WHERE leg = 'r'").fetchone()[0]
        closed = db.execute("SELECT count(*) FROM cycles").fetchone()[0]
        last = db.execute("SELECT leg FROM fills ORDER BY id DESC LIMIT 1").fetchone()
    return rebought >= rebuys and closed >= cycles and last != ("x",)


async def quiet(street: Street) -> bool:
    """The orders that the state wants rest at the exchange, and every alert is sent."""
    with sqlite3.connect(f"file:{street.database}?mode=ro", uri=True) as db:
        waiting = db.execute("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetchone()[0]
        wanted = {row[0] for row in db.execute("SELECT order_id FROM orders WHERE status = 'open'")}
    resting = {one["orderLinkId"] for one in (await street.venue())["accounts"]["demo"]["open_orders"]}
    return waiting == 0 and resting == wanted


async def check_books(street: Street, venue: dict) -> None:
    """The ledger equals the exchange's balances to the last digit, and nothing of ours is left there."""
    async with open_store(street.database) as store:
        (strategy,) = await store.strategies(PERSON)
        totals = await store.totals(PERSON, strategy.id)
        fills = await store.fills(PERSON, strategy.id)
        saved = await store.load(strategy.id)
    balances = {coin: Decimal(held["total"]) for coin, held in venue["balances"].items()}
    assert (balances["BTC"], balances["USDT"]) == (totals.base_delta.value, FREE + totals.quote_delta.value)
    assert {coin: held["locked"] for coin, held in venue["balances"].items()} == dict.fromkeys(balances, "0")
    assert {one["execId"] for one in venue["executions"]} == {record.fill.exec_id for record in fills}
    assert venue["open_orders"] == []
    assert saved is not None
    assert (saved.state.phase, saved.state.orders) == (Phase.IDLE, ())


def check_alerts(street: Street, told: list[tuple[str, int, int]]) -> None:
    """Each first buy, each re-buy k and each exit of each cycle was told once, in the order of the fills."""
    with sqlite3.connect(f"file:{street.database}?mode=ro", uri=True) as db:
        filled = db.execute("SELECT leg, cycle, k FROM fills GROUP BY order_id ORDER BY max(id)").fetchall()
        closed = db.execute("SELECT count(*) FROM cycles").fetchone()[0]
        owed = dict(db.execute("SELECT kind, count(*) FROM outbox GROUP BY kind").fetchall())
        unsent = db.execute("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetchone()[0]
    assert told == [(_LEGS[leg], cycle, k if leg == "r" else 0) for leg, cycle, k in filled]
    assert len(told) == len(set(told))
    kinds = [what for what, *_ in told]
    assert (owed["first_buy"], owed["rebuy"], owed["cycle_closed"]) == tuple(
        kinds.count(kind) for kind in ("first", "rebuy", "exit")
    )
    assert (closed, unsent) == (kinds.count("exit"), 0)
