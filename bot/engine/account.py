"""One person's account in one environment: its stream, and the strategies that share its money."""

import asyncio
from collections.abc import Callable

import structlog

from bot.domain.events import BalanceRead
from bot.domain.market import Symbol
from bot.domain.money import Quote
from bot.domain.orders import OrderId
from bot.domain.reserve import reserved
from bot.engine.runner import Runner
from bot.errors import AccessDenied, ExchangeError
from bot.ports import Clock, Exchange, FillView, OrderView, StreamDown, StreamEvent, StreamUp

log = structlog.get_logger()
RESTART_S = 5.0


class Account:
    """Dispatches private events to the runners by the token in the order id."""

    def __init__(self, exchange: Exchange, clock: Clock, on_denied: Callable[["Account", str], None]) -> None:
        self.exchange = exchange
        self.runners: dict[str, Runner] = {}
        self.up = asyncio.Event()
        self._money = asyncio.Lock()
        self.version = 0
        self._clock = clock
        self._on_denied = on_denied
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen(), name=f"account-{self.exchange.environment.value}")

    async def close(self) -> None:
        """Ends the stream and the connections; the runners must have been stopped before."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.exchange.close()

    async def available(self, symbol: Symbol, *, but_for: Runner | None = None) -> Quote:
        """Free quote coins, less what the other strategies of this account have reserved.

        Read again while a neighbour's state changes under the reading, so that money which was just spent is
        not counted as free.
        """
        while True:
            version = self.version
            balances = await self.exchange.balances([symbol.quote])
            if version == self.version:
                break
        free = Quote(balances[symbol.quote].free)
        for runner in self.runners.values():
            if runner is not but_for and runner.strategy.symbol.quote == symbol.quote:
                free -= reserved(runner.state, runner.context())
        return max(free, Quote.zero())

    async def free(self, coin: str) -> Quote:
        """What the exchange shows as free, reserved or not."""
        return Quote((await self.exchange.balances([coin]))[coin].free)

    async def grant(self, runner: Runner) -> None:
        """One runner at a time: the next reads only after this one's decision is saved."""
        async with self._money:
            available = await self.available(runner.strategy.symbol, but_for=runner)
            await runner.post_saved(BalanceRead(available))

    def state_changed(self) -> None:
        self.version += 1

    async def _listen(self) -> None:
        while True:
            try:
                async for event in self.exchange.stream():
                    self._dispatch(event)
            except AccessDenied as denied:
                log.warning("stream_denied", environment=self.exchange.environment.value, reason=str(denied))
                self._on_denied(self, str(denied))
                return
            except ExchangeError as fault:
                log.warning("stream_failed", environment=self.exchange.environment.value, reason=str(fault))
            except Exception:
                log.exception("stream_broke", environment=self.exchange.environment.value)
            self.up.clear()
            await self._clock.sleep(RESTART_S)

    def _dispatch(self, event: StreamEvent) -> None:
        match event:
            case StreamUp():
                self.up.set()
                for runner in self.runners.values():
                    runner.ask_reconcile()
            case StreamDown(reason=reason):
                log.info("stream_down", environment=self.exchange.environment.value, reason=reason)
            case OrderView():
                self._runner_of(event.order_id, lambda runner: runner.see_order(event))
            case FillView(fill=fill):
                self._runner_of(fill.order_id, lambda runner: runner.see_fill(fill))

    def _runner_of(self, order_id: str, then: Callable[[Runner], None]) -> None:
        identity = OrderId.parse(order_id)
        runner = self.runners.get(identity.token) if identity else None
        if runner is not None:
            then(runner)
