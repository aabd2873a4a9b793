"""Passwords and keys in the chat: taken, deleted, and written down nowhere."""

import base64
from pathlib import Path

import pytest

from handlers.confirm import VALID_SECONDS as CONFIRM_SECONDS
from handlers.confirm import Confirmations
from handlers.context import CONFIRMATIONS
from handlers.secret_entry import HIDDEN_SECONDS, VALID_SECONDS, Awaited, SecretEntry, Want
from tests.handlers.household import PASSWORD, a_household

CANARY = "canary-9f27 sits in the mine"


def files_with(folder: Path, text: str) -> list[str]:
    return [str(f) for f in folder.rglob("*") if f.is_file() and text.encode() in f.read_bytes()]


async def user_texts(household, user=1):
    return [m["text"] for m in await household.messages(user) if m["from"] == "user" and not m["deleted"]]


async def vault(household):
    return await household.app.service.vault_state(await household.person())


async def test_the_sandbox_key_is_one_press_and_a_password_away(household):
    await household.ready()
    state = await vault(household)
    assert state.unlocked
    assert [e.value for e in state.environments] == ["sandbox-bybit"]
    kept = [m["text"] for m in await household.messages() if "✅" in m["text"]]
    assert "não pode sacar" in kept[-1]
    assert PASSWORD not in await user_texts(household)


async def test_a_typed_key_goes_step_by_step_into_the_vault(household):
    venue = household.venue
    await household.ask("/chaves", "ainda não tem senha")
    await household.tap("Adicionar chave", "qual ambiente")
    await household.tap("Sandbox", "12 caracteres")
    await household.ask(PASSWORD, "Mais uma vez")
    await household.ask(PASSWORD, "API key")
    await household.ask(venue.api_key, "API secret")
    await household.ask(venue.api_secret, "pode negociar")
    assert not {PASSWORD, venue.api_key, venue.api_secret} & set(await user_texts(household))
    assert [e.value for e in (await vault(household)).environments] == ["sandbox-bybit"]


async def test_secrets_are_in_no_file_of_ours_and_not_in_the_chat(household):
    """The canaries travel every way: taken, too short, different, wrong, refused by the exchange."""
    refused = "canary-key-refused-by-the-exchange"
    hidden = "canary-secret-of-the-refused-key"
    short = "canary-shrt"
    wrong = "canary but not the password"
    await household.ask("/keys", "ainda não tem senha")
    await household.tap("Adicionar chave", "qual ambiente")
    await household.tap("Sandbox", "12 caracteres")
    await household.ask(short, "menos de 12")
    await household.ask(CANARY, "Mais uma vez")
    await household.ask(wrong, "não eram iguais")
    await household.ask(CANARY, "Mais uma vez")
    await household.ask(CANARY, "API key")
    await household.ask(refused, "API secret")
    await household.ask(hidden, "recusa a chave")
    await household.ask("/lock", "Trancado")
    await household.ask("/unlock", "Envie sua senha")
    await household.ask(wrong, "A senha não é essa")
    await household.settled()
    assert not [t for t in await user_texts(household) if "canary" in t]
    data = household.folder / "data"
    assert (await vault(household)).environments == ()  # the refused key was not kept either
    assert files_with(data, "inbox")  # and it is the right folder that is searched
    for secret in (CANARY, short, wrong, refused, hidden):
        assert files_with(data, secret) == [], secret
    await household.close()
    for secret in (CANARY, short, wrong, refused, hidden):
        assert files_with(data, secret) == [], secret


async def test_locked_after_a_restart_and_unlocked_by_the_password(household):
    await household.ready()
    await household.restart()
    await household.ask("/unlock", "Envie sua senha")
    await household.ask("not the right password", "A senha não é essa")
    await household.ask(PASSWORD, "Nenhuma estratégia esperava")
    assert (await vault(household)).unlocked
    await household.ask("/unlock", "já está aberto")
    await household.ask("/bloquear", "Trancado")
    assert not (await vault(household)).unlocked


async def test_many_wrong_passwords_say_how_long_to_wait(household):
    await household.ready()
    await household.ask("/lock", "Trancado")
    await household.ask("/unlock", "Envie sua senha")
    for _ in range(12):
        await household.say("certainly not it")
        told = await household.wait_for("senha não é essa")
        if "próxima tentativa" in told["text"]:
            break
    else:
        raise AssertionError("no wait was ever named")


async def test_a_command_leaves_the_secret_entry_and_cancel_says_so(household):
    await household.ask("/keys", "ainda não tem senha")
    await household.tap("Adicionar chave", "qual ambiente")
    await household.tap("Sandbox", "12 caracteres")
    await household.ask("/status", "Nenhuma estratégia")
    await household.ask("/cancelar", "Cancelado")
    await household.ask("free text again", "Eu não esperava")


