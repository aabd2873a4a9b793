"""Moments of one reaction, taken where the program's parts meet, without changing what they do."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import urllib3

from bot.domain.events import Event, FillBooked
from bot.domain.state import State
from bot.domain.turn import Context, Decision
from bot.engine import journal
from bot.engine.executor import Executor
from bot.exchanges.bybit_stream import BybitLink


@dataclass(slots=True)
class Reaction:
    """Moments (seconds, on the clock that all processes share) from a fill's first frame to the last request it causes."""

    leg: str
    told: float
    """The stand-in wrote the frame."""
    heard: float
    parsed: float = 0.0
    decided: float = 0.0
    saved: float = 0.0
    cancel_sent: float = 0.0
    cancel_read: float = 0.0
    """The stand-in read the cancel."""
    cancel_told: float = 0.0
    """The stand-in wrote that the order is closed."""
    cancel_closed: float = 0.0
    placed: list[float] = field(default_factory=list)

    @property
    def total(self) -> float:
        return self.placed[-1] - self.told

    @property
    def venue(self) -> float:
        """The exchange's own part: from the cancel's last byte to the frame that says the order is closed."""
        return self.cancel_closed - self.cancel_sent if self.cancel_sent else 0.0

    @property
    def stand_in(self) -> float:
        """What the stand-in's own program takes of that."""
        return self.cancel_told - self.cancel_read

    @property
    def whole(self) -> bool:
        """Both new orders left; where an exit was replaced, its cancel came first."""
        moments = (self.parsed, self.decided, self.saved)
        return len(self.placed) == 2 and all(moments) and (self.leg == "e" or bool(self.cancel_closed))


class Stopwatch:
    """Watches one account with one strategy: at most one reaction is under way."""

    def __init__(self) -> None:
        self.reactions: list[Reaction] = []

    @property
    def now(self) -> Reaction | None:
        return self.reactions[-1] if self.reactions else None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Wrap the joints while the block lasts."""
        read, decide, carry = BybitLink.read, journal.decide, Executor.carry_out
        request = urllib3.connection.HTTPConnection.request
        watch = self

        async def read_(link: BybitLink, frame: str | bytes) -> Any:
            moment = time.perf_counter()
            watch._frame(json.loads(frame), moment)
            events = await read(link, frame)
            if watch.now and not watch.now.parsed and any(type(e).__name__ == "FillView" for e in events):
                watch.now.parsed = time.perf_counter()
            return events

        def decide_(state: State, event: Event, ctx: Context) -> Decision:
            if isinstance(event, FillBooked) and watch.now and not watch.now.decided:
                watch.now.decided = time.perf_counter()
            return decide(state, event, ctx)

        def carry_(executor: Executor, commands: Any) -> None:
            if watch.now and watch.now.decided and not watch.now.saved:
                watch.now.saved = time.perf_counter()
            carry(executor, commands)

        def request_(connection: Any, method: str, url: str, *args: Any, **more: Any) -> Any:
            answer = request(connection, method, url, *args, **more)
            watch._sent(url, time.perf_counter())
            return answer

        BybitLink.read, journal.decide, Executor.carry_out = read_, decide_, carry_  # type: ignore[method-assign]
        urllib3.connection.HTTPConnection.request = request_  # type: ignore[method-assign]
        try:
            yield
        finally:
            BybitLink.read, journal.decide, Executor.carry_out = read, decide, carry  # type: ignore[method-assign]
            urllib3.connection.HTTPConnection.request = request  # type: ignore[method-assign]

    def _frame(self, frame: dict[str, Any], moment: float) -> None:
        rows = frame.get("data", []) if str(frame.get("topic", "")).startswith(("order", "execution")) else []
        told, cancel_read = frame.get("bench", (moment, 0.0))
        for row in rows:
            leg = _leg(row["orderLinkId"])
            if row.get("orderStatus") == "Cancelled" and self.now and not self.now.cancel_closed:
                self.now.cancel_read, self.now.cancel_told, self.now.cancel_closed = cancel_read, told, moment
            fills = row.get("orderStatus") == "Filled" or "execId" in row
            fresh = self.now is None or self.now.whole or self.now.leg != leg
            if fills and fresh:
                self.reactions.append(Reaction(leg, told, moment))

    def _sent(self, url: str, moment: float) -> None:
        if self.now is None:
            return
        if url.endswith("/order/create"):
            self.now.placed.append(moment)
        elif url.endswith("/order/cancel"):
            self.now.cancel_sent = self.now.cancel_sent or moment


def _leg(order_id: str) -> str:
    return order_id.split("-")[3][0]
