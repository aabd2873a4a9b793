"""The price path of one pair: candles walked point by point through the matching core, at a chosen speed.

At the end of its candles the market stops and holds the last price; it never starts over. Candle time is only for
klines and tickers: the exchange's clock is the real one.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from bot.errors import InvalidInput
from bot.sandbox.candle_archive import CandleArchive
from bot.sandbox.candles import Candle, CandleSource
from bot.sandbox.lockstep import Lockstep
from bot.sandbox.matching import Matching
from bot.sandbox.orders import Filters

KEPT_CANDLES = 5_000
LAST_POINT = 3


@dataclass(frozen=True, slots=True)
class Position:
    """Where the market stands: candle `index` (from 0), the last of its four points reached, the exact price."""

    index: int
    point: int
    price: Decimal


class Market:
    """Drives one pair. `speed` is candles a second; 0 is as fast as possible, still yielding to the loop."""

    def __init__(
        self,
        core: Matching,
        symbol: str,
        source: CandleSource,
        *,
        lockstep: Lockstep,
        speed: float = 1.0,
        paused: bool = False,
        start_at: Position | None = None,
        offset: int = 0,
    ) -> None:
        self.core = core
        self.symbol = symbol
        self.source = source
        self.speed = speed
        self.ended = False
        self.index = -1
        self.point = LAST_POINT
        self.seen: deque[Candle] = deque(maxlen=KEPT_CANDLES)
        self.on_move: Callable[[], None] = lambda: None
        self.archive = CandleArchive(source, lambda: (self.index, self.candle))
        self._lockstep = lockstep
        self._candles: Iterator[Candle] = source.stream()
        self._going = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._arrived = False
        self._due = 0.0
        if not paused:
            self._going.set()
        self._take_place(start_at, offset)

    # State

    @property
    def price(self) -> Decimal:
        return self.core.books[self.symbol].price

    @property
    def filters(self) -> Filters:
        return self.core.books[self.symbol].filters

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    @property
    def position(self) -> Position:
        return Position(self.index, self.point, self.price)

    @property
    def candle(self) -> Candle:
        """The candle as far as it has been walked (its volume is the whole candle's)."""
        walked, price = self.seen[-1], self.price
        points = [*walked.path()[: self.point + 1], price]
        return walked._replace(high=max(points), low=min(points), close=price)

    # Control

    def pause(self) -> None:
        self._going.clear()

    async def stand_still(self) -> None:
        """Pause, and return once the segment under way, with what it fills, is walked to its end."""
        self.pause()
        async with self._one_at_a_time:
            pass

    def resume(self) -> None:
        self._due = time.monotonic()
        self._going.set()

    def set_speed(self, speed: float) -> None:
        self.speed = speed
        self._due = time.monotonic()

    async def step(self) -> bool:
        """Walk to the end of the candle under way, or through the next one, paused or not; False at the end."""
        async with self._one_at_a_time:
            if not await self._leg():
                return False
            while self.point < LAST_POINT:
                await self._leg()
            return True

    async def run(self) -> None:
        """Walk until the candles end; cancel to stop."""
        self._due = time.monotonic()
        while not self.ended:
            await self._going.wait()
            async with self._one_at_a_time:
                await self._leg()
            self.on_move()
            await self._pace()

    # Inside

    def _take_place(self, start_at: Position | None, offset: int) -> None:
        """Stand on the first candle's open, `offset` candles in, or exactly where an earlier life stood."""
        first = start_at.index if start_at else offset
        for _ in range(first):
            if not self._pull():
                raise InvalidInput(
                    "candles", f"{self.source.name} has {self.index + 1} candles, {first} are to be skipped"
                )
        if not self._next_candle():
            raise InvalidInput("candles", f"{self.source.name} has no candle after the first {first}")
        if start_at is not None:
            book = self.core.books[self.symbol]
            book.at_open = start_at.point == 0 and start_at.price == book.price
            book.price = start_at.price
            self.point = start_at.point

    def _pull(self) -> bool:
        candle = next(self._candles, None)
        if candle is None:
            self.ended = True
            return False
        self.seen.append(candle)
        self.index += 1
        return True

    def _next_candle(self) -> bool:
        if not self._pull():
            return False
        self.point = 0
        self.core.open_candle(self.symbol, self.seen[-1].open, self.seen[-1].open_time_ms)
        return True

    async def _leg(self) -> bool:
        """One segment of the path, or the jump to the next candle's open; False where the candles end."""
        await self._lockstep.clear()
        if self._arrived and self.point == LAST_POINT:
            if not self._next_candle():
                return False
            await self._go(self.price)
        elif self._arrived:
            self.core.leave_open(self.symbol)
            await self._go(self.seen[-1].path()[self.point + 1])
            self.point += 1
        else:
            self._arrived = True
            await self._go(self.price)
        return True

    async def _go(self, target: Decimal) -> None:
        """Along one straight segment, stopping at every fill for lockstep."""
        while not self.core.advance(self.symbol, target):
            await self._lockstep.clear()

    async def _pace(self) -> None:
        """Wait until the next quarter of a candle is due; time lost to lockstep is not caught up."""
        if self.speed > 0:
            now = time.monotonic()
            self._due = max(self._due + 0.25 / self.speed, now - 0.05)
            if self._due > now + 0.002:
                await asyncio.sleep(self._due - now)
        if self.point == LAST_POINT:
            await asyncio.sleep(0)
