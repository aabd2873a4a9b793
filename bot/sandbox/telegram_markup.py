"""Keyboards: checked as the Bot API server and TDLib check them, kept as the JSON that clients send.

Four kinds: ``inline_keyboard`` (editable, lives on the message), ``keyboard``, ``remove_keyboard`` and
``force_reply`` (these three belong to the chat; a message sent with one of them can never be edited).
"""

from typing import Any, Final
from urllib.parse import urlsplit

from bot.sandbox.telegram_errors import bad_request, unsupported
from bot.sandbox.telegram_links import checked_link
from bot.sandbox.telegram_request import decoded

Json = dict[str, Any]

CALLBACK_BYTES: Final = 64
COPY_LIMIT: Final = 256
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_STYLES: Final = frozenset({"danger", "success", "primary"})
_BUTTON_COMMON: Final = frozenset({"text", "style", "icon_custom_emoji_id"})
_INLINE_ACTIONS: Final = frozenset({"url", "callback_data", "web_app", "copy_text"})
_INLINE_UNSUPPORTED: Final = (
    "callback_game",
    "pay",
    "switch_inline_query",
    "switch_inline_query_chosen_chat",
    "switch_inline_query_current_chat",
    "login_url",
)
_KEYBOARD_UNSUPPORTED: Final = (
    "request_contact",
    "request_location",
    "request_poll",
    "request_users",
    "request_chat",
    "request_managed_bot",
    "web_app",
)
_KEYBOARD_OPTIONS: Final = (
    "resize_keyboard",
    "one_time_keyboard",
    "is_persistent",
    "selective",
    "input_field_placeholder",
)


def parse_markup(raw: str, *, inline_only: bool = False) -> Json | None:
    """The reply_markup parameter, or None when it is absent or empty.

    Raises:
        ApiError: 400, in the words of the real server; with ``inline_only`` also for the other three kinds.
    """
    if not raw:
        return None
    given = decoded(raw, "Can't parse reply keyboard markup JSON object")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise bad_request("Object expected as reply markup")
    rows = _rows(given, "keyboard", 'Field "keyboard" must be an Array of Arrays')
    inline = _rows(
        given,
        "inline_keyboard",
        'Field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
    )
    markup = _chosen(given, rows, inline)
    if inline_only and markup and "inline_keyboard" not in markup:
        raise bad_request("Inline keyboard expected")
    return markup


def _chosen(given: Json, rows: list[list[Any]], inline: list[list[Any]]) -> Json | None:
    if rows:
        options = {name: given[name] for name in _KEYBOARD_OPTIONS if given.get(name) is not None}
        return {"keyboard": [[_keyboard_button(button) for button in row] for row in rows if row], **options}
    if inline:
        built = [[_inline_button(button) for button in row] for row in inline]
        kept = [row for row in built if row]
        return {"inline_keyboard": kept} if kept else None
    if given.get("remove_keyboard"):
        return {"remove_keyboard": True}
    if given.get("force_reply"):
        placeholder = given.get("input_field_placeholder")
        return {"force_reply": True, **({"input_field_placeholder": placeholder} if placeholder else {})}
    return None


def _rows(given: Json, name: str, complaint: str) -> list[list[Any]]:
    rows = given.get(name)
    if rows is None:
        return []
    if not isinstance(rows, list):
        raise bad_request(f'Field "{name}" must be of type Array')
    if not all(isinstance(row, list) for row in rows):
        raise bad_request(complaint)
    return rows


def _keyboard_button(button: object) -> Json:
    if isinstance(button, str):
        return {"text": _label(button, "Keyboard")}
    if not isinstance(button, dict):
        raise bad_request("Can't parse keyboard button: KeyboardButton must be a String or an Object")
    for name in _KEYBOARD_UNSUPPORTED:
        if button.get(name):
            raise unsupported(f"the keyboard button field {name}")
    text = _text_field(button, "keyboard button")
    return {"text": _label(text, "Keyboard"), **_look(button, "keyboard button")}


def _inline_button(button: object) -> Json:
    where = "inline keyboard button"
    if not isinstance(button, dict):
        raise bad_request(f"Can't parse {where}: InlineKeyboardButton must be an Object")
    text = _text_field(button, where)
    look = _look(button, where)
    for name in _INLINE_UNSUPPORTED:
        if name in button:
            raise unsupported(f"the inline keyboard button field {name}")
    strangers = button.keys() - _BUTTON_COMMON - _INLINE_ACTIONS
    if strangers:
        raise unsupported(f"the inline keyboard button field {min(strangers)}")
    action = _inline_action(button)
    return {"text": _label(text, "Inline keyboard"), **action, **look}


def _inline_action(button: Json) -> Json:
    where = "Can't parse inline keyboard button: "
    if url := button.get("url"):
        link = checked_link(url) if isinstance(url, str) else None
        if link is None:
            raise bad_request(f"Inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
        return {"url": link}
    if callback := button.get("callback_data"):
        if not isinstance(callback, str):
            raise bad_request(f'{where}Field "callback_data" must be of type String')
        if len(callback.encode()) > CALLBACK_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
        return {"callback_data": callback}
    if app := button.get("web_app"):
        return {"web_app": {"url": _web_app_url(app)}}
    if copy := button.get("copy_text"):
        copied = copy.get("text") if isinstance(copy, dict) else None
        if not isinstance(copied, str) or not 1 <= len(copied) <= COPY_LIMIT:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")
        return {"copy_text": {"text": copied}}
    raise bad_request(f"{where}Text buttons are unallowed in the inline keyboard")


def _web_app_url(app: object) -> str:
    url = app.get("url") if isinstance(app, dict) else None
    if not isinstance(url, str):
        raise bad_request("Can't parse inline keyboard button: Can't find field \"url\"")
    if not _is_https_or_local(url):
        raise bad_request(
            f"Inline keyboard button Web App URL '{url}' is invalid: Only HTTPS links are allowed"
        )
    return url


def _is_https_or_local(url: str) -> bool:
    """Plain http is taken on this machine alone, as Telegram's own test environment takes it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL)


def _text_field(button: Json, where: str) -> str:
    text = button.get("text")
    if text is None:
        raise bad_request(f"Can't parse {where}: Can't find field \"text\"")
    if not isinstance(text, str):
        raise bad_request(f'Can\'t parse {where}: Field "text" must be of type String')
    return text


def _label(text: str, kind: str) -> str:
    if not text.strip():
        raise bad_request(f"{kind} button text must be non-empty")
    return text


def _look(button: Json, where: str) -> Json:
    style = button.get("style")
    if style is not None and not isinstance(style, str):
        raise bad_request(f'Can\'t parse {where}: Field "style" must be of type String')
    if style and style not in _STYLES:
        raise bad_request(f"Can't parse {where}: invalid button style specified")
    if button.get("icon_custom_emoji_id"):
        raise unsupported(f"the {where} field icon_custom_emoji_id")
    return {"style": style} if style else {}
