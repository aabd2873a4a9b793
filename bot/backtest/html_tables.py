"""The report page's wide tables. A table wider than a phone scrolls in its own frame, which the keyboard reaches."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape

from bot.backtest.figures import Figures
from bot.backtest.model import BacktestRun
from bot.backtest.statements import tint
from bot.backtest.words import Words
from bot.domain.money import EXACT, Quote, total_quote
from bot.domain.params import BY_NAME, CURVES, CurveChoice, Kind, as_answers

MOST_CYCLES = 300
_Cell = tuple[str, str]
"""Text and the class of its colour."""


def months_table(words: Words, run: BacktestRun, found: Figures) -> str:
    heads = ("month", "net", "result", "worst", "cycles", "lost", "rebuys", "invested", "fees", "price")
    rows = [
        (
            (words.month(month.year, month.month), ""),
            _signed(words, month.net_profit),
            _signed(words, month.result),
            _loss(words, month.worst),
            (str(month.cycles), ""),
            (str(month.lost), ""),
            (str(month.rebuys), ""),
            (words.amount(month.most_invested), ""),
            (words.amount(month.fees), ""),
            (words.percent(month.price_change, signed=True), ""),
        )
        for month in found.months
    ]
    total = (
        (words("total"), ""),
        _signed(words, found.net_profit),
        _signed(words, found.result),
        _loss(words, found.worst.amount),
        (str(found.cycles), ""),
        (str(found.lost), ""),
        (str(sum(month.rebuys for month in found.months)), ""),
        (words.amount(max(month.most_invested for month in found.months)), ""),
        (words.amount(found.fees.total), ""),
        (words.percent(_price_change(found), signed=True), ""),
    )
    names = [words(f"col.{head}") for head in heads]
    return _scrolling(f"{words('months')} ({run.terms.rules.symbol.quote})", names, rows, total)


def cycles_table(words: Words, run: BacktestRun) -> str:
    """The latest cycles first, MOST_CYCLES at most; closed until it is asked for."""
    if not run.cycles:
        return f"<p>{escape(words('cycles.none'))}</p>"
    latest = run.cycles[-MOST_CYCLES:][::-1]
    rows = [
        (
            (words.moment(cycle.start), ""),
            (words.moment(cycle.end), ""),
            (words.duration(cycle.end - cycle.start), ""),
            (str(cycle.rebuys), ""),
            (words.amount(cycle.spent), ""),
            _signed(words, cycle.net_profit),
            (words.amount(cycle.base_fees_value + cycle.sell_fees), ""),
        )
        for cycle in latest
    ]
    total: tuple[_Cell, ...] = ()
    if len(latest) == len(run.cycles):
        fees = total_quote(c.base_fees_value + c.sell_fees for c in run.cycles)
        total = (
            (words("total"), ""), ("", ""), ("", ""), (str(sum(c.rebuys for c in run.cycles)), ""),
            ("", ""), _signed(words, run.net_profit), (words.amount(fees), ""),
        )  # fmt: skip
    names = [words(f"col.{name}") for name in ("start", "end", "lasted", "rebuys", "spent", "net", "fees")]
    title = f"{words('cycles.list')} ({run.terms.rules.symbol.quote})"
    cut = "" if total else f'<p class="faint">{escape(words("cycles.cut", n=len(latest)))}</p>'
    key = "cycles.show.one" if len(latest) == 1 else "cycles.show"
    asked = escape(words(key, n=words.tick(len(latest))))
    return f"<details><summary>{asked}</summary>{cut}{_scrolling(title, names, rows, total)}</details>"


def settings_table(words: Words, run: BacktestRun) -> str:
    """The parameters with the items that people know them by; a curve where one was chosen."""
    rows, items = [], {field.name: field.item for field in CURVES}
    for name, value in as_answers(run.params).items():
        if isinstance(value, CurveChoice):
            if value != CurveChoice():
                rows.append(((items[name], ""), (name, ""), (_curve(words, value), "")))
            continue
        rows.append(((BY_NAME[name].item, ""), (name, ""), (_value(words, name, value), "")))
    return _table([words("col.item"), words("col.name"), words("col.value")], rows, (), "settings")


def _value(words: Words, name: str, value: Decimal | int | bool) -> str:
    kind = BY_NAME[name].kind
    if kind is Kind.YES_NO:
        return words("yes" if value else "no")
    if kind is Kind.FRACTION:
        return f"{words.number(EXACT.multiply(Decimal(value), Decimal(100)), most=16)}%"
    return words.number(Decimal(value), most=18)


def _curve(words: Words, choice: CurveChoice) -> str:
    end = "" if choice.end is None else f" \N{RIGHTWARDS ARROW} {words.number(choice.end, most=18)}"
    points = ", ".join(f"{rung}: {words.number(value, most=18)}" for rung, value in choice.points)
    return f"{choice.curve.value}{end}{f' ({points})' if points else ''}"


def cell(text: str, tone: str) -> str:
    """A table's cell with the class of its colour, if it has one; a parameter's name may break at its underscores."""
    shown = escape(text).replace("_", "_<wbr>")
    return f'<td class="{tone}">{shown}</td>' if tone else f"<td>{shown}</td>"


def _price_change(found: Figures) -> Decimal:
    history = found.timeline.history
    last, first = history.price(int(history.closes[-1])), history.price(int(history.opens[0]))
    return EXACT.subtract(last.over(first), Decimal(1))


def _signed(words: Words, amount: Quote) -> _Cell:
    return words.amount(amount, signed=True), tint(amount)


def _loss(words: Words, amount: Quote) -> _Cell:
    return words.amount(Quote.zero() - amount), "loss" if amount else ""


def _scrolling(
    title: str, heads: Sequence[str], rows: Iterable[Sequence[_Cell]], total: Sequence[_Cell]
) -> str:
    return (
        f'<div class="scroll" role="region" aria-label="{escape(title)}" tabindex="0">'
        f"{_table(heads, rows, total)}</div>"
    )


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[_Cell]], total: Sequence[_Cell], style: str = "wide"
) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(_row(row) for row in rows)
    foot = f"<tfoot>{_row(total)}</tfoot>" if total else ""
    return f'<table class="{style}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table>'


def _row(cells: Sequence[_Cell]) -> str:
    (first, _), *rest = cells
    values = "".join(cell(text, tone) for text, tone in rest)
    return f'<tr><th scope="row">{escape(first)}</th>{values}</tr>'
