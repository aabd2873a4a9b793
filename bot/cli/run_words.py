"""A run as lines that a person reads, in the report's own words; and short numbers for other tables."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from bot.backtest import statements
from bot.backtest.figures import Figures
from bot.backtest.model import BacktestRun
from bot.backtest.words import Words

_DAY_MS, _HOUR_MS, _MINUTE_MS = 86_400_000, 3_600_000, 60_000
_NOTHING = "-"

Row = tuple[str, str]
Section = tuple[str, list[Row]]


def sections(words: Words, run: BacktestRun, found: Figures) -> list[Section]:
    """The report's figures under their titles; nothing under that of the open cycle where none is open."""
    told = [
        (words(title), [(name, value) for name, value, _ in rows])
        for title, rows in statements.facts(words, run, found)
    ]
    used = ", ".join(f"{k}: {count}" for k, count in enumerate(found.rebuys_used) if count)
    cycles = dict(told).get(words("cycles"))
    if cycles is not None and used:
        cycles.append((words("open.rebuys"), used))
    return told


def pages(words: Words, told: Sequence[Sequence[Section]]) -> Iterator[str]:
    """Sections of one run, or of several side by side; a row that one of them lacks is a dash there."""
    rows = [row for one in told for _, section in one for row in section]
    width = max(len(name) for name, _ in rows)
    wide = max(len(value) for _, value in rows)
    for title, _ in told[0]:
        columns = [dict(dict(one)[title]) for one in told]
        names = dict.fromkeys(name for column in columns for name in column)
        yield f"\n{title}"
        for name in names:
            values = "  ".join(f"{column.get(name, _NOTHING):<{wide}}" for column in columns)
            yield f"  {name:<{width}}  {values}".rstrip()
        if not names:
            yield f"  {words('open.none')}"


def period(words: Words, found: Figures) -> str:
    return words.period(found.start, found.end, found.candles, found.timeline.history.step_ms)


def whose(words: Words, sources: Mapping[str, str]) -> str:
    """Where each of the exchange's rules is from (`Market.whose`)."""
    told = {rule: words(f"assume.whose.{source}") for rule, source in sources.items()}
    return words("assume.whose", **told)


def table(columns: Sequence[Sequence[Row]]) -> Iterator[str]:
    """Rows of the same names side by side."""
    names = [name for name, _ in columns[0]]
    texts = [[value for _, value in column] for column in columns]
    widths = [max(map(len, column)) for column in texts]
    width = max(map(len, names))
    for name, *values in zip(names, *texts, strict=True):
        cells = (f"{value:<{wide}}" for value, wide in zip(values, widths, strict=True))
        yield f"{name:<{width}}  {'  '.join(cells)}".rstrip()


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