async def test_without_secrets_in_chat_the_command_line_is_named(tmp_path):
    async with a_household(tmp_path, secrets_in_chat=False) as household:
        await household.ask("/keys", "trader-automata keys add")
        assert not [b for b in await household.buttons() if "Adicionar" in b]
        await household.tap("sandbox", "trader-automata keys add")
        await household.ask("some long enough text", "Eu não esperava")


async def test_a_key_is_removed_after_a_second_look_and_once(household):
    await household.ready()
    await household.ask("/keys", "Sandbox")
    await household.tap("Remover chave", "Qual chave")
    await household.tap("Sandbox", "Remover a chave")
    await household.tap("Sim, remover", "foi apagada")
    assert (await vault(household)).environments == ()


async def test_unattended_resume_is_offered_only_with_a_master_key_and_in_honest_words(tmp_path):
    master = f"k1:{base64.b64encode(bytes(range(32))).decode()}"
    async with a_household(tmp_path, vault_master_keys=master) as household:
        await household.ready()
        await household.ask("/keys", "Sandbox")
        told = await household.tap("Continuar após reinícios", "Continuar após reinícios sem sua senha")
        assert "pode descriptografar" in told["text"]
        assert "60 segundos" in told["text"]
        await household.tap("Aceito isso", "continuam sozinhas")
        assert (await vault(household)).unattended
        await household.ask("/keys", "Sandbox")
        await household.tap("Pedir minha senha", "Voltar a pedir sua senha")
        assert (await vault(household)).unattended
        await household.tap("Voltar a pedir minha senha", "A partir de agora só sua senha")
        assert not (await vault(household)).unattended


@pytest.mark.parametrize(("wish", "other"), [("on", "off"), ("off", "on")])
async def test_a_press_that_changes_unattended_resume_expires_works_once_and_is_nobody_elses(
    tmp_path, wish, other
):
    master, now = f"k1:{base64.b64encode(bytes(range(32))).decode()}", [0.0]
    async with a_household(tmp_path, vault_master_keys=master) as household:
        household.app.application.bot_data[CONFIRMATIONS] = Confirmations(lambda: now[0])
        await household.ready()
        invite = await household.app.service.people.invite(await household.person())
        await household.ask(f"/start {invite.code}", "Trader Automata", user=2)
        person = await household.person()
        await household.app.service.set_unattended(person, enabled=other == "on")

        async def asked():
            await household.forge(f"v1:unattended:{wish}")
            return str((await household.wait_for("60 segundos"))["buttons"][0][0]["data"])

        async def refused(pressed, user=1, told="não vale mais"):
            await household.forge(pressed, user)
            await household.wait_for(told, user)
            assert (await vault(household)).unattended is (other == "on")

        await refused((await asked()).replace(f":{wish}:", f":{other}:"))
        pressed = await asked()
        await refused(pressed, user=2, told="no longer valid")
        now[0] += CONFIRM_SECONDS
        await refused(pressed)
        pressed = await asked()
        await household.tap(
            "Aceito isso" if wish == "on" else "Voltar a pedir", "sozinhas" if wish == "on" else "só sua"
        )
        assert (await vault(household)).unattended is (wish == "on")
        await household.app.service.set_unattended(person, enabled=other == "on")
        await refused(pressed)


async def test_unattended_resume_is_not_offered_without_a_master_key(household):
    await household.ready()
    await household.ask("/keys", "Sandbox")
    assert not [b for b in await household.buttons() if "reinícios" in b]


@pytest.mark.parametrize("wallet", [("AccountTransfer",), ("Withdraw",)])
async def test_a_key_that_may_withdraw_is_refused_with_the_reason(household, wallet):
    key, secret = household.venue.add_account("rich", wallet_permissions=wallet)
    await household.ask("/keys", "ainda não tem senha")
    await household.tap("Adicionar chave", "qual ambiente")
    await household.tap("Sandbox", "12 caracteres")
    await household.ask(PASSWORD, "Mais uma vez")
    await household.ask(PASSWORD, "API key")
    await household.ask(key, "API secret")
    if wallet == ("Withdraw",):
        await household.ask(secret, "permite saques")
        assert (await vault(household)).environments == ()
    else:
        told = await household.ask(secret, "pode negociar")
        assert "pode mais do que precisa (Wallet: AccountTransfer)" in told["text"]


async def test_a_slow_answer_is_hidden_but_not_taken():
    now = [0.0]
    entry = SecretEntry(lambda: now[0])
    entry.ask(1, Awaited(Want.API_KEY))
    assert entry.awaited(1) is not None
    now[0] = VALID_SECONDS
    assert entry.awaited(1) is None
    assert entry.hides(1)
    assert not entry.hides(2)
    now[0] = HIDDEN_SECONDS
    assert not entry.hides(1)
