"""Running, watching and stopping a strategy by chat, on the stand-in exchange."""

from decimal import Decimal

import pytest

from bot.domain.events import StopMode
from bot.domain.orders import OrderStatus
from bot.ports import Role, RunStatus
from handlers.strategies import RunStrategy
from handlers.texts import LOCALES, texts_for
from tests.handlers.household import PASSWORD, Household

FEW = {"limite_recompras": 2, "saldo_limite": Decimal(2000)}


async def running(household: Household) -> None:
    """A strategy that has bought and whose two orders rest."""
    await household.ready()
    strategy = await household.strategy(**FEW)
    await household.ask("/strategies", "lenta")
    await household.tap("lenta", "Primeira compra")
    question = await household.tap("Executar", "Executar esta estratégia")
    for part in ("SIMULAÇÃO", "BTCUSDT", "300,00", "2.000,00", "Sandbox", "60 segundos"):
        assert part in question["text"], part
    await household.tap("Sim, executar", "em execução")
    told = await household.wait_for("Primeira compra do ciclo 1")
    assert told["text"].startswith("lenta · BTCUSDT · 🧪 SIMULAÇÃO")
    assert "Próxima recompra" in told["text"]
    runner = household.app.supervisor._runners[strategy.id]
    await household.until(
        lambda: [o.status for o in runner.state.orders] == [OrderStatus.LIVE] * 2, "both rest"
    )


async def status_of(household: Household) -> RunStatus:
    assert household.app is not None
    person = await household.person()
    return (await household.app.service.strategies(person))[0].status


async def test_a_strategy_is_run_watched_and_stopped_keeping_its_coins(household):
    await running(household)
    card = await household.ask("/status", "Ciclo 1 · recompras 0/2")
    for part in (
        "Preço médio: 60.000",
        "Saída:",
        "(+3,",
        "Próxima recompra:",
        "(-1",
        "Investido:",
        "Lucro até agora",
    ):
        assert part in card["text"], part
    question = await household.ask("/stop", "Como ela deve parar")
    for part in (
        "1. Depois deste ciclo",
        "2. Cancelar as ordens e manter",
        "3. Cancelar as ordens e vender",
        "BTC",
        "USDT",
    ):
        assert part in question["text"], part
    await household.tap("2. Cancelar", "Tem certeza")
    await household.tap("Sim, cancelar e manter", "está parando")
    told = await household.wait_for("nenhuma ordem dela está aberta")
    assert "Agora são suas" in told["text"]
    assert await status_of(household) is RunStatus.IDLE
    await household.ask("/stop", "não há o que parar")


async def test_selling_now_tells_the_amount_before_and_the_result_after(household):
    await running(household)
    await household.ask("/parar", "Como ela deve parar")
    sure = await household.tap("3. Cancelar", "Tem certeza")
    assert "-0,60" in sure["text"]  # two fees of 0.1 % on 300
    await household.tap("Sim, cancelar e vender", "está parando")
    told = await household.wait_for("Ciclo 1 encerrado: vendido")
    assert "Prejuízo líquido: -0,60" in told["text"].replace("\xa0", " ")
    await household.wait_for("nenhuma ordem dela está aberta")


async def test_stopping_after_the_cycle_happens_at_once_and_run_takes_it_back(household):
    await running(household)
    await household.ask("/stop", "Como ela deve parar")
    await household.tap("1. Depois deste ciclo", "para depois deste ciclo")
    await household.ask("/status", "para depois deste ciclo")
    await household.app.service.run(await household.person(), 1)
    await household.wait_for("não para mais depois deste ciclo")


async def test_refreshing_edits_the_card_in_place(household):
    await running(household)
    card = await household.ask("/status", "Ciclo 1")
    for _ in range(3):
        await household.press("Atualizar")
        await household.settled()
    cards = [m for m in await household.messages() if "Ciclo 1 · recompras" in m["text"]]
    assert [m["message_id"] for m in cards] == [card["message_id"]]
    refused = [
        c for c in household.telegram.calls if c.method.lower() == "editmessagetext" and c.status != 200
    ]
    assert all("not modified" in c.description for c in refused)
    assert not [m for m in await household.messages() if "deu errado" in m["text"]]


