"""Telegram's unpublished limits, kept by ourselves: about one message a second and chat, thirty in all."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from telegram.error import NetworkError, RetryAfter
from telegram.ext import BaseRateLimiter

PER_CHAT = (1.0, 5.0)
IN_ALL = (25.0, 25.0)
_SPARED = {"urgent": (0.0, 0.0), "alert": (0.0, 4.0), "card": (2.0, 8.0)}
"""Places in the chat and in all that each rank leaves to those before it."""
UNLIMITED = True
"""As `rate_limit_args` of a sending method: the caller keeps the limits itself. PTB drops what is falsy."""
_PATIENCE_S = 30.0
_AGAIN_S, _LONGEST_AGAIN_S = 0.5, 8.0


@dataclass(slots=True)
class _Bucket:
    """`rate` tokens a second, `burst` at most."""

    rate: float
    burst: float
    tokens: float
    at: float

    def wait(self, now: float, spare: float = 0.0) -> float:
        """Seconds until one token is there beside the `spare` ones."""
        if now > self.at:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
            self.at = now
        elif self.tokens == 0:  # paused until `at`
            return self.at - now + (1 + spare) / self.rate
        return max(0.0, (1 + spare - self.tokens) / self.rate)


class Limiter:
    """Token buckets per chat and for all chats; asks for no time itself, only says how long to wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._chats: dict[int, _Bucket] = {}
        self._all = _Bucket(*IN_ALL, tokens=IN_ALL[1], at=clock())

    def take(self, chat_id: int, *, lowly: bool = False, urgent: bool = False) -> float:
        """Seconds to wait before a message to this chat; 0 means: send it now, its place is taken.

        What is `lowly` (a card's edit) leaves some places free for what comes next; and so do alerts for those that
        are `urgent`, between people too.
        """
        wait = self.wait(chat_id, lowly=lowly, urgent=urgent)
        if wait <= 0:
            self._spend(self._chats[chat_id])
        return wait

    def wait(self, chat_id: int, *, lowly: bool = False, urgent: bool = False) -> float:
        """The same, without taking the place."""
        now = self._clock()
        in_chat, in_all = _SPARED["card" if lowly else "urgent" if urgent else "alert"]
        return max(self._bucket(chat_id, now).wait(now, in_chat), self._all.wait(now, in_all))

    def count(self, chat_id: int) -> None:
        """A message that does not wait; what can wait is held up by it, a second at most."""
        now = self._clock()
        bucket = self._bucket(chat_id, now)
        bucket.wait(now)
        self._all.wait(now)
        self._spend(bucket)

    def pause(self, chat_id: int, seconds: float) -> None:
        """Telegram asked to wait: nothing that can wait goes to this chat before."""
        now = self._clock()
        bucket = self._bucket(chat_id, now)
        bucket.tokens, bucket.at = 0.0, now + seconds

    def paused(self, chat_id: int) -> float:
        """Seconds that are left of a pause that Telegram asked for."""
        now = self._clock()
        return max(0.0, self._bucket(chat_id, now).at - now)

    def _bucket(self, chat_id: int, now: float) -> _Bucket:
        self._forget_full(now)
        return self._chats.setdefault(chat_id, _Bucket(*PER_CHAT, tokens=PER_CHAT[1], at=now))

    def _spend(self, bucket: _Bucket) -> None:
        bucket.tokens = max(0.0, bucket.tokens - 1)
        self._all.tokens = max(0.0, self._all.tokens - 1)

    def _forget_full(self, now: float) -> None:
        """A bucket that has filled up again is as good as a new one."""
        if len(self._chats) > 1000:
            self._chats = {c: b for c, b in self._chats.items() if b.wait(now) or b.tokens < b.burst}


class AnswersFirst(BaseRateLimiter[bool]):
    """PTB's hook on every request: an answer to a person goes at once, and again where Telegram asked to wait.

    Alerts keep the limits themselves (`rate_limit_args=UNLIMITED`) and yield to what is counted here.
    """

    def __init__(self, limiter: Limiter | None = None) -> None:
        self.limiter = limiter or Limiter()

    async def process_request(  # noqa: PLR0917 - PTB calls it so
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,  # noqa: ANN401 - PTB's signature
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: bool | None,
    ) -> Any:  # noqa: ANN401 - PTB's signature
        """Try again for as long as a person may be kept waiting, 30 s in all."""
        if rate_limit_args is UNLIMITED:
            return await callback(*args, **kwargs)
        chat_id = data.get("chat_id")
        give_up, again = time.monotonic() + _PATIENCE_S, _AGAIN_S
        if endpoint.startswith(("send", "edit")) and isinstance(chat_id, int):
            self.limiter.count(chat_id)
            await self._keep_pause(chat_id)
        while True:
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as exc:
                wait = seconds_of(exc)
                if isinstance(chat_id, int):
                    # or waiting alerts would take the place that is waited for
                    self.limiter.pause(chat_id, wait)
                if time.monotonic() + wait > give_up:
                    raise
            except NetworkError as exc:
                # a server's fault or a cut connection; a repeated answer is better than none
                wait, again = again, min(again * 2, _LONGEST_AGAIN_S)
                if type(exc) is not NetworkError or time.monotonic() + wait > give_up:
                    raise
            await asyncio.sleep(wait)

    async def _keep_pause(self, chat_id: int) -> None:
        """What Telegram asked for before holds for this message too; RetryAfter where that is longer than anybody waits."""
        held = self.limiter.paused(chat_id)
        if held > _PATIENCE_S:
            raise RetryAfter(int(held) + 1)
        await asyncio.sleep(held)

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to give back."""


def seconds_of(exc: RetryAfter) -> float:
    """How long Telegram asked to wait; PTB gives a number or a duration, by its settings."""
    after = exc.retry_after
    return after.total_seconds() if isinstance(after, timedelta) else float(after)
