"""The public part of a Binance stand-in: market data over REST, and the tree of monthly archives.

| path                                                    | as                                                     |
|---------------------------------------------------------|--------------------------------------------------------|
| GET /api/v3/ping, time, exchangeInfo, klines            | spot API docs, rest-api.md                             |
| GET /data/spot/monthly/klines/SYM/INT/SYM-INT-YYYY-MM.zip, and .CHECKSUM | data.binance.vision                   |

Everything else, and every parameter that is not implemented, is refused loudly with Binance's error shape. Weights are
counted in whole minutes as the headers tell; above `weight_limit` come 429 and a Retry-After.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from bot.sandbox.binance_archive import ArchiveTree
from bot.sandbox.binance_rows import INTERVAL_MS, exchange_row, kline_row
from bot.sandbox.candle_archive import CandleArchive
from bot.sandbox.exchange_faults import Answer, Faults, RequestFault
from bot.sandbox.orders import Filters

log = structlog.get_logger(__name__)

_LATEST = 10**15
_NAME = re.compile(r"[A-Z0-9-_.]{1,20}")
_ALLOWED: Mapping[str, frozenset[str]] = {
    "/api/v3/ping": frozenset(),
    "/api/v3/time": frozenset(),
    "/api/v3/exchangeInfo": frozenset({"symbol"}),
    "/api/v3/klines": frozenset({"symbol", "interval", "startTime", "endTime", "limit"}),
}
_WEIGHTS = {"/api/v3/exchangeInfo": 20, "/api/v3/klines": 2}


class ApiError(Exception):
    """Binance's envelope: an HTTP status, a code and a message."""

    def __init__(self, code: int, message: str, *, status: int = 400, retry_after: int | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class PublicMarket:
    """One pair: its rules and its candles."""

    filters: Filters
    archive: CandleArchive


class BinancePublic:
    """Answers `/api/v3/...` and `/data/spot/...` of the pairs given."""

    def __init__(
        self,
        markets: Mapping[str, PublicMarket],
        *,
        faults: Faults,
        clock: Callable[[], int],
        weight_limit: int = 6000,
    ) -> None:
        self._markets = markets
        self._faults = faults
        self._clock = clock
        self._weight_limit = weight_limit
        self._used = (0, 0)
        self._tree = ArchiveTree({name: market.archive for name, market in markets.items()})

    def routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{rest:.*}", self.handle)
        app.router.add_route("*", "/data/{rest:.*}", self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, with whatever fault waits for it."""
        fault = self._faults.take(request.path)
        for market in self._markets.values():
            await asyncio.to_thread(market.archive.read_on)
        response = self._refusal(fault) if fault is not None else None
        if response is None:
            answered = self._archived if request.path.startswith("/data/") else self._rest
            response = await asyncio.to_thread(answered, request)
        if fault is None:
            return response
        await asyncio.sleep(fault.delay_ms / 1000)
        return await _spoiled(request, response, fault)

    def _refusal(self, fault: RequestFault) -> web.Response | None:
        """The fault's own answer, where it has one."""
        if fault.answer is not Answer.HTTP:
            return None
        headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
        envelope = {"code": fault.code, "msg": fault.message}
        return web.json_response(envelope, status=fault.status, headers=headers)

    # The archives

    def _archived(self, request: web.Request) -> web.Response:
        found = self._tree.file(request.path) if request.method == "GET" else None
        if found is None:
            log.info("sandbox_archive_not_there", path=request.path)
            text = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'
            return web.Response(status=404, text=text, content_type="application/xml")
        return web.Response(body=found, content_type="application/octet-stream")

    # REST

    def _rest(self, request: web.Request) -> web.Response:
        try:
            headers = self._weigh(_WEIGHTS.get(request.path, 1))
            answer = self._answer(request)
        except ApiError as exc:
            headers = self._headers()
            if exc.retry_after is not None:
                headers["Retry-After"] = str(exc.retry_after)
            return web.json_response(
                {"code": exc.code, "msg": exc.message}, status=exc.status, headers=headers
            )
        return web.json_response(answer, headers=headers)

    def _answer(self, request: web.Request) -> object:
        allowed = _ALLOWED.get(request.path)
        if allowed is None or request.method != "GET":
            log.error("sandbox_exchange_not_implemented", method=request.method, path=request.path)
            reason = f"The stand-in exchange does not implement {request.method} {request.path}."
            raise ApiError(-1020, reason, status=404)
        query = dict(request.query)
        if unread := sorted(set(query) - allowed):
            log.error("sandbox_exchange_unknown_parameter", path=request.path, parameters=unread)
            read, sent = len(set(query) & allowed), len(query)
            reason = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
            raise ApiError(-1104, reason)
        match request.path.rpartition("/")[2]:
            case "ping":
                return {}
            case "time":
                return {"serverTime": self._clock()}
            case "exchangeInfo":
                return self._exchange_info(query)
            case _:
                return self._klines(query)

    def _exchange_info(self, query: Mapping[str, str]) -> dict[str, Any]:
        chosen = [self._market(query)] if "symbol" in query else list(self._markets.values())
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        return {
            "timezone": "UTC",
            "serverTime": self._clock(),
            "rateLimits": [{**limit, "limit": self._weight_limit}],
            "exchangeFilters": [],
            "symbols": [exchange_row(market.filters) for market in chosen],
        }

    def _klines(self, query: Mapping[str, str]) -> list[list[Any]]:
        market = self._market(query)
        if not query.get("interval"):
            raise _mandatory("interval")
        step = INTERVAL_MS.get(query["interval"], 0)
        if not step or step % market.archive.step_ms:
            raise ApiError(-1120, "Invalid interval.")
        limit = min(_integer(query, "limit", 500), 1000)
        if limit < 1:
            raise ApiError(
                -1100, "Illegal characters found in parameter 'limit'; legal range is '1 to 1000'."
            )
        start, end = _integer(query, "startTime", 0), _integer(query, "endTime", _LATEST)
        bars = market.archive.bars(step, start, end, limit, oldest="startTime" in query)
        return [kline_row(bar, step) for bar in bars]

    def _market(self, query: Mapping[str, str]) -> PublicMarket:
        name = query.get("symbol", "")
        if not name:
            raise _mandatory("symbol")
        if not _NAME.fullmatch(name):
            legal = "'^[A-Z0-9-_.]{1,20}$'"
            raise ApiError(-1100, f"Illegal characters found in parameter 'symbol'; legal range is {legal}.")
        if name not in self._markets:
            raise ApiError(-1121, "Invalid symbol.")
        return self._markets[name]

    # Weights

    def _weigh(self, weight: int) -> dict[str, str]:
        minute = self._clock() // 60_000
        before, used = self._used
        used = used + weight if before == minute else weight
        self._used = minute, used
        if used > self._weight_limit:
            reason = (
                f"Too much request weight used; current limit is {self._weight_limit} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API."
            )
            left = 60 - self._clock() // 1000 % 60
            raise ApiError(-1003, reason, status=429, retry_after=left)
        return self._headers()

    def _headers(self) -> dict[str, str]:
        used = str(self._used[1])
        return {"x-mbx-used-weight": used, "x-mbx-used-weight-1m": used}


def _mandatory(name: str) -> ApiError:
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def _integer(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        raise ApiError(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
        )
    return int(text)


async def _spoiled(request: web.Request, response: web.Response, fault: RequestFault) -> web.StreamResponse:
    """The true answer, dropped, cut in its middle, or with a byte changed."""
    body = response.body if isinstance(response.body, bytes) else b""
    if fault.answer is Answer.DROP:
        if request.transport is not None:
            request.transport.abort()
    elif fault.answer is Answer.CUT:
        half = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return half
    elif fault.answer is Answer.SPOIL:
        middle = len(body) // 2
        spoiled = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        return web.Response(body=spoiled, content_type=response.content_type)
    return response
