"""The plan as text for a phone: a summary, and tables of at most 34 columns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.market import MarketRules
from bot.domain.money import EXACT
from bot.domain.plan import Plan, Rung
from handlers.form_faults import fault_text
from handlers.form_numbers import column, number, places_of
from handlers.formats import Formats
from handlers.texts import Texts

WIDTH = 34
"""Columns of a monospaced line that a phone shows unbroken."""
LONGEST = 3500
"""Characters of one message's text; Telegram takes 4096 after its markup is read."""
MOST_ROWS = 42
"""Ladders with more rungs are shortened in the chat; the file has them all."""
_KEPT_HEAD, _KEPT_TAIL, _AROUND_CUT = 20, 6, 2
_HUNDRED = Decimal(100)
_CUT = "×"
"""Of one column in every font, as scissors are not."""
_LARGE, _SMALL = Decimal(100_000), Decimal(10)


@dataclass(frozen=True, slots=True)
class _Column:
    key: str
    cell: Callable[[Rung], str]


def summary(texts: Texts, plan: Plan, *, environment: str, mode: str) -> str:
    """What the ladder costs, covers and lacks, as HTML short enough for a photo's caption (1,024 characters)."""
    formats, symbol = Formats(texts.locale), plan.rules.symbol
    head = texts(
        "plan.head",
        pair=symbol.name,
        environment=environment,
        mode=mode,
        price=f"{number(plan.entry.value, texts.locale)} {symbol.quote}",
    )
    total = texts(
        "plan.total",
        cost=formats.quote(plan.total_cost, symbol),
        fees=formats.quote(plan.total_with_fees, symbol),
    )
    rebuys = max(0, len(plan.placed) - 1)
    drop = formats.percent(plan.deepest_drop)
    deepest = texts.count("plan.deepest", rebuys, drop=drop) if rebuys else texts("plan.no_rebuys")
    return "\n".join(
        (head, total, deepest, _limit(texts, plan), _minimum(texts, plan.rules), _free(texts, plan))
    )


def _limit(texts: Texts, plan: Plan) -> str:
    formats, symbol = Formats(texts.locale), plan.rules.symbol
    if plan.limit is None:
        return texts("plan.no_limit")
    limit = formats.quote(plan.limit, symbol)
    if plan.cut_by_limit_at is None:
        return texts("plan.uncut", limit=limit)
    return texts("plan.cut", limit=limit, k=plan.cut_by_limit_at)


def _minimum(texts: Texts, rules: MarketRules) -> str:
    step = f"{number(rules.lot_step, texts.locale)} {rules.symbol.base}"
    if not rules.min_notional:
        return texts("plan.no_minimum", step=step)
    minimum = f"{number(rules.min_notional.value, texts.locale)} {rules.symbol.quote}"
    return texts("plan.minimum", minimum=minimum, step=step)


def _free(texts: Texts, plan: Plan) -> str:
    if plan.free is None:
        return texts("plan.free.unknown")
    key = "covers" if plan.covered else "first_only" if plan.first_buy_covered else "short"
    return texts(f"plan.free.{key}", free=Formats(texts.locale).quote(plan.free, plan.rules.symbol))


def verdict(texts: Texts, plan: Plan) -> str:
    """Whether the exchange would take it, and what would have to change, as HTML."""
    if not plan.problems:
        return texts("plan.fine")
    return "\n".join((texts("plan.problems"), *(fault_text(texts, found) for found in plan.problems)))


def messages(texts: Texts, plan: Plan) -> tuple[str, ...]:
    """The tables as HTML, each text short enough for one message."""
    parts: list[str] = []
    note = "" if plan.cut_by_limit_at is None else f"\n{texts('plan.table.cut')}"
    for title, grid in tables(texts, plan):
        for piece in _pieces(grid):
            part, note = f"{title}\n<pre>{piece}</pre>{note}", ""
            if parts and len(parts[-1]) + len(part) + 2 <= LONGEST:
                parts[-1] += f"\n\n{part}"
            else:
                parts.append(part)
    if shortened(plan):
        parts[-1] += f"\n{texts('plan.table.left_out')}"
    return tuple(parts)


def _pieces(grid: Sequence[str]) -> Iterator[str]:
    """The lines in blocks that fit one message each, the head over every block."""
    head, *rows = grid
    fitting = (LONGEST - 200) // (WIDTH + 1) - 1
    for start in range(0, len(rows), fitting):
        yield "\n".join((head, *rows[start : start + fitting]))


