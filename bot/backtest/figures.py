"""What a run comes to: every figure of the report, each defined where it stands. Amounts are exact decimals.

Times are ms UTC. A candle is named by its open time; what is measured "at its close" belongs to the moment
`step_ms` later. Nothing is closed silently: a cycle still open stands apart, in `open` and `unrealised`.
"""

from dataclasses import dataclass
from decimal import Decimal
from statistics import median

import numpy as np

from bot.backtest.calendar import Day, Month, days_of, months_of
from bot.backtest.history import History
from bot.backtest.model import BacktestRun, Engine, OpenPosition
from bot.backtest.replay import Standing, budget_of, replayed
from bot.backtest.timeline import Timeline, timeline_of
from bot.domain.market import MarketRules, Side
from bot.domain.money import EXACT, Base, Quote, total_quote

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
_LEAST_FOR_A_YEAR_MS = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class Worst:
    """The largest paper loss at a candle's low: cost of what is held - held * low * (1 - taxa).

    Held is what had filled by the low on the candle's path. `at` is the candle's open time, None where there never
    was a loss; `of_budget` is a fraction.
    """

    amount: Quote
    of_budget: Decimal
    at: int | None


@dataclass(frozen=True, slots=True)
class UnderWater:
    """The longest stretch in which equity at the closes stayed under its earlier peak (0 at the start).

    From the close of the peak to the close that reached it again, or to the end where none did (`ended` is False).
    """

    length_ms: int
    start: int
    end: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of equity at a close under its running peak, in quote, and that candle's open time."""

    amount: Quote
    at: int | None


@dataclass(frozen=True, slots=True)
class Fees:
    """What was paid to the exchange: buys in base, each valued at its fill's price; sells in quote."""

    buys: Quote
    sells: Quote

    @property
    def total(self) -> Quote:
        return self.buys + self.sells


@dataclass(frozen=True, slots=True)
class Hold:
    """Buying once instead: lot_down(budget / first open), the fee in base, valued at the last close less taxa.

    `net` is value - cost, as a fraction of the budget `of_budget`; `worst` the largest paper loss at a low.
    """

    bought: Base
    cost: Quote
    value: Quote
    net: Quote
    of_budget: Decimal
    worst: Quote


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the figures rest on beside the rules of docs/strategy.md, which no run departs from."""

    taxa: Decimal
    slippage: Decimal
    rules: MarketRules
    balance: Quote | None
    gaps: int
    missing: int
    engine: Engine
    fell_back: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The report's figures.

    `start` is the first candle's open, `end` the last one's close. `budget` is saldo_limite, or the balance given if less,
    else the ladder's full cost. `net_profit` is that of the closed cycles; `unrealised` what is held at the end, valued
    at the last close less taxa, less its cost; `result` their sum, which is equity at the end. Returns are fractions
    of `net_profit` (`result_of_budget`: of `result`): on the most ever invested, on the budget, and each a year by
    plain proportion (365 days, nothing compounded), None under 30 days. `most_invested` is the largest quote paid
    for an open cycle's buys and what was carried into it, `mean_invested` its mean over all candles' closes.

    `won` cycles made a net profit above zero, `lost` did not. `rebuys_used[k]` closed cycles used k re-buys.
    A cycle lasts from its first fill's candle to its last one's. The ladder is exhausted while a cycle is open in
    which no re-buy can rest: the last has filled, or the next would pass saldo_limite or the wallet;
    `exhausted_share` is the fraction of candles that close so, `exhausted_longest_ms` the longest time from that
    re-buy to the exit or the end.
    """

    start: int
    end: int
    candles: int
    budget: Quote
    net_profit: Quote
    unrealised: Quote
    result: Quote
    most_invested: Quote
    mean_invested: Quote
    on_invested: Decimal
    on_budget: Decimal
    on_invested_a_year: Decimal | None
    on_budget_a_year: Decimal | None
    result_of_budget: Decimal
    cycles: int
    won: int
    lost: int
    rebuys_used: tuple[int, ...]
    longest_cycle_ms: int | None
    median_cycle_ms: int | None
    exhausted_share: Decimal
    exhausted_longest_ms: int
    worst: Worst
    under_water: UnderWater
    drawdown: Drawdown
    fees: Fees
    hold: Hold
    open: OpenPosition | None
    months: tuple[Month, ...]
    days: tuple[Day, ...]
    assumptions: Assumptions
    timeline: Timeline


