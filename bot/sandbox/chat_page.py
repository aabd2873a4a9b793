"""The chat page as a browser gets it: its parts, files that were sent, and events as they happen."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from bot.sandbox.chat_request import person_of
from bot.sandbox.telegram_api import WORLD
from bot.sandbox.telegram_guard import cookie_name
from bot.sandbox.telegram_people import UserError

Json = dict[str, Any]

_PAGE: Final = Path(__file__).parent / "chat"
_PING_SECONDS: Final = 15.0
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def add_page(app: web.Application) -> None:
    """Routes of what `chat_api` tells of, as far as it is not JSON."""
    app.router.add_get("/chat", _to_page)
    app.router.add_get("/chat/", _page)
    app.router.add_get("/chat/{name:[a-z_]+\\.(?:css|js|svg)}", _asset)
    app.router.add_get("/chat/file/{file_id}/{name:.+}", _file)
    app.router.add_get("/chat/events", _events)


async def _to_page(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(request.rel_url.with_path("/chat/").with_query(request.query))


async def _page(request: web.Request) -> web.StreamResponse:
    response = web.Response(text=(_PAGE / "index.html").read_text("utf-8"), content_type="text/html")
    response.set_cookie(
        cookie_name(request), request.app[WORLD].key, path="/chat", httponly=True, samesite="Strict"
    )
    return response


async def _asset(request: web.Request) -> web.StreamResponse:
    path = _PAGE / request.match_info["name"]
    if not path.is_file():
        raise web.HTTPNotFound
    return web.Response(text=path.read_text("utf-8"), content_type=_TYPES[path.suffix])


async def _file(request: web.Request) -> web.StreamResponse:
    world = request.app[WORLD]
    file = world.store.file(file_id=request.match_info["file_id"])
    if file is None:
        raise web.HTTPNotFound
    is_picture = file.kind == "photo" and file.mime_type in _PICTURES
    headers = {} if is_picture else {"Content-Disposition": "attachment"}
    kind = file.mime_type if is_picture else "application/octet-stream"
    return web.Response(body=world.store.content(file.file_id), content_type=kind, headers=headers)


async def _events(request: web.Request) -> web.StreamResponse:
    world = request.app[WORLD]
    try:
        only = person_of(world, request.query["user"]).id if "user" in request.query else None
    except UserError as refused:
        return web.json_response({"ok": False, "error": str(refused)}, status=refused.status)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    queue = world.listen()
    try:
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        await _write(response, {"type": "hello", "revision": world.store.revision()})
        while (event := await _next_event(queue, response)) is not None:
            if only is None or event["user"] == only:
                await _write(response, event)
    except ConnectionError:
        pass
    finally:
        world.unlisten(queue)
    return response


async def _next_event(queue: "asyncio.Queue[Json | None]", response: web.StreamResponse) -> Json | None:
    while True:
        try:
            async with asyncio.timeout(_PING_SECONDS):
                return await queue.get()
        except TimeoutError:
            await response.write(b": ping\n\n")


async def _write(response: web.StreamResponse, event: Json) -> None:
    await response.write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