async def test_a_used_confirmation_does_nothing_and_asks_again(household):
    await running(household)
    await household.ask("/stop", "Como ela deve parar")
    question = await household.tap("2. Cancelar", "Tem certeza")
    await household.tap("Sim, cancelar e manter", "nenhuma ordem dela está aberta")
    household.mark()
    await household.app.service.run(await household.person(), 1)
    await household.wait_for("iniciada")
    await household.press_again(question, "Sim, cancelar e manter")
    await household.wait_for("não vale mais")
    assert await status_of(household) is RunStatus.RUNNING


async def test_a_confirmation_from_before_a_restart_does_nothing_and_asks_again(household):
    await household.ready()
    await household.strategy(**FEW)
    await household.ask("/strategies", "lenta")
    await household.tap("lenta", "Primeira compra")
    question = await household.tap("Executar", "Executar esta estratégia")
    await household.restart()
    await household.press_again(question, "Sim, executar")
    await household.wait_for("não vale mais")
    await household.wait_for("Executar esta estratégia")
    assert await status_of(household) is RunStatus.IDLE


async def test_running_while_locked_offers_unlock(household):
    await household.ready()
    await household.strategy(**FEW)
    await household.ask("/lock", "Trancado")
    await household.ask("/strategies", "lenta")
    await household.tap("lenta", "Primeira compra")
    await household.tap("Executar", "Executar esta estratégia")
    answer = await household.tap("Sim, executar", "cofre está trancado")
    assert "Destrancar" in answer["buttons"][0][0]["text"]


async def test_a_locked_vault_after_a_restart_is_told_and_unlock_goes_on(household):
    await running(household)
    household.mark()
    await household.restart()
    told = await household.wait_for("Fui reiniciado: trancado desde")
    assert "lenta" in told["text"]
    await household.ask("/status", "trancada")
    await household.press("Destrancar")
    await household.wait_for("Envie sua senha")
    await household.ask(PASSWORD, "1 estratégia continua")


async def test_the_file_is_sent_as_a_document(household):
    await household.ready()
    await household.strategy(**FEW)
    await household.ask("/strategies", "lenta")
    await household.tap("lenta", "Primeira compra")
    await household.press(".js")
    await household.settled()
    sent = [m["document"] for m in await household.messages() if m["document"]]
    assert sent[0]["name"] == "lenta.js"


async def test_another_persons_strategy_does_not_exist(household):
    """Bob, let in too, presses numbers that are Ana's."""
    await household.ready()
    await household.strategy(**FEW)
    await household.app.store.add_person(chat_id=2, name="Bob", locale="en", role=Role.USER)
    nonce = household.app.application.bot_data["confirmations"].ask(
        (await household.person(1)).id, RunStrategy(1)
    )
    await household.ask("/start", "Trader Automata", user=2)
    world = household.telegram.world
    for action in (
        "strategy:1",
        "run:1",
        f"run_yes:1:{nonce}",
        "file:1",
        "status:1",
        "stop:1",
        "stop_how:1:sell_now",
    ):
        await household.forge(f"v1:{action}", user=2)
        await household.wait_for("There is no such strategy", user=2)
    assert world.people[2].started
    assert await status_of(household) is RunStatus.IDLE


@pytest.mark.parametrize(
    "pressed",
    ["run:x", "run", "stop_how:1:explode", "status:99999999", "nothing:1", "junk", "stop_yes:1:sell_now:n"],
)
async def test_buttons_that_were_never_ours_are_answered_and_do_nothing(household, pressed):
    await household.ready()
    await household.strategy(**FEW)
    await household.forge(f"v1:{pressed}" if pressed != "junk" else pressed)
    await household.settled()
    answered = [c for c in household.telegram.calls if c.method.lower() == "answercallbackquery"]
    assert [c.status for c in answered][-1:] == [200]
    assert not [m for m in await household.messages() if "deu errado" in m["text"]]
    assert await status_of(household) is RunStatus.IDLE


def test_every_way_to_stop_has_its_words():
    for locale in LOCALES:
        for mode in StopMode:
            assert f"stop.done_{mode.value}" in texts_for(locale)
            assert f"stop.{mode.value}_nothing_held" in texts_for(locale)
