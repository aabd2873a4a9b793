"""Rate limits, kept before the exchange has to: one gate per account, one per host for all accounts.

Bybit's numbers (docs "rate-limit"): per account and second 20 creates, 20 cancels, 50 of each query, 5 fee-rate
reads; per address 600 requests in 5 s, above which HTTP 403 stops everything for ten minutes, and 500 new
sockets in 5 minutes. A tenth is left unused.
"""

import asyncio
import time
from collections import deque
from enum import StrEnum

from bot.errors import RateLimited

BAN_SECONDS = 600.0
_PATIENCE = 10.0
"""A place in the queue further away than this is refused at once: the caller has better things to do."""


class Lane(StrEnum):
    """What a request counts against."""

    CREATE = "create"
    CANCEL = "cancel"
    QUERY = "query"
    FEE = "fee"
    MARKET = "market"


PER_SECOND = {Lane.CREATE: 18, Lane.CANCEL: 18, Lane.QUERY: 45, Lane.FEE: 4}


class Window:
    """At most `count` starts in any `seconds`: a sliding window, so no burst spans two windows."""

    def __init__(self, count: int, seconds: float) -> None:
        self._seconds = seconds
        self._starts: deque[float] = deque(maxlen=count)

    def wait(self, now: float) -> float:
        """Seconds until the next start is allowed."""
        starts = self._starts
        if len(starts) < (starts.maxlen or 0):
            return 0.0
        return max(0.0, starts[0] + self._seconds - now)

    def take(self, now: float) -> None:
        self._starts.append(now + self.wait(now))


class _Pause:
    """Nothing goes out until a moment; a later moment wins."""

    def __init__(self) -> None:
        self._until = 0.0

    def set(self, seconds: float) -> None:
        self._until = max(self._until, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def check(self, why: str) -> None:
        """RateLimited while the pause lasts: nothing is sent."""
        if (left := self.left) > 0:
            raise RateLimited(f"{why}: nothing is sent for {left:.1f} s", retry_after=left)


class HostGate:
    """What all accounts of this process share towards one host: requests, new sockets, a ban."""

    def __init__(self) -> None:
        self.requests = Window(540, 5.0)
        self.connects = Window(200, 300.0)
        self.ban = _Pause()

    async def connect(self) -> None:
        """Waits out a ban, then for room among the new sockets; as long as it takes."""
        while (left := self.ban.left) > 0:  # noqa: ASYNC110 - a later ban may have come meanwhile
            await asyncio.sleep(left)
        now = time.monotonic()
        wait = self.connects.wait(now)
        self.connects.take(now)
        await asyncio.sleep(wait)


_HOSTS: dict[str, HostGate] = {}


def host_gate(rest: str) -> HostGate:
    """The gate of a host. The exchange counts by address, so it is the process's, not an account's."""
    return _HOSTS.setdefault(rest, HostGate())


class Gate:
    """One account's way to the exchange."""

    def __init__(self, host: HostGate) -> None:
        self.host = host
        self._windows = {lane: Window(count, 1.0) for lane, count in PER_SECOND.items()}
        self._pause = _Pause()

    def pause(self, seconds: float) -> None:
        """The account was told to slow down: everything of it waits."""
        self._pause.set(seconds)

    async def enter(self, lane: Lane) -> None:
        """Returns when a request may leave; RateLimited where that is far away. Nothing is sent then."""
        self._check()
        now = time.monotonic()
        windows = [self.host.requests]
        if lane in self._windows:
            windows.append(self._windows[lane])
        wait = max(window.wait(now) for window in windows)
        if wait > _PATIENCE:
            raise RateLimited(f"too many requests queue for {lane.value}", retry_after=wait)
        for window in windows:
            window.take(now)
        if wait > 0:
            await asyncio.sleep(wait)
            self._check()

    def _check(self) -> None:
        self.host.ban.check("the exchange blocked this address")
        self._pause.check("the exchange asked this account to slow down")
