"""Bybit's private stream: login, subscription and rows (docs "websocket/wss-authentication", "private/*")."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection

from bot.errors import AccessDenied, Unavailable
from bot.exchanges.bybit_errors import BY_CODE, Doing, Meaning, Refused, error_for
from bot.exchanges.bybit_http import scrubbed
from bot.exchanges.bybit_translate import Row, is_ours, is_trade, order_view, reading
from bot.exchanges.stream import StreamBroken
from bot.ports import Credentials, FillView, StreamEvent

TOPICS = ("order.spot", "execution.spot", "wallet")
_EXPIRES_MS = 10_000
_CONTROL = frozenset({"auth", "subscribe", "ping", "pong"})

Frame = Mapping[str, Any]


class BybitLink:
    """Bybit's side of a supervised stream.

    `stamp` gives the server's time (ms) once it is known. `fills` turns an execution row of ours into a
    FillView and may have to ask for a price. `verdict` asks by REST whether the key still works, raising
    AccessDenied if not: a refused login may come without a code.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        where: str,
        stamp: Callable[[], Awaitable[int]],
        doubt_clock: Callable[[], None],
        fills: Callable[[Row], Awaitable[FillView]],
        verdict: Callable[[], Awaitable[object]],
        stage: Callable[[str], None] | None = None,
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._where = where
        self._stamp = stamp
        self._doubt_clock = doubt_clock
        self._fills = fills
        self._verdict = verdict
        self._stage = stage or (lambda _: None)

    @property
    def url(self) -> str:
        return self._url

    def ping(self) -> str:
        return '{"op":"ping"}'

    def scrub(self, text: object) -> str:
        return scrubbed(text, self._credentials)

    async def login(self, socket: ClientConnection) -> Sequence[StreamEvent]:
        self._stage("connected")
        expires = await self._stamp() + _EXPIRES_MS
        signature = hmac.new(
            self._credentials.secret.reveal().encode(), f"GET/realtime{expires}".encode(), hashlib.sha256
        ).hexdigest()
        await self._say(socket, "auth", [self._credentials.key.reveal(), expires, signature])
        await self._auth_answer(socket)
        self._stage("authenticated")
        await self._say(socket, "subscribe", list(TOPICS))
        early: list[StreamEvent] = []
        while True:
            frame = _parsed(await socket.recv())
            if frame.get("op") == "subscribe":
                if frame.get("success") is not True:
                    raise StreamBroken(self.scrub(f"subscription refused: {frame.get('ret_msg')}"))
                return early
            # The first event may overtake the answer.
            early += await self._events(frame)

    async def _say(self, socket: ClientConnection, op: str, args: list[object]) -> None:
        await socket.send(json.dumps({"req_id": op, "op": op, "args": args}))

    async def _auth_answer(self, socket: ClientConnection) -> None:
        frame = _parsed(await socket.recv())
        while frame.get("op") != "auth":
            frame = _parsed(await socket.recv())
        if frame.get("success") is True:
            return
        code = frame.get("retCode", frame.get("ret_code"))
        text = self.scrub(frame.get("ret_msg") or frame.get("retMsg") or "login refused")
        if isinstance(code, int) and BY_CODE.get(code) is Meaning.KEY:
            raise error_for(Refused(code, text), Doing.READ, where=self._where)
        self._doubt_clock()
        try:
            await self._verdict()
        except AccessDenied as exc:
            raise AccessDenied(f"{text}; {exc}", code=exc.code) from None
        except Unavailable:
            pass
        raise StreamBroken(f"login refused: {text}")

    async def read(self, frame: str | bytes) -> Sequence[StreamEvent]:
        return await self._events(_parsed(frame))

    async def _events(self, frame: Frame) -> list[StreamEvent]:
        topic = frame.get("topic")
        if not isinstance(topic, str):
            if frame.get("op") in _CONTROL and frame.get("success") is not False:
                return []
            raise StreamBroken("a frame that is neither an answer nor an event")
        name = topic.partition(".")[0]
        if name not in {"order", "execution"}:
            return []
        rows = [row for row in _rows(frame) if is_ours(row) and row.get("category", "spot") == "spot"]
        if name == "order":
            return [order_view(row) for row in rows]
        return [await self._fills(row) for row in rows if is_trade(row)]


def _parsed(frame: str | bytes) -> Frame:
    try:
        parsed = json.loads(frame)
    except (ValueError, RecursionError):
        raise StreamBroken("a frame that is no JSON") from None
    if not isinstance(parsed, dict):
        raise StreamBroken("a frame that is no object")
    return parsed


def _rows(frame: Frame) -> list[Row]:
    with reading("event"):
        rows = frame["data"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError("not a list of objects")
        return rows
