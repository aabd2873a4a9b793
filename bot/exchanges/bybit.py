"""Bybit V5 spot behind the Exchange port: connect, read, write, translate.

REST goes through pybit in the caller's thread pool, each request sent at most once; the private stream is our
own (see `stream`). What a caller gets is in the port; why it is so, in docs/adding-an-exchange.md.
"""

import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from bot.domain.market import MarketRules, Side, Symbol
from bot.domain.money import Price, plain
from bot.domain.orders import PREFIX, Fill
from bot.errors import (
    AccessDenied,
    InvalidInput,
    InvariantBroken,
    OutcomeUnknown,
    RateLimited,
    RuleViolation,
    Unavailable,
)
from bot.exchanges import bybit_translate as translate
from bot.exchanges.bybit_call import BybitCalls
from bot.exchanges.bybit_errors import Doing
from bot.exchanges.bybit_fills import FillReader
from bot.exchanges.bybit_http import Call
from bot.exchanges.bybit_market import BybitMarket
from bot.exchanges.bybit_stream import BybitLink
from bot.exchanges.environments import Endpoints
from bot.exchanges.gate import Lane
from bot.exchanges.stream import PrivateStream, StreamTimings
from bot.ports import Balance, Candle, Clock, Credentials, Environment, KeyFacts, OrderRequest, OrderView
from bot.ports.exchange import Stage

_DAY_MS = 24 * 3_600_000
_PAGES = 40
"""Bybit holds at most 500 open orders an account and 50 fit a page: more pages mean a cursor that goes round."""
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
_SIDES = {Side.BUY: "Buy", Side.SELL: "Sell"}