def tables(texts: Texts, plan: Plan, *, whole: bool = False) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(title, lines) of each table; a line has at most 34 characters. A long ladder is shortened, unless `whole`."""
    rungs = plan.rungs if whole else kept(plan)
    coin = plan.rules.symbol.quote
    return tuple(
        (texts(f"plan.table.{name}", coin=coin), grid)
        for name in ("buys", "exits", "gains")
        for grid in _fitting(texts, plan, name, rungs)
    )


def _fitting(texts: Texts, plan: Plan, name: str, rungs: Sequence[Rung]) -> tuple[tuple[str, ...], ...]:
    """One table if it fits, at need without cents; else as many as it takes."""
    cost = plan.rungs[-1].cumulative_cost.value
    places = 0 if cost >= _LARGE else 2 if cost >= _SMALL else 6
    fine = tuple(_grids(texts, plan, _columns(texts, plan, name, places), rungs))
    if len(fine) == 1 or cost < _SMALL:
        return fine
    return tuple(_grids(texts, plan, _columns(texts, plan, name, 0), rungs))


def shortened(plan: Plan) -> bool:
    return len(plan.rungs) > MOST_ROWS


def kept(plan: Plan) -> tuple[Rung, ...]:
    """The rungs that the chat shows: all, or the first, the last and those around the cut."""
    if not shortened(plan):
        return plan.rungs
    cut = plan.cut_by_limit_at
    last = len(plan.rungs) - _KEPT_TAIL
    return tuple(
        rung
        for rung in plan.rungs
        if rung.k < _KEPT_HEAD or rung.k >= last or (cut is not None and abs(rung.k - cut) <= _AROUND_CUT)
    )


def as_file(texts: Texts, plan: Plan) -> str:
    """Every rung, for a text file."""
    blocks = ["\n".join(grid) for _, grid in tables(texts, plan, whole=True)]
    return "\n\n".join(blocks) + "\n"


def _columns(texts: Texts, plan: Plan, name: str, places: int) -> tuple[_Column, ...]:
    """The columns of one table; `places` are the decimals of sums in quote."""
    locale, tick = texts.locale, places_of(plan.rules.tick)

    def ratio(fraction: Decimal, decimals: int = 2) -> str:
        return column(EXACT.multiply(fraction, _HUNDRED), locale, decimals)

    if name == "buys":
        return (
            _Column("drop", lambda r: ratio(r.drop)),
            _Column("price", lambda r: column(r.price.value, locale, tick)),
            _Column("amount", lambda r: column(r.amount.value, locale, places)),
            _Column("cost", lambda r: column(r.cumulative_cost.value, locale, places)),
        )
    if name == "exits":
        return (
            _Column("average", lambda r: column(r.average.value, locale, tick)),
            _Column("target", lambda r: ratio(r.target, 3)),
            _Column("exit", lambda r: column(r.exit_price.value, locale, tick)),
        )
    return (
        _Column("rise", lambda r: ratio(r.required_rise)),
        _Column("profit", lambda r: column(r.net_profit.value, locale, max(places, 2))),
    )


def _grids(
    texts: Texts, plan: Plan, columns: Sequence[_Column], rungs: Sequence[Rung]
) -> Iterator[tuple[str, ...]]:
    """The columns in one table, or in more where they are too wide; k leads each, marked where the limit cuts it off."""
    cut = plan.cut_by_limit_at
    off = len(plan.rungs) if cut is None else cut
    k = _padded("k", [f"{_CUT if rung.k >= off else ''}{rung.k}" for rung in rungs], texts)
    pending: list[list[str]] = [k]
    for made in columns:
        cells = _padded(made.key, [made.cell(rung) for rung in rungs], texts)
        if len(pending) > 1 and sum(len(c[0]) + 1 for c in pending) + len(cells[0]) > WIDTH:
            yield tuple(_lines(pending, rungs))
            pending = [k]
        pending.append(cells)
    yield tuple(_lines(pending, rungs))


def _padded(key: str, cells: Sequence[str], texts: Texts) -> list[str]:
    head = texts.plain(f"plan.table.{key}")
    width = max(map(len, (head, *cells)))
    return [text.rjust(width) for text in (head, *cells)]


def _lines(columns: Sequence[Sequence[str]], rungs: Sequence[Rung]) -> Iterator[str]:
    """The head, the rows, and a line of dots where rungs are left out."""
    head, *rows = zip(*columns, strict=True)
    yield " ".join(head)
    before = -1
    for rung, cells in zip(rungs, rows, strict=True):
        if rung.k != before + 1:
            yield "…".rjust(len(cells[0]))
        yield " ".join(cells)
        before = rung.k
