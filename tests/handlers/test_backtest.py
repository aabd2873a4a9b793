"""/backtest in the chat: chosen, followed, cancelled, cut, told; with the real worker once, with made-up ones else."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from bot.ports import RunStatus, Strategy
from bot.ports.preferences import Taste
from bot.service.backtests import Failed, Progress
from handlers import backtest_shows
from handlers.backtest_views import failed_text, progress_text, result_text
from handlers.texts import LOCALES, texts_for
from tests.handlers.household import Household
from tests.handlers.past import a_household_with_a_past, script
from tests.handlers.setup_talk import Chat, draft_of, labels, to_field, to_item_1, to_review

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SMALL = {"limite_recompras": 2}


@pytest.fixture
async def chat(household: Household):
    yield Chat(household)


async def asked(household: Household, period: str = "1 ano") -> None:
    """Ana has pressed a period of her strategy."""
    await household.ask("/backtest", "Escolha uma")
    await household.tap("lenta", "Desde quando")
    await household.tap(period, "buscando preços")


async def test_a_backtest_from_the_command_to_the_card(tmp_path):
    async with a_household_with_a_past(tmp_path) as household:
        await household.ask("/start", "Trader")
        await household.strategy("lenta", **SMALL)
        await household.ask("/backtest", "Escolha uma")
        card = await household.tap("lenta", "Desde quando")
        assert "sandbox" in card["text"]
        await household.press("1 mês")
        told = await household.wait_for("Lucro líquido")
        for part in ("velas de 5 min", "máximo investido", "Pior perda", "segurar", "História, não previsão"):
            assert part in told["text"]
        seen = [m for m in await household.messages() if not m["deleted"]]
        pictures = [m for m in seen if m["photo"]]
        assert len(pictures) == 2
        assert max(m["message_id"] for m in pictures) < told["message_id"]
        await household.until_rows("SELECT * FROM backtest_runs", [])
        assert not any("começando" in m["text"] or "▓" in m["text"] for m in seen)  # no ghost of the progress
        work = household.folder / "data" / "work"
        await household.until(lambda: not list(work.iterdir()), "the run's folder is gone")


async def test_the_message_follows_the_run_and_cancelling_kills_it(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household)
    await asked(household)
    shown = next(m for m in reversed(await household.messages()) if "▓" in m["text"])
    assert "50%" in shown["text"]
    assert "faltam cerca de 20 segundos" in shown["text"]
    await household.tap("Cancelar o teste", "Nada ficou rodando")
    await household.until(lambda: workers.killed == 1)
    assert household.app.backtests.queue.of(1) is None
    await household.until_rows("SELECT * FROM backtest_runs", [])
    await household.tap("Pedir de novo", "buscando preços")
    assert len(workers.jobs) == 2
    await household.tap("Cancelar o teste", "Nada ficou rodando")
    await household.press_again(shown, "Cancelar o teste")  # nothing runs any more: only a toast
    await household.settled()
    assert workers.jobs[0]["length_ms"] == workers.jobs[1]["length_ms"] == 365 * 86_400_000


async def test_whoever_likes_dark_pictures_gets_them_in_their_language(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    preferences = household.app.reports.preferences
    await preferences.keep_taste((await household.person()).id, Taste(dark=True))
    workers = script(household)
    await asked(household)
    assert (workers.jobs[0]["dark"], workers.jobs[0]["locale"]) == (True, "pt_BR")


async def test_one_at_a_time_for_a_person(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household)
    await asked(household)
    refused = await household.tap("3 meses", "Um teste por vez")
    assert len(workers.jobs) == 1
    assert labels(refused) == ["✖ Cancelar o teste"]
    await household.tap("Cancelar o teste", "Nada ficou rodando")


async def test_a_restart_in_the_middle_is_told_and_may_be_asked_again(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household)
    await asked(household)
    shown = next(m for m in reversed(await household.messages()) if "▓" in m["text"])
    household.mark()
    await household.restart()
    assert workers.killed == 1
    cut = await household.wait_for("reiniciado no meio")
    assert cut["message_id"] == shown["message_id"]
    assert "lenta · BTCUSDT" in cut["text"]
    assert labels(cut) == ["↻ Pedir de novo"]
    assert not (household.folder / "data" / "work").exists()
    await household.until_rows("SELECT * FROM backtest_runs", [])
    workers = script(household)
    await household.tap("Pedir de novo", "buscando preços")
    assert len(workers.jobs) == 1


async def test_dates_that_are_none_get_clear_words_and_lose_nothing(household, chat):
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    before = await draft_of(household)
    await household.strategy("lenta", **SMALL)
    workers = script(household)
    await chat.ask("/backtest", "Escolha uma")
    await household.tap("lenta", "Desde quando")
    await chat.tap("Digitar datas", "De quando até quando")
    for typed, told in (
        ("ontem", "não dá para ler como datas"),
        ("2022-06-30 2022-01-01", "estão trocadas"),
        ("2099-01-01", "ainda não chegou"),
    ):
        again = await chat.ask(typed, told)
        assert "De quando até quando" in again["text"]
    await chat.ask("01/01/2022 30/06/2022", "buscando preços")
    (job,) = workers.jobs
    assert (job["start"], job["end"]) == (1640995200000, 1656633600000)
    assert job["step_ms"] == 300_000
    after = await draft_of(household)
    assert after.cursor == before.cursor
    assert {**after.answers, "_seen": ""} == {**before.answers, "_seen": ""}


async def test_another_pair_must_be_traded_there(household, chat):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    await chat.ask("/backtest", "Escolha uma")
    await household.tap("lenta", "Desde quando")
    await chat.tap("Outro par", "Em qual par")
    await chat.ask("NADAUSDT", "Em qual par")
    await chat.ask("btc/usdt", "lenta · BTCUSDT")
    assert await draft_of(household) is None
    await chat.tap("Outro par", "Em qual par")
    await chat.ask("/cancelar", "Certo, sem teste")


async def test_the_form_is_tested_before_anything_is_saved(household, chat):
    await to_review(chat)
    workers = script(household)
    await chat.tap("Backtest", "rascunho · BTCUSDT")
    await chat.tap("3 meses", "buscando preços")
    assert workers.jobs[0]["contenders"][0][0] == "rascunho"
    await household.tap("Cancelar o teste", "Cancelado")
    await to_field(chat, "qty_inicial")
    await chat.ask("150", "✓ 1 qty_inicial = 150")
    await chat.tap("Backtest", "rascunho · BTCUSDT")
    await chat.tap("3 meses", "buscando preços")
    assert "qty_inicial: 150" in workers.jobs[1]["contenders"][0][1]
    await household.tap("Cancelar o teste", "Cancelado")
    await chat.ask("/cancelar", "nada foi salvo")
    await household.forge("v1:bt_of:d")
    await household.wait_for("Não há mais formulário")


async def test_buttons_of_another_version_or_person_do_nothing(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household)
    for pressed in (
        "bt_go:1",
        "bt_go:1:BTCUSDT:century",
        "bt_go:1:BTCUSDT:20220101",
        "bt_of",
        "opt_go:1:BTCUSDT:1y:zz",
    ):
        await household.forge(f"v1:{pressed}")
        await household.wait_for("não vale mais")
    await household.forge("v1:bt_go:7:BTCUSDT:1y")
    await household.wait_for("não existe")
    assert workers.jobs == []


async def test_a_failed_run_says_why_and_offers_to_ask_again(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household)
    workers.end = {
        "failed": {
            "field": "from",
            "reason": "before that",
            "key": "history_before_listing",
            "values": {"pair": "BTCUSDT", "first": "2021-07-05", "last": "2022-01-01", "exchange": "bybit"},
        }
    }
    await asked(household)
    workers.gate.set()
    told = await household.wait_for("começam em 5 de jul. de 2021")
    assert labels(told) == ["📅 Outro período"]  # asking again would say the same
    await household.tap("Outro período", "Desde quando")


async def test_a_card_that_cannot_be_read_leaves_nobody_waiting(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household, {"done": {"card": {}, "pictures": [], "files": []}})
    await asked(household)
    workers.gate.set()
    told = await household.wait_for("por uma falha deste programa")
    assert labels(told) == ["↻ Pedir de novo"]
    await household.until_rows("SELECT * FROM backtest_runs", [])


async def test_a_result_waits_until_telegram_is_back_and_says_nothing_twice(household, monkeypatch):
    monkeypatch.setattr(backtest_shows, "_WAITS_S", (0.05,) * 100)
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household, {"done": {"card": CARD, "pictures": ["price.png"], "files": []}})
    await asked(household)
    picture = Path(workers.jobs[0]["folder"]) / "price.png"
    picture.write_bytes(PIXEL)
    household.telegram.faults.add("sendMessage", "reset", 1000)
    workers.gate.set()
    await household.until(lambda: household.telegram.faults.waiting()[0].count < 1000, "a try")
    household.telegram.faults.clear()
    await household.wait_for("Lucro líquido: +120,50")
    assert len([m for m in await household.messages() if m["photo"]]) == 1


async def test_who_comes_second_is_told_the_place(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    script(household)
    household.app.backtests.queue.submit(99, {"name": "somebody's"})
    await household.ask("/backtest", "Escolha uma")
    await household.tap("lenta", "Desde quando")
    await household.tap("1 ano", "Na fila, lugar 1")
    other = household.app.backtests.queue.of(99)
    household.app.backtests.queue.cancel(other)
    await household.wait_for("buscando preços")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("reason", ["memory", "time", "lost", "something else"])
def test_every_failure_has_words(locale, reason):
    assert failed_text(texts_for(locale), Failed("", reason))
    wrong = failed_text(
        texts_for(locale), Failed("par", "is not traded", "bad_pair", {"value": "X", "example": "Y"})
    )
    assert wrong


@pytest.mark.parametrize("locale", LOCALES)
def test_progress_never_runs_over_its_bar(locale):
    for done in (-1.0, 0.0, 0.5, 1.0, 7.0):
        text = progress_text(texts_for(locale), "x", Progress(0, "unheard of", done))
        assert text.count("▓") + text.count("░") == 12


async def test_the_card_of_a_strategy_leads_here_and_back_to_running_it(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household, {"done": {"card": CARD, "pictures": [], "files": []}})
    await household.ask("/estrategias", "lenta")
    card = await household.tap("lenta", "Primeira compra")
    assert not any("Contra o backtest" in label for label in labels(card))
    await household.tap("Backtest", "Desde quando")
    await household.tap("1 ano", "buscando preços")
    workers.gate.set()
    told = await household.wait_for("Lucro líquido: +120,50")
    assert "Com o que está aberto: +75,30" in told["text"]
    assert "Faltam 12 velas" in told["text"]
    assert "1 de jan. de 2022 – 31 de dez. de 2022" in told["text"]  # the last day in it, not the one after
    await household.tap("Executar", "Executar esta estratégia")
    kept = next(m for m in await household.messages() if m["message_id"] == told["message_id"])
    assert kept["text"] == told["text"]  # the question came below the card
    await household.tap("Mudar um campo", "Uma cópia de lenta")
    await household.tap("Backtest", "lenta (rascunho) · BTCUSDT")
    await household.tap("1 ano", "Lucro líquido: +120,50")
    card = await household.tap("Comparar", "Comparar lenta (rascunho) em BTCUSDT")
    assert any("lenta" in label for label in labels(card))
    await household.tap("Voltar ao formulário", "Revisão")  # at once, with every answer in it


async def test_what_runs_is_not_asked_to_run_again(household, monkeypatch):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household, {"done": {"card": CARD, "pictures": [], "files": []}})
    await asked(household)
    workers.gate.set()
    await household.wait_for("Lucro líquido")
    (lenta,) = await household.app.service.strategies(await household.person())

    async def running(*_: object) -> Strategy:
        return replace(lenta, status=RunStatus.RUNNING)

    monkeypatch.setattr(household.app.service, "strategy", running)
    told = await household.tap("Executar", "lenta já está rodando")
    assert labels(told) == ["📊 Estado"]


@pytest.mark.parametrize("locale", LOCALES)
def test_a_card_of_one_day_names_it_once_and_counts_nothing_as_nothing(locale):
    texts = texts_for(locale)
    run = {**CARD["runs"][0], "cycles": 0, "rebuys": 0, "deepest": 0}
    text = result_text(texts, {**CARD, "end": CARD["start"] + 86_400_000, "runs": [run]})
    assert text.count("2022") == 2  # the day itself, and the worst loss's
    assert texts("backtest.no_cycle") in text
    assert texts("backtest.no_rebuy", limit=20) in text
    assert "Nenhuma recompra" in text or "No re-buy" in text


def test_long_waits_are_told_in_minutes():
    texts = texts_for("pt_BR")
    for seconds, words in ((99, "99 segundos"), (100, "2 minutos"), (3600, "60 minutos")):
        assert words in progress_text(texts, "x", Progress(0, "history", 0.1, seconds))


def test_a_count_is_grouped_as_its_language_does():
    assert texts_for("pt_BR").count("backtest.cycles", 1234) == "1.234 ciclos encerrados"
    assert texts_for("en").count("backtest.cycles", 1234) == "1,234 closed cycles"


CARD = {
    "kind": "backtest",
    "symbol": {"name": "BTCUSDT", "base": "BTC", "quote": "USDT"},
    "source": "bybit",
    "start": 1640995200000,
    "end": 1672531200000,
    "step_ms": 300_000,
    "candles": 105_000,
    "missing": 12,
    "runs": [
        {
            "name": "lenta",
            "net_profit": "120.5",
            "unrealised": "-45.2",
            "result": "75.3",
            "result_of_budget": "0.01506",
            "budget": "5000",
            "most_invested": "3000",
            "on_budget": "0.0241",
            "on_invested": "0.0402",
            "cycles": 83,
            "won": 83,
            "lost": 0,
            "rebuys": 412,
            "deepest": 17,
            "limit": 20,
            "exhausted": "0.12",
            "worst": "812",
            "worst_of_budget": "0.1624",
            "worst_at": 1655510400000,
            "under_water_ms": 14 * 86_400_000,
            "under_water_ended": False,
            "fees": "21.3",
            "hold": {"net": "-1200", "of_budget": "-0.24", "worst": "2000"},
            "open": {"held": "0.0123", "rebuys": 7, "unrealised": "-45.2"},
            "taxa": "0.001",
        }
    ],
}
