"""Items 7 to 10 of the setup: plan, save, run, another."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.params import StrategyParams
from bot.ports import RunStatus
from tests.handlers.household import PASSWORD, Household
from tests.handlers.setup_talk import (
    EN,
    LABELS,
    PT,
    SAID,
    Chat,
    draft_of,
    labels,
    pressed,
    saved,
    status_of,
    to_field,
    to_item_1,
    to_review,
)


@pytest.fixture
def chat(household: Household) -> Chat:
    return Chat(household)


@pytest.mark.parametrize("locale", [PT, EN])
async def test_by_defaults_eight_presses_lead_to_a_running_strategy(
    household: Household, chat: Chat, locale: str
) -> None:
    await household.ready()
    assert household.app is not None
    service, person = household.app.service, await household.person()
    await service.set_locale(person, locale)
    press, said = LABELS[locale], SAID[locale]
    await to_item_1(chat)
    await chat.tap(press["rest"], said["review"])
    await chat.tap(press["plan"], said["fine"])
    photos = [m for m in await household.messages() if m["photo"]]
    assert len(photos) == 1
    assert said["cost"] in photos[0]["text"]
    await chat.tap(press["save"], "8 salvar_estrategia")
    await chat.tap(press["use"], "9 executar_estrategia")
    document = next(m for m in await household.messages() if m["document"])
    assert document["document"]["name"].endswith(".js")
    asked = await chat.tap(press["run"], said["sim"])
    for part in ("sandbox-bybit", "BTCUSDT", "SIM"):
        assert part in asked["text"]
    for money in ("300,00", "4.791,83", "5.000,00") if locale == PT else ("300.00", "4,791.83", "5,000.00"):
        assert money in asked["text"]
    await chat.tap(press["yes"], said["started"])
    await chat.tap(press["done"], said["over"])
    (saved,) = await service.strategies(person)
    assert saved.status is RunStatus.RUNNING
    assert saved.params == StrategyParams()
    assert await draft_of(household) is None


async def test_a_plan_under_the_minimum_cannot_be_saved_until_mended(
    household: Household, chat: Chat
) -> None:
    await to_review(chat)
    await to_field(chat, "qty_inicial")
    await chat.ask("2", "✓ 1 qty_inicial = 2")
    planned = await chat.tap("7 Plano", "Assim não pode")
    assert "8 Salvar" not in labels(planned)
    card = await chat.tap("Alterar", "Revisão")
    refused = await chat.tap("8 Salvar", "Assim não pode")
    assert "no mínimo" in refused["text"]
    assert card["message_id"] != refused["message_id"]
    await to_field(chat, "qty_inicial")
    await chat.ask("100", "✓ 1 qty_inicial = 100")
    await chat.tap("8 Salvar", "8 salvar_estrategia")


async def test_names_are_suggested_once_and_never_used_twice(household: Household, chat: Chat) -> None:
    await household.strategy("BTC 300 1%")
    await to_review(chat)
    asked = await chat.tap("8 Salvar", "8 salvar_estrategia")
    assert "Usar BTC 300 1% (2)" in labels(asked)
    await chat.ask("BTC 300 1%", "9 executar")  # the very same strategy, saved before: not a second one
    assert household.app is not None
    assert len(await household.app.service.strategies(await household.person())) == 1
    await chat.tap("Agora não", "10 configurar")
    await chat.tap("Outra", "🧪")
    await chat.tap("sandbox-bybit", "ETHUSDT")
    await chat.tap("BTCUSDT", "1 qty_inicial")
    await chat.ask("301", "1.1")
    await chat.tap("Padrões no resto", "Revisão")
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    await chat.ask("BTC 300 1%", "Você já tem")
    await chat.ask("x" * 100, "⚠️ nome")
    await chat.ask("a <b>minha</b> & só", "9 executar")


async def test_not_saving_goes_on_to_another(household: Household, chat: Chat) -> None:
    await to_review(chat)
    await chat.tap("7 Plano", "Nada nela fere")
    await chat.tap("Não salvar", "Não foi salva")
    await chat.tap("Outra", "🧪")
    assert household.app is not None
    assert await household.app.service.strategies(await household.person()) == []


async def test_running_without_keys_says_so_and_keeps_the_strategy(household: Household, chat: Chat) -> None:
    await saved(chat)
    asked = await chat.tap("9 Executar", "preciso das chaves")
    assert "🔑 Chaves" in labels(asked)
    assert await status_of(household) is RunStatus.IDLE
    await household.ready()
    await chat.tap("9 Tentar", "SIMULAÇÃO")


async def test_running_with_a_locked_vault_says_so_and_keeps_the_strategy(
    household: Household, chat: Chat
) -> None:
    await household.ready()
    await saved(chat)
    await household.restart()
    asked = await chat.tap("9 Executar", "cofre precisa estar aberto")
    assert "🔓 Desbloquear" in labels(asked)
    assert await status_of(household) is RunStatus.IDLE
    await household.tap("Desbloquear", "senha")
    await household.ask(PASSWORD, "")
    await chat.tap("9 Tentar", "SIMULAÇÃO")


async def test_a_late_confirmation_is_asked_again(household: Household, chat: Chat) -> None:
    await household.ready()
    await saved(chat)
    old = await chat.tap("9 Executar", "SIMULAÇÃO")
    assert household.app is not None
    confirmations = household.app.application.bot_data["confirmations"]
    confirmations._open.clear()  # what 60 seconds do
    asked = await chat.tap("Executar em simulação", "venceu")
    assert "SIMULAÇÃO" in asked["text"]
    assert await status_of(household) is RunStatus.IDLE
    await chat.tap("Executar em simulação", "está rodando")
    assert await status_of(household) is RunStatus.RUNNING
    (carried,) = {b["data"] for row in old["buttons"] for b in row if "Executar" in b["text"]}
    await chat.again(900_001, callback_query=pressed(old, carried))


async def test_a_ladder_that_broke_a_rule_since_it_was_saved_is_not_run(
    household: Household, chat: Chat
) -> None:
    await household.ready()
    await household.strategy("pequena", qty_inicial=Decimal(2), saldo_limite=Decimal(0))
    assert household.app is not None
    service, person = household.app.service, await household.person()
    (small,) = await service.strategies(person)
    await to_item_1(chat)
    draft = await draft_of(household)
    assert draft is not None
    await service.save_draft(replace(draft, cursor=f"saved:{small.id}"))
    message = (await household.messages())[-1]
    await chat.again(900_001, callback_query=pressed(message, "v1:ns:run"))
    told = (await household.messages())[-1]
    assert "não pode rodar" in told["text"]
    assert "no mínimo" in told["text"]
    assert await status_of(household) is RunStatus.IDLE
