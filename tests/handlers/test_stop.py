"""Pausing re-buys, taking a stop back, and the kill switch, by chat on the stand-in exchange."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.events import StopMode
from bot.domain.orders import Leg, OrderStatus
from bot.errors import NotAllowed
from bot.ports import RunStatus
from handlers.confirm import VALID_SECONDS, Confirmations
from handlers.context import CONFIRMATIONS
from tests.handlers.household import PASSWORD, Household

FEW = {"limite_recompras": 2, "saldo_limite": Decimal(2000)}


async def at_work(household: Household, *names: str) -> None:
    """Ana's strategies that have bought and whose two orders rest."""
    await household.ready()
    assert household.app is not None
    for name in names:
        strategy = await household.strategy(name, **FEW)
        await household.app.service.run(await household.person(), strategy.id)
        await until_legs(household, strategy.id, {Leg.EXIT, Leg.REBUY})


async def until_legs(household: Household, strategy_id: int, legs: set[Leg]) -> None:
    supervisor = household.app.supervisor

    def rest() -> bool:
        runner = supervisor._runners.get(strategy_id)
        orders = runner.state.orders if runner is not None else ()
        return {o.leg for o in orders if o.status is OrderStatus.LIVE} == legs == {o.leg for o in orders}

    await household.until(rest, f"{legs} rest")


async def statuses(household: Household, user: int = 1) -> list[RunStatus]:
    return [s.status for s in await household.app.service.strategies(await household.person(user))]


async def until_idle(household: Household) -> None:
    await household.until_rows("SELECT count(*) FROM strategies WHERE status <> 'idle'", [(0,)])


def open_orders(household: Household) -> int:
    return len(household.venue.core.open_orders["demo"])


async def test_rebuys_are_paused_alone_with_their_amount_named_and_resumed(household):
    await at_work(household, "lenta")
    question = await household.ask("/stop", "Como ela deve parar")
    assert "Ou pausar só as recompras" in question["text"]
    assert "USDT em 59." in question["text"].replace("\xa0", " ").replace("\u202f", " ")
    await household.tap("Pausar só as recompras", "estão sendo pausadas")
    await household.wait_for("Recompras pausadas")
    await until_legs(household, 1, {Leg.EXIT})
    await household.ask("/status", "recompras pausadas")
    await household.ask("/stop", "As recompras estão pausadas")
    await household.tap("Retomar recompras", "as recompras continuam")
    await until_legs(household, 1, {Leg.EXIT, Leg.REBUY})


async def test_a_pause_outlives_a_restart(household):
    await at_work(household, "lenta")
    await household.ask("/stop", "Como ela deve parar")
    await household.tap("Pausar só as recompras", "estão sendo pausadas")
    await until_legs(household, 1, {Leg.EXIT})
    await household.restart()
    await household.ask("/unlock", "senha")
    await household.ask(PASSWORD, "🔓")
    await until_legs(household, 1, {Leg.EXIT})
    assert (await household.app.supervisor.state(1)).rebuys_paused


async def test_pausing_while_locked_says_so_and_what_to_do(household):
    await at_work(household, "lenta")
    await household.app.service.lock(await household.person())
    await household.ask("/stop", "Como ela deve parar")
    await household.press("Pausar só as recompras")
    told = await household.wait_for("trancado")
    assert [b["text"] for row in told["buttons"] for b in row]


async def test_a_stop_after_the_cycle_is_taken_back_in_stop_and_only_there(household):
    await at_work(household, "lenta")
    await household.ask("/stop", "Como ela deve parar")
    await household.tap("1. Depois deste ciclo", "para depois deste ciclo")
    await household.ask("/stop", "já vai parar")
    await household.tap("Não parar", "não para mais depois deste ciclo")
    await household.until(lambda: household.app.supervisor._runners[1].state.stop is None)
    await household.forge("v1:stop_not:1")  # nothing to take back now: it must not start anything either
    await household.settled()
    assert await statuses(household) == [RunStatus.RUNNING]


