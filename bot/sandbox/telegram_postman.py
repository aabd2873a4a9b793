"""Brings updates to the bot's webhook: one after the other, each again until it is taken.

After WebhookActor.cpp: anything but 2xx, and any broken connection, keeps the update; the second try follows at once,
those after it 2, 4, 8 ... s later (at most 60), Retry-After before all that. An answer may carry a method call
(``{"method": "sendMessage", ...}``), whose result nobody sees.
"""

import asyncio
import json
import logging
from typing import Any, Final

import aiohttp

from bot.sandbox.telegram_api import carry_out
from bot.sandbox.telegram_errors import ApiError
from bot.sandbox.telegram_request import Params
from bot.sandbox.telegram_world import World

Json = dict[str, Any]

TOKEN_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
_LONGEST_PAUSE: Final = 60
_LONGEST_RETRY_AFTER: Final = 3600
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60)
_NEVER_IN_ANSWERS: Final = ("deletewebhook", "setwebhook", "close", "logout")
_log = logging.getLogger(__name__)


class _NotTakenError(Exception):
    """The bot did not take an update; ``retry_after`` in seconds as it asked, 0 where it did not."""

    def __init__(self, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


async def deliver(world: World) -> None:
    """Delivers for as long as it is not cancelled; idle while there is no webhook."""
    world.updates.arrived.set()
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        while True:
            await world.updates.arrived.wait()
            world.updates.arrived.clear()
            fails = 0
            while world.webhook.url and (update := world.updates.first()) is not None:
                fails = await _bring(world, session, update, fails)


async def _bring(world: World, session: aiohttp.ClientSession, update: Json, fails: int) -> int:
    """One try; the number of failed tries of this update so far, 0 when it was taken."""
    world.webhook.changed.clear()
    try:
        answer = await _post(world, session, update)
    except _NotTakenError as missed:
        world.webhook.failed(str(missed), world.now())
        pause = min(2**fails, _LONGEST_PAUSE) if fails else 0
        await _rest(world, min(missed.retry_after, _LONGEST_RETRY_AFTER) or pause)
        return fails + 1
    world.updates.confirm(update["update_id"])
    if answer is not None:
        await _obey(world, answer)
    return 0


async def _post(world: World, session: aiohttp.ClientSession, update: Json) -> Json | None:
    """The method call in the bot's answer, if there is one."""
    hook = world.webhook
    headers = {TOKEN_HEADER: hook.secret_token} if hook.secret_token else {}
    try:
        async with session.post(hook.url, json=update, headers=headers, allow_redirects=False) as response:
            body = await response.read()
            if not 200 <= response.status <= 299:
                raise _NotTakenError(
                    f"Wrong response from the webhook: {response.status} {response.reason}",
                    _seconds(response.headers.get("Retry-After", "")),
                )
    except aiohttp.ClientConnectorError as exc:
        raise _NotTakenError("Connection refused") from exc
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise _NotTakenError("Webhook connection closed") from exc
    try:
        answer = json.loads(body or b"null")
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and answer.get("method") else None


def _seconds(raw: str) -> int:
    return int(raw) if raw.isdecimal() else 0


async def _rest(world: World, seconds: float) -> None:
    """A pause that a new setWebhook or deleteWebhook ends."""
    try:
        async with asyncio.timeout(seconds):
            await world.webhook.changed.wait()
    except TimeoutError:
        pass


async def _obey(world: World, answer: Json) -> None:
    name = str(answer.pop("method"))
    if name.lower() in _NEVER_IN_ANSWERS or name.lower().startswith("get"):
        return
    params = Params()
    for field, value in answer.items():
        params.put(field, value)
    try:
        await carry_out(world, name, params)
    except ApiError as refused:
        _log.warning("Telegram sandbox, %s in a webhook's answer: %s", name, refused.description)
