"""A matching core without sockets, for tests of its rules."""

from decimal import Decimal

from bot.sandbox.account import Account, Balance
from bot.sandbox.candles import Candle
from bot.sandbox.desk import CoreRules
from bot.sandbox.matching import Matching
from bot.sandbox.orders import Filters, Kind, Order, OrderRequest, Side, TimeInForce

D = Decimal
SYMBOL = "BTCUSDT"


def core_at(price: str, *, rules: CoreRules | None = None, usdt: str = "10000", btc: str = "1") -> Matching:
    """One account, `ana`, and a price standing on a candle's open."""
    core = Matching([Filters()], clock=lambda: 1_700_000_000_000, rules=rules)
    core.add_account(
        Account("ana", "key", "secret", 1, balances={"USDT": Balance(D(usdt)), "BTC": Balance(D(btc))})
    )
    core.open_candle(SYMBOL, D(price))
    assert core.advance(SYMBOL, D(price))
    return core


def order(
    core: Matching,
    side: Side,
    qty: str,
    price: str | None = None,
    *,
    tif: TimeInForce = TimeInForce.GTC,
    quote: bool = False,
    link: str = "",
) -> Order:
    """Place and bring to the book: a limit order where a price is given, else a market order."""
    kind = Kind.MARKET if price is None else Kind.LIMIT
    request = OrderRequest(SYMBOL, side, kind, D(qty), None if price is None else D(price), tif, quote, link)
    placed = core.place("ana", request)
    core.arrive(placed.order_id)
    return placed


def walk(core: Matching, *prices: str) -> list[tuple[str, Decimal, Decimal]]:
    """Follow the path; (client id, fill price, where the path stood) of every fill on it."""
    fills = []
    for price in prices:
        while not core.advance(SYMBOL, D(price)):
            fill = core.executions["ana"][-1]
            fills.append((fill.link_id, fill.price, core.books[SYMBOL].price))
    return fills


def candle(open_: str, high: str, low: str, close: str) -> Candle:
    return Candle(0, D(open_), D(high), D(low), D(close), D(1))
