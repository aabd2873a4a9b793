"""Every command in both languages."""

import pytest

from bot.domain.notices import VaultLockedNotice
from handlers.commands import COMMANDS, menu
from tests.handlers.household import a_household

ANSWERS = {
    "start": "Trader Automata",
    "help": ("What I can do", "O que eu sei fazer"),
    "keys": ("You have no password yet", "Você ainda não tem senha"),
    "unlock": ("You have no vault yet", "Você ainda não tem cofre"),
    "lock": ("You have no vault yet", "Você ainda não tem cofre"),
    "strategies": ("You have no strategy yet", "Você ainda não tem estratégias"),
    "backtest": ("There is no strategy to test yet", "Ainda não há estratégia para testar"),
    "optimize": ("There is no strategy to test yet", "Ainda não há estratégia para testar"),
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
    assert [c.params.get("language_code") for c in calls][:2] == [None, "pt"]
    assert {c.command for c in menu("pt_BR")} >= {"parar", "novaestrategia"}


async def menu_of(household, user):
    async with household.http.get(
        f"{household.telegram.url}/chat/state", params={"user": str(user)}
    ) as answer:
        state = await answer.json()
    return {each["command"] for each in state["commands"]}


async def test_the_owner_alone_has_the_owners_commands_in_the_menu_in_both_languages(household):
    await household.until(lambda: len(menus(household)) == 4, "both menus, each in two languages")
    assert await menu_of(household, 1) >= {"pessoas", "convidar", "auditoria", "parar"}
    household.telegram.world.people[1].profile["language_code"] = "en"
    assert await menu_of(household, 1) >= {"people", "invite", "audit", "stop"}
    invite = await household.app.service.people.invite(await household.person())
    await household.ask(f"/start {invite.code}", "Trader Automata", user=2)
    assert await menu_of(household, 2) & {"people", "invite", "audit"} == set()


def menus(household):
    return [c for c in household.telegram.calls if c.method.lower() == "setmycommands"]


async def test_who_claims_the_program_gets_the_owners_menu_at_once(tmp_path):
    async with a_household(tmp_path, telegram_owner_id=None) as household:
        code = await household.app.service.people.new_claim_code()
        assert "convidar" not in await menu_of(household, 1)
        await household.ask(f"/start {code}", "Trader Automata")
        assert "convidar" in await menu_of(household, 1)


async def test_an_owner_whom_telegram_does_not_know_yet_does_not_stop_the_program(tmp_path):
    async with a_household(tmp_path, telegram_owner_id=777) as household:
        await household.until(lambda: len(menus(household)) == 3, "the owner's menu was tried")
        await household.ask("/start", "particular")


async def test_before_its_language_is_known_a_chat_reads_a_notice_in_both(household):
    await household.ask("/start", "Trader Automata")
    person = await household.person()
    await household.app.service.set_locale(
        person, ""
    )  # as for an owner of the settings, known from an earlier life
    household.mark()
    notice = VaultLockedNotice(("lenta",), household.app.service.now(), ())
    await household.app.store.announce(person.id, notice, key="x")
    told = await household.wait_for("trancado desde")
    assert "locked since" in told["text"]


async def test_locking_the_vault_stands_in_the_audit_log_once(household):
    await household.ready()
    await household.ask("/lock", "Trancado")
    await household.ask("/lock", "Trancado")
    told = await household.ask("/audit", "Quem fez o quê")
    assert told["text"].count("trancou o cofre") == 1


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
