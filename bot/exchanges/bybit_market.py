"""What Bybit tells everybody of a spot pair: its rules, price and candles."""

import re
import time
from collections.abc import Sequence

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Price
from bot.errors import InvalidInput, Unavailable
from bot.exchanges import bybit_translate as translate
from bot.exchanges.bybit_call import BybitCalls
from bot.exchanges.bybit_http import Call
from bot.exchanges.gate import Lane
from bot.ports import Candle, Environment

RULES_KEPT_SECONDS = 4 * 3600.0
_PAIR = re.compile(r"[A-Z0-9]{2,30}")


class BybitMarket:
    """Rules are kept for some hours: Bybit re-tunes the maxima on the 3rd and 17th of each month."""

    def __init__(self, calls: BybitCalls, environment: Environment) -> None:
        self._calls = calls
        self._environment = environment
        self._rules: dict[str, tuple[float, MarketRules]] = {}
        self._symbols: dict[str, Symbol] = {}

    async def rules(self, symbol: str, *, fresh: bool) -> MarketRules:
        known = self._rules.get(symbol)
        if known and not fresh and time.monotonic() - known[0] < RULES_KEPT_SECONDS:
            return known[1]
        row = await self._row("get_instruments_info", symbol)
        rules = translate.market_rules(row)
        self._rules[symbol] = (time.monotonic(), rules)
        self._symbols[symbol] = rules.symbol
        return rules

    async def last_price(self, symbol: str) -> Price:
        return translate.last_price(await self._row("get_tickers", symbol))

    async def candles(self, symbol: str, *, minutes: int, limit: int) -> Sequence[Candle]:
        """Of the last price, oldest first; Bybit gives a thousand at most."""
        result = await self._calls.read(
            Lane.MARKET,
            "get_kline",
            category="spot",
            symbol=(await self.symbol(symbol)).name,
            interval=str(minutes),
            limit=limit,
        )
        return translate.candles(result)

    async def symbol(self, name: str) -> Symbol:
        """The pair's coins; asked for once."""
        return self._symbols.get(name) or (await self.rules(name, fresh=False)).symbol

    def know(self, symbol: Symbol) -> None:
        """Its coins need not be asked for."""
        self._symbols[symbol.name] = symbol

    async def _row(self, call: Call, symbol: str) -> translate.Row:
        """The one row of a pair; InvalidInput when there is none, as Bybit lists only pairs that trade."""
        absent = InvalidInput(
            "par",
            f"a spot pair traded at {self._environment.value}, for example BTCUSDT",
            key="pair_not_traded",
            values={"pair": symbol[:30], "environment": self._environment.value},
        )
        if not _PAIR.fullmatch(symbol):
            raise absent
        try:
            result = await self._calls.read(Lane.MARKET, call, category="spot", symbol=symbol)
        except Unavailable as exc:
            if exc.code in {10001, 170121}:
                raise absent from exc
            raise
        for row in translate.rows_of(result):
            if row.get("symbol") == symbol:
                return row
        raise absent
