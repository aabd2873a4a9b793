"""A small ladder client and the same ladder as a plain simulation, to compare the stand-in with the backtest rules.

Both follow strategy.md with fixed factors: buy at market, exit at +0.1 %, re-buys each 0.04 % lower, at most nine: so
narrow that one candle meets several orders.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from decimal import Decimal

import aiohttp

from bot.sandbox.candles import Candle
from bot.sandbox.exchange import SandboxExchange
from bot.sandbox.orders import Filters
from tests.sandbox_exchange.client import Stream

D = Decimal
AMOUNT, TARGET, DROP, MOST, FEE = D(300), D("0.001"), D("0.0004"), 9, D("0.001")
RULES = Filters()
Fill = tuple[str, Decimal, Decimal]


class Ladder:
    """The orders that should rest, as a function of what has filled. Prices and quantities by strategy.md."""

    def __init__(self) -> None:
        self.k, self.last, self.paid, self.bought, self.held = 0, D(0), D(0), D(0), D(0)

    def buy(self, price: Decimal, qty: Decimal) -> None:
        self.last = price
        self.paid += price * qty
        self.bought += qty
        self.held += qty * (1 - FEE)

    def exit(self) -> tuple[Decimal, Decimal]:
        return RULES.price_up(self.paid / self.bought * (1 + TARGET)), self.held // RULES.lot * RULES.lot

    def rebuy(self) -> tuple[Decimal, Decimal] | None:
        if self.k >= MOST:
            return None
        price = RULES.price_down(self.last * (1 - DROP))
        return price, RULES.lots_for(AMOUNT, price)


def simulate(candles: Iterable[Candle]) -> list[Fill]:
    """The backtest rules, written plainly: fills as (side, price, qty)."""
    fills: list[Fill] = []
    ladder: Ladder | None = None
    dust = D(0)
    for candle in candles:
        exited = False
        if ladder is None:
            price = RULES.price_up(candle.open)
            qty = RULES.lots_for(AMOUNT, price)
            fills.append(("Buy", price, qty))
            ladder = Ladder()
            ladder.held = dust
            ladder.buy(price, qty)
        here = candle.open
        for point in candle.path():
            while ladder is not None and not exited:
                price, qty = ladder.exit()
                rebuy = ladder.rebuy()
                if max(here, point) >= price:
                    fills.append(("Sell", price, qty))
                    dust, ladder, exited = ladder.held - qty, None, True
                elif rebuy is not None and min(here, point) <= rebuy[0]:
                    fills.append(("Buy", *rebuy))
                    ladder.k += 1
                    here = min(here, rebuy[0])
                    ladder.buy(*rebuy)
                else:
                    break
            here = point
    return fills


class Client:
    """The same ladder as a live client: REST writes, private stream reads, one order of each kind at a time."""

    def __init__(self, exchange: SandboxExchange, http: aiohttp.ClientSession, stream: Stream) -> None:
        self.exchange, self.http, self.stream = exchange, http, stream
        self.number, self.read = 0, 0
        self.fills: list[Fill] = []

    async def post(self, path: str, **params: str) -> dict:
        body, stamp = (
            json.dumps({"category": "spot", "symbol": "BTCUSDT", **params}),
            str(int(time.time() * 1000)),
        )
        text = f"{stamp}{self.exchange.api_key}5000{body}"
        headers = {
            "X-BAPI-API-KEY": self.exchange.api_key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": hmac.new(
                self.exchange.api_secret.encode(), text.encode(), hashlib.sha256
            ).hexdigest(),
        }
        async with self.http.post(self.exchange.rest_url + path, data=body, headers=headers) as answer:
            return await answer.json()

    async def place(self, side: str, price: Decimal | None, qty: Decimal) -> str:
        self.number += 1
        link = f"l-{self.number}"
        order = {"side": side, "qty": format(qty, "f"), "orderLinkId": link}
        kind = (
            {"orderType": "Market"} if price is None else {"orderType": "Limit", "price": format(price, "f")}
        )
        answer = await self.post("/v5/order/create", **order, **kind)
        assert answer["retCode"] == 0, answer
        return link

    async def fill(self) -> dict:
        """The next execution the stream tells of."""
        while True:
            rows = self.stream.rows("execution")
            if len(rows) > self.read:
                self.read += 1
                row = rows[self.read - 1]
                self.fills.append((row["side"], D(row["execPrice"]), D(row["execQty"])))
                return row
            await asyncio.sleep(0.001)

    async def closed(self, link: str) -> None:
        await self.stream.row("order", orderLinkId=link, orderStatus="Cancelled")

    async def run(self) -> None:
        """Cycles without end; cancel to stop."""
        dust = D(0)
        while True:
            await self.place("Buy", None, AMOUNT)
            ladder = Ladder()
            ladder.held = dust
            row = await self.fill()
            ladder.buy(D(row["execPrice"]), D(row["execQty"]))
            dust = await self.cycle(ladder)

    async def cycle(self, ladder: Ladder) -> Decimal:
        exit_link = await self.place("Sell", *ladder.exit())
        rebuy = ladder.rebuy()
        rebuy_link = await self.place("Buy", *rebuy) if rebuy else ""
        while True:
            row = await self.fill()
            if row["side"] == "Sell":
                if rebuy_link:
                    await self.post("/v5/order/cancel", orderLinkId=rebuy_link)
                    await self.closed(rebuy_link)
                return ladder.held - D(row["execQty"])
            ladder.k += 1
            ladder.buy(D(row["execPrice"]), D(row["execQty"]))
            await self.post("/v5/order/cancel", orderLinkId=exit_link)
            await self.closed(exit_link)
            exit_link = await self.place("Sell", *ladder.exit())
            rebuy = ladder.rebuy()
            rebuy_link = await self.place("Buy", *rebuy) if rebuy else ""
