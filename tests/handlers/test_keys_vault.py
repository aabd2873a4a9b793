"""The vault's life in the chat: words offered, lockout over a restart, another password, the end, the time away."""

import asyncio
from decimal import Decimal

from bot.domain.orders import OrderStatus
from bot.domain.state import Phase
from bot.ports import RunStatus
from tests.handlers.household import PASSWORD, SECONDS
from tests.handlers.test_keys import user_texts, vault

NEW = "four other plain words"


async def test_five_random_words_are_offered_with_the_first_password(household):
    await household.ask("/keys", "ainda não tem senha")
    asked = await household.tap("sandbox", "cinco palavras aleatórias")
    words = next(e for e in asked["entities"] if e["type"] == "code")
    offered = asked["text"].encode("utf-16-le")[words["offset"] * 2 : (words["offset"] + words["length"]) * 2]
    typed = offered.decode("utf-16-le")
    assert len(typed.split("-")) == 5
    await household.ask(typed, "Mais uma vez")
    await household.ask(typed, "pode negociar")


async def test_the_lockout_is_told_with_its_wait_and_survives_a_restart(household):
    await household.ready()
    await household.ask("/lock", "Trancado")
    await household.ask("/unlock", "Envie sua senha")
    for _ in range(4):
        await household.ask("certainly not it", "A senha não é essa. Envie de novo")
    await household.ask("certainly not it", "próxima tentativa é possível em")
    await household.restart()
    await household.ask("/unlock", "Envie sua senha")
    await household.ask(PASSWORD, "próxima tentativa é possível em")
    assert not (await vault(household)).unlocked
    await household.rows("UPDATE vaults SET wait_until = 1")
    await household.ask(PASSWORD, "Nenhuma estratégia esperava")
    await household.ask("/lock", "Trancado")
    await household.ask("/unlock", "Envie sua senha")
    await household.ask("certainly not it", "A senha não é essa. Envie de novo")  # the count began anew


async def test_the_password_is_changed_in_the_chat(household):
    await household.ready()
    await household.ask("/keys", "Sandbox")
    await household.tap("Trocar a senha", "senha atual")
    await household.ask("not the present one", "Escolha uma senha")
    await household.ask(NEW, "Mais uma vez")
    await household.ask(NEW, "A senha não é essa")
    await household.ask("/keys", "Sandbox")
    await household.tap("Trocar a senha", "senha atual")
    await household.ask(PASSWORD, "Escolha uma senha")
    await household.ask(NEW, "Mais uma vez")
    await household.ask(NEW, "senha nova já vale")
    await household.ask("/lock", "Trancado")
    await household.ask("/unlock", "Envie sua senha")
    await household.ask(PASSWORD, "A senha não é essa")
    await household.ask(NEW, "Nenhuma estratégia esperava")
    assert not {PASSWORD, NEW} & set(await user_texts(household))


async def running_one(household, **params):
    await household.ready()
    strategy = await household.strategy(**{name: Decimal(value) for name, value in params.items()})
    household.mark()
    await household.app.service.run(await household.person(), strategy.id)
    await household.wait_for("Primeira compra")
    await resting(household, strategy)
    return strategy


async def resting(household, strategy):
    """Until the exit and the next re-buy rest at the exchange."""
    async with asyncio.timeout(SECONDS):
        while True:
            state = await household.app.supervisor.state(strategy.id)
            live = [o for o in state.orders if o.status is OrderStatus.LIVE]
            if state.phase is Phase.HOLDING and len(live) == 2:
                return
            await asyncio.sleep(0.02)


async def test_forgetting_tells_what_follows_and_is_done_on_the_second_press_alone(household):
    strategy = await running_one(household)
    await household.ask("/keys", "Sandbox")
    asked = await household.tap("Esquecer tudo", "Esquecer sua senha e todas as chaves?")
    assert "1 estratégia em execução para a partir daí" in asked["text"]
    assert "lenta · BTCUSDT: saída agora em" in asked["text"]
    assert (await vault(household)).exists
    question = await household.press("Sim, esquecer tudo")
    await household.wait_for("Esquecido.")
    state = await vault(household)
    assert (state.exists, state.environments) == (False, ())
    found = await household.app.service.strategy(await household.person(), strategy.id)
    assert (found.status, found.pause_reason) == (RunStatus.PAUSED, "keys_forgotten")
    assert len(household.venue.core.open_orders["demo"]) == 2, "the orders rest untouched"
    await household.press_again(question, "Sim, esquecer tudo")
    await household.wait_for("Essa confirmação não vale mais")


async def test_a_lost_password_can_be_forgotten_while_locked(household):
    await household.ready()
    await household.restart()
    await household.ask("/keys", "Sandbox")
    await household.tap("Esquecer tudo", "Nenhuma estratégia está rodando")
    await household.tap("Sim, esquecer", "Esquecido.")
    await household.ready()


async def test_after_a_restart_the_chat_says_since_when_and_after_unlock_what_filled(household):
    await running_one(household, recompra_queda_inicial="0.001", lucro_alvo_inicial="0.003")
    await household.close()
    venue, known = household.venue, len(household.venue.core.executions["demo"])
    for _ in range(500):
        await venue.market.step()
        if len(venue.core.executions["demo"]) > known:
            break
    missed = len(venue.core.executions["demo"]) - known
    assert missed > 0
    household.mark()
    await household.open()
    locked = await household.wait_for("trancado desde")
    assert "lenta · BTCUSDT: saída ainda em" in locked["text"]
    assert "/desbloquear" in locked["text"]
    await household.ask("/unlock", "Envie sua senha")
    await household.ask(PASSWORD, "1 estratégia continua")
    told = await household.wait_for("nesse meio-tempo")
    assert f"{missed} execuç" in told["text"]


async def test_a_vault_locked_by_hand_is_told_with_its_time_when_it_opens(household):
    await running_one(household)
    await household.ask("/lock", "Trancado")
    await household.ask("/unlock", "Envie sua senha")
    await household.ask(PASSWORD, "1 estratégia continua")
    told = await household.wait_for("nenhuma execução nesse meio-tempo")
    assert "lenta · BTCUSDT: saída agora em" in told["text"]
