"""Rows and requests as Bybit writes them, to be changed where a test needs another."""

import json

from bot.domain.market import Side
from bot.domain.money import Base, Price
from bot.ports import Credentials, OrderRequest, Secret
from tests.exchanges.scripted import envelope
from tests.exchanges.stage import BTCUSDT

CREATE, CANCEL = "/v5/order/create", "/v5/order/cancel"
TAKEN = envelope({"orderId": "1", "orderLinkId": "ta-t-1-r1-1"})
ORDER = OrderRequest("ta-t-1-r1-1", BTCUSDT, Side.BUY, price=Price.of("50000"), quantity=Base.of("0.00001"))
KEYS = Credentials(Secret("the-key"), Secret("the-secret"))


async def cancel(exchange):
    await exchange.cancel(symbol=BTCUSDT, order_id=ORDER.order_id)


def instrument(**lot) -> dict:
    filters = {
        "basePrecision": "0.000001",
        "quotePrecision": "0.01",
        "minOrderAmt": "5",
        "minOrderQty": "0.5",
        "maxLimitOrderQty": "83",
        "maxMarketOrderQty": "41.5",
        **lot,
    }
    row = {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "lotSizeFilter": filters}
    return envelope({"list": [{**row, "priceFilter": {"tickSize": "0.01"}}]})


def execution(number: int = 1, **fields) -> dict:
    return {
        "category": "spot",
        "symbol": "BTCUSDT",
        "orderLinkId": "ta-t-1-e0-1",
        "orderType": "Market",
        "side": "Buy",
        "execId": f"e{number}",
        "execType": "Trade",
        "execPrice": "50000",
        "execQty": "0.001",
        "execValue": "50",
        "execFee": "0.000001",
        "feeCurrency": "BTC",
        "execTime": str(1000 + number),
        "leavesQty": "0",
        "isMaker": False,
        "extraFees": "",
        **fields,
    }


def order_row(**fields) -> dict:
    return {
        "category": "spot",
        "orderLinkId": "ta-t-1-e0-1",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "orderStatus": "New",
        "qty": "1",
        "cumExecQty": "0",
        "cumExecValue": "0",
        "updatedTime": "5",
        **fields,
    }


def order_message(*rows, topic="order.spot"):
    return json.dumps({"topic": topic, "id": "1", "creationTime": 1, "data": list(rows)})
