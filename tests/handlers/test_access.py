"""Every handler tried with another person's ids: nothing leaks, nothing is done."""

import asyncio
import re

from telegram import Update
from telegram.ext import CallbackQueryHandler, ConversationHandler

from bot.domain.events import StopMode
from handlers.build import _COMMANDS, _PRESSES
from handlers.callback import Press
from handlers.commands import NEW_STRATEGY, OWNERS
from handlers.people import RemovePerson
from handlers.stop import StopStrategy
from handlers.stop_all import StopEverything
from handlers.strategies import RunStrategy
from tests.handlers.household import Household, a_household
from tests.handlers.test_people import bob_joins
from tests.handlers.test_stop import at_work

SECRET_NAME = "anas-hidden-plan"
ANAS = "SELECT * FROM {table} ORDER BY 1, 2"
TABLES = (
    "strategies",
    "states",
    "journal",
    "orders",
    "fills",
    "vaults",
    "secrets",
    "people",
    "invites",
    "drafts",
)
WORDS = ("sandbox-bybit", "keep_coins", "sell_now", "pause", "forget", "js")


def actions(household: Household) -> set[str]:
    """Every press that any handler takes, those of the conversation too."""
    found = {action for action, _ in _PRESSES}
    for handler in household.app.application.handlers[0]:
        if isinstance(handler, ConversationHandler):
            inside = [h for hs in handler.states.values() for h in hs]
            inside += [*handler.entry_points, *handler.fallbacks]
            patterns = [
                h.pattern.pattern for h in inside if isinstance(h, CallbackQueryHandler) and h.pattern
            ]
            found |= {m[1] for p in patterns if (m := re.match(r"\^v1:([a-z_]+)", p))}
    return found


def ways(action: str, nonces: list[str]) -> list[Press]:
    """A press with Ana's ids alone, with a word behind them, and with the nonces of her open questions."""
    presses = [Press(action), Press(action, ("1",)), *(Press(action, ("1", word)) for word in WORDS)]
    for nonce in nonces if action.endswith("yes") else nonces[:1]:
        arguments = [(nonce,), ("1", nonce), ("keep_coins", nonce), ("1", "keep_coins", nonce)]
        presses += [Press(action, args) for args in arguments]
    return presses


async def of_ana(household: Household) -> dict[str, list]:
    """All that is Ana's, or the house's; rows that Bob makes for himself are left out."""
    kept = {table: await household.rows(ANAS.format(table=table)) for table in TABLES}
    kept["strategies"] = [r for r in kept["strategies"] if SECRET_NAME in r]
    kept["people"] = [r for r in kept["people"] if "Ana" in r]
    kept["drafts"] = [r for r in kept["drafts"] if r[0] == 1]
    kept["vaults"] = [r[:2] for r in kept["vaults"] if r[0] == 1]
    return kept


async def press_all(household: Household, presses: list[Press]) -> None:
    """Bob presses what was never offered to him, on a message of his own; through the gate and every handler."""
    application = household.app.application
    shown = [m for m in await household.messages(2) if m["from"] == "bot" and not m["deleted"]][-1]
    bob = {"id": 2, "is_bot": False, "first_name": "Bob", "language_code": "en"}
    chat = {"id": 2, "type": "private", "first_name": "Bob"}
    for number, press in enumerate(presses):
        message = {"message_id": shown["message_id"], "date": 1_790_000_000, "chat": chat, "text": "x"}
        query = {
            "id": str(number),
            "from": bob,
            "chat_instance": "1",
            "data": press.pack(),
            "message": message,
        }
        update = Update.de_json({"update_id": 9_000_000, "callback_query": query}, application.bot)
        await asyncio.create_task(application.process_update(update))  # a task each, as in the program


async def test_every_handler_tried_with_anothers_ids_leaks_and_does_nothing(tmp_path):
    async with a_household(tmp_path, max_commands_a_minute=100_000) as household:
        await bob_joins(household)
        await at_work(household, SECRET_NAME)
        await household.ask("/newstrategy", "1")
        asked = household.app.application.bot_data["confirmations"]
        questions = (
            RunStrategy(1),
            StopStrategy(1, StopMode.KEEP_COINS),
            StopEverything((1,), StopMode.KEEP_COINS),
            RemovePerson(2, forget=True),
        )
        ana = await household.person()
        nonces = [asked.ask(ana.id, question) for question in questions]
        before = await of_ana(household)
        tried = actions(household)
        assert len(tried) > 40
        for action in sorted(tried):
            await press_all(household, ways(action, nonces))
            for nonce, question in zip(nonces, questions, strict=True):
                assert asked._open[nonce].what == question, f"{action} used up Ana's question"
        for command in (*(c for c, _ in _COMMANDS), NEW_STRATEGY, *OWNERS):
            for words in ("", " 1", f" {SECRET_NAME[:6]}", " 1 sell_now"):
                await household.say(f"/{command.name}{words}", user=2)
                await household.settled()
        assert await of_ana(household) == before
        heard = [m for m in await household.messages(2) if m["from"] == "bot"]
        assert len(heard) > 100
        for message in heard:
            assert SECRET_NAME not in str(message), message
            assert "Ana" not in str(message), message
        assert household.app.supervisor._runners[1].state.running
