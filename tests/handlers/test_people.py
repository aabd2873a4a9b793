"""Invites, the list of people, removal, the audit log, quotas."""

import re

import pytest

from bot.domain.orders import Leg
from bot.errors import NotAllowed
from bot.ports import RunStatus
from bot.service.people import INVITE_HOURS
from handlers.confirm import VALID_SECONDS, Confirmations
from handlers.context import CONFIRMATIONS
from tests.handlers.household import PASSWORD, Household, a_household
from tests.handlers.test_stop import FEW, open_orders, until_legs


async def bob_joins(household: Household) -> str:
    told = await household.ask("/convidar", "Um convite para uma pessoa")
    code = re.search(r"\?start=([\w-]+)", told["text"])
    assert code is not None, told["text"]
    assert f"/start {code[1]}" in told["text"]
    await household.ask(f"/start {code[1]}", "Trader Automata", user=2)
    return code[1]


async def test_an_invite_lets_one_person_in_once(household):
    code = await bob_joins(household)
    bob = await household.person(2)
    assert (bob.role.value, bob.locale) == ("user", "en")
    assert await household.app.service.people.accept(chat_id=3, name="C", locale="en", code=code) is None


async def test_an_invite_expires(household):
    people = household.app.service.people
    invite = await people.invite(await household.person())
    await household.app.database.run(
        lambda db: (
            db.execute("UPDATE invites SET expires_at = expires_at - ?", [INVITE_HOURS * 3_600_000]).rowcount
        )
    )
    await household.ask(f"/start {invite.code}", "This is a private bot", user=2)
    assert await household.app.service.person(2) is None


