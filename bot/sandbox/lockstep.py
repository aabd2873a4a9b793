"""Lockstep: the market waits for a client that has something to answer.

A stand-in that runs hours of candles in a second is unfair: on a real exchange the price does not run for hours while
a client handles a fill. With lockstep the path stops AT THE POINT of every fill until that account has answered:

* answered means: at least one request to create, amend or cancel has come since the fill, none is being handled,
  nothing acknowledged is still on its way to the book, and no signed request came for `quiet_ms`;
* an account that does not answer at all is waited for `first_ms`, and for no fill longer than `max_ms`.

A stall of this program (a busy machine) is nobody's delay: a wait that it ended late begins anew.

So the wait is bounded and needs no word from the client, and it is a heuristic: a client that pauses for longer than
`quiet_ms` between two requests of one reaction meets a market that has moved on, as it would on the real exchange.
"""

import asyncio
import time
from dataclasses import dataclass

_STALL_S = 0.02
_GRANTS = 3
"""As often in a row a stall is granted: on a machine that is late each time the market must not stand for ever."""

TRADING_PATHS = frozenset({"/v5/order/create", "/v5/order/amend", "/v5/order/cancel", "/v5/order/cancel-all"})


@dataclass(frozen=True, slots=True)
class LockstepTimes:
    """Milliseconds of real time; see the module's words."""

    quiet_ms: int = 120
    first_ms: int = 2_000
    max_ms: int = 10_000


@dataclass(slots=True)
class _Debt:
    """An execution that its account has yet to answer. Seconds of the monotonic clock."""

    since: float
    answered: bool = False
    last_seen: float = 0.0


class Lockstep:
    """Knows which accounts owe the market an answer. `times` None: nobody is waited for."""

    def __init__(self, times: LockstepTimes | None) -> None:
        self.times = times
        self._debts: dict[str, _Debt] = {}
        self._busy: dict[str, int] = {}
        self._changed = asyncio.Event()

    def executed(self, account: str) -> None:
        """A fill of `account` just happened."""
        if self.times is not None:
            now = time.monotonic()
            self._debts[account] = _Debt(since=now, last_seen=now)
            self._changed.set()

    def started(self, account: str, *, answers: bool) -> None:
        """A request of `account` is being handled (or an acknowledged one is on its way to the book)."""
        self._busy[account] = self._busy.get(account, 0) + 1
        debt = self._debts.get(account)
        if debt is not None:
            debt.answered = debt.answered or answers
        self._changed.set()

    def ended(self, account: str) -> None:
        """The counterpart of `started`; exactly one for each."""
        self._busy[account] -= 1
        debt = self._debts.get(account)
        if debt is not None:
            debt.last_seen = time.monotonic()
        self._changed.set()

    async def clear(self) -> None:
        """Return once no account owes an answer; at once where lockstep is off."""
        granted = 0
        while self.times is not None and self._debts:
            self._changed.clear()
            waits = [self._wait(account, debt, self.times) for account, debt in list(self._debts.items())]
            longest = max(waits)
            if longest <= 0:
                self._debts.clear()
                return
            began = time.monotonic()
            try:
                await asyncio.wait_for(self._changed.wait(), longest)
                granted = 0
            except TimeoutError:
                took = time.monotonic() - began
                if took > longest + _STALL_S and granted < _GRANTS:
                    granted += 1
                    self._put_off(took)

    def _put_off(self, seconds: float) -> None:
        """What came while this program stood still is not read yet."""
        for debt in self._debts.values():
            debt.since += seconds
            debt.last_seen += seconds

    def _wait(self, account: str, debt: _Debt, times: LockstepTimes) -> float:
        """Seconds this account may still take, if nothing else happens; 0 or less when it is through."""
        now = time.monotonic()
        bound = debt.since + times.max_ms / 1000 - now
        if self._busy.get(account, 0) > 0:
            return bound
        if debt.answered:
            return min(bound, debt.last_seen + times.quiet_ms / 1000 - now)
        return min(bound, debt.since + times.first_ms / 1000 - now)