async def test_a_paused_strategy_is_resumed(household):
    await at_work(household, "lenta")
    household.app.supervisor._runners[1].freeze("no_key")
    await household.until_rows("SELECT status FROM strategies", [("paused",)])
    await household.app.service.run(await household.person(), 1)
    await until_legs(household, 1, {Leg.EXIT, Leg.REBUY})
    assert await statuses(household) == [RunStatus.RUNNING]


async def test_panic_names_everything_and_stops_everything_keeping_the_coins(household):
    await at_work(household, "lenta", "outra")
    question = await household.ask("/panico", "Parar tudo")
    for part in ("lenta", "outra", "custo total 600,00", "resultado de cerca de"):
        assert part in question["text"].replace("\u202f", " ").replace("\xa0", " "), part
    sure = await household.tap("Cancelar tudo, manter moedas", "2 estratégias")
    assert "60 segundos" in sure["text"]
    done = await household.tap("Sim, tudo agora", "o que foi feito")
    assert done["text"].count("✅") == 2
    await until_idle(household)
    assert open_orders(household) == 0
    await household.ask("/panico", "não há o que parar")


async def test_panic_sells_everything(household):
    await at_work(household, "lenta", "outra")
    await household.ask("/panic", "Parar tudo")
    await household.tap("Cancelar tudo, vender agora", "vender as moedas a mercado")
    await household.tap("Sim, tudo agora", "o que foi feito")
    await until_idle(household)
    assert open_orders(household) == 0
    sold = await household.rows("SELECT DISTINCT strategy_id FROM fills WHERE side = 'sell' ORDER BY 1")
    assert sold == [(1,), (2,)]


async def test_panic_while_locked_is_noted_said_and_carried_out_after_unlock(household):
    await at_work(household, "lenta")
    await household.app.service.lock(await household.person())
    resting = open_orders(household)
    assert resting == 2
    question = await household.ask("/panic", "Parar tudo")
    assert "Seu cofre está trancado" in question["text"]
    await household.tap("Cancelar tudo, vender agora", "1 estratégia")
    done = await household.tap("Sim, tudo agora", "o que foi feito")
    for part in ("ainda não feito", "saída", "recompra", "abra o aplicativo da corretora", "ta-"):
        assert part in done["text"], part
    assert open_orders(household) == resting
    await household.restart()
    await household.ask("/unlock", "senha")
    await household.ask(PASSWORD, "🔓")
    await until_idle(household)
    assert open_orders(household) == 0
    await household.until_rows("SELECT * FROM stop_wishes", [])
    assert await household.rows("SELECT 1 FROM fills WHERE side = 'sell'")


async def test_one_stop_while_locked_is_noted_said_and_carried_out_after_unlock(household):
    await at_work(household, "lenta", "outra")
    await household.app.service.lock(await household.person())
    resting = open_orders(household)
    await household.ask("/stop", "Qual estratégia deve parar")
    question = await household.tap("lenta", "Como ela deve parar")
    assert "Seu cofre está trancado" in question["text"]
    sure = await household.tap("3. Cancelar", "60 segundos")
    assert "Seu cofre está trancado" in sure["text"]
    done = await household.tap("Sim, cancelar e vender", "ainda não feito")
    for part in ("lenta", "saída", "recompra", "abra o aplicativo da corretora", "Até lá"):
        assert part in done["text"], part
    assert open_orders(household) == resting
    assert await household.rows("SELECT strategy_id, mode FROM stop_wishes") == [(1, "sell_now")]
    await household.ask("/status", "parada anotada")
    await household.restart()
    await household.ask("/unlock", "senha")
    told = await household.ask(PASSWORD, "🔓")
    assert "1 estratégia continua" in told["text"]
    assert "lenta: faço agora o que você pediu com o cofre trancado" in told["text"]
    await household.until_rows("SELECT id FROM strategies WHERE status <> 'idle'", [(2,)])
    await household.until_rows("SELECT * FROM stop_wishes", [])
    assert await household.rows("SELECT DISTINCT strategy_id FROM fills WHERE side = 'sell'") == [(1,)]


