"""One account's requests: through the gate, stamped in the server's time, in a worker thread, judged once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from bot.errors import ExchangeError, OutcomeUnknown, RateLimited, Unavailable
from bot.exchanges.bybit_errors import BY_CODE, Doing, Fault, Meaning, NoAnswer, Refused, error_for
from bot.exchanges.bybit_http import Answer, BybitHttp, Call
from bot.exchanges.bybit_translate import Row, server_time
from bot.exchanges.gate import BAN_SECONDS, Gate, Lane, host_gate
from bot.exchanges.server_clock import ServerClock
from bot.ports import Clock, Credentials, Environment

_BANS = frozenset({403, 10018})


class BybitCalls:
    """Reads raise Unavailable, RateLimited or AccessDenied. See `write` for writes."""

    def __init__(
        self,
        environment: Environment,
        credentials: Credentials,
        rest: str,
        *,
        pool: ThreadPoolExecutor,
        clock: Clock,
        timeout: float,
    ) -> None:
        self._where = environment.value
        self._pool = pool
        self._timeout = timeout
        self.gate = Gate(host_gate(rest))
        self.clock = ServerClock(clock.now)
        self._http = BybitHttp(rest, credentials, stamp=self.clock.stamp, timeout=timeout)
        self._asking_time = asyncio.Lock()
        self._closed = False

    async def read(self, lane: Lane, call: Call, **query: str | int) -> Row:
        """A result; a read refused for its timestamp is repeated once with a fresh clock."""
        if lane is not Lane.MARKET:
            await self._know_time()
        outcome = await self._fetch(lane, call, query)
        if isinstance(outcome, Refused) and BY_CODE.get(outcome.code) is Meaning.CLOCK:
            self.clock.doubt()
            await self._know_time()
            outcome = await self._fetch(lane, call, query)
        return self._result(outcome, Doing.READ, "")

    async def write(self, lane: Lane, call: Call, doing: Doing, order_id: str, **query: str | int) -> Row:
        """A result of a request sent at most once.

        RateLimited: surely not taken, may be tried later. OutcomeUnknown: it may have been taken, or the way to
        the exchange is down and it was never sent; a look-up tells, so the two are not told apart.
        OrderRejected, OrderGone and AccessDenied are the exchange's own word.
        """
        try:
            await self._know_time()
        except RateLimited:
            raise
        except Unavailable as exc:
            raise OutcomeUnknown(order_id, f"not sent: {exc}", code=exc.code) from None
        outcome = await self._fetch(lane, call, query)
        if isinstance(outcome, Refused) and BY_CODE.get(outcome.code) is Meaning.CLOCK:
            self.clock.doubt()
        return self._result(outcome, doing, order_id)

    async def server_stamp(self) -> int:
        """The server's time, ms."""
        await self._know_time()
        return self.clock.stamp()

    async def measure(self) -> None:
        """Asks for the server's time; Unavailable or RateLimited when it does not say."""
        sent = self.clock.reading()
        outcome = await self._fetch(Lane.MARKET, "get_server_time", {})
        self.clock.learn(sent, self.clock.reading(), server_time(self._result(outcome, Doing.READ, "")))

    def close(self) -> None:
        self._closed = True
        self._http.close()

    async def _know_time(self) -> None:
        """The first signed request needs the server's time; later a failed refresh leaves the last one standing."""
        if not self.clock.due():
            return
        async with self._asking_time:
            if not self.clock.due():
                return
            try:
                await self.measure()
            except Unavailable:
                if not self.clock.known:
                    raise
                self.clock.later()

    async def _fetch(self, lane: Lane, call: Call, query: dict[str, str | int]) -> Answer | Fault:
        await self.gate.enter(lane)
        if self._closed:
            return NoAnswer("closed")
        loop = asyncio.get_running_loop()
        try:
            # The SDK's timeout counts silence, not the whole: an answer that trickles in is cut off here. What
            # still waits for a thread is taken back then and never sent.
            async with asyncio.timeout(3 * self._timeout):
                outcome = await loop.run_in_executor(self._pool, self._http.request, call, query)
        except TimeoutError:
            return NoAnswer("no answer in time")
        except RuntimeError:
            return NoAnswer("the thread pool is closed")
        return outcome

    def _result(self, outcome: Answer | Fault, doing: Doing, order_id: str) -> Row:
        if isinstance(outcome, Answer):
            return outcome.result
        raise self._judged(outcome, doing, order_id)

    def _judged(self, fault: Fault, doing: Doing, order_id: str) -> ExchangeError:
        error = error_for(fault, doing, order_id=order_id, where=self._where)
        if isinstance(error, RateLimited):
            if error.code in _BANS:
                self.gate.host.ban.set(BAN_SECONDS)
            else:
                self.gate.pause(error.retry_after)
        return error
