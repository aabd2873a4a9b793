"""Updates that come newest first are handled in the order in which people wrote."""

import pytest


async def out_of_order(household, *, before="/help"):
    """The next two messages will come together, the later one first: the poll that waits now is ended by another."""
    household.telegram.faults.add("getUpdates", "out_of_order")
    await household.ask(before, "/ajuda")
    await household.until(
        lambda: household.telegram.faults.waiting() == [], "the next poll has met the fault"
    )


async def test_two_commands_that_come_in_the_wrong_order_are_answered_in_the_right_one(household):
    await household.ask("/start", "Trader Automata")
    await out_of_order(household)
    first, second = await household.say("/status"), await household.say("/registro")
    await household.settled()
    texts = [m["text"] for m in await household.messages() if m["message_id"] > max(first, second)]
    assert [text.split(".")[0] for text in texts] == [
        "Nenhuma estratégia está em execução",
        "Ainda não aconteceu nada",
    ]


async def test_a_conversation_is_led_in_its_order_and_each_answer_taken_once(household):
    await household.ready()
    await household.ask("/newstrategy", "Nova estratégia")
    await household.tap("sandbox-bybit", "Qual par")
    await household.ask("BTCUSDT", "1 qty_inicial")
    household.telegram.faults.add("getUpdates", "out_of_order")
    await household.ask("250", "1.1 multiplicador_qty")
    await household.until(lambda: household.telegram.faults.waiting() == [])
    await household.say("1,5")
    await household.say("20")
    await household.settled()
    answers = (await household.rows("SELECT answers FROM drafts"))[0][0]
    assert '"qty_inicial": "250"' in answers
    assert '"multiplicador_qty": "1.5"' in answers
    assert '"qty_minima": "20"' in answers


async def test_it_is_a_fault_of_updates_only(household):
    with pytest.raises(ValueError, match="getUpdates only"):
        household.telegram.faults.add("sendMessage", "out_of_order")
