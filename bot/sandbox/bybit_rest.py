"""The REST door of the Bybit V5 stand-in: routing, signature, limits, faults and the answer's envelope.

Errors answer HTTP 200 with a retCode, as the real one does. What is not implemented answers loudly: a path with HTTP
404 and a logged error, a parameter with retCode 10001 naming it.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import web

from bot.sandbox import bybit_account, bybit_market, bybit_orders, bybit_queries
from bot.sandbox.account import Account
from bot.sandbox.bybit_auth import authenticate
from bot.sandbox.bybit_call import Call, Endpoint, Result
from bot.sandbox.bybit_errors import NO_PERMISSION, TOO_MANY_VISITS, ApiError, from_refusal, parameter
from bot.sandbox.exchange_faults import Answer, RequestFault
from bot.sandbox.lockstep import TRADING_PATHS
from bot.sandbox.orders import Refusal
from bot.sandbox.venue import Venue

log = structlog.get_logger(__name__)

ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/v5/market/time"): Endpoint(bybit_market.server_time, bybit_market.NOTHING, signed=False),
    ("GET", "/v5/system/status"): Endpoint(bybit_market.system_status, bybit_market.NOTHING, signed=False),
    ("GET", "/v5/market/instruments-info"): Endpoint(
        bybit_market.instruments, bybit_market.OF_SYMBOL, signed=False
    ),
    ("GET", "/v5/market/tickers"): Endpoint(bybit_market.tickers, bybit_market.OF_SYMBOL, signed=False),
    ("GET", "/v5/market/kline"): Endpoint(bybit_market.kline, bybit_market.KLINE, signed=False),
    ("POST", "/v5/order/create"): Endpoint(
        bybit_orders.create, bybit_orders.CREATE, writes=True, per_second=20
    ),
    ("POST", "/v5/order/amend"): Endpoint(bybit_orders.amend, bybit_orders.AMEND, writes=True, per_second=10),
    ("POST", "/v5/order/cancel"): Endpoint(
        bybit_orders.cancel, bybit_orders.CANCEL, writes=True, per_second=20
    ),
    ("POST", "/v5/order/cancel-all"): Endpoint(
        bybit_orders.cancel_all, bybit_orders.CANCEL_ALL, writes=True, per_second=20
    ),
    ("GET", "/v5/order/realtime"): Endpoint(bybit_queries.realtime, bybit_queries.REALTIME),
    ("GET", "/v5/order/history"): Endpoint(bybit_queries.history, bybit_queries.HISTORY),
    ("GET", "/v5/execution/list"): Endpoint(bybit_queries.executions, bybit_queries.EXECUTIONS),
    ("GET", "/v5/account/wallet-balance"): Endpoint(bybit_account.wallet_balance, bybit_account.WALLET),
    ("GET", "/v5/account/info"): Endpoint(bybit_account.account_info, bybit_market.NOTHING),
    ("GET", "/v5/account/fee-rate"): Endpoint(bybit_account.fee_rate, bybit_account.FEE_RATE, per_second=5),
    ("GET", "/v5/account/user-setting-config"): Endpoint(bybit_account.setting_config, bybit_market.NOTHING),
    ("GET", "/v5/user/query-api"): Endpoint(bybit_account.query_api, bybit_market.NOTHING, per_second=10),
}
_REMEMBERED = 200


class BybitRest:
    """Answers `/v5/...` requests from a `Venue`."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._visits: dict[tuple[str, str], tuple[int, int]] = {}
        self._remembered: dict[tuple[str, str], Result] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, with whatever fault waits for it."""
        endpoint = ENDPOINTS.get((request.method, request.path))
        if endpoint is None:
            return self._unknown(request)
        if endpoint.handler is bybit_market.kline:
            for market in self._venue.markets.values():
                if bybit_market.asks_the_past(request.query, market):
                    await asyncio.to_thread(market.archive.read_on)  # its first reading takes a second
        body = await request.text()
        fault = self._venue.faults.take(request.path)
        if fault is None:
            return self._answer(request, endpoint, body)
        return await self._faulty(request, endpoint, body, fault)

    def _unknown(self, request: web.Request) -> web.Response:
        log.error("sandbox_exchange_not_implemented", method=request.method, path=request.path)
        text = f"The stand-in exchange does not implement {request.method} {request.path}.\n"
        return web.Response(status=404, text=text)

    async def _faulty(
        self, request: web.Request, endpoint: Endpoint, body: str, fault: RequestFault
    ) -> web.StreamResponse:
        stale = None
        if fault.answer is Answer.STALE:
            stale = self._remembered.get((request.headers.get("X-BAPI-API-KEY", ""), request.raw_path))
        true_answer = None
        if fault.effect or fault.answer in {Answer.NONE, Answer.STALE}:
            true_answer = self._answer(request, endpoint, body)
        if fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        if fault.answer is Answer.HTTP:
            return web.Response(status=fault.status, text="<html>the stand-in was told to fail</html>")
        if fault.answer is Answer.RET_CODE:
            return self._envelope(fault.code, fault.message, {}, self._limit_headers(0, 0))
        if fault.answer is Answer.STALE:
            empty: Result = {"category": "spot", "list": [], "nextPageCursor": ""}
            return self._envelope(0, "OK", stale or empty, self._limit_headers(0, 0))
        if fault.answer is Answer.DROP or true_answer is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return true_answer

    def _answer(self, request: web.Request, endpoint: Endpoint, body: str) -> web.Response:
        """Check, carry out and answer; nothing is awaited, so one request is one moment of the exchange."""
        headers = self._limit_headers(endpoint.per_second, endpoint.per_second)
        signer: Account | None = None
        try:
            if request.method == "GET" and body:
                return web.Response(status=403, text="Forbidden: a GET request has no body\n")
            _, _, query = request.raw_path.partition("?")
            if endpoint.signed:
                payload = query if request.method == "GET" else body
                accounts = self._venue.core.accounts.values()
                signer = authenticate(request.headers, payload, accounts, self._venue.clock())
                headers = self._visit(signer, request.path, endpoint)
            params = self._params(request, endpoint, body)
            result = self._carry_out(endpoint, Call(self._venue, params, signer), request.path)
        except ApiError as exc:
            return self._envelope(exc.code, exc.message, {}, exc.headers or headers)
        if request.method == "GET" and signer is not None:
            self._remember((signer.api_key, request.raw_path), result)
        return self._envelope(0, "OK", result, headers)

    def _carry_out(self, endpoint: Endpoint, call: Call, path: str) -> Result:
        if endpoint.writes and call.account.read_only:
            raise ApiError(NO_PERMISSION, "Permission denied, please check your API key permissions.")
        lockstep = self._venue.lockstep
        if call.signer is not None:
            lockstep.started(call.signer.name, answers=path in TRADING_PATHS)
        try:
            return endpoint.handler(call)
        except Refusal as exc:
            raise from_refusal(exc) from exc
        finally:
            if call.signer is not None:
                lockstep.ended(call.signer.name)

    def _remember(self, question: tuple[str, str], result: Result) -> None:
        """Keep the latest answers, for faults that give them again."""
        self._remembered.pop(question, None)
        self._remembered[question] = result
        if len(self._remembered) > _REMEMBERED:
            del self._remembered[next(iter(self._remembered))]

    def _params(self, request: web.Request, endpoint: Endpoint, body: str) -> dict[str, Any]:
        if request.method == "GET":
            if len(request.query) != len(set(request.query)):
                raise parameter("a parameter is given twice")
            params: dict[str, Any] = dict(request.query)
        else:
            params = _json_object(body)
        unknown = sorted(set(params) - endpoint.allowed)
        if unknown:
            log.error("sandbox_exchange_unknown_parameter", path=request.path, parameters=unknown)
            raise parameter(f"{', '.join(unknown)} is not implemented by the stand-in exchange")
        return params

    def _visit(self, account: Account, path: str, endpoint: Endpoint) -> Mapping[str, str]:
        """Count a call against its limit of this second; refuse it where limits are enforced."""
        second = self._venue.clock() // 1000
        before, count = self._visits.get((account.name, path), (0, 0))
        count = count + 1 if before == second else 1
        self._visits[account.name, path] = (second, count)
        left = max(0, endpoint.per_second - count)
        if self._venue.rate_limits and count > endpoint.per_second:
            headers = self._limit_headers(endpoint.per_second, 0, (second + 1) * 1000)
            raise ApiError(TOO_MANY_VISITS, "Too many visits!", headers)
        return self._limit_headers(endpoint.per_second, left)

    def _limit_headers(self, limit: int, left: int, reset_ms: int | None = None) -> Mapping[str, str]:
        return {
            "X-Bapi-Limit": str(limit),
            "X-Bapi-Limit-Status": str(left),
            "X-Bapi-Limit-Reset-Timestamp": str(reset_ms or self._venue.clock()),
        }

    def _envelope(self, code: int, message: str, result: Result, headers: Mapping[str, str]) -> web.Response:
        envelope = {
            "retCode": code,
            "retMsg": message,
            "result": result,
            "retExtInfo": {},
            "time": self._venue.clock(),
        }
        return web.json_response(envelope, headers=headers)


def _json_object(body: str) -> dict[str, Any]:
    try:
        params = json.loads(body)
    except json.JSONDecodeError as exc:
        raise parameter("the body is not JSON") from exc
    if not isinstance(params, dict):
        raise parameter("the body is not a JSON object")
    return params
