"""Changing and removing: the edit methods, deletion, pins."""

from typing import Any, Final

from bot.sandbox.telegram_album import media_content
from bot.sandbox.telegram_entities import message_text
from bot.sandbox.telegram_errors import bad_request
from bot.sandbox.telegram_markup import parse_markup
from bot.sandbox.telegram_messages import add_bot_message, caption_content, show, text_content
from bot.sandbox.telegram_request import Params
from bot.sandbox.telegram_rows import StoredMessage
from bot.sandbox.telegram_views import api_message
from bot.sandbox.telegram_world import World

Json = dict[str, Any]

EDIT_PARAMS: Final = ("chat_id", "message_id", "reply_markup")
DELETE_SECONDS: Final = 48 * 3600
MOST_DELETED: Final = 100
_NOT_MODIFIED: Final = (
    "Message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
_MEDIA_FIELDS: Final = ("photo", "document", "caption", "caption_entities", "has_media_spoiler")
_CAPTION_FIELDS: Final = ("caption", "caption_entities", "show_caption_above_media")
_TEXT_FIELDS: Final = ("text", "entities", "link_preview_options")


def edit_message_text(world: World, params: Params) -> Json:
    formatted = message_text(params.text("text"), params.text("parse_mode"), params.text("entities"))
    message, markup = _to_edit(world, params)
    if "text" not in message.content:
        raise bad_request("There is no text in the message to edit")
    return _apply(world, message, text_content(params, formatted), _TEXT_FIELDS, markup)


def edit_message_caption(world: World, params: Params) -> Json:
    caption = caption_content(params)
    message, markup = _to_edit(world, params)
    if "text" in message.content:
        raise bad_request("There is no caption in the message to edit")
    return _apply(world, message, caption, _CAPTION_FIELDS, markup)


def edit_message_reply_markup(world: World, params: Params) -> Json:
    message, markup = _to_edit(world, params)
    return _apply(world, message, {}, (), markup)


def edit_message_media(world: World, params: Params) -> Json:
    """Photo or document; a text message becomes one with a medium, as since Bot API 7.x."""
    media = params.nested("media", "Can't parse input media JSON object")
    if media is None:
        raise bad_request("Media not found")
    message, markup = _to_edit(world, params)
    content = media_content(world, params, media)
    return _apply(world, message, content, (*_MEDIA_FIELDS, *_CAPTION_FIELDS, *_TEXT_FIELDS), markup)


def _to_edit(world: World, params: Params) -> tuple[StoredMessage, Json | None]:
    """The message an edit names, and the keyboard it shall have."""
    markup = parse_markup(params.text("reply_markup"), inline_only=True)
    person = world.writable(params.text("chat_id"))
    message = world.store.message(person.id, params.integer("message_id"))
    if message is None or message.deleted:
        raise bad_request("Message to edit not found")
    if not message.from_bot or "_pinned" in message.content or _has_chat_keyboard(message):
        raise bad_request("Message can't be edited")
    return message, markup


def _has_chat_keyboard(message: StoredMessage) -> bool:
    """Sent with a reply keyboard, its removal or a forced reply: never editable again."""
    return message.markup is not None and "inline_keyboard" not in message.markup


def _apply(
    world: World, message: StoredMessage, new: Json, replaced: tuple[str, ...], markup: Json | None
) -> Json:
    kept = {name: value for name, value in message.content.items() if name not in replaced}
    content = {**kept, **new}
    inline = message.markup if message.markup and "inline_keyboard" in message.markup else None
    retold = _compared(content) != _compared(message.content)
    if not retold and markup == inline:
        raise bad_request(_NOT_MODIFIED)
    if retold:
        content["_retold"] = True
    world.flood.pass_one(message.chat_id)
    message.content, message.markup, message.edit_date = content, markup, world.now()
    world.store.save_message(message)
    show(world, message)
    return api_message(world, message)


def _compared(content: Json) -> Json:
    """Text, entities and files decide whether an edit changes anything; the link preview does not."""
    return {name: value for name, value in content.items() if name != "link_preview_options"}


def delete_message(world: World, params: Params) -> bool:
    person = world.person_of_chat(params.text("chat_id"))
    message = world.store.message(person.id, params.integer("message_id"))
    if message is None or message.deleted:
        raise bad_request("Message to delete not found")
    _require_young(world, message)
    _delete(world, message)
    return True


def delete_messages(world: World, params: Params) -> bool:
    """Up to 100 at once; those that are gone are passed over, one that is too old fails them all."""
    person = world.person_of_chat(params.text("chat_id"))
    named = [world.store.message(person.id, message_id) for message_id in _message_ids(params)]
    found = [message for message in named if message is not None and not message.deleted]
    for message in found:
        _require_young(world, message)
    for message in found:
        _delete(world, message)
    return True


def _require_young(world: World, message: StoredMessage) -> None:
    if message.date < world.clock() - DELETE_SECONDS:
        raise bad_request("Message can't be deleted for everyone")


def _message_ids(params: Params) -> list[int]:
    listed = params.nested("message_ids", "Can't parse message_ids JSON object")
    if listed is None:
        raise bad_request("Message identifiers are not specified")
    if not isinstance(listed, list):
        raise bad_request("Expected an Array of message identifiers")
    if len(listed) > MOST_DELETED:
        raise bad_request("Too many message identifiers specified")
    numbers: list[int] = []
    for item in listed:
        if isinstance(item, bool) or not isinstance(item, int | str):
            raise bad_request("Message identifier must be a Number")
        try:
            numbers.append(int(item))
        except ValueError:
            raise bad_request("Can't parse message identifier as a Number") from None
        if numbers[-1] <= 0:
            raise bad_request("Invalid message identifier specified")
    return numbers


def _delete(world: World, message: StoredMessage) -> None:
    """Blanks the message; its keyboard stays in the dark, for a press that was already on its way."""
    message.content, message.deleted, message.pinned = {}, True, False
    world.store.save_message(message)
    show(world, message)


def pin_chat_message(world: World, params: Params) -> bool:
    """Pins, and leaves the service line that a pin leaves in a private chat."""
    person = world.writable(params.text("chat_id"))
    message = world.store.message(person.id, params.integer("message_id"))
    if message is None or message.deleted:
        raise bad_request("Message to pin not found")
    if "_pinned" in message.content:
        raise bad_request("Service messages can't be pinned")
    if not message.pinned:
        message.pinned = True
        world.store.save_message(message)
        show(world, message)
        add_bot_message(world, person, {"_pinned": message.message_id}, None)
    return True


def unpin_chat_message(world: World, params: Params) -> bool:
    person = world.writable(params.text("chat_id"))
    wanted = params.integer("message_id")
    pinned = world.store.pinned(person.id)
    chosen = [m for m in pinned if m.message_id == wanted] if wanted else pinned[:1]
    if not chosen and (not wanted or world.store.message(person.id, wanted) is None):
        raise bad_request("Message to unpin not found")
    for message in chosen:
        _unpin(world, message)
    return True


def unpin_all_chat_messages(world: World, params: Params) -> bool:
    person = world.writable(params.text("chat_id"))
    for message in world.store.pinned(person.id):
        _unpin(world, message)
    return True


def _unpin(world: World, message: StoredMessage) -> None:
    message.pinned = False
    world.store.save_message(message)
    show(world, message)
