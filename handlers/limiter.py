"""Telegram's unpublished limits, kept by ourselves: about one message a second and chat, thirty in all."""

import time
from collections.abc import Callable
from dataclasses import dataclass

PER_CHAT = (1.0, 5.0)
IN_ALL = (25.0, 25.0)


@dataclass(slots=True)
class _Bucket:
    """`rate` tokens a second, `burst` at most."""

    rate: float
    burst: float
    tokens: float
    at: float

    def wait(self, now: float) -> float:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return 0.0 if self.tokens >= 1 else (1 - self.tokens) / self.rate


class Limiter:
    """Token buckets per chat and for all chats; asks for no time itself, only says how long to wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._chats: dict[int, _Bucket] = {}
        self._all = _Bucket(*IN_ALL, tokens=IN_ALL[1], at=clock())

    def take(self, chat_id: int) -> float:
        """Seconds to wait before a message to this chat; 0 means: send it now, its place is taken."""
        now = self._clock()
        self._forget_full(now)
        bucket = self._chats.setdefault(chat_id, _Bucket(*PER_CHAT, tokens=PER_CHAT[1], at=now))
        wait = max(bucket.wait(now), self._all.wait(now))
        if wait <= 0:
            bucket.tokens -= 1
            self._all.tokens -= 1
        return wait

    def _forget_full(self, now: float) -> None:
        """A bucket that has filled up again is as good as a new one."""
        if len(self._chats) > 1000:
            self._chats = {c: b for c, b in self._chats.items() if b.wait(now) or b.tokens < b.burst}
