"""Sending: sendMessage, sendPhoto, sendDocument, sendChatAction, and what all of them share."""

from typing import Any, Final

from bot.sandbox.telegram_entities import FormattedText, caption_text, message_text
from bot.sandbox.telegram_errors import bad_request, unsupported
from bot.sandbox.telegram_markup import parse_markup
from bot.sandbox.telegram_media import document_field, input_file, photo_field
from bot.sandbox.telegram_request import Params, number_field
from bot.sandbox.telegram_rows import StoredMessage
from bot.sandbox.telegram_views import api_message, chat_message
from bot.sandbox.telegram_world import Person, World

Json = dict[str, Any]

SEND_PARAMS: Final = (
    "chat_id",
    "reply_markup",
    "reply_parameters",
    "reply_to_message_id",
    "allow_sending_without_reply",
    "disable_notification",
    "protect_content",
    "message_effect_id",
)
TEXT_PARAMS: Final = ("text", "parse_mode", "entities", "link_preview_options", "disable_web_page_preview")
CAPTION_PARAMS: Final = ("caption", "parse_mode", "caption_entities")
_ACTIONS: Final = frozenset(
    [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "record_audio",
        "upload_voice",
        "upload_audio",
        "upload_document",
        "choose_sticker",
        "find_location",
        "pick_up_location",
        "record_video_note",
        "upload_video_note",
    ]
)


def send_message(world: World, params: Params) -> Json:
    formatted = message_text(params.text("text"), params.text("parse_mode"), params.text("entities"))
    return api_message(world, _send(world, params, text_content(params, formatted)))


def send_photo(world: World, params: Params) -> Json:
    file = input_file(world, params, "photo", "photo")
    content: Json = {"photo": photo_field(file), **caption_content(params)}
    if params.flag("has_spoiler"):
        content["has_media_spoiler"] = True
    return api_message(world, _send(world, params, content))


def send_document(world: World, params: Params) -> Json:
    if params.text("thumbnail") or "thumbnail" in params.uploads:
        raise unsupported("the parameter thumbnail")
    file = input_file(world, params, "document", "document")
    content = {"document": document_field(file), **caption_content(params)}
    return api_message(world, _send(world, params, content))


def text_content(params: Params, formatted: FormattedText) -> Json:
    content: Json = {"text": formatted.text}
    if formatted.entities:
        content["entities"] = list(formatted.entities)
    preview = _link_preview(params)
    if preview:
        content["link_preview_options"] = preview
    return content


def caption_content(params: Params) -> Json:
    formatted = caption_text(
        params.text("caption"), params.text("parse_mode"), params.text("caption_entities")
    )
    content: Json = {}
    if formatted.text:
        content["caption"] = formatted.text
    if formatted.entities:
        content["caption_entities"] = list(formatted.entities)
    if formatted.text and params.flag("show_caption_above_media"):
        content["show_caption_above_media"] = True
    return content


def _link_preview(params: Params) -> Json:
    """Echoed as sent; the sandbox never fetches a preview."""
    options = params.nested("link_preview_options", "Can't parse link preview options JSON object")
    if options is None:
        return {"is_disabled": True} if params.flag("disable_web_page_preview") else {}
    if not isinstance(options, dict):
        raise bad_request("Object expected as link preview options")
    return {name: value for name, value in options.items() if value}


def _send(world: World, params: Params, content: Json) -> StoredMessage:
    wanted = reply_wanted(params)
    markup = parse_markup(params.text("reply_markup"))
    person = world.writable(params.text("chat_id"))
    reply_to = reply_target(world, person, *wanted)
    world.flood.pass_one(person.id)
    if reply_to:
        content["_reply_to"] = reply_to
    content |= send_options(params)
    return add_bot_message(world, person, content, markup)


def send_options(params: Params) -> Json:
    """What every kind of message may carry beside its content."""
    content: Json = {}
    if params.flag("disable_notification"):
        content["_silent"] = True
    if params.flag("protect_content"):
        content["has_protected_content"] = True
    if params.text("message_effect_id"):
        if not params.text("message_effect_id").isdecimal():
            raise bad_request("EFFECT_ID_INVALID")
        content["effect_id"] = params.text("message_effect_id")
    return content


def add_bot_message(world: World, person: Person, content: Json, markup: Json | None) -> StoredMessage:
    """Stores what the bot says and shows it on the page."""
    message = world.store.add_message(
        chat_id=person.id, from_bot=True, date=world.now(), content=content, markup=markup
    )
    show(world, message)
    return message


def show(world: World, message: StoredMessage) -> None:
    """Tells the page of a new or changed message."""
    world.publish(message.chat_id, {"type": "message", "message": chat_message(world, message)})


def reply_wanted(params: Params) -> tuple[int, bool]:
    """(message id or 0, whether a missing one is no error)."""
    options = params.nested("reply_parameters", "Can't parse reply parameters JSON object")
    if options is None:
        return params.integer("reply_to_message_id"), params.flag("allow_sending_without_reply")
    if not isinstance(options, dict):
        raise bad_request("Object expected as reply parameters")
    for name in options.keys() - {"message_id", "allow_sending_without_reply", "chat_id"}:
        if options[name] is not None:
            raise unsupported(f"the reply_parameters field {name}")
    if not options:
        return 0, False
    return number_field(options, "message_id"), bool(options.get("allow_sending_without_reply"))


def reply_target(world: World, person: Person, message_id: int, may_be_missing: bool) -> int:
    """The id to reply to, 0 for none."""
    if message_id <= 0:
        return 0
    target = world.store.message(person.id, message_id)
    if target is not None and not target.deleted:
        return message_id
    if may_be_missing:
        return 0
    raise bad_request("Message to be replied not found")


def send_chat_action(world: World, params: Params) -> bool:
    action = params.text("action").lower()
    if action != "cancel" and action not in _ACTIONS:
        raise bad_request("Wrong parameter action in request")
    person = world.writable(params.text("chat_id"))
    world.publish(person.id, {"type": "typing", "action": action})
    return True
