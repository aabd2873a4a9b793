"""Every command in both languages."""

import pytest

from handlers.commands import COMMANDS, menu

ANSWERS = {
    "start": "Trader Automata",
    "help": ("What I can do", "O que eu sei fazer"),
    "keys": ("You have no password yet", "Você ainda não tem senha"),
    "unlock": ("You have no vault yet", "Você ainda não tem cofre"),
    "lock": ("You have no vault yet", "Você ainda não tem cofre"),
    "strategies": ("You have no strategy yet", "Você ainda não tem estratégias"),
    "status": ("No strategy is running", "Nenhuma estratégia está em execução"),
    "stop": ("nothing to stop", "não há o que parar"),
    "panic": ("nothing to stop", "não há o que parar"),
    "language": ("Which language", "Em que idioma"),
    "profit": ("No cycle has closed yet", "Nenhum ciclo foi encerrado ainda"),
    "why": ("no strategy is running", "nenhuma estratégia está em execução"),
    "log": ("Nothing has happened yet", "Ainda não aconteceu nada"),
    "alerts": ("Press an event", "Toque em um evento"),
    "timezone": ("Your time zone", "Seu fuso"),
    "cancel": ("nothing to cancel", "Não há nada para cancelar"),
}


@pytest.mark.parametrize("locale", ["en", "pt_BR"])
async def test_every_command_and_its_alias_answers_in_the_persons_language(household, locale):
    await household.ask("/language", "idioma")
    await household.tap(
        "English" if locale == "en" else "Português", "English it is" if locale == "en" else "Certo"
    )
    for command in COMMANDS:
        if command.name == "newstrategy":
            continue
        told = ANSWERS[command.name]
        part = told if isinstance(told, str) else told[0 if locale == "en" else 1]
        for name in command.names:
            await household.ask(f"/{name}", part)


async def test_the_first_contact_takes_telegrams_language(household):
    await household.ask("/start", "Compro uma moeda em etapas")
    assert (await household.person()).locale == "pt_BR"


async def test_the_command_menu_is_up_in_both_languages(household):
    calls = [c for c in household.telegram.calls if c.method.lower() == "setmycommands"]
    assert [c.params.get("language_code") for c in calls] == [None, "pt"]
    assert {c.command for c in menu("pt_BR")} >= {"parar", "novaestrategia"}


@pytest.mark.parametrize("text", ["hello there", "/nosuchthing", "12345", "😀", "x" * 4096])
async def test_what_nobody_asked_for_gets_a_friendly_line(household, text):
    await household.ask("/start", "Trader Automata")
    answer = await household.ask(text, "/ajuda")
    assert answer["text"]


async def test_a_dead_button_is_answered(household):
    await household.ask("/start", "Trader Automata")
    query = household.telegram.world
    await household.press("Idioma")
    await household.wait_for("idioma")
    answered = [c for c in query.calls if c.method.lower() == "answercallbackquery"]
    assert answered
