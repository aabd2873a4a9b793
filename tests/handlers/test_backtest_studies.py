"""Compare, optimise, survival, and the real fills against the backtest: asked for and told in the chat."""

import asyncio
from decimal import Decimal

import pytest

from bot.domain.params import StrategyParams
from bot.sandbox.telegram_html import parse_html
from bot.service.backtests import Done
from handlers.backtest_against_views import against_screen
from handlers.backtest_compare import compared_screen
from handlers.backtest_views import Choice, result_text
from handlers.callback import MAX_BYTES, Press
from handlers.optimize_views import FIELDS, MOST_FIELDS, optimized_screen
from handlers.survival import line_text, survival_text
from handlers.texts import LOCALES, texts_for
from tests.handlers.household import Household
from tests.handlers.past import a_household_with_a_past, script
from tests.handlers.setup_talk import Chat, draft_of, labels, to_item_1, to_review
from tests.handlers.test_backtest import CARD, SMALL

HEAD = {name: CARD[name] for name in ("symbol", "source", "start", "end", "step_ms", "candles", "missing")}
RUN = CARD["runs"][0]


def told(result: str, worst: str = "100", cycles: int = 40) -> dict:
    return {"result": result, "worst": worst, "cycles": cycles}


OPTIMIZED = {
    **HEAD,
    "name": "lenta",
    "sets": 300,
    "complete": True,
    "unseen_from": 1662531200000,
    "choices": [
        {
            "kind": "best",
            "changes": {"lucro_alvo_inicial": "0.042", "recompra_queda_inicial": "0.0125"},
            "seen": told("320.5"),
            "unseen": told("-12.5"),
        },
        {"kind": "base", "changes": {}, "seen": told("100"), "unseen": told("30")},
    ],
    "warnings": ["lonely", "faded", "few", "none_better"],
}
SURVIVED = {
    **HEAD,
    "name": "lenta",
    "starts": 8760,
    "out_of_rebuys": "0.034",
    "out_of_money": "0.01",
    "still_open": "0.002",
    "exit_ms": {"half": 7_200_000, "most": 12 * 86_400_000},
    "worst": {"half": "20", "most": "300", "worst": "812"},
    "worst_of_budget": "0.16",
    "locked": {"half": "300", "most": "3000", "worst": "5000"},
    "crashes": [
        {"name": "luna_2022", "fall": "0.28", "rebuys": 20, "ran_out": True, "worst": "900", "exit_ms": None},
        {
            "name": "ftx_2022",
            "fall": "0.2",
            "rebuys": 12,
            "ran_out": False,
            "worst": "400",
            "exit_ms": 9 * 86_400_000,
        },
    ],
}
DIFFERENCES = [
    {"kind": "MissedTouch", "cycle": 3, "time": 1655510400000, "side": "buy", "k": 2, "price": "59406"},
    {"kind": "ExtraFill", "cycle": 3, "time": 1655510400000, "side": "sell", "k": 2, "price": "59406"},
    {"kind": "OtherTime", "cycle": 3, "time": 1655510400000, "side": "buy", "k": 0, "tested": 1655510700000},
    {
        "kind": "OtherPrice",
        "cycle": 3,
        "time": 1655510400000,
        "side": "buy",
        "k": 1,
        "price": "1",
        "tested": "2",
    },
    {
        "kind": "OtherQuantity",
        "cycle": 3,
        "time": 1655510400000,
        "side": "buy",
        "k": 1,
        "quantity": "1",
        "tested": "2",
    },
    {"kind": "SoldByHand", "cycle": 4, "time": 1655510400000, "price": "59406", "quantity": "0.1"},
    {"kind": "NotComparable", "cycle": 5, "reason": "why"},
]
AGAINST = {
    **HEAD,
    "name": "lenta",
    "cycles": [],
    "total": 5,
    "same": 2,
    "slippage": "0.0002",
    "fees": "21.3",
    "expected_fees": "21.28",
    "net_profit": "120.5",
    "tested_net_profit": "121",
    "differences": DIFFERENCES,
    "differences_in_all": 30,
}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_card_is_read_by_telegram_in_both_languages(locale):
    texts = texts_for(locale)
    evil = {
        **CARD,
        "runs": [{**RUN, "name": "<b>&{x}"}, {**RUN, "name": "two", "open": None, "worst_at": None}],
    }
    choice = Choice("1234567", "1000PEPEUSDT", "20220101-20220630")
    screens = [
        compared_screen(texts, Done(evil), choices=[choice, choice]),
        optimized_screen(texts, Done({**OPTIMIZED, "name": "<b>"}), choice=choice),
        against_screen(texts, Done({**AGAINST, "name": "<i>"}), Press("bt_against", ("1",))),
    ]
    cards = [screen.text for screen in screens]
    cards += [
        result_text(texts, evil),
        survival_text(texts, {**SURVIVED, "name": "</b>"}),
        line_text(texts, SURVIVED),
    ]
    cards.append(survival_text(texts, {**SURVIVED, "crashes": [], "exit_ms": {"half": None, "most": None}}))
    for text in cards:
        assert 0 < len(parse_html(text)[0]) < 4096
    table = parse_html(screens[0].text)[0]
    assert max(len(line) for line in table.splitlines() if "   " in line) <= 34


