"""Bybit's public candles, over REST, without a key (docs "market/kline"): 1000 rows a page, newest first.

Each question names both ends of a window of at most a page, so that it does not matter from which end the exchange
would cut a longer one. The newest candle may be open and nothing marks it: it is never taken.
"""

import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from itertools import pairwise
from typing import Any

from bot.domain.market import MarketRules
from bot.domain.money import exact
from bot.errors import InvalidInput, Unavailable
from bot.exchanges.bybit_call import BybitCalls
from bot.exchanges.bybit_market import BybitMarket
from bot.exchanges.bybit_translate import Row, reading
from bot.exchanges.environments import ENVIRONMENTS
from bot.exchanges.gate import Lane
from bot.exchanges.history_patience import Manners, Patience, not_of_the_future
from bot.ports import Clock, Environment, SystemClock
from bot.ports.history import Interval, Kline, Page
from bot.ports.vault import NOBODY

_PAGE = 1000
_BAD_PARAMETER = 10001
_DAY_MS = Interval.D1.ms


def _spelled(interval: Interval) -> str:
    return "D" if interval is Interval.D1 else str(interval.ms // 60_000)


class BybitHistory:
    """A `HistorySource`. `rest` replaces the published address (the sandbox has none of its own)."""

    def __init__(
        self,
        rest: str | None = None,
        *,
        environment: Environment = Environment.BYBIT,
        manners: Manners | None = None,
        clock: Clock | None = None,
        timeout: float = 20.0,
    ) -> None:
        known = ENVIRONMENTS[environment].endpoints
        address = rest or (known.rest if known else "")
        self._name = environment.value
        self._pool = _Unwaited()
        clock = clock or SystemClock()
        self._calls = BybitCalls(environment, NOBODY, address, pool=self._pool, clock=clock, timeout=timeout)
        self._market = BybitMarket(self._calls, environment)
        self._patience = Patience(manners or Manners())
        self._traded: set[str] = set()

    @property
    def exchange(self) -> str:
        return self._name

    async def close(self) -> None:
        self._calls.close()

    async def rules(self, symbol: str) -> MarketRules:
        return await self._patience.ask(lambda: self._market.rules(symbol, fresh=False), "rules")

    async def closed_until(self, symbol: str, interval: Interval) -> int:
        rows = await self._klines(symbol, interval, limit=1)
        if not rows:
            raise Unavailable(f"{self._name} has no candle of {symbol}")
        sandbox = self._name.startswith("sandbox")  # whose time is its own
        return rows[-1].at if sandbox else not_of_the_future(self._name, rows[-1].at)

    async def listed_since(self, symbol: str) -> int:
        """By days, a page at a time, back to the page that is empty: spot instruments do not tell."""
        first = end = await self.closed_until(symbol, Interval.D1)
        while end >= 0:
            start = max(0, end - (_PAGE - 1) * _DAY_MS)
            rows = await self._window(symbol, Interval.D1, start, end)
            if not rows:
                break
            first = rows[0].at
            end = first - _DAY_MS
        return first

    async def klines(self, symbol: str, interval: Interval, start: int, end: int) -> AsyncIterator[Page]:
        while start < end:
            until = min(start + _PAGE * interval.ms, end)
            klines: list[Kline] = []
            before = until
            while before > start:  # the exchange cuts the older end of what is longer than its page
                rows = await self._window(symbol, interval, start, before - 1)
                if not rows:
                    break
                klines[:0] = rows
                before = rows[0].at
            yield Page(klines, until)
            start = until

    async def _window(self, symbol: str, interval: Interval, start: int, end: int) -> Sequence[Kline]:
        """What opens in start <= time <= end, of more than a page the newest."""
        rows = await self._klines(symbol, interval, start=start, end=end, limit=_PAGE)
        if rows and not start <= rows[0].at <= rows[-1].at <= end:
            raise Unavailable(f"{self._name} answered with candles that were not asked for")
        return rows

    async def _klines(self, symbol: str, interval: Interval, **query: int) -> Sequence[Kline]:
        """Oldest first; InvalidInput where the pair is not traded."""
        if symbol not in self._traded:  # each question takes its turn, also one that is answered from memory
            self._traded.add((await self.rules(symbol)).symbol.name)

        async def question() -> Row:
            try:
                return await self._calls.read(
                    Lane.MARKET,
                    "get_kline",
                    category="spot",
                    symbol=symbol,
                    interval=_spelled(interval),
                    **query,
                )
            except Unavailable as exc:
                if exc.code != _BAD_PARAMETER:
                    raise
                reason = f"{self._name} has no candles of {interval} for {symbol}"
                raise InvalidInput("interval", reason) from exc

        return _oldest_first(await self._patience.ask(question, "kline"))


def _oldest_first(result: Row) -> Sequence[Kline]:
    """Rows of text: start, open, high, low, close, volume, turnover."""
    with reading("candles"):
        klines = [Kline(int(row[0]), *_amounts(row[1:6])) for row in reversed(result["list"])]
        for before, after in pairwise(klines):
            if after.at <= before.at:
                raise ValueError(f"the candle of {after.at} comes after that of {before.at}")
        return klines


def _amounts(texts: Sequence[object]) -> Sequence[Decimal]:
    if len(texts) != 5 or not all(isinstance(text, str) for text in texts):
        raise TypeError("five amounts as text are wanted")
    return [exact(str(text)) for text in texts]


class _Unwaited(ThreadPoolExecutor):
    """A thread for each question. One that hangs in an answer cannot be interrupted, and nobody waits for it.

    A pool's own threads are waited for at the program's end: Ctrl-C would take as long as the exchange is silent.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - an executor's signature
        future: Future[Any] = Future()

        def carry() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                answer = fn(*args, **kwargs)
            except BaseException as exc:  # noqa: BLE001 - whoever waits gets it, as with any executor
                future.set_exception(exc)
            else:
                future.set_result(answer)

        threading.Thread(target=carry, name="history", daemon=True).start()
        return future
