"""A tiny Bybit that does exactly what a test tells it: for answers that a well-behaved stand-in never gives."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import WSMsgType, web

from bot.exchanges.environments import Endpoints


def envelope(result: object = None, *, code: int = 0, message: str = "OK") -> dict[str, Any]:
    return {
        "retCode": code,
        "retMsg": message,
        "result": {} if result is None else result,
        "retExtInfo": {},
        "time": int(time.time() * 1000),
    }


@dataclass
class Seen:
    """A request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]
    at: float


Reply = web.StreamResponse | dict[str, Any]
Script = Callable[[web.Request], Awaitable[Reply]]


@dataclass
class ScriptedBybit:
    """REST: `answers[path]` is an envelope, a list of them in turn (the last stays), or a coroutine function.

    Stream: `talk` is a coroutine function over the socket, called for each connection once the client is logged
    in and subscribed (`polite`), or right after the handshake.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    talk: Callable[[web.WebSocketResponse, int], Awaitable[None]] | None = None
    polite: bool = True
    connections: int = 0
    clock_ahead: float = 0.0
    port: int = 0
    open_sockets: list[web.WebSocketResponse] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/v5/private", self._stream)
        app.router.add_route("*", "/{rest:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        for socket in self.open_sockets:
            await socket.close()
        await self._runner.cleanup()

    @property
    def endpoints(self) -> Endpoints:
        base = f"127.0.0.1:{self.port}"
        return Endpoints(f"http://{base}", f"ws://{base}/v5/private")

    def asked(self, path: str) -> list[Seen]:
        return [one for one in self.seen if one.path == path]

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self.seen.append(
            Seen(
                request.path,
                dict(request.query),
                dict(request.headers),
                json.loads(text) if text else {},
                time.time(),
            )
        )
        answer = self.answers.get(request.path)
        if answer is None and request.path == "/v5/market/time":
            nano = time.time_ns() + int(self.clock_ahead * 1e9)
            answer = envelope({"timeSecond": str(nano // 10**9), "timeNano": str(nano)})
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = await answer(request)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.json_response(answer if answer is not None else envelope({"list": []}))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        number = self.connections
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open_sockets.append(socket)
        if self.polite:
            for _ in range(2):
                command = json.loads((await socket.receive()).data)
                await socket.send_json({"success": True, "ret_msg": "", "op": command["op"], "conn_id": "c"})
        if self.talk is not None:
            await self.talk(socket, number)
        return socket


async def answer_pings(socket: web.WebSocketResponse, _number: int = 0) -> None:
    """Until the client goes."""
    async for message in socket:
        if message.type is WSMsgType.TEXT and json.loads(message.data).get("op") == "ping":
            await socket.send_json({"op": "pong", "args": ["1"], "conn_id": "c"})


async def say_nothing(socket: web.WebSocketResponse, _number: int = 0) -> None:
    async for _ in socket:
        pass


async def hang(_request: web.Request) -> Reply:
    """An answer that does not come while anybody waits."""
    await asyncio.sleep(3600)
    return {}


def html(status: int, headers: dict[str, str] | None = None) -> Script:
    async def reply(_request: web.Request) -> Reply:
        return web.Response(
            status=status, text="<html>sorry</html>", content_type="text/html", headers=headers
        )

    return reply


async def cut(request: web.Request) -> Reply:
    """The connection ends without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
