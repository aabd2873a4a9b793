"""setWebhook, deleteWebhook, getWebhookInfo: the other way out of the queue of updates.

Words and order of checks after the real server (Client.cpp, process_set_webhook_query). Where it differs on purpose:
only an ``http://`` address of this machine is taken (the real one wants https and refuses loopback), and there is one
connection whatever ``max_connections`` says, which getWebhookInfo then shows.
"""

import ipaddress
import logging
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from bot.sandbox.telegram_errors import ApiError, bad_request, unsupported
from bot.sandbox.telegram_request import Params
from bot.sandbox.telegram_updates import known_kinds
from bot.sandbox.telegram_world import World

Json = dict[str, Any]

GET_UPDATES_CONFLICT: Final = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)
_SECRET_LIMIT: Final = 256
_CONNECTIONS: Final = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """A result with a sentence beside it, in the envelope's ``description``."""

    result: Any
    description: str


def set_webhook(world: World, params: Params) -> Told:
    """Takes an address for updates; with an empty url the same as deleteWebhook.

    Raises:
        ApiError: 400 for an address or a secret token that the server would not take.
    """
    url = params.text("url")
    if not url:
        return delete_webhook(world, params)
    _check_address(url)
    secret_token = params.text("secret_token")
    if len(secret_token) > _SECRET_LIMIT:
        raise bad_request("Secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret_token):
        raise bad_request("Secret token contains unallowed characters")
    for name in ("certificate", "ip_address"):
        if params.text(name) or name in params.uploads:
            raise unsupported(f"the parameter {name}")
    if params.text("max_connections") and params.integer("max_connections") != _CONNECTIONS:
        _log.warning("the Telegram sandbox delivers over one connection, max_connections is not heeded")
    take_allowed(world, params)
    hook = world.webhook
    if (hook.url, hook.secret_token) == (url, secret_token) and not params.flag("drop_pending_updates"):
        return Told(result=True, description="Webhook is already set")
    if params.flag("drop_pending_updates"):
        world.updates.drop_all()
    hook.put(url, secret_token)
    world.updates.end_for_webhook()
    world.updates.arrived.set()
    return Told(result=True, description="Webhook was set")


def delete_webhook(world: World, params: Params) -> Told:
    take_allowed(world, params)
    if params.flag("drop_pending_updates"):
        world.updates.drop_all()
    was_set = bool(world.webhook.url)
    if was_set:
        world.webhook.put("")
    return Told(result=True, description="Webhook was deleted" if was_set else "Webhook is already deleted")


def get_webhook_info(world: World, params: Params) -> Json:
    del params
    hook, allowed = world.webhook, world.updates.allowed()
    shown: Json = {
        "url": hook.url,
        "has_custom_certificate": False,
        "pending_update_count": world.updates.pending(),
    }
    if hook.last_error:
        shown |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error}
    if hook.url:
        shown["max_connections"] = _CONNECTIONS
    return shown | ({"allowed_updates": allowed} if allowed else {})


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise bad_request("Invalid webhook URL specified") from None
    if not host or parts.scheme not in {"http", "https"} or port == 0:
        raise bad_request("Invalid webhook URL specified")
    if not _is_loopback(host) or parts.scheme == "https":
        raise unsupported("a webhook that is not http:// on a loopback address")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def take_allowed(world: World, params: Params) -> None:
    """allowed_updates, kept until it is given again; a malformed one is ignored, as on the real server."""
    if "allowed_updates" not in params.values:
        return
    try:
        kinds = known_kinds(params.nested("allowed_updates", ""))
    except ApiError:
        return
    if kinds is not None:
        world.updates.allow(kinds)
