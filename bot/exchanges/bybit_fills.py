"""Execution rows as fills: which pair, and what a fee in a third coin was worth.

Bybit takes fees in MNT from accounts that chose so; profit counts them in quote at the last price of the moment.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal

import structlog

from bot.domain.market import Symbol
from bot.domain.money import EXACT, Price
from bot.domain.orders import Fill
from bot.errors import InvalidInput, Unavailable
from bot.exchanges.bybit_translate import Row, fill_of, foreign_coins
from bot.ports import FillView

_PRICE_KEPT_SECONDS = 60.0
_BRIDGE = "USDT"
_log = structlog.get_logger(__name__)


class FillReader:
    """Turns rows into fills. `price` and `symbol` ask the exchange; Unavailable where it does not answer."""

    def __init__(
        self, price: Callable[[str], Awaitable[Price]], symbol: Callable[[str], Awaitable[Symbol]]
    ) -> None:
        self._price = price
        self._symbol = symbol
        self._worth: dict[tuple[str, str], tuple[float, Decimal]] = {}

    async def view(self, row: Row) -> FillView:
        """A row of the stream, which names its pair but not the pair's coins."""
        name = str(row.get("symbol"))
        try:
            symbol = await self._symbol(name)
        except InvalidInput:
            raise Unavailable(f"a fill of {name}, which is not traded any more") from None
        return FillView(name, fill_of(row, symbol, await self._prices(row, symbol)))

    async def read(self, rows: Sequence[Row], symbol: Symbol) -> Sequence[Fill]:
        """The trades of one order, its rows being given, each once, oldest first.

        Rows of one millisecond come unordered (docs "order/execution"); among them `leavesQty` falls.
        """
        seen: dict[str, tuple[int, Decimal, Fill]] = {}
        for row in rows:
            fill = fill_of(row, symbol, await self._prices(row, symbol))
            seen.setdefault(fill.exec_id, (fill.at, -Decimal(str(row.get("leavesQty") or "0")), fill))
        return [fill for *_, fill in sorted(seen.values(), key=lambda one: (one[0], one[1], one[2].exec_id))]

    async def _prices(self, row: Row, symbol: Symbol) -> Mapping[str, Decimal]:
        return {coin: await self._in(symbol.quote, coin) for coin in foreign_coins(row, symbol)}

    async def _in(self, quote: str, coin: str) -> Decimal:
        """Quote coins for one `coin`; an old price is better than none, and none better than no fill."""
        known = self._worth.get((coin, quote))
        if known and time.monotonic() - known[0] < _PRICE_KEPT_SECONDS:
            return known[1]
        try:
            worth = await self._ask(coin, quote)
        except Unavailable:
            if known is None:
                raise
            return known[1]
        self._worth[coin, quote] = (time.monotonic(), worth)
        return worth

    async def _ask(self, coin: str, quote: str) -> Decimal:
        try:
            return (await self._price(coin + quote)).value
        except InvalidInput:
            pass
        try:
            coin_worth = (await self._price(coin + _BRIDGE)).value if coin != _BRIDGE else Decimal(1)
            quote_worth = (await self._price(quote + _BRIDGE)).value if quote != _BRIDGE else Decimal(1)
        except InvalidInput:
            _log.warning("fee_coin_without_price", coin=coin, quote=quote)
            return Decimal(0)
        return EXACT.divide(coin_worth, quote_worth)
