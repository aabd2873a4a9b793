"""What the stream's tests share."""

import asyncio

from bot.exchanges.stream import StreamTimings
from bot.ports import SystemClock
from tests.exchanges.scripted import answer_pings, envelope

FAST = StreamTimings(
    open_timeout=0.5,
    login_timeout=0.5,
    close_timeout=0.05,
    ping_every=0.1,
    pong_within=0.1,
    first_wait=0.01,
    longest_wait=0.05,
    calm_after=0.5,
)
KEY_OK = envelope({"readOnly": 0, "permissions": {"Spot": ["SpotTrade"]}})


class Naps(SystemClock):
    """Remembers how long the stream meant to wait."""

    def __init__(self):
        self.waits = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        await super().sleep(min(seconds, 0.05))


async def events(stream, count):
    async with asyncio.timeout(5):
        return [await anext(stream) for _ in range(count)]


async def kinds(stream, count):
    return [type(one) for one in await events(stream, count)]


def says(*frames, then=answer_pings):
    """The first connection says these frames; every later one just answers pings."""

    async def talk(socket, number):
        if number == 1:
            for frame in frames:
                await (socket.send_bytes if isinstance(frame, bytes) else socket.send_str)(frame)
        await then(socket, number)

    return talk
