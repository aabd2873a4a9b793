"""A running stand-in and both its sides over HTTP."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox.telegram_server import SandboxTelegram

Json = dict[str, Any]
ANA, BOB = 1, 2


@dataclass
class Sides:
    """The bot's side and the people's side of one stand-in."""

    server: SandboxTelegram
    session: aiohttp.ClientSession

    async def raw(self, method: str, **request: Any) -> tuple[int, Json, aiohttp.ClientResponse]:
        url = f"{self.server.url}/bot{self.server.token}/{method}"
        async with self.session.post(url, **request) as response:
            return response.status, await response.json(), response

    async def call(self, method: str, **params: Any) -> Any:
        """The result of a call that must succeed."""
        status, body, _ = await self.raw(method, json=params)
        assert body["ok"], (method, body)
        assert status == 200
        return body["result"]

    async def refused(self, method: str, **params: Any) -> tuple[int, str]:
        """Status and description of a call that must fail."""
        status, body, _ = await self.raw(method, json=params)
        assert body["ok"] is False, (method, body)
        assert body["error_code"] == status
        return status, body["description"]

    async def post(self, path: str, body: Json) -> tuple[int, Json]:
        async with self.session.post(
            f"{self.server.url}/chat/{path}", json=body, headers=self.key
        ) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> Json:
        async with self.session.get(f"{self.server.url}/chat/{path}", headers=self.key) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    @property
    def key(self) -> dict[str, str]:
        return {"X-Chat-Key": self.server.key}

    async def send(self, text: str, user: int = ANA) -> int:
        status, body = await self.post("send", {"user": user, "text": text})
        assert status == 200, body
        return body["message_id"]

    async def press(self, message_id: int, label: str, user: int = ANA) -> Json:
        status, body = await self.post("press", {"user": user, "message_id": message_id, "text": label})
        assert status == 200, body
        return body

    async def messages(self, user: int = ANA, query: str = "") -> list[Json]:
        return (await self.get(f"messages?user={user}{query}"))["messages"]

    async def updates(self, **params: Any) -> list[Json]:
        return await self.call("getUpdates", **params)

    async def begin(self, user: int = ANA) -> None:
        """The person starts the bot; the update is confirmed."""
        await self.send("/start", user)
        found = await self.updates()
        await self.updates(offset=found[-1]["update_id"] + 1)


class Clock:
    """A clock that a test turns by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def until(fact: Callable[[], Awaitable[Any]], seconds: float = 30.0) -> Any:
    """Waits for a fact, with a deadline."""
    end = time.monotonic() + seconds
    while not (found := await fact()):
        assert time.monotonic() < end, "the fact did not come about"
        await asyncio.sleep(0.01)
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_sides() -> Callable[..., Any]:
    """Starts a stand-in with options of one's own: ``async with open_sides(flood=None) as sides``."""
    return _Opening


class _Opening:
    def __init__(self, **options: Any) -> None:
        self.server = SandboxTelegram(**({"poll_pacing": False} | options))

    async def __aenter__(self) -> Sides:
        await self.server.start()
        self.session = aiohttp.ClientSession()
        return Sides(self.server, self.session)

    async def __aexit__(self, *args: object) -> None:
        await self.session.close()
        await self.server.stop()


@pytest.fixture
async def sides(open_sides: Callable[..., Any]) -> AsyncIterator[Sides]:
    """Both sides, Ana having started the bot."""
    async with open_sides() as opened:
        await opened.begin()
        yield opened


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    return until


def png(width: int, height: int) -> bytes:
    """The head of a PNG of that size; nothing here looks further."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes(9)


@pytest.fixture
def picture() -> Callable[[int, int], bytes]:
    return png


@pytest.fixture
def state_file(tmp_path: Path) -> Path:
    return tmp_path / "telegram.db"


def as_form(params: Json) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    for name, value in params.items():
        if isinstance(value, tuple):
            form.add_field(name, io.BytesIO(value[1]), filename=value[0])
        else:
            form.add_field(name, value if isinstance(value, str) else json.dumps(value))
    return form


@pytest.fixture
def form() -> Callable[[Json], aiohttp.FormData]:
    return as_form
