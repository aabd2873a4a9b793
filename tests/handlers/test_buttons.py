"""Every button has exactly one handler, and every handler of presses a button."""

import re
from pathlib import Path

import pytest
from telegram import Update
from telegram.ext import CallbackQueryHandler, ConversationHandler

from handlers.build import _PRESSES
from handlers.callback import MAX_BYTES, Press
from handlers.confirm import VALID_SECONDS, Confirmations
from handlers.start import dead_button

SOURCE = "\n".join(
    p.read_text("utf-8") for p in sorted((Path(__file__).parents[2] / "handlers").glob("*.py"))
)
# some are put together: a choice's own `press`, and a list of strategies for one of two actions
_BY_CHOICE = re.findall(r'choice\.press\("([a-z_]+)"', SOURCE) + re.findall(
    r'Choice\([^)]*\)\.press\("([a-z_]+)"', SOURCE
)
_TAILS = re.findall(r'Press\(f"\{action\}([a-z_]+)"', SOURCE)
_LISTS = [f"{action}{tail}" for action in re.findall(r'action="([a-z]+)"', SOURCE) for tail in _TAILS]
_DEFAULTS = re.findall(r'action: str = "([a-z_]+)"', SOURCE)
OFFERED = sorted({*re.findall(r'Press\(\s*"([a-z_]+)"', SOURCE), *_BY_CHOICE, *_LISTS, *_DEFAULTS})


def pressed(text: str) -> Update:
    person = {"id": 1, "is_bot": False, "first_name": "Ana"}
    message = {"message_id": 5, "date": 1_790_000_000, "chat": {"id": 1, "type": "private"}, "text": "x"}
    query = {"id": "7", "from": person, "chat_instance": "1", "data": text, "message": message}
    return Update.de_json({"update_id": 9, "callback_query": query}, None)


def takers(application, text):
    """The handlers that take a press, the last resort left out."""
    update = pressed(text)
    return [
        handler
        for handler in application.handlers[0]
        if getattr(handler, "callback", None) is not dead_button and handler.check_update(update)
    ]


async def test_every_button_has_exactly_one_handler(household):
    application = household.app.application
    assert len(OFFERED) > 20
    for action in OFFERED:
        found = takers(application, Press(action, ("1", "x")).pack())
        assert len(found) == 1, (action, found)


async def test_every_handler_of_presses_has_a_button(household):
    offered = set(OFFERED)
    assert {action for action, _ in _PRESSES} <= offered
    patterns = [
        h.pattern.pattern
        for h in household.app.application.handlers[0]
        if isinstance(h, CallbackQueryHandler) and h.pattern is not None
    ]
    assert len(patterns) == len(set(patterns))


async def test_a_press_of_another_version_goes_to_the_last_resort(household):
    assert takers(household.app.application, "v0:run:1") == []
    assert takers(household.app.application, "v1:runaway:1") == []


async def test_the_setup_conversation_survives_restarts_and_has_a_way_out(household):
    talks = [h for h in household.app.application.handlers[0] if isinstance(h, ConversationHandler)]
    assert len(talks) == 1
    assert talks[0].persistent
    assert talks[0].allow_reentry
    assert talks[0].fallbacks
    assert talks[0].conversation_timeout is None


def test_a_button_over_64_bytes_is_refused_when_it_is_made():
    Press("a", ("x" * (MAX_BYTES - 5),)).pack()
    with pytest.raises(ValueError, match="64 bytes"):
        Press("a", ("x" * (MAX_BYTES - 4),)).pack()


def test_a_confirmation_is_taken_once_by_its_person_within_its_time():
    now = [0.0]
    confirmations = Confirmations(lambda: now[0])
    nonce = confirmations.ask(1, "sell")
    assert len(Press("stop_yes", ("9" * 12, "keep_coins", nonce)).pack().encode()) <= MAX_BYTES
    assert confirmations.take(2, nonce) is None
    assert confirmations.take(1, nonce) == "sell"
    assert confirmations.take(1, nonce) is None
    late = confirmations.ask(1, "sell")
    now[0] = VALID_SECONDS
    assert confirmations.take(1, late) is None
    assert confirmations.take(1, "never asked") is None
