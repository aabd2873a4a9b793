"""Rows as Binance's public spot API writes them (rest-api.md, filters.md)."""

from decimal import Decimal
from typing import Any

from bot.candle_rows import MINUTE_MS
from bot.sandbox.candles import Candle
from bot.sandbox.orders import Filters

INTERVAL_MS = {
    name: minutes * MINUTE_MS
    for name, minutes in {
        "1m": 1,
        "3m": 3,
        "5m": 5,
        "15m": 15,
        "30m": 30,
        "1h": 60,
        "2h": 120,
        "4h": 240,
        "6h": 360,
        "8h": 480,
        "12h": 720,
        "1d": 1440,
    }.items()
}
_EIGHT = Decimal("0.00000001")


def eight(value: Decimal) -> str:
    """Eight decimals, as every amount has them; more where the candles have more, never rounded."""
    padded = value.quantize(_EIGHT)
    return format(padded if padded == value else value, "f")


def kline_row(bar: Candle, step_ms: int, *, unit: int = 1) -> list[Any]:
    """Open time, prices, volume, close time, quote volume, trades, taker volumes, "0".

    `unit` is 1000 for times in microseconds. Candle files know no trades and no takers: they are zero here.
    """
    prices = [eight(price) for price in (bar.open, bar.high, bar.low, bar.close, bar.volume)]
    opened, closed = bar.open_time_ms * unit, (bar.open_time_ms + step_ms) * unit - 1
    worth = eight((bar.volume * bar.close).quantize(_EIGHT))
    return [opened, *prices, closed, worth, 0, eight(Decimal(0)), eight(Decimal(0)), "0"]


def exchange_row(filters: Filters) -> dict[str, Any]:
    """One symbol of exchangeInfo."""
    return {
        "symbol": filters.symbol,
        "status": "TRADING",
        "baseAsset": filters.base,
        "baseAssetPrecision": 8,
        "quoteAsset": filters.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(filters),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _filters(filters: Filters) -> list[dict[str, Any]]:
    zero = eight(Decimal(0))
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": eight(filters.tick),
            "maxPrice": "1000000.00000000",
            "tickSize": eight(filters.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": eight(filters.lot),
            "maxQty": eight(filters.max_limit_qty),
            "stepSize": eight(filters.lot),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": zero,
            "maxQty": eight(filters.max_market_qty),
            "stepSize": zero,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": eight(filters.min_amount),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    ]
