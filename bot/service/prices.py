"""Last prices, asked for once in a while: a hundred cards of one pair make one call."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from bot.domain.market import Symbol
from bot.domain.money import Price
from bot.ports import Environment

FRESH_SECONDS = 3.0


class RecentPrices:
    """A price is good for `fresh_seconds`; that there is none (None) as well. Who asks meanwhile waits for one answer.

    For what is shown, never for what is decided: the engine asks for its own.
    """

    def __init__(
        self,
        ask: Callable[[Environment, Symbol], Awaitable[Price | None]],
        *,
        fresh_seconds: float = FRESH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self.fresh_seconds = fresh_seconds
        self._known: dict[tuple[Environment, str], tuple[float, Price | None]] = {}
        self._asking: defaultdict[tuple[Environment, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, environment: Environment, symbol: Symbol) -> Price | None:
        """None while the exchange is out of reach."""
        key = (environment, symbol.name)
        async with self._asking[key]:
            at, price = self._known.get(key, (float("-inf"), None))
            if self._clock() - at >= self.fresh_seconds:
                price = await self._ask(environment, symbol)
                self._known[key] = (self._clock(), price)
            return price
