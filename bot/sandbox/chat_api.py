"""The people's side over HTTP, the same for the chat page and for scripts.

Every request carries the key: ``?key=``, the header X-Chat-Key, or the cookie that the page sets. Bodies are JSON,
answers are ``{"ok": true, ...}`` or an HTTP 4xx with ``{"ok": false, "error": "what would be accepted"}``.

``POST /chat/send {"user":1,"text","reply_to"?}``
    -> ``message_id`` (and ``message_ids``: a text above 4096 characters goes in pieces).
``POST /chat/press {"user":1,"message_id","text" (label) | "data"}``
    -> ``message_id``, ``query_id`` (an inline button) or the id of the text sent (a reply keyboard's button).
``POST /chat/upload`` multipart: user, file, caption?, as=photo?
    -> ``message_id``; a document, unless ``as`` is photo.
``POST /chat/edit {"user","message_id","text"}``
    a person corrects a text of their own.
``GET /chat/messages?user=1&after=0&revision=0``
    -> ``messages`` with greater id, oldest first, each as telegram_views.chat_message shapes it, and ``revision``.
    Deleted ones stay in the list with ``deleted`` true and an empty text. ``after`` does not show edits of older
    messages; ``revision=N`` (with after=0) gives whatever is new or changed since revision N was answered.
    ``last=N`` gives only the newest N of them.
``GET /chat/events?user=1``
    server-sent events (``chat_page`` tells them), JSON with a "type": hello (revision), message (message: new, edited, pinned or deleted),
    typing (action), press (message_id, query_id, text), answer (query_id, text, alert), commands, user.
``GET /chat/state?user=1``
    -> ``bot``, ``users``, ``user``, ``commands`` (in that user's language), ``pinned``, ``keyboard``.
``POST /chat/user {"user","language"?,"blocked"?,"deactivated"?}``
    the language of that person's app, the switch that blocks the bot, and whether the account is deleted.
``POST /chat/web_app {"user","message_id","text" (label),"theme"?}``
    -> ``url``, where a web_app button leads that person, with signed initData in the fragment.
``GET | POST | DELETE /chat/faults``; POST ``{"method","kind","count"?,"retry_after"?}``
    trouble on demand, kinds as in telegram_faults.FaultKind.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox import telegram_people as people
from bot.sandbox.chat_request import body_of, number_of, person_of, text_of
from bot.sandbox.telegram_api import WORLD
from bot.sandbox.telegram_errors import ApiError
from bot.sandbox.telegram_faults import FaultKind
from bot.sandbox.telegram_people import UserError
from bot.sandbox.telegram_request import read_params
from bot.sandbox.telegram_settings import commands_for
from bot.sandbox.telegram_views import chat_message
from bot.sandbox.telegram_webapp import open_web_app
from bot.sandbox.telegram_world import Person, World

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_chat(app: web.Application) -> None:
    """Routes of the people's side, as far as they answer in JSON."""
    app.router.add_get("/chat/messages", _told(_messages))
    app.router.add_get("/chat/state", _told(_state))
    app.router.add_post("/chat/send", _told(_send))
    app.router.add_post("/chat/press", _told(_press))
    app.router.add_post("/chat/upload", _told(_upload))
    app.router.add_post("/chat/edit", _told(_edit))
    app.router.add_post("/chat/web_app", _told(_web_app))
    app.router.add_post("/chat/user", _told(_user))
    app.router.add_get("/chat/faults", _told(_faults))
    app.router.add_post("/chat/faults", _told(_add_fault))
    app.router.add_delete("/chat/faults", _told(_clear_faults))


