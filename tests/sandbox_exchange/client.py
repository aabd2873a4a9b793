"""How these tests talk to the stand-in: real pybit over HTTP, a real WebSocket for the private stream."""

import asyncio
import hashlib
import hmac
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pybit.unified_trading import HTTP
from websockets.asyncio.client import ClientConnection, connect

from bot.sandbox.exchange import SandboxExchange

SHARED = Path(__file__).resolve().parents[2] / "../shared"
DEADLINE_S = 30.0


def real_candles(name: str) -> Path:
    """A file of real candles; the test is skipped where they are not beside the checkout."""
    folder = Path(os.environ.get("TRADER_AUTOMATA_DATA", SHARED / "data"))
    if not (folder / name).exists():
        pytest.skip(f"real candles are not here: {folder / name}")
    return folder / name


def sample(name: str) -> list[dict[str, Any]]:
    """The samples of real Bybit payloads in one file; skipped where they are not beside the checkout."""
    path = SHARED / "samples" / "bybit" / f"{name}.json"
    if not path.exists():
        pytest.skip(f"samples of real payloads are not here: {path}")
    return json.loads(path.read_text())["samples"]


@contextmanager
def pybit_session(exchange: SandboxExchange, key: str = "", secret: str = "") -> Iterator[HTTP]:
    """The real pybit, pointed at the stand-in, without its own retries."""
    session = HTTP(
        api_key=key or exchange.api_key,
        api_secret=secret or exchange.api_secret,
        retry_codes={-1234567},
        force_retry=False,
        return_response_headers=False,
    )
    session.endpoint = exchange.rest_url
    try:
        yield session
    finally:
        session.client.close()


async def until(fact: Callable[[], Any], what: str = "the fact") -> Any:
    """Wait for a fact, not for a time; fails at the deadline naming it."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        found = fact()
        if found:
            return found
        await asyncio.sleep(0.002)
    raise AssertionError(f"{what} did not come true in {DEADLINE_S} s")


class Stream:
    """A private stream that keeps everything it was sent."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.closed = False
        self._task = asyncio.create_task(self._read())

    async def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a command, return its answer."""
        start = len(self.messages)
        await self.socket.send(json.dumps(command))
        return await until(
            lambda: next((m for m in self.messages[start:] if "topic" not in m), None),
            f"an answer to {command}",
        )

    def rows(self, topic: str) -> list[dict[str, Any]]:
        return [row for message in self.messages if message.get("topic") == topic for row in message["data"]]

    async def row(self, topic: str, **wanted: Any) -> dict[str, Any]:
        """The first row of `topic` with these values, once it has come."""
        return await until(
            lambda: next(
                (
                    row
                    for row in self.rows(topic)
                    if all(row[name] == value for name, value in wanted.items())
                ),
                None,
            ),
            f"{topic} row with {wanted}",
        )

    async def close(self) -> None:
        await self.socket.close()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                self.messages.append(json.loads(text))
        except Exception:
            self.closed = True
            raise
        self.closed = True


def auth_args(key: str, secret: str, ahead_ms: int = 10_000) -> list[Any]:
    expires = int(time.time() * 1000) + ahead_ms
    return [
        key,
        expires,
        hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest(),
    ]


@asynccontextmanager
async def private_stream(
    exchange: SandboxExchange, *topics: str, key: str = "", secret: str = ""
) -> AsyncIterator[Stream]:
    """A private stream, authenticated and subscribed."""
    stream = Stream(await connect(exchange.ws_private_url))
    try:
        args = auth_args(key or exchange.api_key, secret or exchange.api_secret)
        assert (await stream.ask({"op": "auth", "args": args}))["success"]
        if topics:
            assert (await stream.ask({"op": "subscribe", "args": list(topics)}))["success"]
        yield stream
    finally:
        await stream.close()