def test_one_of_a_kind_is_told_in_the_singular():
    one = {
        **OPTIMIZED,
        "choices": [{"kind": "base", "changes": {}, "seen": told("1", cycles=1), "unseen": told("2")}],
    }
    choice = Choice("1", "BTCUSDT", "1y")
    crash = {**SURVIVED["crashes"][1], "rebuys": 1}
    for locale, cycle, rebuy in (("pt_BR", "1 ciclo\n", "1 recompra,"), ("en", "1 cycle\n", "1 re-buy,")):
        texts = texts_for(locale)
        assert cycle in optimized_screen(texts, Done(one), choice=choice).text
        assert rebuy in survival_text(texts, {**SURVIVED, "crashes": [crash]})


@pytest.mark.parametrize("locale", LOCALES)
def test_the_line_says_that_it_is_no_forecast(locale):
    words = {"pt_BR": "História, não previsão", "en": "History, not a forecast"}
    for card in (
        SURVIVED,
        {**SURVIVED, "exit_ms": {"half": 5, "most": None}},
        {**SURVIVED, "exit_ms": {"half": None, "most": None}},
    ):
        assert words[locale] in line_text(texts_for(locale), card)
    assert "🛟" in line_text(texts_for(locale), {"absent": True})


def test_the_longest_choice_still_fits_its_button():
    params = StrategyParams()
    assert set(FIELDS.values()) <= set(StrategyParams.__dataclass_fields__)
    changes = dict.fromkeys(list(FIELDS.values())[:MOST_FIELDS], "123.456789")
    card = {**OPTIMIZED, "choices": [{**OPTIMIZED["choices"][0], "changes": changes}]}
    screen = optimized_screen(texts_for("en"), Done(card), choice=Choice("1234567", "1000PEPEUSDT", "1y"))
    (first, *_) = screen.keyboard.inline_keyboard
    assert len(first[0].callback_data.encode()) <= MAX_BYTES
    assert params


async def test_two_strategies_are_chosen_and_compared(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household, {"done": {"card": CARD, "pictures": [], "files": []}})
    await household.ask("/backtest", "Escolha uma")
    await household.tap("lenta", "Desde quando")
    await household.press("1 ano")
    workers.gate.set()
    await household.wait_for("Lucro líquido")
    alone = await household.tap("Comparar", "Não há outra estratégia")
    assert labels(alone) == ["✎ Mudar um campo e repetir"]
    await household.strategy("rápida", **SMALL)
    await household.tap("Comparar", "Comparar lenta em BTCUSDT")
    workers.end = {
        "done": {"card": {**CARD, "runs": [RUN, {**RUN, "name": "rápida"}]}, "pictures": [], "files": []}
    }
    card = await household.tap("rápida", "Lado a lado")
    assert [name for name, _ in workers.jobs[-1]["contenders"]] == ["lenta", "rápida"]
    assert "B = rápida" in card["text"]


async def test_optimising_is_small_and_leads_into_the_form(household):
    chat = Chat(household)
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    await household.strategy("lenta", **SMALL)
    workers = script(household, {"done": {"card": OPTIMIZED, "pictures": [], "files": []}})
    await chat.ask("/otimizar", "Qual estratégia")
    await household.tap("lenta", "Quais campos")
    await household.tap("☐ 2.1", "Quais campos")
    card = await household.tap("☐ 3.1 ", "No máximo 3 campos")
    assert not any("Começar" in label for label in labels(card))
    await household.tap("☑ 3.1 ", "Quais campos")
    await household.tap("☑ 2.1", "Quais campos")
    await household.press("🎯 Começar")
    workers.gate.set()
    told_ = await household.wait_for("visto: +320,50")
    assert "cheira a acaso" in told_["text"]
    (job,) = workers.jobs
    assert job["fields"] == ["lucro_alvo_inicial", "recompra_queda_inicial"]
    assert 0 < job["most_sets"] <= 1000
    assert 0 < job["most_s"] <= 120
    card = await chat.tap("1️⃣ Experimentar", "Nada foi salvo ainda")
    assert "2 lucro_alvo_inicial: 4,2%" in card["text"]
    assert "3 recompra_queda_inicial: 1,25%" in card["text"]
    assert "3.1c limite_recompras: 2" in card["text"]
    assert len(await household.app.service.strategies(await household.person())) == 1
    await chat.ask("/cancelar", "continua guardada")  # the form that lay below is there again
    assert (await draft_of(household)).answers["qty_inicial"] == "444"


