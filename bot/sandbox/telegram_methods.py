"""The table of Bot API methods: who answers, and which parameters it takes.

A method outside the table is 404 and logged. A parameter outside a method's row is 400: either real Telegram does
not know it, or it does and the sandbox does not; both must be seen, not swallowed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bot.sandbox import telegram_editing as editing
from bot.sandbox import telegram_messages as messages
from bot.sandbox import telegram_settings as settings
from bot.sandbox import telegram_webhook as webhook
from bot.sandbox.telegram_album import send_media_group
from bot.sandbox.telegram_errors import ApiError, unsupported
from bot.sandbox.telegram_media import get_file
from bot.sandbox.telegram_messages import CAPTION_PARAMS, SEND_PARAMS, TEXT_PARAMS
from bot.sandbox.telegram_people import answer_callback_query
from bot.sandbox.telegram_request import Params
from bot.sandbox.telegram_world import World

Handler = Callable[[World, Params], Any]

IGNORED: Final = frozenset({"allow_paid_broadcast"})
"""Taken and without effect: paid broadcasts need Stars, which nobody here has."""

_ELSEWHERE: Final = frozenset(
    [
        "business_connection_id",
        "direct_messages_topic_id",
        "inline_message_id",
        "message_thread_id",
        "suggested_post_parameters",
    ]
)
"""Known to Telegram, for channels, groups, businesses and inline mode: none of these exist here."""


@dataclass(frozen=True)
class Method:
    """A method under its documented name; ``answer`` runs in one transaction of the store."""

    name: str
    answer: Handler
    accepts: frozenset[str]

    def check(self, params: Params) -> None:
        """Refuses what the row does not name.

        Raises:
            ApiError: 400 naming the parameter.
        """
        for name in sorted(params.names() - self.accepts - IGNORED):
            if name in _ELSEWHERE:
                raise unsupported(f"the parameter {name}")
            raise ApiError(400, f"Bad Request: the sandbox knows no parameter {name} of {self.name}")


def _log_out(world: World, params: Params) -> bool:
    del world, params
    raise unsupported("logOut")


def _row(name: str, answer: Handler, *accepts: str) -> Method:
    return Method(name, answer, frozenset(accepts))


_ROWS: Final = (
    _row("getMe", settings.get_me),
    _row("close", settings.close),
    _row("logOut", _log_out),
    _row("getWebhookInfo", webhook.get_webhook_info),
    _row("deleteWebhook", webhook.delete_webhook, "drop_pending_updates"),
    _row(
        "setWebhook",
        webhook.set_webhook,
        "url",
        "certificate",
        "ip_address",
        "max_connections",
        "allowed_updates",
        "drop_pending_updates",
        "secret_token",
    ),
    _row("sendMessage", messages.send_message, *SEND_PARAMS, *TEXT_PARAMS),
    _row(
        "sendPhoto",
        messages.send_photo,
        *SEND_PARAMS,
        *CAPTION_PARAMS,
        "photo",
        "has_spoiler",
        "show_caption_above_media",
    ),
    _row(
        "sendDocument",
        messages.send_document,
        *SEND_PARAMS,
        *CAPTION_PARAMS,
        "document",
        "thumbnail",
        "disable_content_type_detection",
    ),
    _row(
        "sendMediaGroup",
        send_media_group,
        "media",
        *(name for name in SEND_PARAMS if name != "reply_markup"),
    ),
    _row("sendChatAction", messages.send_chat_action, "chat_id", "action"),
    _row("editMessageText", editing.edit_message_text, *editing.EDIT_PARAMS, *TEXT_PARAMS),
    _row(
        "editMessageCaption",
        editing.edit_message_caption,
        *editing.EDIT_PARAMS,
        *CAPTION_PARAMS,
        "show_caption_above_media",
    ),
    # PTB's Defaults send a parse_mode with every edit; Telegram passes over it in these two
    _row("editMessageMedia", editing.edit_message_media, *editing.EDIT_PARAMS, "media", "parse_mode"),
    _row("editMessageReplyMarkup", editing.edit_message_reply_markup, *editing.EDIT_PARAMS, "parse_mode"),
    _row("deleteMessage", editing.delete_message, "chat_id", "message_id"),
    _row("deleteMessages", editing.delete_messages, "chat_id", "message_ids"),
    _row("pinChatMessage", editing.pin_chat_message, "chat_id", "message_id", "disable_notification"),
    _row("unpinChatMessage", editing.unpin_chat_message, "chat_id", "message_id"),
    _row("unpinAllChatMessages", editing.unpin_all_chat_messages, "chat_id"),
    _row(
        "answerCallbackQuery",
        answer_callback_query,
        "callback_query_id",
        "text",
        "show_alert",
        "url",
        "cache_time",
    ),
    _row("getFile", get_file, "file_id"),
    _row("getChat", settings.get_chat, "chat_id"),
    _row("leaveChat", settings.leave_chat, "chat_id"),
    _row("setMyCommands", settings.set_my_commands, "commands", "scope", "language_code"),
    _row("getMyCommands", settings.get_my_commands, "scope", "language_code"),
    _row("deleteMyCommands", settings.delete_my_commands, "scope", "language_code"),
    _row("setChatMenuButton", settings.set_chat_menu_button, "chat_id", "menu_button"),
    _row("getChatMenuButton", settings.get_chat_menu_button, "chat_id"),
    *(
        row
        for name, method in (
            ("name", "MyName"),
            ("description", "MyDescription"),
            ("short_description", "MyShortDescription"),
        )
        for row in (
            _row(f"set{method}", partial(settings.set_about, name=name), name, "language_code"),
            _row(f"get{method}", partial(settings.get_about, name=name), "language_code"),
        )
    ),
)

METHODS: Final = {row.name.lower(): row for row in _ROWS}
GET_UPDATES: Final = Method(
    "getUpdates", lambda _world, _params: None, frozenset({"offset", "limit", "timeout", "allowed_updates"})
)
