"""What PTB's own sending methods take from the limiter that answers and alerts share."""

import aiohttp
from telegram.ext import ExtBot

from bot.sandbox.telegram_server import SandboxTelegram
from handlers.limiter import PER_CHAT, UNLIMITED, AnswersFirst, Limiter


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
