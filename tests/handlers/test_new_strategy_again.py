"""The setup conversation interrupted: restarts, old buttons, two people, cancel."""

from dataclasses import replace

import pytest

from bot.ports import Role
from tests.handlers.household import Household
from tests.handlers.setup_talk import ANA, CHAT, EN, Chat, draft_of, pressed, to_item_1, to_review


@pytest.fixture
def chat(household: Household) -> Chat:
    return Chat(household)


async def test_a_restart_resumes_at_the_same_question_with_every_answer(
    household: Household, chat: Chat
) -> None:
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    await household.restart()
    await chat.ask("1,07", "✓ 1.1 multiplicador_qty = 1,07")
    await household.restart()
    await chat.tap("Padrões no resto", "qty_inicial: 444")
    await household.restart()
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    await household.restart()
    await chat.ask("quatro quatro", "9 executar_estrategia")
    await household.restart()
    await chat.tap("Agora não", "10 configurar")


async def test_a_left_draft_is_offered_and_can_be_thrown_away(household: Household, chat: Chat) -> None:
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    offered = await chat.ask("/newstrategy", "pela metade")
    assert "1.1 multiplicador_qty" in offered["text"]
    await chat.ask("555", "Toque num dos botões")
    await chat.tap("Continuar", "1.1 multiplicador_qty")
    await chat.ask("/newstrategy", "pela metade")
    await chat.tap("Começar de novo", "🧪")
    draft = await draft_of(household)
    assert draft is not None
    assert draft.answers == {}


async def test_an_answered_question_loses_its_buttons(household: Household, chat: Chat) -> None:
    old = await to_item_1(chat)
    await chat.tap("Usar 300", "1.1 multiplicador_qty")
    await household.settled()
    left = next(m for m in await household.messages() if m["message_id"] == old["message_id"])
    assert left["buttons"] == []
    assert left["text"] == old["text"]


async def test_a_press_on_an_old_question_changes_nothing(household: Household, chat: Chat) -> None:
    """Two quick presses: the second is on its way when the buttons go."""
    old = await to_item_1(chat)
    await chat.tap("Usar 300", "1.1 multiplicador_qty")
    before = await draft_of(household)
    for carried in ("v1:ns:rest:qty_inicial", "v1:ns:set:qty_inicial:999", "v1:ns:cancel", "v1:ns:plan"):
        await chat.again(900_001, callback_query=pressed(old, carried))
    assert await draft_of(household) == before
    assert before is not None
    assert before.cursor == "ask:multiplicador_qty"


async def test_a_press_that_is_delivered_twice_counts_once(household: Household, chat: Chat) -> None:
    """A crash after the answer was kept and before the next question was sent: the same press comes again."""
    old = await to_item_1(chat)
    await chat.tap("Usar 300", "1.1 multiplicador_qty")
    draft = await draft_of(household)
    assert draft is not None
    assert household.app is not None
    await household.app.service.save_draft(replace(draft, message_id=old["message_id"]))
    await chat.again(900_001, callback_query=pressed(old, "v1:ns:back:qty_inicial"))
    after = await draft_of(household)
    assert after is not None
    assert after.cursor == "ask:multiplicador_qty"


async def test_a_button_of_another_version_or_a_closed_form_is_answered(
    household: Household, chat: Chat
) -> None:
    old = await to_item_1(chat)
    for carried in (
        "v1:ns:teleport",
        "v1:ns",
        "v1:ns:set",
        "v1:ns:edit:nothing",
        "v1:ns:set:qty_inicial:NaN",
    ):
        await chat.again(900_001, callback_query=pressed(old, carried))
    await chat.tap("Cancelar", "Cancelado")
    await chat.again(900_002, callback_query=pressed(old, "v1:ns:rest:qty_inicial"))
    assert await draft_of(household) is None
    assert not any("número:" in m["text"] for m in await household.messages())


async def test_a_typed_answer_that_is_delivered_twice_counts_once(household: Household, chat: Chat) -> None:
    """A crash between answer and question: the inbox hands the same update over again."""
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    draft = await draft_of(household)
    assert draft is not None
    message = {"message_id": 9000, "date": 1_700_000_000, "chat": CHAT, "from": ANA, "text": "444"}
    await chat.again(int(draft.answers["_seen"]), message=message)
    after = await draft_of(household)
    assert after is not None
    assert after.cursor == "ask:multiplicador_qty"
    assert "multiplicador_qty" not in after.answers


async def test_two_people_at_once_do_not_mix(household: Household, chat: Chat) -> None:
    assert household.app is not None
    await household.app.store.add_person(chat_id=2, name="Bob", locale=EN, role=Role.USER)
    await to_item_1(chat)
    await to_item_1(chat, user=2)
    await chat.ask("444", "1.1 multiplicador_qty")
    await chat.ask("555", "1.1 multiplicador_qty", user=2)
    hers, his = await draft_of(household), await draft_of(household, 2)
    assert hers is not None
    assert his is not None
    assert (hers.answers["qty_inicial"], his.answers["qty_inicial"]) == ("444", "555")
    review = await chat.tap("Defaults for the rest", "Review", user=2)
    assert "qty_inicial: 555" in review["text"]


@pytest.mark.parametrize("command", ["/cancel", "/cancelar"])
async def test_cancel_ends_it_anywhere_and_forgets_the_draft(
    household: Household, chat: Chat, command: str
) -> None:
    await to_item_1(chat)
    await chat.ask(command, "Cancelado")
    assert await draft_of(household) is None
    await to_review(chat)
    await chat.tap("Cancelar", "Cancelado")
    assert await draft_of(household) is None
    assert not any("Padrões" in label for label in await household.buttons())
