"""One stored message in its two faces: the Bot API's Message and the page's."""

from typing import Any
from urllib.parse import quote

from bot.sandbox.telegram_rows import StoredMessage
from bot.sandbox.telegram_world import World

Json = dict[str, Any]


def api_message(world: World, message: StoredMessage, *, with_reply: bool = True) -> Json:
    """A Bot API Message. Fields of ours in the content begin with an underscore and are resolved here."""
    person = world.people[message.chat_id]
    shown: Json = {
        "message_id": message.message_id,
        "from": world.bot_user if message.from_bot else person.profile,
        "chat": person.chat(),
        "date": message.date,
    }
    if message.edit_date is not None:
        shown["edit_date"] = message.edit_date
    content = message.content
    if with_reply and (target := _target(world, message, "_reply_to")):
        shown["reply_to_message"] = api_message(world, target, with_reply=False)
    for name, value in content.items():
        if name in {"entities", "caption_entities"}:
            if value:
                shown[name] = _entities(world, value)
        elif not name.startswith("_"):
            shown[name] = value
    if "_pinned" in content:
        shown["pinned_message"] = pinned_part(world, message)
    if message.markup and "inline_keyboard" in message.markup:
        shown["reply_markup"] = message.markup
    return shown


def pinned_part(world: World, message: StoredMessage) -> Json:
    target = _target(world, message, "_pinned")
    if target is None:
        return inaccessible(world, message.chat_id, message.content["_pinned"])
    return api_message(world, target, with_reply=False)


def inaccessible(world: World, chat_id: int, message_id: int) -> Json:
    """What remains of a deleted message: date 0."""
    return {"chat": world.people[chat_id].chat(), "message_id": message_id, "date": 0}


def _target(world: World, message: StoredMessage, name: str) -> StoredMessage | None:
    if name not in message.content:
        return None
    target = world.store.message(message.chat_id, message.content[name])
    return None if target is None or target.deleted else target


def _entities(world: World, entities: list[Json]) -> list[Json]:
    return [_entity(world, entity) for entity in entities]


def _entity(world: World, entity: Json) -> Json:
    if "_user_id" not in entity:
        return entity
    person = world.people.get(entity["_user_id"])
    profile = person.profile if person else {"id": entity["_user_id"], "is_bot": False, "first_name": ""}
    return {key: value for key, value in entity.items() if key != "_user_id"} | {"user": profile}


def chat_message(world: World, message: StoredMessage) -> Json:
    """The page's shape; a deleted message keeps its id and its place and nothing else.

    ``text`` holds the caption where there is a photo or a document. Beyond the documented keys: date, edit_date
    (Unix seconds), retold (edited, and not only its keyboard: what people see as edited), revision (grows with
    every change of any message), pinned, silent, protected, spoiler, reply_to (a message id or null), keyboard
    (a reply keyboard's labels or null), markup (the kind of a non-inline markup or null), service ("pinned" or
    null).
    """
    content: Json = {} if message.deleted else message.content
    markup: Json = {} if message.deleted else message.markup or {}
    kind = next((name for name in ("keyboard", "remove_keyboard", "force_reply") if name in markup), None)
    return {
        "message_id": message.message_id,
        "from": "bot" if message.from_bot else "user",
        "text": content.get("text", content.get("caption", "")),
        "entities": _entities(world, content.get("entities") or content.get("caption_entities") or []),
        "buttons": [[_button(button) for button in row] for row in markup.get("inline_keyboard", [])],
        "photo": _file_url(content["photo"][-1], "photo") if "photo" in content else None,
        "document": _document(content["document"]) if "document" in content else None,
        "edited": message.edit_date is not None and not message.deleted,
        "deleted": message.deleted,
        "date": message.date,
        "edit_date": message.edit_date,
        "retold": message.edit_date is not None and ("_retold" in content or not message.from_bot),
        "revision": message.revision,
        "pinned": message.pinned and not message.deleted,
        "silent": bool(content.get("_silent")),
        "protected": bool(content.get("has_protected_content")),
        "spoiler": bool(content.get("has_media_spoiler")),
        "caption_above": bool(content.get("show_caption_above_media")),
        "photo_size": _photo_size(content),
        "reply_to": content.get("_reply_to"),
        "keyboard": [[button["text"] for button in row] for row in markup.get("keyboard", [])] or None,
        "markup": kind,
        "service": "pinned" if "_pinned" in content else None,
    }


def _button(button: Json) -> Json:
    """Label and data (null for a button that is not a callback), and what the other kinds of button hold."""
    shown = {"text": button["text"], "data": button.get("callback_data")}
    if "url" in button:
        shown["url"] = button["url"]
    if "web_app" in button:
        shown["web_app"] = button["web_app"]["url"]
    if "copy_text" in button:
        shown["copy"] = button["copy_text"]["text"]
    if "style" in button:
        shown["style"] = button["style"]
    return shown


def _photo_size(content: Json) -> list[int] | None:
    if "photo" not in content:
        return None
    photo = content["photo"][-1]
    return [photo["width"], photo["height"]]


def _document(document: Json) -> Json:
    return {
        "name": document.get("file_name", "file"),
        "url": _file_url(document, document.get("file_name", "file")),
        "size": document["file_size"],
    }


def _file_url(file: Json, name: str) -> str:
    return f"/chat/file/{file['file_id']}/{quote(name, safe='')}"
