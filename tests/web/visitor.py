"""A person's browser at the one-time page, as far as the page's script asks the server."""

import hashlib
import hmac
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

from tests.handlers.household import Household, Message


def link_in(message: Message) -> str:
    """The page's address in a message of the chat."""
    for entity in message["entities"]:
        if entity["type"] == "text_link" and "/entry" in entity["url"]:
            return str(entity["url"])
    raise AssertionError(f"no link in {message['text']!r}")


def ticket_in(link: str) -> str:
    found = re.search(r"#t=([\w-]{43})$", link)
    assert found, link
    return found[1]


class Visitor:
    def __init__(self, home: Household, origin: str | None = None) -> None:
        assert home.app is not None
        self.home = home
        self.base = f"http://127.0.0.1:{home.app.web.port}"
        self.origin = origin or self.base

    async def ask(
        self, what: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        sent = {"Origin": self.origin, **(headers or {})}
        async with self.home.http.post(f"{self.base}/entry/{what}", json=body, headers=sent) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else {}

    async def open(self, ticket: str) -> dict[str, Any]:
        status, form = await self.ask("open", {"ticket": ticket})
        assert status == 200, form
        return form

    async def send(self, form: dict[str, Any], **values: str) -> tuple[int, dict[str, Any]]:
        return await self.ask("submit", {"ticket": form["ticket"], "values": values})


def init_data(token: str, person: int, *, at: float | None = None, **more: str) -> str:
    """What Telegram puts behind the # of a Mini App's address."""
    fields = {"auth_date": str(int(at if at is not None else time.time())), "query_id": "AAE", **more}
    fields.setdefault("user", json.dumps({"id": person, "first_name": "Ana"}, separators=(",", ":")))
    text = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    key = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    return urlencode({**fields, "hash": hmac.new(key, text.encode(), hashlib.sha256).hexdigest()})
