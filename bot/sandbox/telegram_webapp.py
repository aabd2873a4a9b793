"""Mini Apps: the address a person's app opens, with initData signed as Telegram signs it.

core.telegram.org/bots/webapps, "Validating data received via the Mini App": secret = HMAC-SHA256("WebAppData", token),
hash = HMAC-SHA256(secret, "name=value" lines in the order of the names). It travels in the URL's fragment as
``tgWebAppData``. The field ``signature`` (for third parties, made with a key of Telegram's) is left out.
"""

import hashlib
import hmac
import json
import secrets
from typing import Any, Final
from urllib.parse import urlencode

from bot.sandbox.telegram_people import UserError
from bot.sandbox.telegram_world import Person, World

Json = dict[str, Any]

VERSION: Final = "9.1"
_SHOWN: Final = ("id", "first_name", "last_name", "username", "language_code")


def init_data(world: World, person: Person) -> str:
    """A signed query string that says who opened the Mini App, and when (Unix seconds)."""
    user = {name: person.profile[name] for name in _SHOWN if name in person.profile}
    fields = {
        "query_id": "AA" + secrets.token_urlsafe(15),
        "user": json.dumps(user | {"allows_write_to_pm": True}, ensure_ascii=False, separators=(",", ":")),
        "auth_date": str(world.now()),
    }
    lines = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    key = hmac.new(b"WebAppData", world.token.encode(), hashlib.sha256).digest()
    return urlencode(fields | {"hash": hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()})


def open_web_app(world: World, person: Person, message_id: int, label: str, theme: Json) -> Json:
    """The full address behind a web_app button, as ``url``; ``theme`` is passed on as tgWebAppThemeParams.

    Raises:
        UserError: the message has no such button.
    """
    message = world.store.message(person.id, message_id)
    markup = (message.markup or {}) if message is not None and not message.deleted else {}
    for row in markup.get("inline_keyboard", []):
        for button in row:
            if button["text"] == label and "web_app" in button:
                return {"url": _with_fragment(world, person, button["web_app"]["url"], theme)}
    raise UserError(f"message {message_id} of user {person.id} has no web_app button {label!r}", 404)


def _with_fragment(world: World, person: Person, url: str, theme: Json) -> str:
    fragment = urlencode(
        {
            "tgWebAppData": init_data(world, person),
            "tgWebAppVersion": VERSION,
            "tgWebAppPlatform": "web",
            "tgWebAppThemeParams": json.dumps(theme, separators=(",", ":")),
        }
    )
    return f"{url}{'&' if '#' in url else '#'}{fragment}"
