"""The control door of the stand-in exchange, `/sandbox/...`: faults, state and the market, for tests and people.

Every request but one needs the control key (header `X-Sandbox-Key` or `?key=`); without one of its own it is the first
account's API secret.

| path                      |                                                                                      |
|---------------------------|--------------------------------------------------------------------------------------|
| GET /sandbox/state        | balances, open orders, all orders and executions of every account                    |
| POST /sandbox/accounts    | {"name": "bia", "balances": {"USDT": "1000"}}: a new key pair for another person      |
| GET /sandbox/market       | index, point, price, paused, ended, speed, rows                                      |
| POST /sandbox/market      | {"do": "pause" or "resume" or "step", "candles": N} or {"speed": candles a second}   |
| GET /sandbox/faults       | the faults in force                                                                  |
| POST /sandbox/faults      | a request fault, {"stream": {...}}, {"drop_streams": true} or {"ack_lead_ms": N}     |
| DELETE /sandbox/faults    | no more faults                                                                       |
| GET /sandbox/fill-candles | ?exec_id=: that fill and all of its account and pair, oldest first: [exec_id, its    |
|                           | time, open time of its candle or null]; and of the candle under way. For the bot's   |
|                           | backtests, which know this address and no key: nothing in it is secret               |

A fill's own time is the clock's, as at Bybit, and a candle's is the candle's: nothing else here joins the two.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from aiohttp import web

from bot.errors import InvalidInput
from bot.sandbox.account import Account
from bot.sandbox.bybit_private import PrivateStream
from bot.sandbox.bybit_rows import execution_row, order_row, plain
from bot.sandbox.market import Market
from bot.sandbox.venue import Venue

AddAccount = Callable[[str, Mapping[str, Decimal]], tuple[str, str]]


class Control:
    """Answers `/sandbox/...`."""

    def __init__(self, venue: Venue, streams: PrivateStream, key: str, add_account: AddAccount) -> None:
        self._venue = venue
        self._add_account = add_account
        self._streams = streams
        self._key = key

    async def handle(self, request: web.Request) -> web.Response:
        """One control request; 403 without the key, 400 with words where it makes no sense."""
        if (request.method, request.path) == ("GET", "/sandbox/fill-candles"):
            return self._fill_candles(request.query.get("exec_id", ""))
        given = request.headers.get("X-Sandbox-Key") or request.query.get("key", "")
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            return web.json_response({"error": "the control key is wanted"}, status=403)
        try:
            body = json.loads(await request.text() or "{}")
            answer = await self._do(request.method, request.path, body)
        except (ValueError, TypeError, LookupError, ArithmeticError, InvalidInput) as exc:
            return web.json_response({"error": str(exc)}, status=400)
        if answer is None:
            return web.json_response({"error": f"no {request.method} {request.path}"}, status=404)
        return web.json_response(answer)

    async def _do(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        match method, path:
            case "GET", "/sandbox/state":
                return self.state()
            case "POST", "/sandbox/accounts":
                return self._open_account(body)
            case "GET", "/sandbox/market":
                return self._market_state(self._market(body))
            case "POST", "/sandbox/market":
                return await self._steer(body)
            case "GET", "/sandbox/faults":
                return self._venue.faults.as_json()
            case "POST", "/sandbox/faults":
                if body.get("drop_streams"):
                    return {"dropped": self._streams.drop()}
                if "ack_lead_ms" in body:
                    self._venue.effects.delay_ms = int(body["ack_lead_ms"])
                    return {"ack_lead_ms": self._venue.effects.delay_ms}
                self._venue.faults.order(body)
                return self._venue.faults.as_json()
            case "DELETE", "/sandbox/faults":
                self._venue.faults.clear()
                return self._venue.faults.as_json()
        return None

    def state(self) -> dict[str, Any]:
        """Everything an equality check needs; money as exact strings."""
        return {"accounts": {name: self._account(one) for name, one in self._venue.core.accounts.items()}}

    def _account(self, account: Account) -> dict[str, Any]:
        core = self._venue.core
        orders = [order_row(one, core.books[one.symbol].filters) for one in core.orders_of(account.name)]
        return {
            "api_key": account.api_key,
            "balances": {
                coin: {"total": plain(held.total), "locked": plain(held.locked)}
                for coin, held in account.balances.items()
            },
            "open_orders": [row for row in orders if row["orderStatus"] in {"New", "PartiallyFilled"}],
            "orders": orders,
            "executions": [
                execution_row(one, core.books[one.symbol].filters) for one in core.executions[account.name]
            ],
            "private_streams": self._streams.connections(account.name),
        }

    def _fill_candles(self, exec_id: str) -> web.Response:
        """By a fill's id and not its time: at full speed two candles pass in one millisecond."""
        for fills in self._venue.core.executions.values():
            symbol = next((one.symbol for one in fills if one.exec_id == exec_id), "")
            if symbol in self._venue.markets:
                answer = {
                    "under_way": self._venue.markets[symbol].candle.open_time_ms,
                    "fills": [
                        [one.exec_id, one.at_ms, one.candle_ms] for one in fills if one.symbol == symbol
                    ],
                }
                return web.json_response(answer)
        return web.json_response({"error": f"no fill {exec_id!r}"}, status=404)

    def _open_account(self, body: dict[str, Any]) -> dict[str, Any]:
        balances = {coin: Decimal(str(amount)) for coin, amount in body["balances"].items()}
        key, secret = self._add_account(str(body["name"]), balances)
        return {"api_key": key, "api_secret": secret}

    def _market(self, body: dict[str, Any]) -> Market:
        markets = self._venue.markets
        symbol = body.get("symbol", next(iter(markets)))
        if symbol not in markets:
            raise ValueError(f"no market {symbol}")
        return markets[symbol]

    async def _steer(self, body: dict[str, Any]) -> dict[str, Any]:
        market = self._market(body)
        if "speed" in body:
            market.set_speed(float(body["speed"]))
        match body.get("do"):
            case None:
                pass
            case "pause":
                await market.stand_still()
            case "resume":
                market.resume()
            case "step":
                for _ in range(int(body.get("candles", 1))):
                    if not await market.step():
                        break
            case other:
                raise ValueError(f"do: pause, resume or step is wanted, not {other!r}")
        return self._market_state(market)

    def _market_state(self, market: Market) -> dict[str, Any]:
        return {
            "symbol": market.symbol,
            "source": market.source.name,
            "rows": market.source.rows,
            "index": market.index,
            "point": market.point,
            "price": plain(market.price),
            "open_time_ms": market.seen[-1].open_time_ms,
            "paused": market.paused,
            "ended": market.ended,
            "speed": market.speed,
        }
