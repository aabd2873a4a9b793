"""What a Mini App says of its person: checked as core.telegram.org/bots/webapps ("Validating data") has it."""

import hashlib
import hmac
import json
from urllib.parse import parse_qsl

from bot.ports import Secret

MOST_AGE_SECONDS = 300
_AHEAD_SECONDS = 30
_LONGEST = 4096


class Untrue(Exception):  # noqa: N818
    """The text was not signed by Telegram for our bot, is too old, or names nobody."""


def person_of(init_data: str, *, token: Secret, now: int) -> int:
    """The Telegram user id that `initData` proves; `now` in ms UTC. Untrue otherwise."""
    if len(init_data) > _LONGEST:
        raise Untrue
    try:
        pairs = parse_qsl(init_data, keep_blank_values=True, strict_parsing=True, max_num_fields=30)
    except ValueError:
        raise Untrue from None
    fields = dict(pairs)
    claimed = fields.pop("hash", "")
    if len(fields) + 1 != len(pairs):  # a name twice could mean two things
        raise Untrue
    if not hmac.compare_digest(_signed(fields, token).encode(), claimed.encode()):
        raise Untrue
    age = now // 1000 - _number(fields.get("auth_date"))
    if not -_AHEAD_SECONDS <= age <= MOST_AGE_SECONDS:
        raise Untrue
    try:
        user = json.loads(fields.get("user", ""))
    except ValueError:
        raise Untrue from None
    return _number(user.get("id") if isinstance(user, dict) else None)


def _signed(fields: dict[str, str], token: Secret) -> str:
    text = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    key = hmac.new(b"WebAppData", token.reveal().encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        return int(value)
    raise Untrue
