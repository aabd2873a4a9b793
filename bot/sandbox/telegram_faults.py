"""Trouble on demand, and the flood limit that is always on.

Faults are asked for by a test (in process or over the guarded HTTP path) and are spent one call at a time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.sandbox.telegram_errors import ApiError, flood_wait

UNBRAKED_BYTES: Final = 100_000
HELD_SECONDS: Final = 120.0
_LONGEST_BRAKE: Final = 5.0
_BRAKE_BURST: Final = 1.0
_BRAKE_REST: Final = 60


class FaultKind(StrEnum):
    """What happens to the next calls of a method."""

    FLOOD = "429"
    SERVER_ERROR = "500"
    CONNECTION_RESET = "reset"
    TIMEOUT = "timeout"
    REPLY_LOST = "reply_lost"
    TWICE = "twice"
    OUT_OF_ORDER = "out_of_order"


_OF_UPDATES: Final = frozenset({FaultKind.TWICE, FaultKind.OUT_OF_ORDER})


@dataclass
class Fault:
    """``count`` calls of ``method`` to come ("*" means any) meet ``kind``.

    429 and 500 refuse before anything happened, reset cuts the connection before anything happened,
    timeout holds the call without an effect until the caller gives up, reply_lost carries the call out and then cuts
    the connection. For getUpdates only: twice delivers what it answers again, out_of_order waits for a second update
    (5 s at most) and answers the newest first.
    """

    method: str
    kind: FaultKind
    count: int = 1
    retry_after: int = 1


class Faults:
    """The faults still to be spent, first asked first served."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, method: str, kind: FaultKind | str, count: int = 1, *, retry_after: int = 1) -> None:
        """Plans trouble. ``retry_after`` in seconds, for 429 only.

        Raises:
            ValueError: an unknown kind, a count below one, or a fault of getUpdates for another method.
        """
        planned = Fault(method.lower(), FaultKind(kind), count, retry_after)
        if count < 1 or retry_after < 1:
            raise ValueError("count and retry_after must be at least 1")
        if planned.kind in _OF_UPDATES and planned.method != "getupdates":
            raise ValueError(f"{planned.kind.value} is a fault of getUpdates only")
        self._waiting.append(planned)

    def clear(self) -> None:
        self._waiting.clear()

    def waiting(self) -> list[Fault]:
        return list(self._waiting)

    def take(self, method: str) -> Fault | None:
        """The fault that meets this call, spent by it."""
        for fault in self._waiting:
            if fault.method in {method.lower(), "*"}:
                fault.count -= 1
                if fault.count == 0:
                    self._waiting.remove(fault)
                return fault
        return None


def refuse_before(fault: Fault) -> None:
    """Raises the refusal of a fault that strikes before the call has any effect."""
    if fault.kind is FaultKind.FLOOD:
        raise flood_wait(fault.retry_after)
    if fault.kind is FaultKind.SERVER_ERROR:
        raise ApiError(500, "Internal Server Error")


@dataclass(frozen=True)
class FloodRule:
    """Messages a second and the burst before the limit bites: in one chat, and of the bot in all.

    Telegram publishes about 1 a second and chat and 30 a second in all, the bursts are ours.
    """

    chat_rate: float = 1.0
    chat_burst: int = 30
    overall_rate: float = 30.0
    overall_burst: int = 60


class FloodGate:
    """Token buckets over sends and edits."""

    def __init__(self, rule: FloodRule | None, clock: Callable[[], float]) -> None:
        self._rule = rule
        self._clock = clock
        self._buckets: dict[int | None, tuple[float, float]] = {}

    def pass_one(self, chat_id: int, messages: int = 1) -> None:
        """Takes one token per message in this chat and in all.

        Raises:
            ApiError: 429 with the whole seconds until there is room again; nothing is taken then.
        """
        rule = self._rule
        if rule is None:
            return
        now = self._clock()
        limits = ((chat_id, rule.chat_rate, rule.chat_burst), (None, rule.overall_rate, rule.overall_burst))
        levels: dict[int | None, float] = {}
        for key, rate, burst in limits:
            level, seen = self._buckets.get(key, (float(burst), now))
            levels[key] = min(float(burst), level + (now - seen) * rate)
            if levels[key] < messages:
                raise flood_wait(max(1, math.ceil((messages - levels[key]) / rate)))
        for key, level in levels.items():
            self._buckets[key] = (level - messages, now)


class UploadBrake:
    """Spaces uploads of one and the same size above 100,000 bytes, as the hosted server does (Client.cpp, on_cmd).

    A burst worth one second passes at once; then they follow each other by size * 1e-7 s, drawn between 0.2 and 0.9.
    """

    def __init__(self, clock: Callable[[], float], *, on: bool = True) -> None:
        self._clock = clock
        self._on = on
        self._last: dict[int, float] = {}

    def wait(self, size: int) -> float:
        """Seconds this upload has to wait before it is looked at; ``size`` in bytes, of all its files together.

        Raises:
            ApiError: 429 when more than five seconds of such uploads wait already.
        """
        if not self._on or size <= UNBRAKED_BYTES:
            return 0.0
        now = self._clock()
        last = self._last.get(size, 0.0)
        if last > now + _LONGEST_BRAKE:
            raise flood_wait(_BRAKE_REST)
        self._last[size] = max(last + min(max(size * 1e-7, 0.2), 0.9), now - _BRAKE_BURST)
        return max(0.0, self._last[size] - now)
