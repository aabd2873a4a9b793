"""Webhooks: updates brought to the bot in order, each until it is taken."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

CONFLICT = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)


class Hook:
    """A bot's own server: what came, with which secret, and what it answers next."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.secrets: list[str | None] = []
        self.answers: list[web.Response] = []
        self.url = ""
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def take(self, request: web.Request) -> web.Response:
        update = await request.json()
        if not self.answers:
            await self.go_on.wait()
        self.came.append(update["message"]["text"])
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        return self.answers.pop(0) if self.answers else web.Response()

    async def has(self, count: int) -> bool:
        return len(self.came) >= count


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    made = Hook()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


async def told(sides: Any, method: str, **params: Any) -> tuple[Any, str]:
    status, body, _ = await sides.raw(method, json=params)
    assert status == 200, body
    return body["result"], body["description"]


async def test_updates_come_in_order_with_the_secret_and_those_that_waited_first(sides, hook, wait_until):
    await sides.send("before")
    assert await told(sides, "setWebhook", url=hook.url, secret_token="s3cret_-") == (True, "Webhook was set")
    for number in range(5):
        await sides.send(str(number))
    await wait_until(lambda: hook.has(6))
    assert hook.came == ["before", "0", "1", "2", "3", "4"]
    assert set(hook.secrets) == {"s3cret_-"}
    again = await told(sides, "setWebhook", url=hook.url, secret_token="s3cret_-")
    assert again == (True, "Webhook is already set")


async def test_an_update_that_is_not_taken_comes_again_and_nothing_overtakes_it(sides, hook, wait_until):
    hook.answers = [web.Response(status=500), web.Response(status=302, headers={"Location": "/x"})]
    hook.go_on.clear()
    await sides.call("setWebhook", url=hook.url)
    await sides.send("first")
    await sides.send("second")
    await wait_until(lambda: hook.has(2))
    told_of = await sides.call("getWebhookInfo")
    assert told_of["pending_update_count"] == 2
    assert told_of["last_error_message"].startswith("Wrong response from the webhook: ")
    hook.go_on.set()
    await wait_until(lambda: hook.has(4))
    assert hook.came == ["first", "first", "first", "second"]
    assert hook.secrets == [None] * 4


async def test_a_webhook_that_is_down_keeps_its_updates_until_it_is_replaced(sides, hook, wait_until):
    await sides.call("setWebhook", url="http://127.0.0.1:9/hook")
    await sides.send("kept")

    async def failed():
        return (await sides.call("getWebhookInfo")).get("last_error_message") == "Connection refused"

    await wait_until(failed)
    await sides.call("setWebhook", url=hook.url)
    await wait_until(lambda: hook.has(1))
    info = await sides.call("getWebhookInfo")
    assert hook.came == ["kept"]
    assert "last_error_message" not in info


async def test_polling_and_a_webhook_exclude_each_other(sides, hook, wait_until):
    async def waits():
        return sides.server.world.updates.is_waiting

    poll = asyncio.create_task(sides.refused("getUpdates", timeout=20))
    await wait_until(waits)
    await sides.call("setWebhook", url=hook.url)
    assert await poll == (409, "Conflict: terminated by setWebhook request")
    assert await sides.refused("getUpdates") == (409, CONFLICT)
    assert await told(sides, "deleteWebhook") == (True, "Webhook was deleted")
    assert await told(sides, "deleteWebhook") == (True, "Webhook is already deleted")
    await sides.send("polled")
    assert [u["message"]["text"] for u in await sides.updates()] == ["polled"]
    assert hook.came == []


async def test_a_call_in_the_answer_is_carried_out(sides, hook, wait_until):
    answer = {"method": "sendMessage", "chat_id": 1, "text": "<b>by the answer</b>", "parse_mode": "HTML"}
    refused = {"method": "sendMessage", "chat_id": 77, "text": "to nobody"}
    hook.answers = [web.json_response({"method": "deleteWebhook"}), web.json_response(refused)]
    hook.answers.append(web.json_response(answer))
    await sides.call("setWebhook", url=hook.url)
    for text in ("a", "b", "c"):
        await sides.send(text)

    async def answered():
        return [m for m in await sides.messages() if m["text"] == "by the answer"]

    await wait_until(answered)
    assert (await sides.call("getWebhookInfo"))["url"] == hook.url


async def test_a_webhook_is_told_of_truly_and_max_connections_is_not_pretended(sides, hook, caplog):
    await sides.call("setWebhook", url=hook.url, max_connections=40, allowed_updates=["message"])
    assert await sides.call("getWebhookInfo") == {
        "url": hook.url,
        "has_custom_certificate": False,
        "pending_update_count": 0,
        "max_connections": 1,
        "allowed_updates": ["message"],
    }
    assert "max_connections is not heeded" in caplog.text


async def test_a_webhook_outlives_its_server(open_sides, hook, state_file, wait_until):
    async with open_sides(path=state_file) as sides:
        await sides.call("setWebhook", url="http://127.0.0.1:9/hook", secret_token="x")
        await sides.call("setWebhook", url=hook.url, secret_token="y")
        await sides.send("one")
        await wait_until(lambda: hook.has(1))
    async with open_sides(path=state_file) as sides:
        await sides.send("two")
        await wait_until(lambda: hook.has(2))
    assert (hook.came, hook.secrets) == (["one", "two"], ["y", "y"])


async def test_pending_updates_are_dropped_only_when_asked(sides, hook, wait_until):
    await sides.send("old")
    await sides.call("setWebhook", url=hook.url, drop_pending_updates=True)
    await sides.send("new")
    await wait_until(lambda: hook.has(1))
    assert hook.came == ["new"]


async def test_a_webhook_that_cannot_be_is_refused(sides):
    here = "http://127.0.0.1:9/"
    outside = "a webhook that is not http:// on a loopback address is not supported by the sandbox"
    cases = [
        ({"url": "nonsense://"}, "invalid webhook URL specified"),
        ({"url": "http://127.0.0.1:99999/"}, "invalid webhook URL specified"),
        ({"url": "https://example.org/hook"}, outside),
        ({"url": "http://10.0.0.1/hook"}, outside),
        ({"url": here, "secret_token": "a" * 257}, "secret token is too long"),
        ({"url": here, "secret_token": "a b"}, "secret token contains unallowed characters"),
        (
            {"url": here, "ip_address": "127.0.0.1"},
            "the parameter ip_address is not supported by the sandbox",
        ),
    ]
    for params, words in cases:
        assert await sides.refused("setWebhook", **params) == (400, f"Bad Request: {words}"), params
    assert (await sides.call("getWebhookInfo"))["url"] == ""
