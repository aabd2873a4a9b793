"""A run as lines that a person reads."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from bot.backtest.figures import Figures
from bot.backtest.model import BacktestRun

_DAY_MS, _HOUR_MS, _MINUTE_MS = 86_400_000, 3_600_000, 60_000

Row = tuple[str, str]


def rows_of(run: BacktestRun, told: Figures) -> Iterator[Row]:
    """What a person wants to know first, as names and values."""
    quote = run.terms.rules.symbol.quote
    span = told.end - told.start
    yield "period (UTC)", f"{moment(told.start)} to {moment(told.end)}, {length(span)}"
    yield (
        "candles",
        f"{told.candles}" + (f", {told.assumptions.missing} missing" if told.assumptions.missing else ""),
    )
    yield "fills, cycles", f"{len(run.fills)}, {told.cycles} ({told.lost} with a loss)"
    yield "net profit", f"{money(told.net_profit.value)} {quote}"
    yield (
        "on the most ever invested",
        f"{percent(told.on_invested)} of {money(told.most_invested.value)} {quote}",
    )
    yield "on the budget", f"{percent(told.on_budget)} of {money(told.budget.value)} {quote}"
    yield "worst paper loss", _worst(told, quote)
    yield (
        "longest under water",
        length(told.under_water.length_ms) + ("" if told.under_water.ended else ", not over"),
    )
    yield "re-buys used: cycles", _histogram(told.rebuys_used)
    yield (
        "cycle length, median and longest",
        f"{length(told.median_cycle_ms)}, {length(told.longest_cycle_ms)}",
    )
    yield "time with the ladder exhausted", percent(told.exhausted_share)
    yield "fees", f"{money(told.fees.total.value)} {quote}"
    yield "buy and hold instead", f"{money(told.hold.net.value)} {quote} ({percent(told.hold.of_budget)})"
    yield "open cycle", _open(run, quote)


def table(columns: Sequence[Sequence[Row]]) -> Iterator[str]:
    """Rows of the same names side by side."""
    names = [name for name, _ in columns[0]]
    texts = [[value for _, value in column] for column in columns]
    widths = [max(map(len, column)) for column in texts]
    width = max(map(len, names))
    for name, *values in zip(names, *texts, strict=True):
        cells = (f"{value:<{wide}}" for value, wide in zip(values, widths, strict=True))
        yield f"{name:<{width}}  {'  '.join(cells)}".rstrip()


def assumptions(run: BacktestRun, notes: Sequence[str]) -> Iterator[str]:
    """What the figures rest on, each in a line."""
    yield "; ".join(notes)
    given = run.terms.balance is not None
    balance = money(run.terms.opening_balance(run.params).value)
    source = "given" if given else "saldo_limite" if run.params.saldo_limite else "the whole ladder"
    yield f"balance {balance} ({source}); the ladder ends where the money does"
    yield f"fee {percent(run.params.taxa)} of each fill, in coins of a buy; slippage of first buys {percent(run.terms.slippage)}"
    yield "limit orders fill whole, at their price, as soon as the price touches it; a candle goes to its low first where it rises"
    yield f"engine {run.engine.value}" + (f" (not the fast one: {run.fell_back})" if run.fell_back else "")


def money(value: Decimal) -> str:
    """Two places, or as many as a small amount needs."""
    return f"{value:,.2f}" if abs(value) >= 1 or not value else f"{value:.6g}"


def percent(share: Decimal) -> str:
    return f"{share * 100:.2f} %"


def moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"


def length(span_ms: int | None) -> str:
    if span_ms is None:
        return "-"
    if span_ms < _HOUR_MS:
        return f"{span_ms // _MINUTE_MS} min"
    return f"{span_ms / _HOUR_MS:.1f} h" if span_ms < _DAY_MS else f"{span_ms / _DAY_MS:.1f} days"


def _worst(told: Figures, quote: str) -> str:
    if told.worst.at is None:
        return "none"
    amount, share = money(told.worst.amount.value), percent(told.worst.of_budget)
    return f"{amount} {quote}, {share} of the budget, on {moment(told.worst.at)}"


def _histogram(counts: Sequence[int]) -> str:
    return ", ".join(f"{k}: {n}" for k, n in enumerate(counts) if n) or "no cycle was closed"


def _open(run: BacktestRun, quote: str) -> str:
    held = run.open
    if held is None:
        return "none"
    return (
        f"{held.rebuys} re-buys since {moment(held.start)}, cost {money(held.cost.value)} {quote}, "
        f"now {money(held.unrealised.value)}"
    )
