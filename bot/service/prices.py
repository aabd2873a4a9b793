"""Last prices, asked for once in a while: a hundred cards of one pair make one call."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable

from bot.domain.market import Symbol
from bot.domain.money import Price
from bot.ports import Environment

FRESH_SECONDS = 3.0
_REMEMBERED = 2_000


class RecentPrices:
    """A price is good for `fresh_seconds`; that there is none (None) as well. Who asks meanwhile waits for one answer.

    For what is shown, never for what is decided: the engine asks for its own.
    """

    def __init__(
        self,
        ask: Callable[[Environment, Symbol], Awaitable[Price | None]],
        *,
        now: Callable[[], int],
        fresh_seconds: float = FRESH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` in ms UTC."""
        self._ask = ask
        self._now = now
        self._clock = clock
        self.fresh_seconds = fresh_seconds
        self._known: dict[tuple[Environment, str], tuple[float, Price | None]] = {}
        self._seen: dict[tuple[Environment, str], deque[tuple[int, Price]]] = {}
        self._asking: defaultdict[tuple[Environment, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, environment: Environment, symbol: Symbol) -> Price | None:
        """None while the exchange is out of reach."""
        key = (environment, symbol.name)
        async with self._asking[key]:
            at, price = self._known.get(key, (float("-inf"), None))
            if self._clock() - at >= self.fresh_seconds:
                price = await self._ask(environment, symbol)
                self._known[key] = (self._clock(), price)
                if price is not None:
                    self._seen.setdefault(key, deque(maxlen=_REMEMBERED)).append((self._now(), price))
            return price

    def seen(self, environment: Environment, symbol: Symbol, since: int) -> tuple[tuple[int, Price], ...]:
        """The prices that were asked for since then, with their moments (ms UTC), oldest first."""
        return tuple(one for one in self._seen.get((environment, symbol.name), ()) if one[0] >= since)
