"""Media that are named inside JSON: InputMediaPhoto and InputMediaDocument, alone in an edit or as an album."""

import secrets
from typing import Any, Final

from bot.sandbox.telegram_errors import bad_request, unsupported
from bot.sandbox.telegram_media import document_field, input_file, photo_field
from bot.sandbox.telegram_messages import (
    add_bot_message,
    caption_content,
    reply_target,
    reply_wanted,
    send_options,
)
from bot.sandbox.telegram_request import Params
from bot.sandbox.telegram_views import api_message
from bot.sandbox.telegram_world import World

Json = dict[str, Any]

ALBUM_LIMIT: Final = 10
_KINDS: Final = frozenset({"photo", "document"})
_FIELDS: Final = frozenset(
    [
        "type",
        "media",
        "caption",
        "parse_mode",
        "caption_entities",
        "show_caption_above_media",
        "has_spoiler",
        "disable_content_type_detection",
    ]
)


def media_content(world: World, params: Params, media: object) -> Json:
    """The content of a message with this InputMedia; its file may be a part of the request.

    Raises:
        ApiError: 400 in the words of the real server, or naming the kind or field that the sandbox lacks.
    """
    if not isinstance(media, dict):
        raise bad_request("Can't parse InputMedia: expected an Object")
    kind = media.get("type")
    if kind is not None and not isinstance(kind, str):
        raise bad_request('Can\'t parse InputMedia: Field "type" must be of type String')
    if kind not in _KINDS:
        raise unsupported(f"media of type {kind}")
    strangers = media.keys() - _FIELDS
    if strangers:
        raise unsupported(f"the InputMedia field {min(strangers)}")
    if not media.get("media"):
        raise bad_request("Can't parse InputMedia: media not found")
    file = input_file(world, params, "media", kind, given=str(media["media"]))
    inner = Params()
    for name, value in media.items():
        inner.put(name, value)
    content = {kind: photo_field(file) if kind == "photo" else document_field(file), **caption_content(inner)}
    if inner.flag("has_spoiler"):
        content["has_media_spoiler"] = True
    return content


def send_media_group(world: World, params: Params) -> list[Json]:
    """Two to ten photos, or two to ten documents, as messages with one media_group_id; one goes alone.

    Raises:
        ApiError: 400, 403, or 429: each message of the album counts.
    """
    if not params.text("media"):
        raise bad_request('Parameter "media" is required')
    listed = params.nested("media", "Can't parse media JSON object")
    if not isinstance(listed, list):
        raise bad_request("Expected an Array of InputMedia")
    wanted = reply_wanted(params)
    person = world.writable(params.text("chat_id"))
    contents = [media_content(world, params, media) for media in listed]
    _check_album(contents)
    reply_to = reply_target(world, person, *wanted)
    world.flood.pass_one(person.id, messages=len(contents))
    shared = send_options(params) | ({"_reply_to": reply_to} if reply_to else {})
    if len(contents) > 1:
        shared["media_group_id"] = str(secrets.randbelow(1 << 53) + (1 << 53))
    return [
        api_message(world, add_bot_message(world, person, content | shared, None)) for content in contents
    ]


def _check_album(contents: list[Json]) -> None:
    if not contents:
        raise bad_request("There are no messages to send")
    if len(contents) > ALBUM_LIMIT:
        raise bad_request("Too many messages to send as an album")
    if {"photo", "document"} <= {name for content in contents for name in content}:
        raise bad_request("Document can't be mixed with other media types")
