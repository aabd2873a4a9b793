"""Binance's public payloads in the house's words. Pure; Unavailable for anything that cannot be read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Base, Quote, exact
from bot.exchanges.bybit_translate import reading
from bot.ports.history import Interval, Kline, Month, Page

_MICROSECONDS = 10**14
_ARCHIVE_PAGE = 4000


def rest_klines(answer: object) -> Sequence[Kline]:
    """Rows [open time, open, high, low, close, volume, close time, ...]; amounts are text, times whole numbers."""
    with reading("candles"):
        if not isinstance(answer, list):
            raise TypeError(f"a list is wanted, not a {type(answer).__name__}")
        return _sorted([_kline(int(row[0]), row[1:6]) for row in answer])


def archive_pages(lines: Iterable[str], interval: Interval, start: int, month: Month) -> Iterator[Page]:
    """A month's csv from `start` on: the same columns without a header; newer files may have one, and times in microseconds.

    A few thousand candles at a time, for a month of minutes as objects takes 30 MB; a page is without holes and not
    empty, so that what lies between two of them is what the archive leaves out. What comes before the row that cannot
    be read has been given by then.
    """
    klines: list[Kline] = []
    before = -1
    with reading("archive"):
        for number, line in enumerate(lines):
            cells = line.rstrip().split(",")
            if not number and not cells[0].isdecimal():
                continue
            kline = _kline(_opened(cells[0], interval, month), cells[1:6])
            if kline.at <= before:
                raise ValueError(f"the candle of {kline.at} comes after that of {before}")
            if klines and (kline.at > before + interval.ms or len(klines) == _ARCHIVE_PAGE):
                yield Page(tuple(klines), before + interval.ms)
                klines.clear()
            before = kline.at
            if kline.at >= start:
                klines.append(kline)
    if klines:
        yield Page(tuple(klines), before + interval.ms)


def _opened(text: str, interval: Interval, month: Month) -> int:
    stamp = int(text)
    at, rest = divmod(stamp, 1000) if stamp >= _MICROSECONDS else (stamp, 0)
    if rest or at % interval.ms or not month.start <= at < month.end:
        raise ValueError(f"a candle of {stamp} is not of {month}")
    return at


def _kline(at: int, texts: Sequence[object]) -> Kline:
    if len(texts) != 5 or not all(isinstance(text, str) for text in texts):
        raise TypeError("five amounts as text are wanted")
    return Kline(at, *(exact(str(text)) for text in texts))


def _sorted(klines: Sequence[Kline]) -> Sequence[Kline]:
    for before, after in pairwise(klines):
        if after.at <= before.at:
            raise ValueError(f"the candle of {after.at} comes after that of {before.at}")
    return klines


def market_rules(answer: Any, symbol: str) -> MarketRules:  # noqa: ANN401 - JSON
    """A pair's filters (docs "filters"); zero turns a rule off."""
    with reading("exchange information"):
        row = next(one for one in answer["symbols"] if one["symbol"] == symbol)
        filters: dict[str, Mapping[str, str]] = {one["filterType"]: one for one in row["filters"]}
        lot = filters["LOT_SIZE"]
        notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {"minNotional": "0"}
        most = [
            exact(one["maxQty"]) for name in ("LOT_SIZE", "MARKET_LOT_SIZE") if (one := filters.get(name))
        ]
        return MarketRules(
            symbol=Symbol(symbol, str(row["baseAsset"]), str(row["quoteAsset"])),
            tick=exact(filters["PRICE_FILTER"]["tickSize"]),
            lot_step=exact(lot["stepSize"]),
            quote_step=Decimal(1).scaleb(-int(row["quotePrecision"])),
            min_notional=Quote(exact(notional["minNotional"])),
            min_quantity=Base(exact(lot["minQty"])),
            max_quantity=Base(min((one for one in most if one), default=Decimal(0))),
        )
