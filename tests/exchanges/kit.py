"""What the stream's tests share."""

import asyncio
from dataclasses import replace

from bot.exchanges.bybit import BybitExchange
from bot.exchanges.stream import StreamTimings
from bot.ports import SystemClock
from tests.exchanges.scripted import answer_pings, envelope

FAST = StreamTimings(
    open_timeout=30,
    login_timeout=30,
    close_timeout=0.05,
    ping_every=0.1,
    pong_within=30,
    first_wait=0.01,
    longest_wait=0.05,
    calm_after=0.5,
)
"""Quick where the stream waits on its own account, patient with its other side: a busy machine makes that late."""

JUMPY = replace(FAST, pong_within=0.1)
KEY_OK = envelope({"readOnly": 0, "permissions": {"Spot": ["SpotTrade"]}})


class Naps(SystemClock):
    """Remembers how long the stream meant to wait."""

    def __init__(self):
        self.waits = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        await super().sleep(min(seconds, 0.05))


async def events(stream, count):
    async with asyncio.timeout(30):
        return [await anext(stream) for _ in range(count)]


async def kinds(stream, count):
    return [type(one) for one in await events(stream, count)]


def hurry(exchange: BybitExchange, seconds: float = 0.5) -> None:
    """From here on its requests are given up after so long; those before had all the time of a busy machine."""
    calls = exchange._calls
    calls._timeout = calls._http._timeout = seconds
    for client in calls._http._idle:
        client.timeout = seconds


def says(*frames, then=answer_pings):
    """The first connection says these frames; every later one just answers pings."""

    async def talk(socket, number):
        if number == 1:
            for frame in frames:
                await (socket.send_bytes if isinstance(frame, bytes) else socket.send_str)(frame)
        await then(socket, number)

    return talk
