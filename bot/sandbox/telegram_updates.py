"""The queue of updates and the one long poll on it, by the rules of the real server (Client.cpp, do_get_updates).

An offset confirms everything below it, a negative one trims from the end, updates live 24 hours. A second poller
ends the first with 409. The same offset within 3 s waits at least 3 s, within 0.5 s gets one update only.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from bot.sandbox.telegram_errors import ApiError
from bot.sandbox.telegram_store import TelegramStore

Json = dict[str, Any]

LONGEST_POLL: Final = 50
_KEPT_SECONDS: Final = 24 * 3600
_SECOND_SECONDS: Final = 5.0
_KINDS: Final = ("message", "edited_message", "callback_query", "my_chat_member")
_CONFLICT: Final = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
)
_ENDED_BY_WEBHOOK: Final = "Conflict: terminated by setWebhook request"


class WebhookState:
    """The address the bot wants its updates sent to, kept in the store; empty where it polls."""

    def __init__(self, store: TelegramStore) -> None:
        self._store = store
        kept: Json = json.loads(store.setting("webhook") or "{}")
        self.url: str = kept.get("url", "")
        self.secret_token: str = kept.get("secret_token", "")
        self.last_error = ""
        self.last_error_date = 0
        self.changed = asyncio.Event()

    def put(self, url: str, secret_token: str = "") -> None:
        """Another address, or none; the memory of errors begins anew."""
        self.url, self.secret_token = url, secret_token if url else ""
        self.last_error, self.last_error_date = "", 0
        kept = json.dumps({"url": url, "secret_token": self.secret_token})
        self._store.put_setting("webhook", kept if url else None)
        self.changed.set()

    def failed(self, message: str, date: int) -> None:
        """What getWebhookInfo tells of the last delivery that failed; ``date`` in Unix seconds."""
        self.last_error, self.last_error_date = message, date


class UpdateQueue:
    """Updates on their way to the bot; kept in the store, so that they outlive this process.

    ``pacing`` False lifts the waits of the real server on repeated offsets and conflicts, for tests in a hurry.
    """

    def __init__(self, store: TelegramStore, clock: Callable[[], float], *, pacing: bool = True) -> None:
        self._store = store
        self._clock = clock
        self._pacing = pacing
        self._waiter: asyncio.Future[None] | None = None
        self._last_offset = -1
        self._last_start = -1e9
        self._next_quick_conflict = -1e9
        self._again: list[Json] = []
        self.arrived = asyncio.Event()
        """Set with every new update; the webhook clears it."""

    @property
    def is_waiting(self) -> bool:
        """Whether a long poll is open."""
        return self._waiter is not None

    def add(self, kind: str, body: Json) -> None:
        """Queues an update of a kind the bot allows; others are dropped, as on the real server."""
        allowed = self.allowed()
        if allowed and kind not in allowed:
            return
        self._store.add_update(int(self._clock()), {kind: body})
        self.arrived.set()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def allowed(self) -> list[str]:
        """The kinds the bot asked for last; empty means all that exist here."""
        listed: list[str] = json.loads(self._store.setting("allowed_updates") or "[]")
        return listed

    def allow(self, kinds: Iterable[str]) -> None:
        self._store.put_setting("allowed_updates", json.dumps(sorted(kinds)))

    def pending(self) -> int:
        return self._store.update_count()

    def drop_all(self) -> None:
        self._again.clear()
        self._store.drop_updates()

    def deliver_again(self, updates: list[Json]) -> None:
        """These come once more with the next answer, confirmed or not (the fault "twice")."""
        self._again.extend(updates)

    async def at_least_two(self, limit: int) -> list[Json]:
        """What waits, once there are two of them or five seconds have passed (the fault "out_of_order")."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECOND_SECONDS):
                while self.pending() < 2:
                    self.arrived.clear()
                    await self.arrived.wait()
        return self._store.updates(limit)

    def first(self) -> Json | None:
        """The oldest update that waits, for the webhook; it stays until it is confirmed."""
        self._store.drop_updates(older_than=int(self._clock()) - _KEPT_SECONDS)
        found = self._store.updates(1)
        return found[0] if found else None

    def confirm(self, update_id: int) -> None:
        """The webhook took this update: it and what is older are done."""
        self._store.drop_updates(below=update_id + 1)

    def end_for_webhook(self) -> None:
        """A webhook was set: a waiting poll gets its 409."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ApiError(409, _ENDED_BY_WEBHOOK))

    def abort(self) -> None:
        """Ends a waiting poll with nothing: the server stops."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def poll(self, *, offset: int, limit: int, timeout_seconds: int) -> list[Json]:
        """Updates from ``offset`` on, waiting for the first one at most ``timeout_seconds``.

        Raises:
            ApiError: 409 when another poll began to wait in the meantime.
        """
        limit, timeout_seconds = self._paced(offset, limit, timeout_seconds)
        updates = self._take(offset, limit)
        if updates or timeout_seconds == 0:
            return updates
        self._end_other_poll()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiter
        except TimeoutError:
            pass
        except ApiError:
            await self._slow_conflict()
            raise
        finally:
            if self._waiter is waiter:
                self._waiter = None
        return self._take(0, limit)

    def _paced(self, offset: int, limit: int, timeout_seconds: int) -> tuple[int, int]:
        now = self._clock()
        if self._pacing and offset == self._last_offset:
            if timeout_seconds < 3 and now < self._last_start + 3.0:
                timeout_seconds = 3
            if now < self._last_start + 0.5:
                limit = 1
        self._last_offset, self._last_start = offset, now
        return limit, timeout_seconds

    def _end_other_poll(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ApiError(409, _CONFLICT))

    async def _slow_conflict(self) -> None:
        """The first conflict is told at once, those within the next 3 s after 3 s."""
        now = self._clock()
        if now >= self._next_quick_conflict:
            self._next_quick_conflict = now + 3.0
        elif self._pacing:
            await asyncio.sleep(3.0)

    def _take(self, offset: int, limit: int) -> list[Json]:
        self._store.drop_updates(older_than=int(self._clock()) - _KEPT_SECONDS)
        if offset < 0:
            self._store.keep_last_updates(-offset)
        elif 0 < offset <= self._store.last_update_id() + 10:
            self._store.drop_updates(below=offset)
        again, self._again = self._again[:limit], self._again[limit:]
        return again + self._store.updates(limit - len(again))


def known_kinds(kinds: object) -> list[str] | None:
    """The kinds of an allowed_updates list that exist here; None for something that is no list of texts.

    Kinds of the real API that never happen in a sandbox (polls, channels, payments) are simply never sent.
    """
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        return None
    return [kind for kind in kinds if kind in _KINDS] or (["none"] if kinds else [])
