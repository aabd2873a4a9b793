"""What PTB's own sending methods take from the limiter that answers and alerts share."""

import asyncio
import time

import aiohttp
import pytest
from telegram.error import RetryAfter
from telegram.ext import ExtBot

from bot.sandbox.telegram_server import SandboxTelegram
from handlers.limiter import PER_CHAT, UNLIMITED, AnswersFirst, Limiter
from tests.handlers.past import script


def places_left(limiter: Limiter) -> int:
    """How many alerts may go at once."""
    left = 0
    while limiter.take(1) <= 0:
        left += 1
    return left


async def after_sending(**how: object) -> int:
    hook = AnswersFirst(Limiter(lambda: 0.0))
    async with SandboxTelegram() as server, aiohttp.ClientSession() as person:
        body, key = {"user": 1, "text": "/start"}, {"X-Chat-Key": server.key}
        async with person.post(f"{server.url}/chat/send", json=body, headers=key) as said:
            assert said.status == 200
        async with ExtBot(server.token, base_url=f"{server.url}/bot", rate_limiter=hook) as sender:
            await sender.send_message(1, "hello", **how)
    return places_left(hook.limiter)


async def test_an_answer_takes_a_place_from_the_alerts() -> None:
    assert await after_sending() == PER_CHAT[1] - 1


async def test_an_alert_that_waited_for_its_place_is_not_counted_twice() -> None:
    assert await after_sending(rate_limit_args=UNLIMITED) == PER_CHAT[1]


async def test_alerts_stand_back_while_an_answer_waits_out_a_refusal() -> None:
    limiter = Limiter(lambda: 0.0)
    hook = AnswersFirst(limiter)
    async with SandboxTelegram() as server, aiohttp.ClientSession() as person:
        body, key = {"user": 1, "text": "/start"}, {"X-Chat-Key": server.key}
        async with person.post(f"{server.url}/chat/send", json=body, headers=key) as said:
            assert said.status == 200
        server.world.faults.add("sendMessage", "429", retry_after=1)
        async with ExtBot(server.token, base_url=f"{server.url}/bot", rate_limiter=hook) as sender:
            await sender.send_message(1, "hello")
    assert limiter.take(1) > 1, "an alert would have taken the place that the answer waits for"


async def test_nothing_is_sent_or_edited_in_a_chat_while_telegram_asked_to_wait() -> None:
    """Not by another answer either: each try within the pause would be refused, and may lengthen it."""
    hook, tried = AnswersFirst(), list[tuple[str, float]]()
    refused = False

    async def ask_telegram(name: str) -> bool:
        nonlocal refused
        tried.append((name, time.monotonic()))
        if not refused:
            refused = True
            raise RetryAfter(1)
        return True

    async def call(name: str, endpoint: str, chat: int = 1) -> None:
        await hook.process_request(ask_telegram, (name,), {}, endpoint, {"chat_id": chat}, None)

    first = asyncio.create_task(call("first", "sendMessage"))
    while not refused:
        await asyncio.sleep(0)
    for other in (call("elsewhere", "sendMessage", chat=2), call("press", "answerCallbackQuery")):
        with pytest.raises(StopIteration):  # it lets others go first, and waits for nothing
            while other.send(None) is None:
                pass
    await asyncio.gather(first, call("second", "sendMessage"), call("edit", "editMessageText"))
    (_, began), *others = tried
    late = {name: at - began for name, at in others}
    assert min(late[name] for name in ("first", "second", "edit")) > 0.95
    assert set(late) == {"elsewhere", "press", "first", "second", "edit"}


async def test_a_pause_longer_than_anybody_waits_is_kept_without_another_try() -> None:
    hook = AnswersFirst()
    hook.limiter.pause(1, 100)
    with pytest.raises(RetryAfter):
        await hook.process_request(lambda: None, (), {}, "sendMessage", {"chat_id": 1}, None)


async def test_an_answer_outlasts_several_faults_in_a_row(household):
    await household.ask("/start", "Trader Automata")
    household.telegram.faults.add("sendMessage", "500", count=2)
    household.telegram.faults.add("sendMessage", "429", retry_after=1)
    household.telegram.faults.add("sendMessage", "reset")
    await household.ask("/help", "O que eu sei fazer")


async def test_an_answer_that_met_a_fault_of_the_server_is_given_again(household):
    await household.ask("/start", "Trader Automata")
    for kind in ("500", "reset"):
        household.telegram.faults.add("sendMessage", kind)
        await household.ask("/help", "O que eu sei fazer")


async def test_a_backtests_progress_keeps_telegrams_wish_to_wait(household):
    await household.ask("/start", "Trader Automata")
    await household.strategy("lenta")
    script(household)
    await household.ask("/backtest", "Escolha uma")
    await household.tap("lenta", "Desde quando")
    household.telegram.faults.add("editMessageText", "429", retry_after=20)
    await household.press("1 ano")
    limiter = household.app.application.bot.rate_limiter.limiter
    await household.until(lambda: limiter.paused(1) > 15)
