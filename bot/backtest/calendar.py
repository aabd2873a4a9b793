"""A run by calendar months and days of UTC, those without a candle left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from bot.backtest.model import BacktestCycle
from bot.backtest.timeline import Timeline
from bot.domain.money import EXACT, Quote, total_quote

_MONTH, _DAY = "datetime64[M]", "datetime64[D]"


@dataclass(frozen=True, slots=True)
class Month:
    """One month of UTC, as far as the candles go.

    `cycles`, `lost` and `net_profit` count the cycles whose exit filled in it; `rebuys` and `fees` (quote) the fills
    in it. `result` is equity at its last close less that of the month before (the months' sum is the run's result).
    `worst` is the largest paper loss at a low, 0 where there was none; `most_invested` the largest sum invested at
    a close. `price_change` is a fraction, from the close before (the first month: from its open).
    """

    year: int
    month: int
    cycles: int
    lost: int
    net_profit: Quote
    rebuys: int
    fees: Quote
    result: Quote
    worst: Quote
    most_invested: Quote
    price_change: Decimal


@dataclass(frozen=True, slots=True)
class Day:
    """The last close of one day of UTC: `start` is that day's midnight (ms UTC)."""

    start: int
    equity: Quote
    invested: Quote


def months_of(timeline: Timeline, cycles: Sequence[BacktestCycle]) -> tuple[Month, ...]:
    history = timeline.history
    found, before, price = [], Quote.zero(), history.price(int(history.opens[0]))
    ended = _by_month(cycles)
    for first, last in _spans(timeline, _MONTH):
        moment = datetime.fromtimestamp(int(history.times[first]) / 1000, UTC)
        mine = ended.get((moment.year, moment.month), [])
        fills = timeline.standings[_count_before(timeline, first) : int(timeline.at_close[last - 1])]
        equity, close = timeline.equity_at(last - 1), history.price(int(history.closes[last - 1]))
        found.append(
            Month(
                year=moment.year,
                month=moment.month,
                cycles=len(mine),
                lost=sum(cycle.net_profit.value <= 0 for cycle in mine),
                net_profit=total_quote(cycle.net_profit for cycle in mine),
                rebuys=sum(bool(s.rebuys) for s in fills),
                fees=total_quote(s.fee for s in fills),
                result=equity - before,
                worst=max(timeline.loss_at(timeline.worst(first, last)), Quote.zero()),
                most_invested=_most_invested(timeline, first, last),
                price_change=EXACT.subtract(close.over(price), Decimal(1)),
            )
        )
        before, price = equity, close
    return tuple(found)


def days_of(timeline: Timeline) -> tuple[Day, ...]:
    times = timeline.history.times
    return tuple(
        Day(
            start=int(times[last - 1].astype("datetime64[ms]").astype(_DAY).astype("datetime64[ms]").astype(np.int64)),
            equity=timeline.equity_at(last - 1),
            invested=_invested_at(timeline, last - 1),
        )
        for _, last in _spans(timeline, _DAY)
    )  # fmt: skip


def _by_month(cycles: Sequence[BacktestCycle]) -> dict[tuple[int, int], list[BacktestCycle]]:
    found: dict[tuple[int, int], list[BacktestCycle]] = {}
    for cycle in cycles:
        moment = datetime.fromtimestamp(cycle.end / 1000, UTC)
        found.setdefault((moment.year, moment.month), []).append(cycle)
    return found


def _spans(timeline: Timeline, unit: str) -> Iterator[tuple[int, int]]:
    """The candles first <= i < last of each month or day."""
    named = timeline.history.times.astype("datetime64[ms]").astype(unit)
    firsts = [0, *(int(i) + 1 for i in np.flatnonzero(named[1:] != named[:-1]))]
    yield from zip(firsts, [*firsts[1:], len(named)], strict=True)


def _count_before(timeline: Timeline, candle: int) -> int:
    return int(timeline.at_close[candle - 1]) if candle else 0


def _most_invested(timeline: Timeline, first: int, last: int) -> Quote:
    return _invested_at(timeline, first + int(np.argmax(timeline.invested[first:last])))


def _invested_at(timeline: Timeline, candle: int) -> Quote:
    count = int(timeline.at_close[candle])
    return timeline.standings[count - 1].invested if count else Quote.zero()