async def test_a_noted_stop_is_taken_back_at_once_or_in_stop_and_by_nobody_else(household):
    await at_work(household, "lenta")
    invite = await household.app.service.people.invite(await household.person())
    await household.ask(f"/start {invite.code}", "Trader Automata", user=2)
    await household.app.service.lock(await household.person())
    for again in (False, True):
        await household.ask("/stop", "Como ela deve parar")
        await household.tap("2. Cancelar", "60 segundos")
        await household.tap("Sim, cancelar", "ainda não feito")
        await household.forge("v1:stop_not:1", user=2)
        await household.settled()
        assert await household.rows("SELECT mode FROM stop_wishes") == [("keep_coins",)]
        if again:
            question = await household.ask("/stop", "Já anotado")
            assert "Como ela deve parar" in question["text"]
        await household.tap("Não parar", "foi esquecida")
        await household.until_rows("SELECT * FROM stop_wishes", [])
    await household.ask("/unlock", "senha")
    told = await household.ask(PASSWORD, "🔓")
    assert "1 estratégia continua" in told["text"]
    await until_legs(household, 1, {Leg.EXIT, Leg.REBUY})
    assert await statuses(household) == [RunStatus.RUNNING]
    assert (await household.app.supervisor.state(1)).stop is None


async def test_a_stop_after_the_cycle_is_noted_while_locked_too(household):
    await at_work(household, "lenta")
    await household.app.service.lock(await household.person())
    await household.ask("/stop", "Como ela deve parar")
    told = await household.tap("1. Depois deste ciclo", "ainda não feito")
    assert "cancelar à mão" not in told["text"]
    await household.ask("/unlock", "senha")
    told = await household.ask(PASSWORD, "🔓")
    assert "para depois deste ciclo, como você pediu" in told["text"]
    await household.until(lambda: household.app.supervisor._runners[1].state.stop is StopMode.AFTER_CYCLE)


async def test_a_noted_stop_of_a_paused_strategy_is_carried_out_too(household):
    await at_work(household, "lenta")
    household.app.supervisor._runners[1].freeze("no_key")
    await household.until_rows("SELECT status FROM strategies", [("paused",)])
    person = await household.person()
    await household.app.service.lock(person)
    (halted,) = await household.app.service.stopping.halt(person, [1], StopMode.KEEP_COINS)
    assert len(halted.rests) == 2
    await household.ask("/unlock", "senha")
    await household.ask(PASSWORD, "🔓")
    await until_idle(household)
    assert open_orders(household) == 0


async def test_a_stop_put_off_for_an_exchange_out_of_reach_is_tried_again_by_itself(household):
    await at_work(household, "lenta")
    household.app.supervisor._runners[1].freeze("no_key")
    await household.until_rows("SELECT status FROM strategies", [("paused",)])
    strategy = await household.app.service.strategy(await household.person(), 1)
    await household.app.supervisor.stop_later(strategy, StopMode.KEEP_COINS)
    await until_idle(household)
    assert open_orders(household) == 0
    await household.until_rows("SELECT * FROM stop_wishes", [])


async def test_a_stop_that_could_not_be_is_no_stop_in_the_audit_log(household):
    await at_work(household, "lenta")
    pressed = await panic_press(household)
    await household.app.service.stop(await household.person(), 1, StopMode.KEEP_COINS)
    await until_idle(household)
    await household.forge(pressed)
    failed = await household.wait_for("não foi feito")
    assert "Eu aviso" not in failed["text"]
    told = await household.ask("/auditoria", "Quem fez o quê")
    deeds = [line.partition(" Ana: ")[2] for line in told["text"].splitlines()]
    assert deeds[-2:] == ["parou lenta", "não conseguiu parar lenta"]