async def test_the_plan_gets_its_line_of_survival_and_keeps_its_buttons(household):
    chat = Chat(household)
    await to_review(chat)
    workers = script(household, {"done": {"card": SURVIVED}})
    plan = await chat.tap("7 Plano", "Nada nela fere")
    household.mark()
    workers.gate.set()
    lined = await household.wait_for("História, não previsão")
    assert lined["message_id"] == plan["message_id"]
    assert "4,4% ficariam sem como recomprar" in lined["text"]
    assert "Nada nela fere" in lined["text"]
    assert labels(lined) == labels(plan)
    assert workers.jobs[0]["kind"] == "line"
    await household.tap("8 Salvar", "8 salvar_estrategia")


async def test_a_line_that_comes_too_late_does_not_bring_old_buttons_back(household):
    chat = Chat(household)
    await to_review(chat)
    workers = script(household, {"done": {"card": SURVIVED}})
    plan = await chat.tap("7 Plano", "Nada nela fere")
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    workers.gate.set()
    queue = household.app.backtests.queue
    await household.until(lambda: not queue._running)
    await household.settled()
    now = next(m for m in await household.messages() if m["message_id"] == plan["message_id"])
    assert labels(now) == []
    assert "previsão" not in now["text"]


async def test_a_plan_offers_to_fetch_what_is_not_on_disk(household):
    """For a pair of a real exchange: the sandbox's own past costs nothing to ask."""
    chat = Chat(household)
    workers = script(household)
    desk = household.app.backtests
    sources, desk._sources = desk._sources, lambda _environment: desk_source()
    await to_review(chat)
    await chat.tap("7 Plano", "Nada nela fere")
    await household.wait_for("ainda não estão aqui")
    assert workers.jobs == []
    desk._sources = sources
    await household.tap("Sobrevivência", "buscando preços")
    assert workers.jobs[0]["kind"] == "survival"


def desk_source():
    from bot.backtest.jobs import Source

    return Source("bybit")


async def test_survival_is_told_whole(household):
    await household.ask("/start", "Trader")
    await household.strategy("lenta", **SMALL)
    workers = script(household, {"done": {"card": SURVIVED, "pictures": [], "files": []}})
    await household.ask("/backtest", "Escolha uma")
    await household.tap("lenta", "Desde quando")
    await household.press("Sobrevivência")
    workers.gate.set()
    told_ = await household.wait_for("Começada em 8.760 horas")
    for part in (
        "ficaram sem recompras: 3,4%",
        "LUNA 2022 (queda de 28%): 20 recompras, pior perda 900,00\N{NO-BREAK SPACE}USDT, não vendeu até o fim dos preços",
        "FTX 2022 (queda de 20%): 12 recompras, pior perda 400,00\N{NO-BREAK SPACE}USDT, vendeu após 9 dias",
        "História, não previsão",
    ):
        assert part in told_["text"]


async def test_real_fills_go_to_the_worker_and_differences_come_back(household):
    await household.ready()
    await household.strategy("lenta", **SMALL)
    workers = script(household, {"done": {"card": AGAINST, "pictures": [], "files": []}})
    await household.forge("v1:bt_against:1")
    await household.wait_for("ainda não negociou")
    await household.ask("/estrategias", "lenta")
    await household.tap("lenta", "Primeira compra")
    await household.tap("Executar", "SIM")
    await household.tap("executar a simulação", "lenta")
    await household.wait_for("Primeira compra do ciclo 1")
    await household.ask("/estrategias", "lenta")
    await household.tap("lenta", "Primeira compra")
    await household.press("Contra o backtest")
    workers.gate.set()
    told_ = await household.wait_for("2 de 5 ciclos são iguais aos do backtest")
    assert "o preço tocou a recompra 2 em 59.406,00" in told_["text"]
    assert "0,02% mais caras" in told_["text"]
    (job,) = workers.jobs
    assert job["fills"][0][4] == "buy"
    assert job["start"] % 60_000 == 0
    assert Decimal(job["fills"][0][6]) > 0


async def patiently(household: Household, part: str):
    """The first run of a new version compiles: that takes longer than anything else in a chat."""
    async with asyncio.timeout(90):
        while True:
            for message in await household.messages():
                if message["from"] == "bot" and part in message["text"] and not message["deleted"]:
                    return message
            await asyncio.sleep(0.05)


async def test_the_real_worker_optimises_and_survives_in_the_chat(tmp_path):
    async with a_household_with_a_past(tmp_path, days=4) as household:
        await household.ask("/start", "Trader")
        await household.strategy("lenta", **SMALL)
        await household.ask("/backtest", "Escolha uma")
        await household.tap("lenta", "Desde quando")
        await household.press("Sobrevivência")
        told_ = await patiently(household, "horas do passado")
        assert "ficaram sem recompras" in told_["text"]
        await household.ask("/otimizar", "Qual estratégia")
        await household.tap("lenta", "Quais campos")
        await household.press("🎯 Começar")
        told_ = await patiently(household, "não visto:")
        assert "Como está hoje" in told_["text"]
        assert len([m for m in await household.messages() if m["photo"]]) == 2
