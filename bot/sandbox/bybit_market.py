"""Public market endpoints of Bybit V5 spot: time, instruments, tickers, klines, system status."""

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice

from bot.sandbox.bybit_call import Call, Result
from bot.sandbox.bybit_errors import ApiError, parameter
from bot.sandbox.bybit_rows import Row, plain
from bot.sandbox.candle_archive import joined
from bot.sandbox.candles import Candle
from bot.sandbox.market import KEPT_CANDLES, Market
from bot.sandbox.orders import ZERO, Filters

NOTHING: frozenset[str] = frozenset()
OF_SYMBOL = frozenset({"category", "symbol"})
KLINE = frozenset({"category", "symbol", "interval", "start", "end", "limit"})

INTERVAL_MINUTES = {
    **{str(minutes): minutes for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": 1440,
}
DAY_MS = 86_400_000


def server_time(call: Call) -> Result:
    nanoseconds = call.venue.clock() * 1_000_000 + time.time_ns() % 1_000_000
    return {"timeSecond": str(nanoseconds // 1_000_000_000), "timeNano": str(nanoseconds)}


def system_status(call: Call) -> Result:
    """No maintenance, ever."""
    del call
    return {"list": []}


def instruments(call: Call) -> Result:
    call.only_spot()
    rows = [_instrument(number, market.filters) for number, market in enumerate(_markets(call), start=9)]
    return {"category": "spot", "list": rows}


def tickers(call: Call) -> Result:
    call.only_spot()
    return {"category": "spot", "list": [_ticker(market) for market in _markets(call)]}


def asks_the_past(query: Mapping[str, str], market: Market) -> bool:
    """Whether these klines may need more than the market keeps at hand."""
    return "start" in query or "end" in query or len(market.seen) < KEPT_CANDLES


def kline(call: Call) -> Result:
    """Candles up to the market's present place, newest first; the first may still be open.

    Candle time, not the exchange's clock. Of more than `limit`, those nearest to `start` where it is given alone,
    else those nearest to `end`.
    """
    call.only_spot()
    market = market_of(call, call.get("symbol"))
    latest = 10**15
    start, end = call.integer("start", 0, 0, latest), call.integer("end", latest, 0, latest)
    limit = call.integer("limit", 200, 1, 1000)
    interval, ranged = call.get("interval"), call.has("start") or call.has("end")
    step = _step_ms(market, interval)
    if not ranged and (limit + 1) * step <= len(market.seen) * market.source.step_ms:
        bars = aggregate(market, interval, limit)
    else:
        bars = market.archive.bars(step, start, end, limit, oldest=not call.has("end") and call.has("start"))
    return {
        "symbol": market.symbol,
        "category": "spot",
        "list": [_kline_row(bar, market.filters) for bar in reversed(bars)],
    }


def _step_ms(market: Market, interval: str) -> int:
    step = INTERVAL_MINUTES.get(interval, 0) * 60_000
    if not step or step % market.source.step_ms:
        raise parameter(
            f"interval is {interval!r}, the stand-in's candles are {market.source.step_ms // 60_000} minutes"
        )
    return step


def market_of(call: Call, symbol: str) -> Market:
    market = call.venue.markets.get(symbol)
    if market is None:
        raise ApiError(10001, "Not supported symbols")
    return market


def aggregate(market: Market, interval: str, count: int) -> list[Candle]:
    """The last `count` bars of `interval` from the candles seen so far, oldest first, the last possibly open."""
    step = _step_ms(market, interval)
    bars: list[Candle] = []
    wanted = (count + 1) * (step // market.source.step_ms)
    for candle in [*_latest(market, wanted)[:-1], market.candle]:
        at = candle.open_time_ms // step * step
        if bars and bars[-1].open_time_ms == at:
            bars[-1] = joined(bars[-1], candle)
        else:
            bars.append(candle._replace(open_time_ms=at))
    return bars[-count:]


def _latest(market: Market, count: int) -> list[Candle]:
    """The newest `count` candles, oldest first; the last is the one under way."""
    return list(islice(reversed(market.seen), count))[::-1]


def _markets(call: Call) -> Sequence[Market]:
    symbol = call.get("symbol")
    return [market_of(call, symbol)] if symbol else list(call.venue.markets.values())


def _instrument(number: int, filters: Filters) -> Row:
    return {
        "symbolId": number,
        "symbol": filters.symbol,
        "baseCoin": filters.base,
        "quoteCoin": filters.quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(filters.lot),
            "quotePrecision": plain(filters.quote_step),
            "minOrderQty": plain(filters.lot),
            "maxOrderQty": plain(filters.max_limit_qty),
            "minOrderAmt": plain(filters.min_amount),
            "maxOrderAmt": "1999999999",
            "maxLimitOrderQty": plain(filters.max_limit_qty),
            "maxMarketOrderQty": plain(filters.max_market_qty),
            "postOnlyMaxLimitOrderSize": "60000",
        },
        "priceFilter": {"tickSize": plain(filters.tick)},
        "riskParameters": {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.05"},
        "symbolType": "",
    }


def _ticker(market: Market) -> Row:
    filters, price = market.filters, market.price
    return {
        "symbol": market.symbol,
        "bid1Price": plain(filters.price_down(price), filters.tick),
        "bid1Size": "1",
        "ask1Price": plain(filters.price_up(price), filters.tick),
        "ask1Size": "1",
        **day_figures(market),
    }


def day_figures(market: Market) -> Row:
    """The last price and the 24 hours of candle time before it."""
    filters, price, now = market.filters, market.price, market.candle
    since = now.open_time_ms - DAY_MS
    day = [one for one in _latest(market, DAY_MS // market.source.step_ms) if one.open_time_ms > since]
    day[-1] = now
    before = day[0].open
    return {
        "lastPrice": plain(price, filters.tick),
        "prevPrice24h": plain(before, filters.tick),
        "price24hPcnt": plain(((price - before) / before).quantize(Decimal("0.0001"))),
        "highPrice24h": plain(max(one.high for one in day), filters.tick),
        "lowPrice24h": plain(min(one.low for one in day), filters.tick),
        "turnover24h": plain(sum((one.volume * one.close for one in day), ZERO)),
        "volume24h": plain(sum((one.volume for one in day), ZERO)),
        "usdIndexPrice": plain(price, filters.tick),
    }


def _kline_row(bar: Candle, filters: Filters) -> list[str]:
    prices = [plain(price, filters.tick) for price in (bar.open, bar.high, bar.low, bar.close)]
    return [str(bar.open_time_ms), *prices, plain(bar.volume), plain(bar.volume * bar.close)]
