"""What every door of the stand-in exchange (REST, streams, control) works with."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.exchange_faults import Faults
from bot.sandbox.lockstep import Lockstep
from bot.sandbox.market import Market
from bot.sandbox.matching import Matching


def real_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Effects:
    """Acknowledged, not yet done: carries an action out `delay_ms` after its acknowledgement (0: before it)."""

    def __init__(self, lockstep: Lockstep, delay_ms: int) -> None:
        self._lockstep = lockstep
        self.delay_ms = delay_ms
        self._waiting: dict[asyncio.TimerHandle, Callable[[], None]] = {}

    def after_ack(self, account: str, action: Callable[[], None]) -> None:
        if self.delay_ms <= 0:
            action()
            return

        def due() -> None:
            del self._waiting[handle]
            try:
                action()
            finally:
                self._lockstep.ended(account)

        self._lockstep.started(account, answers=False)
        handle = asyncio.get_running_loop().call_later(self.delay_ms / 1000, due)
        self._waiting[handle] = due

    def finish(self) -> None:
        """Carry out at once what still waits, in its order."""
        for handle, due in list(self._waiting.items()):
            handle.cancel()
            due()


@dataclass(slots=True)
class Venue:
    """The parts of one stand-in exchange. `rate_limits`: enforce requests a second (retCode 10006)."""

    core: Matching
    markets: dict[str, Market]
    lockstep: Lockstep
    effects: Effects
    faults: Faults = field(default_factory=Faults)
    clock: Callable[[], int] = real_clock_ms
    rate_limits: bool = False
