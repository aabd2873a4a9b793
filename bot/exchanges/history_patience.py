"""How public data is asked for: paced below the exchange's limits, and again after a fault, each time later."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from bot.errors import RateLimited, Unavailable
from bot.exchanges.gate import Window

T = TypeVar("T")
log = structlog.get_logger(__name__)


_DAY_MS = 86_400_000


class Refused(Unavailable):
    """An answer that another question will not change."""


def not_of_the_future(exchange: str, at: int) -> int:
    """A candle's opening (ms UTC), or Unavailable: what a wrong clock makes known would be missed for good."""
    if at > time.time() * 1000 + _DAY_MS:
        raise Unavailable(f"{exchange} names a candle of the future ({at}): one of the two clocks is wrong")
    return at


@dataclass(frozen=True, slots=True)
class Manners:
    """`per_second` requests at most; `tries` in all, the first wait after a fault doubling up to `longest_wait` (s).

    A wait that the exchange names is obeyed, up to `longest_ban` seconds: beyond that it is told, not sat out.
    """

    per_second: int = 10
    tries: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_ban: float = 180.0


class Patience:
    """Reads only: whatever is asked here may be asked twice."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._window = Window(manners.per_second, 1.0)
        self._quiet_until = 0.0

    async def ask(self, question: Callable[[], Awaitable[T]], what: str) -> T:
        """The answer; Unavailable or RateLimited once patience is at its end."""
        wait = self._manners.first_wait
        for attempt in range(1, self._manners.tries + 1):
            await self._turn()
            try:
                return await question()
            except Unavailable as exc:
                named = exc.retry_after if isinstance(exc, RateLimited) else 0.0
                last = attempt == self._manners.tries or isinstance(exc, Refused)
                if last or named > self._manners.longest_ban:
                    raise
                log.warning(
                    "history_asked_again", what=what, attempt=attempt, reason=str(exc), wait=max(wait, named)
                )
                self._quiet_until = time.monotonic() + max(wait, named)
            wait = min(2 * wait, self._manners.longest_wait)
        raise AssertionError("unreachable: the last try raises")

    async def _turn(self) -> None:
        """Room in the window, and no pause that the exchange asked for."""
        while (left := self._quiet_until - time.monotonic()) > 0:  # noqa: ASYNC110 - a later pause may have come meanwhile
            await asyncio.sleep(left)
        now = time.monotonic()
        wait = self._window.wait(now)
        self._window.take(now)
        await asyncio.sleep(wait)