def _told(answer: Callable[[web.Request], Awaitable[Json]]) -> Handler:
    """Wraps an answer as JSON, a refusal as JSON with the reason."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response({"ok": True, **await answer(request)})
        except UserError as refused:
            return web.json_response({"ok": False, "error": str(refused)}, status=refused.status)
        except ApiError as refused:
            return web.json_response({"ok": False, "error": refused.description}, status=refused.code)

    return handler


async def _messages(request: web.Request) -> Json:
    world = request.app[WORLD]
    person = person_of(world, request.query.get("user"))
    found = world.store.messages(
        person.id, after=number_of(request.query, "after"), revision=number_of(request.query, "revision")
    )
    if last := number_of(request.query, "last"):
        found = found[-last:]
    return {
        "messages": [chat_message(world, message) for message in found],
        "revision": world.store.revision(),
    }


async def _state(request: web.Request) -> Json:
    world = request.app[WORLD]
    person = person_of(world, request.query.get("user"))
    markup = world.store.last_markup(person.id) or {}
    keyboard = markup if "keyboard" in markup or "force_reply" in markup else None
    language = str(person.profile.get("language_code", ""))[:2]
    about = world.store.setting(f"description:{language}") or world.store.setting("description:") or ""
    return {
        "bot": {
            "name": world.bot_user["first_name"],
            "username": world.bot_user["username"],
            "description": about,
        },
        "users": [_shown(world, each) for each in world.people.values()],
        "user": _shown(world, person),
        "commands": commands_for(world, person),
        "pinned": [message.message_id for message in world.store.pinned(person.id)],
        "keyboard": keyboard,
        "answer_seconds": people.ANSWER_SECONDS,
    }


def _shown(world: World, person: Person) -> Json:
    return {
        "id": person.id,
        "name": person.profile["first_name"],
        "language": person.profile.get("language_code", ""),
        "started": person.started,
        "blocked": person.blocked,
        "owner": person.id == world.owner,
    }


async def _send(request: web.Request) -> Json:
    world, body = request.app[WORLD], await body_of(request)
    person = person_of(world, body.get("user"))
    with world.store.together():
        sent = people.send_text(world, person, text_of(body, "text"), reply_to=number_of(body, "reply_to"))
    return {"message_id": sent[0], "message_ids": sent}


async def _press(request: web.Request) -> Json:
    world, body = request.app[WORLD], await body_of(request)
    person = person_of(world, body.get("user"))
    if "text" not in body and "data" not in body:
        raise UserError('name the button: "text" (its label) or "data" (its callback data)')
    label = text_of(body, "text") if "text" in body else None
    callback = text_of(body, "data") if "data" in body else None
    with world.store.together():
        return people.press(world, person, number_of(body, "message_id"), text=label, data=callback)


async def _upload(request: web.Request) -> Json:
    world, form = request.app[WORLD], await read_params(request)
    person = person_of(world, form.text("user"))
    file = form.uploads.get("file")
    if file is None:
        raise UserError("there is no file: send multipart/form-data with the parts user, file and caption")
    with world.store.together():
        sent = people.upload(world, person, file, form.text("caption"), as_photo=form.text("as") == "photo")
    return {"message_id": sent}


async def _edit(request: web.Request) -> Json:
    world, body = request.app[WORLD], await body_of(request)
    person = person_of(world, body.get("user"))
    with world.store.together():
        people.edit_text(world, person, number_of(body, "message_id"), text_of(body, "text"))
    return {"message_id": number_of(body, "message_id")}


async def _web_app(request: web.Request) -> Json:
    world, body = request.app[WORLD], await body_of(request)
    person = person_of(world, body.get("user"))
    theme = body.get("theme") or {}
    if not isinstance(theme, dict):
        raise UserError('"theme" must be an object')
    return open_web_app(world, person, number_of(body, "message_id"), text_of(body, "text"), theme)


async def _user(request: web.Request) -> Json:
    world, body = request.app[WORLD], await body_of(request)
    person = person_of(world, body.get("user"))
    language, blocked = body.get("language"), body.get("blocked")
    if language is not None and not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})?", str(language)):
        raise UserError('"language" is a code like "pt-br" or "en"')
    if blocked is not None and not isinstance(blocked, bool):
        raise UserError('"blocked" is true or false')
    deactivated = body.get("deactivated")
    if deactivated is not None and not isinstance(deactivated, bool):
        raise UserError('"deactivated" is true or false')
    with world.store.together():
        if deactivated is not None:
            person.deactivated = deactivated
            world.save_person(person)
        if language is not None:
            people.set_language(world, person, str(language))
        if blocked is not None:
            people.set_blocked(world, person, blocked=blocked)
    return {"user": _shown(world, person)}


async def _faults(request: web.Request) -> Json:
    waiting = request.app[WORLD].faults.waiting()
    return {"faults": [{"method": f.method, "kind": f.kind, "count": f.count} for f in waiting]}


async def _add_fault(request: web.Request) -> Json:
    body = await body_of(request)
    try:
        request.app[WORLD].faults.add(
            text_of(body, "method"),
            text_of(body, "kind"),
            int(body.get("count", 1)),
            retry_after=int(body.get("retry_after", 1)),
        )
    except (ValueError, TypeError) as exc:
        kinds = ", ".join(FaultKind)
        raise UserError(f"{exc}; method is a Bot API method or *, kind one of {kinds}") from exc
    return await _faults(request)


async def _clear_faults(request: web.Request) -> Json:
    request.app[WORLD].faults.clear()
    return {"faults": []}
