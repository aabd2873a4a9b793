"""A run as lines that a person reads, in the report's own words; and short numbers for other tables."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from textwrap import wrap

from bot.backtest import statements
from bot.backtest.figures import Figures
from bot.backtest.model import BacktestRun
from bot.backtest.words import Words
from bot.cli.market_options import Market
from bot.domain.money import Quote

WIDTH = 80
"""Columns that every terminal has; tables of many parameters may need more."""
_NOTHING = "-"

Row = tuple[str, str]
Section = tuple[str, list[Row]]


def sections(words: Words, run: BacktestRun, found: Figures) -> list[Section]:
    """The report's figures under their titles; nothing under that of the open cycle where none is open."""
    told = [
        (words(title), [(name, value) for name, value, _ in rows])
        for title, rows in statements.facts(words, run, found)
    ]
    used = ", ".join(f"{k}:\N{NO-BREAK SPACE}{count}" for k, count in enumerate(found.rebuys_used) if count)
    cycles = dict(told).get(words("cycles"))
    if cycles is not None and used:
        cycles.append((words("open.rebuys"), used))
    return told


def pages(words: Words, told: Sequence[Sequence[Section]]) -> Iterator[str]:
    """Sections of one run, or of several side by side; a row that one of them lacks is a dash there."""
    names = [name for one in told for _, section in one for name, _ in section]
    width = min(max(map(len, names)), WIDTH // 2 if len(told) == 1 else WIDTH // 3)
    wide = (WIDTH - 2 - width) // len(told) - 2
    for title, _ in told[0]:
        columns = [dict(dict(one)[title]) for one in told]
        yield f"\n{title}"
        rows = dict.fromkeys(name for column in columns for name in column)
        for name in rows:
            values = [column.get(name, _NOTHING) for column in columns]
            yield from _folded(name, width, values, wide)
        if not rows:
            yield f"  {words('open.none')}"


def _folded(name: str, width: int, values: Sequence[str], wide: int) -> Iterator[str]:
    """A row of which each cell has as many lines as it needs."""
    cells = [wrap(name, width), *(wrap(value, wide) for value in values)]
    for first, *others in zip_longest(*cells, fillvalue=""):
        yield f"  {first:<{width}}  {'  '.join(f'{one:<{wide}}' for one in others)}".rstrip()


def period(words: Words, found: Figures) -> str:
    return words.period(found.start, found.end, found.candles, found.timeline.history.step_ms)


def whose(words: Words, sources: Mapping[str, str]) -> str:
    """Where each of the exchange's rules is from (`Market.whose`)."""
    told = {rule: words(f"assume.whose.{source}") for rule, source in sources.items()}
    return words("assume.whose", **told)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Names, and beside them their values."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        yield from _folded(name, width, [value], WIDTH - 4 - width)


def grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells in columns: the first to the left, the others to the right, as numbers are read."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = (f"{cell:>{wide}}" for cell, wide in zip(others, widths[1:], strict=True))
        lines.append("  ".join((f"{first:<{widths[0]}}", *cells)).rstrip())
    return lines


def filled(text: str, before: str = "") -> list[str]:
    """Prose in lines of at most WIDTH, the first after `before`, the others under it."""
    return wrap(
        text, WIDTH, initial_indent=before, subsequent_indent=" " * len(before),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def rules(words: Words, market: Market) -> Iterator[str]:
    """The exchange's rules that were counted with, and where each is from."""
    yield statements.counted_with(words, market.terms.rules)
    yield whose(words, market.whose)


def money(words: Words, value: Decimal) -> str:
    """An amount without its coin."""
    return words.amount(Quote(value))
