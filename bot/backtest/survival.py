"""The ladder started at every hour of a history, each start one cycle of its own: how it would have gone."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.backtest.crashes import CRASHES, Crash
from bot.backtest.executors import Pool, run_batches
from bot.backtest.first_cycle import START, Starts, StartsWork, cycles_from
from bot.backtest.history import History
from bot.backtest.model import Terms
from bot.backtest.outcome import Table
from bot.backtest.replay import budget_of
from bot.backtest.shared_history import named
from bot.backtest.sweep import Progress
from bot.domain.money import EXACT, Quote, plain
from bot.domain.params import StrategyParams
from bot.errors import InvalidInput

HOUR_MS = 3_600_000
QUANTILES = (Decimal("0.5"), Decimal("0.9"), Decimal("0.99"))
_CHUNK = 1024
_EXACT_CHUNK = 8
_PLACES = Decimal("1E-8")


@dataclass(frozen=True, slots=True)
class Spread:
    """Over the starts: half stayed within `half`, nine of ten within `most`, and the largest was `worst` (quote)."""

    half: Quote
    most: Quote
    worst: Quote


@dataclass(frozen=True, slots=True)
class CrashReplay:
    """A named crash in these candles.

    `fall` is the fraction from the highest price to the lowest after it, within the crash's days. `started` is the
    last hour that opens by their beginning, when a ladder was begun: it used `rebuys`, `ran_out` says whether no more
    could be bought, `worst` was its largest paper loss, and it was out after `exit_ms` (None: not by the end of the history).
    `starts` ladders began within those days: `ran_out_within` of them could buy no more at some time, and
    `worst_within` is the largest paper loss among them.
    """

    crash: Crash
    fall: Decimal
    started: int
    rebuys: int
    ran_out: bool
    worst: Quote
    exit_ms: int | None
    starts: int
    ran_out_within: int
    worst_within: Quote


@dataclass(frozen=True, slots=True)
class Survival:
    """What became of `starts` ladders begun between `since` and `until` (ms UTC). History, not a forecast.

    `out_of_rebuys`, `out_of_money` and `still_open` are fractions of the starts: the last re-buy filled; the next
    would have passed saldo_limite or the wallet; no exit by the end of the history. `exit_ms[i]` is within how many
    ms a QUANTILES[i] of all starts were out; the open ones count as not out yet, and where the quantile falls among
    them it is None. `worst` is of each start's largest paper loss, `locked` of the most it had invested; `worst_of_budget`
    a fraction, `worst_start` when that ladder was begun. `longest_open_ms` is how long the longest of the open ones
    has been. `unproven` starts were judged by the exact path.
    """

    symbol: str
    since: int
    until: int
    step_ms: int
    starts: int
    budget: Quote
    out_of_rebuys: Decimal
    out_of_money: Decimal
    still_open: Decimal
    exit_ms: tuple[int | None, ...]
    longest_exit_ms: int | None
    longest_open_ms: int | None
    worst: Spread
    worst_of_budget: Decimal
    worst_start: int
    locked: Spread
    crashes: tuple[CrashReplay, ...]
    unproven: int
    table: "SurvivalTable"

    @property
    def ran_out(self) -> Decimal:
        """The fraction that could buy no more, for whichever reason."""
        return EXACT.add(self.out_of_rebuys, self.out_of_money)


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalTable:
    """Each start, for pictures and files: `times` in ms UTC, `rows` of START in the same order."""

    times: NDArray[np.int64]
    rows: Table
    exit_ms: NDArray[np.float64]
    """NaN where there was none."""

    @property
    def ran_out(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.rows["out_of_rebuys"] | self.rows["out_of_money"]
        return found


@dataclass(frozen=True, slots=True)
class Study:
    """What is asked: one strategy on these candles. `exact`: by the exact path alone, many times slower."""

    history: History
    params: StrategyParams
    terms: Terms
    exact: bool = False


def hours_of(history: History) -> NDArray[np.int64]:
    """The candle of each hour's first open; each candle where they are longer than an hour."""
    hours = history.times // HOUR_MS
    firsts = np.concatenate(([True], hours[1:] != hours[:-1]))
    return np.flatnonzero(firsts).astype(np.int64)


