"""The people's side: what happens on their phones becomes updates of the bot, and answers come back."""

import secrets
from typing import Any, Final

from bot.sandbox.telegram_entities import TEXT_LIMIT, caption_text, user_text
from bot.sandbox.telegram_errors import bad_request
from bot.sandbox.telegram_media import document_field, photo_field, store_upload
from bot.sandbox.telegram_messages import show
from bot.sandbox.telegram_request import Params, Upload
from bot.sandbox.telegram_rows import StoredMessage
from bot.sandbox.telegram_views import api_message, inaccessible
from bot.sandbox.telegram_world import Person, World

Json = dict[str, Any]

ANSWER_SECONDS: Final = 15.0
ANSWER_TEXT_LIMIT: Final = 200


class UserError(Exception):
    """A person's act that cannot be; the message says what would be accepted. ``status`` is the HTTP one."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def send_text(world: World, person: Person, text: str, *, reply_to: int = 0) -> list[int]:
    """A person writes. A text above 4096 characters goes out in pieces, as phones send it.

    Raises:
        UserError: an empty text, a blocked bot, a reply to a message that is not there.
    """
    _require_unblocked(person)
    pieces = [text[at : at + TEXT_LIMIT] for at in range(0, len(text), TEXT_LIMIT)]
    cleaned = [formatted for piece in pieces if (formatted := user_text(piece)).text]
    if not cleaned:
        raise UserError("the text is empty: write at least one character that is not a blank")
    if reply_to and _visible(world, person, reply_to) is None:
        raise UserError(f"there is no message {reply_to} to reply to", 404)
    sent: list[int] = []
    for formatted in cleaned:
        content: Json = {"text": formatted.text, "entities": list(formatted.entities)}
        if reply_to:
            content["_reply_to"] = reply_to
        sent.append(_arrive(world, person, content))
    return sent


def edit_text(world: World, person: Person, message_id: int, text: str) -> None:
    """A person corrects a text of their own.

    Raises:
        UserError: nothing to edit, or an empty text.
    """
    _require_unblocked(person)
    message = _visible(world, person, message_id)
    if message is None or message.from_bot or "text" not in message.content:
        raise UserError(f"message {message_id} is not a text message of user {person.id}", 404)
    formatted = user_text(text[:TEXT_LIMIT])
    if not formatted.text:
        raise UserError("the text is empty: write at least one character that is not a blank")
    message.content |= {"text": formatted.text, "entities": list(formatted.entities)}
    message.edit_date = world.now()
    world.store.save_message(message)
    show(world, message)
    world.updates.add("edited_message", api_message(world, message))


def upload(world: World, person: Person, file: Upload, caption: str, *, as_photo: bool = False) -> int:
    """A person sends a file: a document, or with ``as_photo`` a picture.

    Raises:
        UserError: a blocked bot. ApiError: a file outside the limits.
    """
    _require_unblocked(person)
    kind = "photo" if as_photo else "document"
    stored = store_upload(world, file, kind)
    content: Json = {kind: photo_field(stored) if as_photo else document_field(stored)}
    if caption:
        formatted = caption_text(caption, "", "")
        content |= {"caption": formatted.text, "caption_entities": list(formatted.entities)}
    return _arrive(world, person, content)


def _arrive(world: World, person: Person, content: Json) -> int:
    if not person.started:
        person.started = True
        world.save_person(person)
    message = world.store.add_message(
        chat_id=person.id, from_bot=False, date=world.now(), content=content, markup=None
    )
    show(world, message)
    world.updates.add("message", api_message(world, message))
    return message.message_id


def press(world: World, person: Person, message_id: int, *, text: str | None, data: str | None) -> Json:
    """A person presses the button with this label (or this callback data).

    An inline button makes a callback query, a reply keyboard's button sends its label. A message deleted a moment
    ago can still be pressed, as on a phone that lags behind: the bot then gets an InaccessibleMessage.

    Raises:
        UserError: no such message or button; the labels there are, are named.
    """
    _require_unblocked(person)
    message = world.store.message(person.id, message_id)
    if message is None or not message.from_bot:
        raise UserError(f"user {person.id} has no message {message_id} of the bot", 404)
    markup = message.markup or {}
    for row in markup.get("keyboard", []):
        if text is not None and any(button["text"] == text for button in row):
            return {"message_id": send_text(world, person, text)[0]}
    buttons = [button for row in markup.get("inline_keyboard", []) for button in row]
    for button in buttons:
        if button["text"] == text or (data is not None and button.get("callback_data") == data):
            return _press_inline(world, person, message, button)
    labels = [b["text"] for b in buttons] + [b["text"] for r in markup.get("keyboard", []) for b in r]
    wanted = repr(text) if text is not None else f"with data {data!r}"
    raise UserError(f"message {message_id} has no button {wanted}; its buttons are {labels}", 404)


def _press_inline(world: World, person: Person, message: StoredMessage, button: Json) -> Json:
    if "callback_data" not in button:
        kind = next(name for name in ("url", "copy_text", "web_app") if name in button)
        raise UserError(
            f"the button {button['text']!r} is a {kind} button: nothing reaches the bot ({button[kind]})"
        )
    query_id = str(secrets.randbelow(1 << 62) + (1 << 62))
    world.store.add_press(query_id, person.id, message.message_id, world.clock())
    shown = (
        inaccessible(world, person.id, message.message_id) if message.deleted else api_message(world, message)
    )
    world.publish(
        person.id,
        {"type": "press", "message_id": message.message_id, "query_id": query_id, "text": button["text"]},
    )
    world.updates.add(
        "callback_query",
        {
            "id": query_id,
            "from": person.profile,
            "message": shown,
            "chat_instance": str(-4_000_000_000_000_000_000 - person.id),
            "data": button["callback_data"],
        },
    )
    return {"message_id": message.message_id, "query_id": query_id}


def answer_callback_query(world: World, params: Params) -> bool:
    """answerCallbackQuery: once, and within 15 seconds of the press."""
    if not params.text("callback_query_id"):
        raise bad_request("Query is too old and response timeout expired or query ID is invalid")
    text = params.text("text")
    if len(text) > ANSWER_TEXT_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    if params.text("url"):
        raise bad_request("URL_INVALID")
    pressed = world.store.answer_press(
        params.text("callback_query_id"), not_before=world.clock() - ANSWER_SECONDS
    )
    if pressed is None:
        raise bad_request("Query is too old and response timeout expired or query ID is invalid")
    user_id, message_id = pressed
    world.publish(
        user_id,
        {
            "type": "answer",
            "query_id": params.text("callback_query_id"),
            "message_id": message_id,
            "text": text,
            "alert": params.flag("show_alert"),
        },
    )
    return True


def set_language(world: World, person: Person, language: str) -> None:
    """The app language of a person, as ``language_code`` of the User from the next update on."""
    person.profile["language_code"] = language
    world.save_person(person)


def set_blocked(world: World, person: Person, *, blocked: bool) -> None:
    """Blocks or unblocks the bot; the bot learns of it by my_chat_member."""
    if person.blocked == blocked:
        return
    person.blocked = blocked
    world.save_person(person)
    world.updates.add(
        "my_chat_member",
        {
            "chat": person.chat(),
            "from": person.profile,
            "date": world.now(),
            "old_chat_member": _membership(world, blocked=not blocked),
            "new_chat_member": _membership(world, blocked=blocked),
        },
    )


def _membership(world: World, *, blocked: bool) -> Json:
    member: Json = {"user": world.bot_user, "status": "kicked" if blocked else "member"}
    return member | ({"until_date": 0} if blocked else {})


def _require_unblocked(person: Person) -> None:
    if person.deactivated:
        raise UserError(f"the account of user {person.id} is deleted: nobody can use it", 409)
    if person.blocked:
        raise UserError(
            f"user {person.id} has blocked the bot: unblock it first "
            f'(POST /chat/user {{"user": {person.id}, "blocked": false}})',
            409,
        )


def _visible(world: World, person: Person, message_id: int) -> StoredMessage | None:
    message = world.store.message(person.id, message_id)
    return None if message is None or message.deleted else message
