"""The public spot stream of the Bybit V5 stand-in, `/v5/public/spot`: tickers and klines.

Pushes at most every 50 ms what has changed since; where the market runs faster than that, klines between two pushes
are not sent one by one. Other topics are refused.
"""

import asyncio
from typing import Any

from aiohttp import web

from bot.sandbox.bybit_errors import ApiError
from bot.sandbox.bybit_market import INTERVAL_MINUTES, aggregate, day_figures
from bot.sandbox.bybit_rows import plain
from bot.sandbox.bybit_sockets import Command, RefusedCommand, Session, refuse_operation
from bot.sandbox.market import LAST_POINT, Market
from bot.sandbox.venue import Venue

PUSH_EVERY_S = 0.05
_MAX_TOPICS = 10
_IDLE_S = 600.0


class PublicStream:
    """All public connections and the task that pushes to them."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._sessions: set[Session] = set()
        self._told: dict[str, Any] = {}
        self._number = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._push(), name="public stream")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for session in list(self._sessions):
            await session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from the handshake to its end."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        session = Session(request, socket)
        self._sessions.add(session)
        try:
            async for command in session.commands(_IDLE_S):
                self._obey(session, command)
        finally:
            self._sessions.discard(session)
            await session.stop_writing()
        await socket.close()
        return socket

    def _obey(self, session: Session, command: Command) -> None:
        try:
            match command.get("op"):
                case "ping":
                    session.reply(command, "pong")
                case "subscribe":
                    for topic in session.subscribe(command, self._check_topics, "subscribe"):
                        session.send(self._message(topic), delay_s=PUSH_EVERY_S)
                case "unsubscribe":
                    session.unsubscribe(command, "unsubscribe")
                case other:
                    refuse_operation(other)
        except RefusedCommand as exc:
            session.reply(command, str(exc), success=False)

    def _check_topics(self, topics: list[str]) -> None:
        if len(topics) > _MAX_TOPICS:
            raise RefusedCommand("args size >10")
        for topic in topics:
            try:
                self._message(topic)
            except (LookupError, ApiError) as exc:
                raise RefusedCommand(f"Invalid topic: {topic}") from exc

    async def _push(self) -> None:
        while True:
            await asyncio.sleep(PUSH_EVERY_S)
            for topic in {topic for session in self._sessions for topic in session.topics}:
                market = self._market(topic)
                state = (market.index, market.point, market.price)
                if self._told.get(topic) == state:
                    continue
                self._told[topic] = state
                message = self._message(topic)
                for session in self._sessions:
                    if topic in session.topics:
                        session.send(message)

    def _market(self, topic: str) -> Market:
        return self._venue.markets[topic.rpartition(".")[2]]

    def _message(self, topic: str) -> dict[str, Any]:
        """The topic's message as things stand; LookupError or ApiError where there is no such topic."""
        market, now = self._market(topic), self._venue.clock()
        match topic.split("."):
            case ["tickers", symbol]:
                self._number += 1
                head = {"topic": topic, "ts": now, "type": "snapshot", "cs": self._number}
                return {**head, "data": {"symbol": symbol, **day_figures(market)}}
            case ["kline", interval, _]:
                row = _kline(market, interval, now)
                return {"topic": topic, "data": [row], "ts": now, "type": "snapshot"}
            case _:
                raise LookupError(topic)


def _kline(market: Market, interval: str, now_ms: int) -> dict[str, Any]:
    bar, tick = aggregate(market, interval, 1)[-1], market.filters.tick
    end = bar.open_time_ms + INTERVAL_MINUTES[interval] * 60_000 - 1
    last_candle_ends = market.seen[-1].open_time_ms + market.source.step_ms - 1
    return {
        "start": bar.open_time_ms,
        "end": end,
        "interval": interval,
        "open": plain(bar.open, tick),
        "close": plain(bar.close, tick),
        "high": plain(bar.high, tick),
        "low": plain(bar.low, tick),
        "volume": plain(bar.volume),
        "turnover": plain(bar.volume * bar.close),
        "confirm": market.point == LAST_POINT and last_candle_ends == end,
        "timestamp": now_ms,
    }
