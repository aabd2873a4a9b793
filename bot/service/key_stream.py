"""The login of a key's private stream, stage by stage."""

import asyncio
import time

from bot.errors import BotError, Unavailable
from bot.ports import Exchange, StreamDown, StreamUp

_STREAM_S = 15.0
Stage = tuple[str, float]
"""A stage of the login and the moment (monotonic, s) at which it was reached."""


async def watch(exchange: Exchange, news: asyncio.Queue[Stage]) -> None:
    """Log in, and note each stage; raises why the stream went down."""

    def note(stage: str) -> None:
        news.put_nowait((stage, time.monotonic()))

    async for event in exchange.stream(stage=note):
        if isinstance(event, StreamUp):
            note("up")
        elif isinstance(event, StreamDown):
            raise Unavailable(event.reason)


async def reached(
    news: asyncio.Queue[Stage], wanted: str, watching: asyncio.Task[None]
) -> tuple[float, Exception | None]:
    """When (monotonic, s) the stage was reached; or now, and why it was not."""
    reading = asyncio.create_task(news.get())
    try:
        await asyncio.wait({reading, watching}, timeout=_STREAM_S, return_when=asyncio.FIRST_COMPLETED)
        if reading.done() and reading.result()[0] == wanted:
            return reading.result()[1], None
        fault: Exception = Unavailable("no answer in time")
        if watching.done() and not watching.cancelled():
            ended = watching.exception()
            fault = ended if isinstance(ended, BotError) else Unavailable("the stream ended")
        return time.monotonic(), fault
    finally:
        reading.cancel()
