"""Every handler tried with another person's ids: nothing leaks, nothing is done."""

import asyncio
import re

import pytest
from telegram import Update
from telegram.ext import CallbackQueryHandler, ConversationHandler

from bot.domain.events import StopMode
from handlers.build import _COMMANDS, _PRESSES
from handlers.callback import Press
from handlers.commands import NEW_STRATEGY, OWNERS
from handlers.confirm import Confirmations
from handlers.context import CONFIRMATIONS
from handlers.people import RemovePerson
from handlers.stop import StopStrategy
from handlers.stop_all import StopEverything
from handlers.strategies import RunStrategy
from tests.handlers.household import Household, a_household
from tests.handlers.past import script
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
SETTINGS = ("alert_choices", "tastes", "stop_wishes", "backtest_runs")
CARDS = "SELECT strategy_id, message_id, pinned FROM live_cards WHERE person_id = 1"
OWN = "2"
"""Bob's own strategy, to be mixed with Ana's."""
PAST = ("BTCUSDT", "1y")
PASTS = (
    ("1", *PAST),
    ("1", *PAST, "ac"),
    (OWN, *PAST, "1"),
    ("1", *PAST, OWN),
    (OWN, "BTCUSDT", "20220101-20220301", "1"),
    ("1", "a0.035"),
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
    if action.startswith(("bt", "opt", "survival")):
        presses += [Press(action, args) for args in PASTS]
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
    kept |= {name: await household.rows(f"SELECT * FROM {name} WHERE {WHOSE[name]} = 1") for name in SETTINGS}
    return kept | {"cards": await household.rows(CARDS)}


WHOSE = dict.fromkeys(SETTINGS, "person_id") | {"stop_wishes": "strategy_id"}


def asked_of_the_past(household: Household) -> list[str]:
    """Every backtest that runs or waits, as its job goes to a worker."""
    queue = household.app.backtests.queue
    return [str(run.job) for run in (*queue._running, *queue._waiting) if run.person_id != 1]


async def press_all(household: Household, presses: list[Press]) -> list[str]:
    """Bob presses what was never offered to him, on a message of his own; through the gate and every handler.

    Which presses were not answered exactly once: their buttons would wait for ever.
    """
    wrong: list[str] = []
    application = household.app.application
    shown = [m for m in await household.messages(2) if m["from"] == "bot" and not m["deleted"]][-1]
    bob = {"id": 2, "is_bot": False, "first_name": "Bob", "language_code": "en"}
    chat = {"id": 2, "type": "private", "first_name": "Bob"}
    for number, press in enumerate(presses):
        message = {"message_id": shown["message_id"], "date": 1_790_000_000, "chat": chat, "text": "x"}
        query = {
            "id": f"{press.pack()} {number}",
            "from": bob,
            "chat_instance": "1",
            "data": press.pack(),
            "message": message,
        }
        update = Update.de_json({"update_id": 9_000_000, "callback_query": query}, application.bot)
        await asyncio.create_task(application.process_update(update))  # a task each, as in the program
        answers = [
            c for c in household.telegram.calls[-50:] if c.params.get("callback_query_id") == query["id"]
        ]
        if len(answers) != 1:
            wrong.append(f"{press.pack()} was answered {len(answers)} times")
    return wrong


async def type_all(household: Household) -> None:
    """Bob types every command, bare and with words that mean something to Ana."""
    for command in (*(c for c, _ in _COMMANDS), NEW_STRATEGY, *OWNERS):
        for words in ("", " 1", f" {SECRET_NAME[:6]}", " 1 sell_now"):
            await household.say(f"/{command.name}{words}", user=2)
            await household.settled()


PARTS = 3
"""Of the presses, each tried in a house of its own: all of them in one take too long on a busy machine."""


@pytest.mark.parametrize("part", [*range(PARTS), "commands"])
async def test_every_handler_tried_with_anothers_ids_leaks_and_does_nothing(tmp_path, part):
    async with a_household(tmp_path, max_commands_a_minute=100_000) as household:
        await bob_joins(household)
        await at_work(household, SECRET_NAME)
        await household.ask("/status", SECRET_NAME)
        script(household)
        await household.forge("v1:bt_go:1:BTCUSDT:1y")
        await household.wait_for("buscando preços")
        own = await household.strategy("bobs", user=2)
        assert str(own.id) == OWN
        await household.ask("/newstrategy", "Em qual corretora")
        asked = household.app.application.bot_data[CONFIRMATIONS] = Confirmations(lambda: 0.0)
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
        waiting: list[str] = []
        for action in sorted(tried)[part::PARTS] if part != "commands" else ():
            waiting += await press_all(household, ways(action, nonces))
            for nonce, question in zip(nonces, questions, strict=True):
                assert asked._open[nonce].what == question, f"{action} used up Ana's question"
        assert waiting == []
        if part == "commands":
            await type_all(household)
        await household.say("/backtest", user=2)
        await household.forge(f"v1:bt_go:{OWN}:BTCUSDT:1y", user=2)
        await household.settled()
        jobs = asked_of_the_past(household)
        assert jobs, "Bob's own strategy may be asked about"
        assert not any(SECRET_NAME in job for job in jobs)
        assert household.app.backtests.queue.of(1) is not None, "Bob stopped Ana's backtest"
        assert await of_ana(household) == before
        heard = [m for m in await household.messages(2) if m["from"] == "bot"]
        assert len(heard) > 100
        for message in heard:
            assert SECRET_NAME not in str(message), message
            assert "Ana" not in str(message), message
        assert household.app.supervisor._runners[1].state.running
