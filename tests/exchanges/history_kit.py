"""What the tests of public history share: made candles, quick manners, a place to keep what came."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bot.exchanges.history_patience import Manners
from bot.ports.history import HistorySource, Interval, Kline

HOUR = 3_600_000
HALF = HOUR // 2
QUICK = Manners(per_second=1000, tries=3, first_wait=0.01, longest_wait=0.02)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def made(start: int, end: int, *, step: int = HALF, without: Iterable[int] = ()) -> list[Kline]:
    """Candles whose every figure differs from its neighbours'."""
    away = set(without)
    rows = []
    for number, time in enumerate(range(start, end, step)):
        price = 40_000 + number * 7919 % 5000
        texts = (
            f"{price}.5",
            f"{price + 20}.25",
            f"{price - 20}",
            f"{price + number % 19}.125",
            f"{number}.5",
        )
        if time not in away:
            rows.append(Kline(time, *map(Decimal, texts)))
    return rows


def written(path: Path, klines: Iterable[Kline]) -> Path:
    lines = [",".join(map(str, kline)) for kline in klines]
    path.write_text("\n".join(["open_time_ms,open,high,low,close,volume", *lines]) + "\n")
    return path


async def gathered(source: HistorySource, interval: Interval, start: int, end: int, *, pair: str = "BTCUSDT"):
    """All candles of a question, and where its pages ended."""
    klines, ends = [], []
    async for page in source.klines(pair, interval, start, end):
        klines += page.klines
        ends.append(page.until)
    return klines, ends
