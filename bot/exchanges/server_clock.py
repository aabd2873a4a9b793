"""The exchange's time, seen from here.

Bybit takes a request only while `server - recv_window <= timestamp < server + 1 s` (docs "guide"), so the stamp
must never run ahead. It is built on the monotonic clock: setting the machine's clock does not move it.
"""

import time
from collections.abc import Callable

REFRESH_SECONDS = 600.0
RETRY_SECONDS = 15.0


class ServerClock:
    """Stamps requests in the server's time, ms; `local` is the machine's wall clock, ms UTC.

    Written on the event loop, read in worker threads: `stamp` reads one attribute, once.
    """

    def __init__(self, local: Callable[[], int]) -> None:
        self._local = local
        self._anchor: float | None = None
        self._offset = 0.0
        self._due = 0.0

    @property
    def known(self) -> bool:
        return self._anchor is not None

    def due(self) -> bool:
        """Whether the server's time should be asked (again)."""
        return time.monotonic() >= self._due

    @property
    def offset(self) -> float:
        """Seconds that the server was ahead of the local wall clock when last asked."""
        return self._offset

    def reading(self) -> tuple[float, int]:
        """This moment on the monotonic clock (ms) and on the wall clock (ms UTC)."""
        return time.monotonic() * 1000, self._local()

    def learn(self, sent: tuple[float, int], answered: tuple[float, int], server_ms: float) -> None:
        """From one exchange of messages.

        The server read its clock between the two readings. Taking the later one makes the stamp late by at
        most the round trip, never early.
        """
        self._anchor = server_ms - answered[0]
        self._offset = (server_ms - (sent[1] + answered[1]) / 2) / 1000
        self._due = time.monotonic() + REFRESH_SECONDS

    def doubt(self) -> None:
        """A request was refused for its time: ask before the next one."""
        self._due = 0.0

    def later(self) -> None:
        """Asking failed: go on with what is known and try again soon."""
        self._due = time.monotonic() + RETRY_SECONDS

    def stamp(self) -> int:
        """Milliseconds for a signature; the wall clock until the server was asked once."""
        anchor = self._anchor
        if anchor is None:
            return self._local()
        return int(anchor + time.monotonic() * 1000)