class BybitExchange:
    """One person's unified account at Bybit, spot only.

    `pool` runs the blocking SDK and stays the caller's; `close` ends the streams and connections of this
    account. `timeout` is in seconds, for connecting and for silence, each.
    """

    def __init__(
        self,
        environment: Environment,
        credentials: Credentials,
        endpoints: Endpoints,
        *,
        pool: ThreadPoolExecutor,
        clock: Clock,
        timeout: float = 10.0,
        timings: StreamTimings | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._environment = environment
        self._credentials = credentials
        self._endpoints = endpoints
        self._clock = clock
        self._timings = timings or StreamTimings()
        self._jitter = jitter
        self._calls = BybitCalls(
            environment, credentials, endpoints.rest, pool=pool, clock=clock, timeout=timeout
        )
        self._market = BybitMarket(self._calls, environment)
        self._fills = FillReader(self._market.last_price, self._market.symbol)
        self._streams: list[PrivateStream] = []

    def __repr__(self) -> str:
        return f"BybitExchange({self._environment.value})"

    @property
    def environment(self) -> Environment:
        return self._environment

    async def close(self) -> None:
        for stream in self._streams:
            await stream.aclose()
        self._streams.clear()
        self._calls.close()

    # Connect

    def stream(self, *, stage: Stage | None = None) -> PrivateStream:
        """Orders and fills of ours as they happen; closed by its `aclose` or by `close`."""
        link = BybitLink(
            self._endpoints.ws_private,
            self._credentials,
            where=self._environment.value,
            stamp=self._calls.server_stamp,
            doubt_clock=self._calls.clock.doubt,
            fills=self._fills.view,
            verdict=self.key_facts,
            stage=stage,
        )
        stream = PrivateStream(
            link, self._calls.gate.host, self._timings, jitter=self._jitter, sleep=self._clock.sleep
        )
        self._streams.append(stream)
        return stream

    async def clock_offset(self) -> float:
        await self._calls.measure()
        return self._calls.clock.offset

    # Read

    async def rules(self, symbol: str, *, fresh: bool = False) -> MarketRules:
        return await self._market.rules(symbol, fresh=fresh)

    async def last_price(self, symbol: str) -> Price:
        return await self._market.last_price(symbol)

    async def candles(self, symbol: str, *, minutes: int, limit: int) -> Sequence[Candle]:
        return await self._market.candles(symbol, minutes=minutes, limit=limit)

    async def balances(self, coins: Sequence[str]) -> Mapping[str, Balance]:
        result = await self._calls.read(
            Lane.QUERY, "get_wallet_balance", accountType="UNIFIED", coin=",".join(coins)
        )
        return translate.balances(result, coins)

    async def find_order(self, *, symbol: Symbol, order_id: str) -> OrderView | None:
        """Realtime, history, executions, in this order: the first lags least, the last remembers longest."""
        self._market.know(symbol)
        calls: tuple[Call, ...] = ("get_open_orders", "get_order_history")
        for call in calls:
            result = await self._calls.read(
                Lane.QUERY, call, category="spot", symbol=symbol.name, orderLinkId=order_id
            )
            for row in translate.rows_of(result):
                if row.get("orderLinkId") == order_id:
                    return translate.order_view(row)
        rows = await self._executions(symbol, order_id)
        fills = await self._fills.read(rows, symbol)
        if not fills:
            return None
        return translate.view_of_executions(order_id, symbol, rows, fills)

    async def open_orders(self, symbol: Symbol) -> Sequence[OrderView]:
        self._market.know(symbol)
        rows = await self._pages("get_open_orders", symbol=symbol.name, openOnly=0, limit=50)
        ours = {
            str(row["orderLinkId"]): translate.order_view(row)
            for row in rows
            if translate.is_ours(row) and row.get("symbol") == symbol.name
        }
        return [view for view in ours.values() if view.closed is None]

    async def fills_of(self, *, symbol: Symbol, order_id: str) -> Sequence[Fill]:
        self._market.know(symbol)
        return await self._fills.read(await self._executions(symbol, order_id), symbol)

    async def fills_since(self, *, symbol: Symbol, order_ids: Collection[str], since: int) -> Sequence[Fill]:
        """A day at a time: asked without an id, Bybit's list of trades reaches back two years (docs "order/execution")."""
        self._market.know(symbol)
        start, now = since, await self._calls.server_stamp()
        rows: list[translate.Row] = []
        while start <= now:
            end = min(start + _DAY_MS, now)
            rows += await self._pages(
                "get_executions", symbol=symbol.name, startTime=start, endTime=end, limit=100
            )
            start = end + 1
        fills: list[Fill] = []
        for order_id in order_ids:
            own = [row for row in rows if row.get("orderLinkId") == order_id and translate.is_trade(row)]
            fills += await self._fills.read(own, symbol)
        return sorted(fills, key=lambda fill: fill.at)

    async def _executions(self, symbol: Symbol, order_id: str) -> Sequence[translate.Row]:
        """The trades of one order, from every page, as they came."""
        rows = await self._pages("get_executions", symbol=symbol.name, orderLinkId=order_id, limit=100)
        return [row for row in rows if row.get("orderLinkId") == order_id and translate.is_trade(row)]

    async def _pages(self, call: Call, **query: str | int) -> Sequence[translate.Row]:
        rows: list[translate.Row] = []
        cursor, seen = "", set[str]()
        while len(seen) < _PAGES:
            at: dict[str, str | int] = {"cursor": cursor} if cursor else {}
            result = await self._calls.read(Lane.QUERY, call, category="spot", **query, **at)
            page = translate.rows_of(result)
            rows += page
            cursor = str(result.get("nextPageCursor") or "")
            if not page or not cursor or cursor in seen:
                return rows
            seen.add(cursor)
        raise Unavailable(f"{call} does not end")

    async def key_facts(self) -> KeyFacts:
        return translate.key_facts(await self._calls.read(Lane.QUERY, "get_api_key_information"))

    async def fee_rate(self, symbol: str) -> Decimal | None:
        """None on any refusal: the demo environment does not offer it, and a key may lack the permission."""
        try:
            result = await self._calls.read(Lane.FEE, "get_fee_rates", category="spot", symbol=symbol)
        except RateLimited:
            raise
        except (Unavailable, AccessDenied) as exc:
            if exc.code is None:
                raise
            return None
        for row in translate.rows_of(result):
            if row.get("symbol") == symbol:
                return translate.taker_rate(row)
        return None

    # Write

    async def place(self, order: OrderRequest) -> str:
        self._market.know(order.symbol)
        if not order.order_id.startswith(PREFIX) or not _CLIENT_ID.fullmatch(order.order_id):
            raise InvariantBroken(f"not an order id of ours: {order.order_id!r}")
        result = await self._calls.write(
            Lane.CREATE,
            "place_order",
            Doing.PLACE,
            order.order_id,
            category="spot",
            symbol=order.symbol.name,
            side=_SIDES[order.side],
            orderLinkId=order.order_id,
            isLeverage=0,  # never borrow
            **await self._sizing(order),
        )
        venue_id = result.get("orderId")
        if not isinstance(venue_id, str) or not venue_id:
            raise OutcomeUnknown(order.order_id, "acknowledged without an id")
        return venue_id

    async def _sizing(self, order: OrderRequest) -> Mapping[str, str]:
        match order:
            case OrderRequest(price=Price() as price, quantity=quantity, amount=None) if quantity:
                return {
                    "orderType": "Limit",
                    "timeInForce": "GTC",
                    "price": plain(price.value),
                    "qty": plain(quantity.value),
                }
            case OrderRequest(side=Side.BUY, price=None, quantity=None, amount=amount) if amount:
                rounded = (await self._rules_to_place(order)).quote_down(amount)
                return {"orderType": "Market", "marketUnit": "quoteCoin", "qty": plain(rounded.value)}
            case OrderRequest(side=Side.SELL, price=None, quantity=quantity, amount=None) if quantity:
                return {"orderType": "Market", "marketUnit": "baseCoin", "qty": plain(quantity.value)}
        raise InvariantBroken(f"neither a limit nor a market order: {order.order_id}")

    async def _rules_to_place(self, order: OrderRequest) -> MarketRules:
        """Nothing is sent yet when this fails; RateLimited says so, and the rest is left to the look-up."""
        try:
            return await self.rules(order.symbol.name)
        except RateLimited:
            raise
        except InvalidInput as exc:
            raise RuleViolation(f"{order.symbol} is not traded any more") from exc
        except Unavailable as exc:
            raise OutcomeUnknown(order.order_id, f"not sent: {exc}", code=exc.code) from exc

    async def cancel(self, *, symbol: Symbol, order_id: str) -> None:
        self._market.know(symbol)
        if not order_id.startswith(PREFIX):
            raise InvariantBroken(f"not an order of ours: {order_id!r}")
        await self._calls.write(
            Lane.CANCEL,
            "cancel_order",
            Doing.CANCEL,
            order_id,
            category="spot",
            symbol=symbol.name,
            orderLinkId=order_id,
        )
