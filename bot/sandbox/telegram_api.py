"""The HTTP face of the Bot API stand-in: /bot<token>/<method> and /file/bot<token>/<path>.

The HTTP status equals error_code; 429 carries Retry-After. Updates of one call and its effect are committed
together; a fault that loses the reply strikes after that.
"""

import asyncio
import hmac
import logging
from typing import Any, Final

from aiohttp import web

from bot.sandbox.telegram_errors import ApiError, bad_request
from bot.sandbox.telegram_faults import HELD_SECONDS, Fault, FaultKind, refuse_before
from bot.sandbox.telegram_media import UPLOAD_BYTES
from bot.sandbox.telegram_methods import GET_UPDATES, METHODS, Method
from bot.sandbox.telegram_request import Params, read_params
from bot.sandbox.telegram_updates import LONGEST_POLL
from bot.sandbox.telegram_webhook import GET_UPDATES_CONFLICT, Told, take_allowed
from bot.sandbox.telegram_world import CallRecord, World

Json = dict[str, Any]

BODY_LIMIT: Final = UPLOAD_BYTES + 4 * 1024 * 1024
WORLD: Final = web.AppKey("world", World)
_log = logging.getLogger(__name__)


class _CutError(Exception):
    """The connection is to be cut instead of answered."""


def add_bot_api(app: web.Application) -> None:
    """Routes of the Bot API; ``app[WORLD]`` holds the state."""
    app.router.add_get("/file/bot{token}/{path:.+}", _download)
    app.router.add_get("/bot{token}/{method:.+}", _call, allow_head=False)
    app.router.add_post("/bot{token}/{method:.+}", _call)


async def _call(request: web.Request) -> web.StreamResponse:
    world = request.app[WORLD]
    name = request.match_info["method"].strip("/")
    params = Params()
    try:
        _check_token(world, request.match_info["token"])
        params = await _params(request)
        result = await carry_out(world, name, params)
    except ApiError as refused:
        _record(world, name, params, refused)
        return _refused(refused)
    except _CutError:
        _record(world, name, params, ApiError(0, "connection cut by a fault"))
        return _hang_up(request)
    _record(world, name, params, None)
    if isinstance(result, Told):
        return web.json_response({"ok": True, "result": result.result, "description": result.description})
    return web.json_response({"ok": True, "result": result})


async def _params(request: web.Request) -> Params:
    try:
        return await read_params(request)
    except web.HTTPRequestEntityTooLarge as exc:
        raise ApiError(413, "Request Entity Too Large") from exc
    except ValueError as exc:
        raise bad_request(f"can't parse request body: {exc}") from exc


def _check_token(world: World, token: str) -> None:
    if not hmac.compare_digest(token.encode(), world.token.encode()):
        well_formed = token.partition(":")[0].isdecimal() and ":" in token
        raise ApiError(401, "Unauthorized" if well_formed else "Unauthorized: invalid token specified")


async def carry_out(world: World, name: str, params: Params) -> Any:  # noqa: ANN401 - any JSON
    """One call from its name to its result, faults and waits included.

    Raises:
        ApiError: the refusal.
    """
    method = GET_UPDATES if name.lower() == "getupdates" else METHODS.get(name.lower())
    if method is None:
        _log.error("the Telegram sandbox has no method %s", name)
        raise ApiError(404, "Not Found: method not found")
    fault = world.faults.take(method.name)
    if fault is not None:
        refuse_before(fault)
        if fault.kind is FaultKind.TIMEOUT:
            await asyncio.sleep(HELD_SECONDS)
        if fault.kind in {FaultKind.CONNECTION_RESET, FaultKind.TIMEOUT}:
            raise _CutError
    try:
        method.check(params)
    except ApiError as refused:
        _log.error("Telegram sandbox, %s: %s", method.name, refused.description)
        raise
    if params.uploads:
        await asyncio.sleep(world.brake.wait(sum(len(each.content) for each in params.uploads.values())))
    result = await _answer(world, method, params, fault)
    if fault is not None and fault.kind is FaultKind.REPLY_LOST:
        raise _CutError
    return result


async def _answer(world: World, method: Method, params: Params, fault: Fault | None) -> Any:  # noqa: ANN401
    if method is not GET_UPDATES:
        with world.store.together():
            return method.answer(world, params)
    if world.webhook.url:
        raise ApiError(409, GET_UPDATES_CONFLICT)
    take_allowed(world, params)
    limit = params.integer("limit", 100, lowest=1, highest=100)
    updates = await world.updates.poll(
        offset=params.integer("offset"),
        limit=limit,
        timeout_seconds=params.integer("timeout", lowest=0, highest=LONGEST_POLL),
    )
    if fault is not None and fault.kind is FaultKind.OUT_OF_ORDER:
        return list(reversed(await world.updates.at_least_two(limit)))
    if fault is not None and fault.kind is FaultKind.TWICE:
        world.updates.deliver_again(updates)
    return updates


def _refused(refused: ApiError) -> web.Response:
    body: Json = {"ok": False, "error_code": refused.code, "description": refused.description}
    headers: dict[str, str] = {}
    if refused.retry_after is not None:
        body["parameters"] = {"retry_after": refused.retry_after}
        headers["Retry-After"] = str(refused.retry_after)
    return web.json_response(body, status=refused.code, headers=headers)


def _hang_up(request: web.Request) -> web.StreamResponse:
    """Cuts the connection without a byte of an answer."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
    return web.Response()


def _record(world: World, name: str, params: Params, refused: ApiError | None) -> None:
    status, description = (200, "") if refused is None else (refused.code, refused.description)
    world.calls.append(CallRecord(name, dict(params.values), status, description))


async def _download(request: web.Request) -> web.StreamResponse:
    world = request.app[WORLD]
    try:
        _check_token(world, request.match_info["token"])
    except ApiError as refused:
        return _refused(refused)
    file = world.store.file(path=request.match_info["path"])
    if file is None:
        return _refused(ApiError(404, "Not Found"))
    return web.Response(body=world.store.content(file.file_id), content_type="application/octet-stream")
