"""Wall time as a port, so that tests may hold it."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time; an exchange's clock offset is its adapter's affair."""

    def now(self) -> int:
        """Milliseconds UTC."""

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
