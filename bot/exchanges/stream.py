"""A private stream that never falls silent: the supervision that every venue's stream shares.

A venue gives a `Link` (address, login, ping, translation). This side connects, watches that the line is alive,
reconnects with growing waits, and tells the consumer of each gap: nothing is replayed after one, so StreamUp
means "reconcile now". What cannot be read, overflows or stays silent breaks the connection, never the stream.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from bot.errors import AccessDenied, Unavailable
from bot.exchanges.environments import is_loopback
from bot.exchanges.gate import BAN_SECONDS, HostGate
from bot.ports import StreamDown, StreamEvent, StreamUp

_WIRE_LOG = logging.getLogger("bot.exchanges.wire")
_WIRE_LOG.setLevel(logging.INFO)  # at DEBUG websockets writes every frame, the signed login among them


class StreamBroken(Exception):  # noqa: N818
    """This connection is of no use any more; the reason is for a log. Never leaves the stream."""


@dataclass(frozen=True, slots=True)
class StreamTimings:
    """Seconds, counts and bytes.

    A wait starts at `first_wait`, doubles up to `longest_wait` and starts over once a connection has lasted
    `calm_after`; each is cut at random to between a half and the whole.
    """

    open_timeout: float = 10.0
    login_timeout: float = 10.0
    close_timeout: float = 2.0
    ping_every: float = 20.0
    pong_within: float = 10.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    calm_after: float = 60.0
    queue: int = 1000
    max_message: int = 2**20


class Link(Protocol):
    """One venue's side of a private stream. Its methods raise StreamBroken for whatever they cannot use."""

    @property
    def url(self) -> str: ...

    async def login(self, socket: ClientConnection) -> Sequence[StreamEvent]:
        """Authenticates and subscribes to everything; events that came meanwhile. AccessDenied ends the stream."""

    def ping(self) -> str:
        """The application's own ping, which the venue answers."""

    async def read(self, frame: str | bytes) -> Sequence[StreamEvent]: ...

    def scrub(self, text: object) -> str:
        """A reason without secrets."""


class PrivateStream:
    """The events of one account, for one consumer; closed by `aclose` from any task.

    Iteration ends after `aclose`, and raises AccessDenied once the exchange has refused the key for good.
    """

    def __init__(
        self,
        link: Link,
        host: HostGate,
        timings: StreamTimings,
        *,
        jitter: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._link = link
        self._host = host
        self._timings = timings
        self._jitter = jitter
        self._sleep = sleep
        self._pending: deque[StreamEvent] = deque()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._told_down = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._run(), name="private-stream")
            self._task.add_done_callback(lambda _: self._news.set())
        while not self._pending or self._closed:
            if self._task is None or self._task.done() or self._closed:
                self._finish()
            self._news.clear()
            await self._news.wait()
        return self._pending.popleft()

    def _finish(self) -> None:
        if not self._closed and self._task is not None and not self._task.cancelled():
            self._task.result()  # raises what ended the stream
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Ends the stream and its connection; safe to call twice."""
        self._closed = True
        self._news.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        wait = 0.0
        while True:
            await self._host.connect()
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                await self._live()
            except InvalidStatus as exc:
                if exc.response.status_code == 403:
                    self._host.ban.set(BAN_SECONDS)
                self._down(f"HTTP {exc.response.status_code} instead of a stream")
            except TimeoutError:
                self._down("no answer in time")
            except (StreamBroken, Unavailable, OSError, WebSocketException) as exc:
                self._down(f"{type(exc).__name__}: {exc}")
            calm = loop.time() - began >= self._timings.calm_after
            wait = self._timings.first_wait if calm or not wait else min(wait * 2, self._timings.longest_wait)
            await self._sleep(wait * (0.5 + self._jitter() / 2))

    async def _live(self) -> None:
        """One connection, from its opening to its end, which is always an exception."""
        times = self._timings
        async with connect(
            self._link.url,
            open_timeout=times.open_timeout,
            close_timeout=times.close_timeout,
            ping_interval=None,  # liveness is judged by the application's pong: R9 of a socket that only pings
            max_size=times.max_message,
            logger=_WIRE_LOG,
            proxy=None if is_loopback(self._link.url) else True,
        ) as socket:
            async with asyncio.timeout(times.login_timeout):
                early = await self._link.login(socket)
            self._told_down = False
            self._push([StreamUp(), *early])
            await self._listen(socket)

    async def _listen(self, socket: ClientConnection) -> None:
        now = asyncio.get_running_loop().time
        next_ping = now() + self._timings.ping_every
        pong_by: float | None = None
        while True:
            if now() >= next_ping:
                async with asyncio.timeout(self._timings.pong_within):
                    await socket.send(self._link.ping())
                pong_by = pong_by or now() + self._timings.pong_within
                next_ping = now() + self._timings.ping_every
            deadline = min(next_ping, pong_by or next_ping)
            try:
                async with asyncio.timeout_at(deadline):
                    frame = await socket.recv()
            except TimeoutError:
                if pong_by is not None and now() >= pong_by:
                    raise StreamBroken("silent: no pong and no message") from None
                continue
            pong_by = None
            self._push(await self._link.read(frame))

    def _push(self, events: Sequence[StreamEvent]) -> None:
        if len(self._pending) + len(events) > self._timings.queue:
            # Whoever does not keep up reconciles after the reconnect; half of the events would be worse than none.
            self._pending.clear()
            raise StreamBroken("the consumer does not keep up")
        self._pending.extend(events)
        if events:
            self._news.set()

    def _down(self, reason: str) -> None:
        """Told once per gap, however many attempts it takes."""
        if self._told_down:
            return
        self._told_down = True
        if len(self._pending) >= self._timings.queue:
            self._pending.clear()
        self._pending.append(StreamDown(self._link.scrub(reason)))
        self._news.set()


__all__ = ["AccessDenied", "Link", "PrivateStream", "StreamBroken", "StreamTimings"]