def survive(
    study: Study,
    pool: Pool,
    *,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Survival | None:
    """Start at every hour; None where `stop` was set before the end.

    InvalidInput where the first buy cannot be paid for.
    """
    starts = hours_of(study.history)
    rows = np.zeros(len(starts), dtype=START)
    work = StartsWork(
        key=named(study.history, study.params, study.terms, study.exact), params=study.params,
        terms=study.terms, history=study.history, exact=study.exact,
    )  # fmt: skip
    began, done, unproven = time.monotonic(), 0, 0
    again: list[int] = []
    queue = _Places(len(starts), _EXACT_CHUNK if study.exact else _CHUNK, again, starts, exact=study.exact)
    for answer in run_batches(pool, work, cycles_from, queue, stop):
        places = queue.sent.pop(answer.number)
        if answer.answer is None:
            raise InvalidInput("survival", f"starts could not be judged: {answer.failed}")
        known = answer.answer["proven"]
        rows[places[known]] = answer.answer[known]
        again.extend(places[~known].tolist())
        done, unproven = done + int(known.sum()), unproven + int((~known).sum())
        if on_progress is not None:
            on_progress(Progress(done, len(starts), 0, time.monotonic() - began))
    return _summed_up(study, starts, rows, unproven) if done == len(starts) else None


class _Places(Iterator[tuple[int, Starts]]):
    """Batches of starts, and after them those that only the exact path can judge."""

    def __init__(
        self, count: int, size: int, again: list[int], starts: NDArray[np.int64], *, exact: bool
    ) -> None:
        self.sent: dict[int, NDArray[np.int64]] = {}
        self._spans = iter(range(0, count, size))
        self._count, self._size, self._again, self._starts, self._exact = count, size, again, starts, exact
        self._number = 0

    def __next__(self) -> tuple[int, Starts]:
        first = next(self._spans, None)
        if first is not None:
            return self._batch(np.arange(first, min(first + self._size, self._count)), exact=self._exact)
        if not self._again:
            raise StopIteration
        part = np.array(self._again[:_EXACT_CHUNK], dtype=np.int64)
        del self._again[:_EXACT_CHUNK]
        return self._batch(part, exact=True)

    def _batch(self, places: NDArray[np.int64], *, exact: bool) -> tuple[int, Starts]:
        self._number += 1
        self.sent[self._number] = places
        return self._number, Starts(self._starts[places], exact=exact)


def _summed_up(study: Study, starts: NDArray[np.int64], rows: Table, unproven: int) -> Survival:
    history, began = study.history, rows["started"]
    if not began.any():
        raise _never_begun(study)
    starts, rows = starts[began], rows[began]
    times = history.times[starts]
    out = rows["exit"] >= 0
    exits = np.where(out, history.times[np.maximum(rows["exit"], 0)] - times, np.nan)
    until = int(history.times[-1]) + history.step_ms
    worst = int(np.argmax(rows["worst_loss"]))
    budget = budget_of(study.params, study.terms)
    spread = _spread(rows["worst_loss"])
    table = SurvivalTable(times, rows, exits)
    return Survival(
        symbol=study.terms.rules.symbol.name,
        since=int(history.times[0]),
        until=until,
        step_ms=history.step_ms,
        starts=len(starts),
        budget=budget,
        out_of_rebuys=_share(rows["out_of_rebuys"]),
        out_of_money=_share(rows["out_of_money"]),
        still_open=_share(~out),
        exit_ms=tuple(_quantile_ms(exits, share) for share in QUANTILES),
        longest_exit_ms=int(np.nanmax(exits)) if out.any() else None,
        longest_open_ms=None if out.all() else until - int(times[~out].min()),
        worst=spread,
        worst_of_budget=EXACT.divide(spread.worst.value, budget.value),
        worst_start=int(times[worst]),
        locked=_spread(rows["most_invested"]),
        crashes=tuple(_replays(history, table)),
        unproven=unproven,
        table=table,
    )


def _never_begun(study: Study) -> InvalidInput:
    first, rules = study.params.qty_inicial, study.terms.rules
    if study.terms.opening_balance(study.params).value < first:
        return InvalidInput("balance", f"pays for no first buy at any hour: takes {plain(first)} or more")
    least = f"a lot of {plain(rules.lot_step)} and the least order of {rules.min_notional}"
    return InvalidInput(
        "qty_inicial", f"{plain(first)} never makes a first buy: takes as much as {least} cost"
    )


def _share(flags: NDArray[np.bool_]) -> Decimal:
    return EXACT.divide(Decimal(int(flags.sum())), Decimal(len(flags)))


def _quantile_ms(exits: NDArray[np.float64], share: Decimal) -> int | None:
    """Within how long this share of all starts were out; those that are not come last."""
    place = int(np.ceil(float(share) * len(exits))) - 1
    found = np.sort(exits)[place]  # NaN is sorted to the end
    return None if np.isnan(found) else int(found)


def _spread(amounts: NDArray[np.float64]) -> Spread:
    ordered = np.sort(amounts)
    places = [int(np.ceil(share * len(ordered))) - 1 for share in (0.5, 0.9, 1.0)]
    return Spread(*(_quote(ordered[place]) for place in places))


def _quote(amount: float) -> Quote:
    """A double as quote, to 8 places: more digits it has not."""
    return Quote(max(Decimal(0), Decimal(repr(float(amount))).quantize(_PLACES)))


def _replays(history: History, table: SurvivalTable) -> Iterator[CrashReplay]:
    for crash in crashes_in(history):
        days = history.between(crash.start, crash.end)
        place = int(np.searchsorted(table.times, crash.start, side="right")) - 1
        if place < 0:
            continue
        row = table.rows[place]
        within = slice(place, int(np.searchsorted(table.times, crash.end)))
        exit_ms = table.exit_ms[place]
        yield CrashReplay(
            crash=crash,
            fall=_fall(days),
            started=int(table.times[place]),
            rebuys=int(row["rebuys"]),
            ran_out=bool(table.ran_out[place]),
            worst=_quote(row["worst_loss"]),
            exit_ms=None if np.isnan(exit_ms) else int(exit_ms),
            starts=within.stop - within.start,
            ran_out_within=int(table.ran_out[within].sum()),
            worst_within=_quote(table.rows["worst_loss"][within].max()),
        )


def crashes_in(history: History, known: Sequence[Crash] = CRASHES) -> tuple[Crash, ...]:
    """Those whose days lie wholly within the candles, and are not in a gap of theirs."""
    first, end = int(history.times[0]), int(history.times[-1]) + history.step_ms
    within = (crash for crash in known if first <= crash.start and crash.end <= end)
    return tuple(crash for crash in within if len(history.between(crash.start, crash.end)))


def _fall(days: History) -> Decimal:
    """From the highest price to the lowest in the same or a later candle."""
    tops = np.maximum.accumulate(days.highs)
    deepest = int(np.argmax((tops - days.lows) / tops))
    return EXACT.subtract(
        Decimal(1), EXACT.divide(Decimal(int(days.lows[deepest])), Decimal(int(tops[deepest])))
    )