async def test_running_again_takes_a_noted_stop_back(household):
    await at_work(household, "lenta")
    store = household.app.store
    await store.wish_stop(1, StopMode.SELL_NOW)
    await household.app.service.run(await household.person(), 1)
    assert await store.wished_stop(1) is None


async def test_a_strategy_that_is_being_sold_is_not_started_over(household):
    await at_work(household, "lenta")
    person = await household.person()
    runner = household.app.supervisor._runners[1]
    await runner._end_task()
    runner._journal.state = replace(runner.state, stop=StopMode.SELL_NOW)
    with pytest.raises(NotAllowed, match="is_stopping"):
        await household.app.service.run(person, 1)


# --- every dangerous press: a nonce, 60 seconds, once, by nobody else ----------------------------------------------


async def panic_press(household: Household) -> str:
    await household.ask("/panic", "Parar tudo")
    return await _sure(household, "Cancelar tudo, manter moedas")


async def stop_press(household: Household) -> str:
    await household.ask("/stop", "Como ela deve parar")
    return await _sure(household, "2. Cancelar")


async def sell_press(household: Household) -> str:
    await household.ask("/stop", "Como ela deve parar")
    return await _sure(household, "3. Cancelar")


async def _sure(household: Household, label: str) -> str:
    question = await household.tap(label, "60 segundos")
    return str(question["buttons"][0][0]["data"])


DANGEROUS = [panic_press, stop_press, sell_press]


@pytest.mark.parametrize("ask", DANGEROUS)
async def test_a_dangerous_press_expires_after_60_seconds(household, ask):
    now = [0.0]
    household.app.application.bot_data[CONFIRMATIONS] = Confirmations(lambda: now[0])
    await at_work(household, "lenta")
    pressed = await ask(household)
    now[0] = VALID_SECONDS
    await household.forge(pressed)
    await household.wait_for("não vale mais")
    assert await statuses(household) == [RunStatus.RUNNING]
    assert (await household.app.supervisor.state(1)).stop is None


@pytest.mark.parametrize("ask", DANGEROUS)
async def test_a_dangerous_press_works_once(household, ask):
    await at_work(household, "lenta")
    pressed = await ask(household)
    await household.forge(pressed)
    await until_idle(household)
    await household.app.service.run(await household.person(), 1)
    await household.forge(pressed)
    await household.settled()
    assert await statuses(household) == [RunStatus.RUNNING]
    assert (await household.app.supervisor.state(1)).stop is None


@pytest.mark.parametrize("ask", DANGEROUS)
async def test_a_dangerous_press_is_nobody_elses(household, ask):
    await at_work(household, "lenta")
    invite = await household.app.service.people.invite(await household.person())
    await household.ask(f"/start {invite.code}", "Trader Automata", user=2)
    pressed = await ask(household)
    await household.forge(pressed, user=2)
    await household.settled()
    assert await statuses(household) == [RunStatus.RUNNING]
    assert (await household.app.supervisor.state(1)).stop is None
    await household.forge(pressed)  # and it has not been used up by the other's press
    await until_idle(household)


async def test_a_nonce_of_one_question_answers_no_other(household):
    await at_work(household, "lenta")
    keep = await stop_press(household)
    nonce = keep.rsplit(":", 1)[1]
    for forged in (
        f"v1:stop_yes:1:sell_now:{nonce}",
        f"v1:panic_yes:keep_coins:{nonce}",
        f"v1:run_yes:1:{nonce}",
        f"v1:person_remove_yes:{nonce}",
    ):
        await household.forge(forged)
        await household.settled()
    assert (await household.app.supervisor.state(1)).stop is None
    with pytest.raises(NotAllowed):
        await household.app.service.stop_outcome(await household.person(), 99)