async def test_only_a_fingerprint_of_an_invite_is_kept(household):
    invite = await household.app.service.people.invite(await household.person())
    for table in ("invites", "audit"):
        assert invite.code not in str(await household.rows(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("command", ["/people", "/pessoas", "/invite", "/convidar", "/audit", "/auditoria"])
async def test_a_user_may_not_do_what_the_owner_may(household, command):
    await bob_joins(household)
    await household.ask(command, "Only the owner", user=2)
    assert len(await household.rows("SELECT 1 FROM invites")) == 1


async def test_the_owners_commands_stand_in_the_owners_help_only(household):
    await bob_joins(household)
    assert "/convidar" in (await household.ask("/ajuda", "/parar"))["text"]
    assert "/invite" not in (await household.ask("/help", "/stop", user=2))["text"]


async def test_a_removed_person_is_served_no_more_and_may_be_invited_again(household):
    await bob_joins(household)
    bob = await household.person(2)
    await household.ask("/people", "Pessoas")
    await household.tap("Bob", "Nenhuma estratégia desta pessoa")
    await household.tap("Remover", "não é mais atendido")
    await household.tap("Sim, remover", "foi removido")
    await household.wait_for("no longer have access", user=2)
    await household.ask("/status", "This is a private bot", user=2)
    invite = await household.app.service.people.invite(await household.person())
    await household.ask(f"/start {invite.code}", "Trader Automata", user=2)
    assert (await household.person(2)).id == bob.id


async def test_removing_says_what_runs_leaves_the_orders_and_never_takes_them_up_again(household):
    await bob_joins(household)
    await household.ready(user=2)
    strategy = await household.strategy("bobs", user=2, **FEW)
    await household.app.service.run(await household.person(2), strategy.id)
    await until_legs(household, strategy.id, {Leg.EXIT, Leg.REBUY})
    await household.ask("/people", "em execução: 1")
    await household.tap("Bob", "bobs (BTCUSDT)")
    sure = await household.tap("Remover e esquecer", "nunca mais poderão ser lidas")
    assert "bobs (BTCUSDT)" in sure["text"]
    await household.tap("Sim, remover", "ficaram na corretora")
    assert open_orders(household) == 2
    assert await household.rows("SELECT * FROM secrets") == []
    assert not household.app.supervisor._runners
    await household.restart()
    assert not household.app.supervisor._runners


async def test_the_owner_cannot_be_removed(household):
    ana = await household.person()
    with pytest.raises(NotAllowed):
        await household.app.service.people.remove(ana, ana.id, forget=True)
    assert await household.app.service.person(1) is not None


async def test_removing_expires_works_once_and_is_nobody_elses(household):
    now = [0.0]
    household.app.application.bot_data[CONFIRMATIONS] = Confirmations(lambda: now[0])
    await bob_joins(household)
    bob = (await household.person(2)).id
    await household.forge(f"v1:person_remove:{bob}:keep")
    pressed = (await household.wait_for("60 segundos"))["buttons"][0][0]["data"]
    await household.forge(pressed, user=2)
    await household.settled()
    assert await household.app.service.person(2) is not None
    now[0] = VALID_SECONDS
    await household.forge(pressed)
    await household.wait_for("não vale mais")
    assert await household.app.service.person(2) is not None


NEXT = "another plain password"


async def test_the_audit_log_tells_who_did_what_and_no_secret(household):
    code = await bob_joins(household)
    await household.ready()
    await household.strategy("lenta", **FEW)
    ana = await household.person()
    await household.app.service.run(ana, 1)
    await household.app.service.lock(ana)
    await household.ask("/unlock", "senha")
    await household.ask("not the password", "A senha não é essa")
    await household.ask(PASSWORD, "🔓")
    await household.ask("/keys", "Chaves")
    await household.tap("Trocar a senha", "senha atual")
    for typed, answered in ((PASSWORD, "Escolha uma senha"), (NEXT, "Mais uma vez"), (NEXT, "já vale")):
        await household.ask(typed, answered)
    await household.ask("/panic", "Parar tudo")
    await household.tap("manter moedas", "1 estratégia")
    await household.tap("Sim, tudo agora", "o que foi feito")
    told = await household.ask("/auditoria", "Quem fez o quê")
    for part in (
        "Ana: fez um convite",
        "Bob: entrou",
        "Ana: criou o cofre",
        "Ana: adicionou uma chave: sandbox-bybit",
        "Ana: rodou lenta",
        "Ana: errou a senha",
        "Ana: destrancou o cofre",
        "Ana: trocou a senha",
        "Ana: parou lenta",
    ):
        assert part in told["text"], part
    await household.press("Como arquivo")
    await household.until(lambda: any(c.method.lower() == "senddocument" for c in household.telegram.calls))
    kept = str(await household.rows("SELECT * FROM audit"))
    for secret in (
        PASSWORD,
        NEXT,
        code,
        "not the password",
        household.venue.api_key,
        household.venue.api_secret,
    ):
        assert secret not in kept


async def test_quotas_of_strategies_hold(tmp_path):
    async with a_household(tmp_path, max_running_strategies=1, max_saved_strategies=2) as household:
        await household.ready()
        ana, service = await household.person(), household.app.service
        await household.strategy("one", **FEW)
        await household.strategy("two", **FEW)
        with pytest.raises(NotAllowed, match="too_many_saved"):
            await household.strategy("three", **FEW)
        await service.run(ana, 1)
        with pytest.raises(NotAllowed, match="too_many_running"):
            await service.run(ana, 2)
        await service.run(ana, 1)  # one at work may go on
        assert [s.status for s in await service.strategies(ana)] == [RunStatus.RUNNING, RunStatus.IDLE]


async def test_a_flood_is_slowed_down_but_stopping_and_secrets_are_not(tmp_path):
    async with a_household(tmp_path, max_commands_a_minute=5) as household:
        for _ in range(5):
            await household.ask("/help", "/parar")
        await household.ask("/help", "Foram muitas mensagens")
        await household.say("/help")
        await household.settled()
        told = [m["text"] for m in await household.messages() if "Foram muitas" in m["text"]]
        assert len(told) == 1
        await household.ask("/stop", "não há o que parar")
        await household.ask("/panico", "não há o que parar")
        household.app.service.people._recent.clear()
        await household.ask("/keys", "Chaves")
        await household.tap("sandbox", "12")
        for _ in range(5):
            await household.say("/help")
        await household.settled()
        await household.ask(PASSWORD, "Mais uma vez")
        assert PASSWORD not in str([m["text"] for m in await household.messages() if not m["deleted"]])
