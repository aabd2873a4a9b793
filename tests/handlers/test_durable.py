"""An update is handled exactly once, whenever the program ends."""

import asyncio
import logging
import time
from datetime import timedelta

import pytest
import structlog
from telegram import Update

import handlers.polling
from bot.logs import configure
from handlers.application import ChatByChat
from handlers.failures import on_error
from handlers.secret_entry import SecretEntry
from tests.handlers.household import PASSWORD


async def test_an_update_ended_mid_handler_is_handled_once_after_the_restart(household, monkeypatch):
    await household.ask("/language", "idioma")
    begun = asyncio.Event()

    async def endless(person, locale):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(household.app.service, "set_locale", endless)
    monkeypatch.setattr(handlers.polling, "STOP_SECONDS", 0.1)
    await household.press("English")
    await begun.wait()
    assert (await household.rows("SELECT count(*) FROM inbox WHERE done_at IS NULL")) == [(1,)]
    await household.restart()
    await household.wait_for("English it is")
    await household.settled()
    assert (await household.person()).locale == "en"
    told = [m for m in await household.messages() if "English it is" in m["text"]]
    assert len(told) == 1


async def test_what_was_sent_while_the_program_was_away_is_handled(household):
    await household.ask("/start", "Trader Automata")
    await household.close()
    await household.say("/status")
    await household.open()
    await household.wait_for("Nenhuma estratégia está em execução")


async def test_an_update_delivered_twice_is_handled_once(household):
    await household.ask("/start", "Trader Automata")
    household.telegram.faults.add("getUpdates", "twice", 2)
    await household.ask("/help", "O que eu sei fazer")
    await household.ask("/status", "Nenhuma estratégia")
    await household.settled()
    assert len([m for m in await household.messages() if "O que eu sei fazer" in m["text"]]) == 1


async def test_a_password_that_was_on_its_way_is_asked_for_again(household, monkeypatch):
    await household.ready()
    await household.ask("/lock", "Trancado")
    await household.ask("/unlock", "Envie sua senha")
    begun = asyncio.Event()

    async def endless(person, password):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(household.app.service.care, "unlock", endless)
    monkeypatch.setattr(handlers.polling, "STOP_SECONDS", 0.1)
    await household.say(PASSWORD)
    await begun.wait()
    await household.restart()
    await household.wait_for("Não foi guardado em lugar nenhum")


def test_a_text_of_the_second_in_which_the_program_began_may_be_a_password(monkeypatch):
    """A quick restart: both processes may have been alive in that second, and only the one before asked for it."""
    monkeypatch.setattr(
        "handlers.secret_entry._FIRST_MOMENTS", timedelta(hours=1)
    )  # however slow this test is
    entry = SecretEntry()
    same = int(entry._since.timestamp())

    def sent(text, date, number=1):
        command = [{"type": "bot_command", "offset": 0, "length": len(text)}] if text.startswith("/") else []
        chat = {"id": 7, "type": "private"}
        said = {"message_id": number, "date": date, "chat": chat, "text": text, "entities": command}
        return Update.de_json({"update_id": number, "message": said}, None)

    for number in (1, 2):
        assert entry.is_secret(sent("a password", same, number))
        assert entry.from_before(sent("a password", same, number))
    assert not entry.is_secret(sent("a password", same + 1, 3))
    assert not entry.is_secret(sent("/start", same, 4))
    assert not entry.is_secret(sent("hello", same, 5)), "who has just commanded this process speaks to it"
    assert entry.is_secret(sent("a password", same - 1, 6))


async def test_a_text_from_before_the_start_is_deleted_in_case_it_was_a_password(household, monkeypatch):
    await household.ready()
    await household.ask("/lock", "Trancado")
    await household.ask("/unlock", "Envie sua senha")
    await household.close()
    world = household.telegram.world
    monkeypatch.setattr(world, "clock", lambda: time.time() - 2)  # Telegram tells whole seconds
    sent = await household.say("my password, typed into the void")
    monkeypatch.undo()
    await household.open()
    await household.wait_for("Eu a apaguei")
    assert world.store.message(1, sent).deleted
    assert await household.rows("SELECT count(*) FROM inbox WHERE payload LIKE '%void%'") == [(0,)]


