"""Upper bounds that a busy machine does not break: it holds up what is measured and the waits beside it alike."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STEPS = 40


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """What is done in the block ends before so many short waits beside it, `seconds` in all, have passed.

    A stall of the process, however long, ends one of the waits; the others are still to come.
    """

    async def waits() -> None:
        for _ in range(STEPS):
            await asyncio.sleep(seconds / STEPS)

    beside = asyncio.create_task(waits())
    try:
        yield
        assert not beside.done(), f"it took longer than {seconds} s"
    finally:
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)