def figures(run: BacktestRun, history: History) -> Figures:
    """The figures of `run` over exactly the candles it ran on."""
    standings = tuple(replayed(run))
    timeline = timeline_of(history, standings, run.params.taxa)
    budget = budget_of(run.params, run.terms)
    start, end = int(history.times[0]), int(history.times[-1]) + history.step_ms
    net, result = run.net_profit, timeline.equity_at(len(history) - 1)
    most = max((s.invested for s in standings), default=Quote.zero())
    lengths = [cycle.end - cycle.start for cycle in run.cycles]
    won = sum(cycle.net_profit.value > 0 for cycle in run.cycles)
    return Figures(
        start=start,
        end=end,
        candles=len(history),
        budget=budget,
        net_profit=net,
        unrealised=result - net,
        result=result,
        most_invested=most,
        mean_invested=_mean_invested(timeline),
        on_invested=_share(net, most),
        on_budget=_share(net, budget),
        on_invested_a_year=_a_year(_share(net, most), end - start),
        on_budget_a_year=_a_year(_share(net, budget), end - start),
        result_of_budget=_share(result, budget),
        cycles=len(run.cycles),
        won=won,
        lost=len(run.cycles) - won,
        rebuys_used=_histogram(run),
        longest_cycle_ms=max(lengths, default=None),
        median_cycle_ms=int(median(lengths)) if lengths else None,
        exhausted_share=EXACT.divide(Decimal(int(timeline.exhausted.sum())), Decimal(len(history))),
        exhausted_longest_ms=_longest_exhausted(standings, end),
        worst=_worst(timeline, budget),
        under_water=_under_water(timeline),
        drawdown=_drawdown(timeline),
        fees=_fees(standings),
        hold=_hold(run, history, budget),
        open=run.open,
        months=months_of(timeline, run.cycles),
        days=days_of(timeline),
        assumptions=_assumptions(run, history),
        timeline=timeline,
    )


def _share(part: Quote, whole: Quote) -> Decimal:
    return part.over(whole) if whole else Decimal(0)


def _a_year(share: Decimal, span_ms: int) -> Decimal | None:
    if span_ms < _LEAST_FOR_A_YEAR_MS:
        return None
    return EXACT.divide(EXACT.multiply(share, Decimal(YEAR_MS)), Decimal(span_ms))


def _histogram(run: BacktestRun) -> tuple[int, ...]:
    counts = [0] * (run.params.limite_recompras + 1)
    for cycle in run.cycles:
        counts[cycle.rebuys] += 1
    return tuple(counts)


def _mean_invested(timeline: Timeline) -> Quote:
    """Each standing counts for as many candles as close while it stands."""
    closes = np.bincount(timeline.at_close, minlength=len(timeline.standings) + 1)[1:]
    total = total_quote(
        s.invested.times(Decimal(int(n))) for s, n in zip(timeline.standings, closes, strict=True)
    )
    return Quote(EXACT.divide(total.value, Decimal(len(timeline.history))))


def _longest_exhausted(standings: tuple[Standing, ...], end: int) -> int:
    since, longest = None, 0
    for standing in standings:
        if since is not None and standing.fill.side is Side.SELL:
            longest = max(longest, standing.fill.time - since)
            since = None
        elif since is None and standing.exhausted:
            since = standing.fill.time
    return longest if since is None else max(longest, end - since)


def _worst(timeline: Timeline, budget: Quote) -> Worst:
    candle = timeline.worst(0, len(timeline.history))
    amount = timeline.loss_at(candle)
    if amount.value <= 0:
        return Worst(Quote.zero(), Decimal(0), None)
    return Worst(amount, _share(amount, budget), int(timeline.history.times[candle]))


def _under_water(timeline: Timeline) -> UnderWater:
    history = timeline.history
    peaks = np.maximum.accumulate(np.concatenate(([0.0], timeline.equity)))
    under = timeline.equity < peaks[:-1]
    moments = np.concatenate((history.times[:1], history.times + history.step_ms))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], under, [False])).astype(np.int8)))
    if not len(edges):
        return UnderWater(0, int(moments[0]), int(moments[0]), ended=True)
    starts, ends = moments[edges[::2]], moments[np.minimum(edges[1::2] + 1, len(history))]
    longest = int(np.argmax(ends - starts))
    start, end = int(starts[longest]), int(ends[longest])
    return UnderWater(end - start, start, end, ended=bool(edges[1::2][longest] < len(history)))


def _drawdown(timeline: Timeline) -> Drawdown:
    equity = np.concatenate(([0.0], timeline.equity))
    depth = np.maximum.accumulate(equity) - equity
    candle = int(np.argmax(depth)) - 1
    if candle < 0 or depth[candle + 1] <= 0:
        return Drawdown(Quote.zero(), None)
    peak = int(np.argmax(equity[: candle + 2])) - 1
    top = timeline.equity_at(peak) if peak >= 0 else Quote.zero()
    return Drawdown(top - timeline.equity_at(candle), int(timeline.history.times[candle]))


def _fees(standings: tuple[Standing, ...]) -> Fees:
    return Fees(*(total_quote(s.fee for s in standings if s.fill.side is side) for side in Side))


def _hold(run: BacktestRun, history: History, budget: Quote) -> Hold:
    keep = EXACT.subtract(Decimal(1), run.params.taxa)
    opened = history.price(int(history.opens[0]))
    bought = run.terms.rules.lot_down(budget.buys_at(opened))
    cost, held = bought.at(opened), bought.times(keep)
    value = held.at(history.price(int(history.closes[-1]))).times(keep)
    deepest = held.at(history.price(int(history.lows.min()))).times(keep)
    return Hold(
        bought=bought,
        cost=cost,
        value=value,
        net=value - cost,
        of_budget=_share(value - cost, budget),
        worst=cost - deepest,  # no low is above the first open
    )


def _assumptions(run: BacktestRun, history: History) -> Assumptions:
    gaps = history.gaps()
    return Assumptions(
        taxa=run.params.taxa,
        slippage=run.terms.slippage,
        rules=run.terms.rules,
        balance=run.terms.balance,
        gaps=len(gaps),
        missing=sum(gap.missing for gap in gaps),
        engine=run.engine,
        fell_back=run.fell_back,
    )