def update_of(number, chat_id):
    person = {"id": chat_id, "is_bot": False, "first_name": "A"}
    chat = {"id": chat_id, "type": "private"}
    message = {"message_id": number, "date": 1_790_000_000, "chat": chat, "from": person, "text": "x"}
    return Update.de_json({"update_id": number, "message": message}, None)


async def test_a_chats_updates_go_one_after_another_and_chats_side_by_side():
    processor, log, open_ = ChatByChat(), [], asyncio.Event()

    async def handle(number, *, wait=False):
        log.append(f"{number} begins")
        if wait:
            await open_.wait()
        log.append(f"{number} ends")

    slow = asyncio.create_task(processor.process_update(update_of(1, 7), handle(1, wait=True)))
    second = asyncio.create_task(processor.process_update(update_of(2, 7), handle(2)))
    await asyncio.sleep(0)
    await processor.process_update(update_of(3, 8), handle(3))
    assert log == ["1 begins", "3 begins", "3 ends"]
    open_.set()
    await asyncio.gather(slow, second)
    assert log[3:] == ["1 ends", "2 begins", "2 ends"]


async def test_a_press_that_waits_for_its_turn_is_answered_in_time_and_carried_out(household, monkeypatch):
    monkeypatch.setattr("handlers.application.PRESS_SECONDS", 0.1)
    await household.ask("/start", "Trader Automata")
    async with household.app.application.update_processor._lock(1):
        await household.press("Idioma")
        await household.until(lambda: answered(household) == [200])
        assert not any("Em que idioma" in m["text"] for m in await household.messages())
    await household.wait_for("Em que idioma")
    assert answered(household) == [200, 400]  # the handler's own answer came too late, and no harm was done


def answered(household):
    return [c.status for c in household.telegram.calls if c.method.lower() == "answercallbackquery"]


async def test_one_chats_backlog_leaves_room_for_the_others():
    processor, done, open_ = ChatByChat(), [], asyncio.Event()

    async def handle(number):
        if number < 100:
            await open_.wait()
        done.append(number)

    backlog = [asyncio.create_task(processor.process_update(update_of(n, 7), handle(n))) for n in range(40)]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await processor.process_update(update_of(100, 8), handle(100))
    assert done == [100]
    open_.set()
    await asyncio.gather(*backlog)
    assert done[1:] == list(range(40))


@pytest.fixture
def logged(capsys):
    """The program's own logging, read back."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure(json_lines=True)
    yield lambda: capsys.readouterr().err
    root.handlers, root.level = before
    structlog.reset_defaults()


async def test_the_token_is_never_logged(logged, household):
    household.telegram.faults.add("sendMessage", "reset", 1)
    await household.say("/start")
    await household.ask("/help", "O que eu sei fazer")
    household.telegram.faults.add("getUpdates", "500", 2)
    await household.ask("/status", "Nenhuma estratégia")
    text = logged()
    assert "polling failed" in text
    assert household.telegram.token not in text
    assert "HTTP Request" not in text


async def test_an_unknown_fault_gives_a_number_and_shows_nothing_of_the_update(
    logged, household, monkeypatch
):
    await household.ask("/start", "Trader Automata")

    async def broken(person, words):
        raise RuntimeError("boom")

    monkeypatch.setattr(household.app.service.saved, "find", broken)
    answer = await household.ask("/strategies lookhere", "Algo deu errado")
    reference = answer["text"].rsplit(" ", 1)[1]
    text = logged()
    assert reference in text
    assert "boom" in text
    assert "lookhere" not in text


async def test_the_error_handler_is_ours(household):
    assert list(household.app.application.error_handlers) == [on_error]
