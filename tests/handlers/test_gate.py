"""Who is let in, and what the others learn."""

import pytest
import structlog
from telegram import Update

from handlers.access import HourlyAllowance
from tests.handlers.household import a_household


async def texts_of(household, user):
    return [m["text"] for m in await household.messages(user) if m["from"] == "bot"]


async def test_a_stranger_gets_one_neutral_line_and_no_more(household):
    await household.ask("/start", "This is a private bot.", user=2)
    for text in ("/start", "/status", "hello", "/keys"):
        await household.say(text, user=2)
    await household.settled()
    assert await texts_of(household, 2) == ["This is a private bot."]


async def test_a_claim_code_makes_one_owner_and_works_once(tmp_path):
    async with a_household(tmp_path, telegram_owner_id=None) as household:
        code = await household.app.service.people.new_claim_code()
        await household.ask("/start wrong-code", "Este é um bot particular.")
        await household.ask(f"/start {code}", "Trader Automata")
        assert (await household.person()).locale == "pt_BR"
        await household.ask(f"/start {code}", "This is a private bot.", user=2)
        assert await household.app.service.person(2) is None
        assert await household.app.service.people.new_claim_code() is None


async def test_guessing_codes_ends_after_five_tries_an_hour(tmp_path):
    async with a_household(tmp_path, telegram_owner_id=None) as household:
        code = await household.app.service.people.new_claim_code()
        for n in range(5):
            await household.say(f"/start guess{n}", user=2)
        await household.say(f"/start {code}", user=2)
        await household.settled()
        await household.ask(f"/start {code}", "Trader Automata")
        assert await household.app.service.person(2) is None


async def test_an_allowance_comes_back_after_an_hour():
    now = [0.0]
    allowance = HourlyAllowance(2, lambda: now[0])
    assert [allowance.take(1) for _ in range(3)] == [True, True, False]
    assert allowance.take(2)
    now[0] = 3600.0
    assert allowance.take(1)


@pytest.mark.parametrize("kind", ["message", "my_chat_member"])
async def test_a_group_is_told_and_left_and_its_people_learn_nothing(household, kind):
    group = {"id": -100, "type": "supergroup", "title": "Traders"}
    ana = {"id": 1, "is_bot": False, "first_name": "Ana", "language_code": "en"}
    me = {"id": 9, "is_bot": True, "first_name": "Bot"}
    message = {
        "message_id": 5,
        "date": 2_000_000_000,
        "chat": group,
        "from": ana,
        "text": "/status",
        "entities": [{"type": "bot_command", "offset": 0, "length": 7}],
    }
    joined = {
        "chat": group,
        "from": ana,
        "date": 2_000_000_000,
        "old_chat_member": {"status": "left", "user": me},
        "new_chat_member": {"status": "member", "user": me},
    }
    update = {"update_id": 77, kind: message if kind == "message" else joined}
    application = household.app.application
    await application.update_queue.put(Update.de_json(update, application.bot))
    await household.until(lambda: any(c.method.lower() == "leavechat" for c in household.telegram.calls))
    told = [c.params for c in household.telegram.calls if c.params.get("chat_id") == "-100"]
    assert "leaving this group" in told[0]["text"]
    assert len(told) == 2  # the line and the leaving


async def test_a_failing_gate_lets_nothing_through(household, monkeypatch):
    async def broken(chat_id):
        raise RuntimeError("the gate is broken")

    monkeypatch.setattr(household.app.service, "person", broken)
    with structlog.testing.capture_logs() as logged:
        await household.say("/help")
        await household.settled()
    failed = [entry["exc_info"] for entry in logged if entry["event"] == "handler failed"]
    assert [str(fault) for fault in failed] == [
        "the gate is broken"
    ]  # nothing behind it ran into a fault of its own
    assert not [m for m in await household.messages() if m["from"] == "bot"]
