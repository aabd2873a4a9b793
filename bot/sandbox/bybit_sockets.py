"""What both Bybit WebSocket doors share: a session with its own writer, reading commands, subscribing, pings."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NoReturn

from aiohttp import WSCloseCode, WSMsgType, web

ACK_DELAY_S = 0.02
"""pybit loses its stream when an acknowledgement comes before its callback table is filled (exchange-facts, 4)."""

_QUEUE_LIMIT = 20_000
_numbers = itertools.count(1)

Command = dict[str, Any]


class RefusedCommand(Exception):  # noqa: N818
    """A command that the stream answers with success false and this text."""


def refuse_operation(operation: object) -> NoReturn:
    raise RefusedCommand(f"op {operation!r} is not implemented by the stand-in exchange")


class Session:
    """One connected client: what is sent goes through a queue, in order, each message at its time."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.conn_id = f"sandbox-{next(_numbers):x}"
        self.topics: list[str] = []
        self._transport = request.transport
        self._queue: asyncio.Queue[tuple[float, str]] = asyncio.Queue(_QUEUE_LIMIT)
        self._writer = asyncio.create_task(self._write(), name=f"writer {self.conn_id}")

    def send(self, message: Mapping[str, Any], *, delay_s: float = 0.0) -> None:
        """Queue a message; a client that reads too slowly is cut, as the real one cuts it."""
        due = asyncio.get_running_loop().time() + delay_s
        try:
            self._queue.put_nowait((due, json.dumps(message)))
        except asyncio.QueueFull:
            self.abort()

    def reply(self, command: Command, text: str, *, success: bool = True, delay_s: float = 0.0) -> None:
        """Acknowledge or refuse a command; req_id comes back where it was given."""
        answer = {"success": success, "ret_msg": text, "conn_id": self.conn_id, "op": command.get("op", "")}
        if "req_id" in command:
            answer["req_id"] = command["req_id"]
        self.send(answer, delay_s=delay_s)

    def subscribe(self, command: Command, check: Callable[[list[str]], None], ack_text: str) -> list[str]:
        """Take the topics that `check` lets pass and acknowledge after a pause; the new topics are returned."""
        args = command.get("args")
        if not (isinstance(args, list) and args and all(isinstance(topic, str) for topic in args)):
            raise RefusedCommand("args: a list of topics is wanted")
        check(args)
        new = [topic for topic in dict.fromkeys(args) if topic not in self.topics]
        self.topics += new
        self.reply(command, ack_text, delay_s=ACK_DELAY_S)
        return new

    def unsubscribe(self, command: Command, ack_text: str) -> None:
        self.topics = [topic for topic in self.topics if topic not in command.get("args", [])]
        self.reply(command, ack_text)

    async def commands(self, idle_s: float) -> AsyncIterator[Command]:
        """What the client sends, until it goes or is silent for `idle_s`."""
        while not self.socket.closed:
            try:
                message = await self.socket.receive(timeout=idle_s)
            except TimeoutError:
                return
            if message.type is not WSMsgType.TEXT:
                return
            try:
                command = json.loads(message.data)
            except json.JSONDecodeError:
                command = None
            if isinstance(command, dict):
                yield command
            else:
                self.reply({}, "a JSON object is wanted", success=False)

    def abort(self) -> None:
        """Cut the connection without a close frame, as a broken network does."""
        self._writer.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        await self.stop_writing()
        await self.socket.close(code=WSCloseCode.GOING_AWAY)

    async def stop_writing(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    async def flush(self) -> None:
        """Wait until everything queued is written, or cannot be any more."""
        written = asyncio.create_task(self._queue.join())
        await asyncio.wait({written, self._writer}, return_when=asyncio.FIRST_COMPLETED)
        written.cancel()

    async def _write(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, text = await self._queue.get()
            if due > clock():
                await asyncio.sleep(due - clock())
            try:
                await self.socket.send_str(text)
            except ConnectionError:
                return
            finally:
                self._queue.task_done()
