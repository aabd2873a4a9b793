"""A run month by month as a picture: a table with a bar in each row. Long runs by quarters, then by years."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bot.backtest.calendar import Month
from bot.backtest.canvas import SMALL, heading, new_figure, png_of
from bot.backtest.charts import period
from bot.backtest.figures import Figures
from bot.backtest.model import BacktestRun
from bot.backtest.words import Words
from bot.domain.money import Quote, total_quote
from bot.palette import Palette, palette

_MOST_ROWS = 24
_ROW_INCHES, _FRAME_INCHES = 0.29, 1.6
_NAME, _NET, _RESULT, _WORST = 0.0, 0.42, 0.74, 1.0
"""Where columns stand, as shares of the width; all but the first are aligned right."""
_BARS = (0.435, 0.535)


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    net: Quote
    result: Quote
    worst: Quote


def months_png(run: BacktestRun, found: Figures, language: str, *, dark: bool = False) -> bytes:
    """Net profit (with a bar), result and worst paper loss of each month, quarter or year."""
    words, colours = Words(language), palette(dark=dark)
    unit, rows = _rows(words, found.months)
    figure = new_figure(colours, height=_FRAME_INCHES + _ROW_INCHES * (len(rows) + 1))
    axes = figure.add_subplot()
    axes.set_xlim(-0.012, 1.006)
    axes.set_ylim(len(rows) + 2.1, -1.3)
    axes.set_axis_off()
    _heads(axes, words, colours)
    most = max(abs(row.net.value) for row in rows) or 1
    for place, row in enumerate(rows):
        _row(axes, words, row, place, colours)
        share = float(row.net.value / most) * (_BARS[1] - _BARS[0])
        colour = colours.exit if share >= 0 else colours.loss
        axes.barh(place, abs(share), left=_BARS[0], height=0.55, color=colour)
    axes.axhline(len(rows) - 0.4, color=colours.grid, linewidth=1.2)
    _row(axes, words, _total(words, found), len(rows) + 0.1, colours, bold=True)
    symbol = run.terms.rules.symbol
    title = words(f"{unit}.title", pair=symbol.name, coin=symbol.quote)
    heading(figure, title, period(words, found), colours)
    note = words("months.note")
    told = axes.text(0, len(rows) + 1.35, note, fontsize=SMALL - 0.5, color=colours.price, va="center")
    told.set_in_layout(False)  # a long line would squeeze the table
    return png_of(figure)


def _rows(words: Words, months: Sequence[Month]) -> tuple[str, list[_Row]]:
    """Months if they fit, else quarters, else years."""
    by: tuple[tuple[str, Callable[[Month], str]], ...] = (
        ("months", lambda m: words.month(m.year, m.month)),
        ("quarters", lambda m: words("quarter", number=(m.month + 2) // 3, year=m.year)),
        ("years", lambda m: str(m.year)),
    )
    for unit, name in by:
        rows = [_sum(key, list(mine)) for key, mine in groupby(months, key=name)]
        if len(rows) <= _MOST_ROWS or unit == "years":
            break
    return unit, rows


def _sum(name: str, months: Sequence[Month]) -> _Row:
    return _Row(
        name=name,
        net=total_quote(month.net_profit for month in months),
        result=total_quote(month.result for month in months),
        worst=max(month.worst for month in months),
    )


def _total(words: Words, found: Figures) -> _Row:
    return _Row(words("total"), found.net_profit, found.result, found.worst.amount)


def _heads(axes: Any, words: Words, colours: Palette) -> None:  # noqa: ANN401 - matplotlib's Axes, not loaded yet
    for place, name in ((_NET, "net"), (_RESULT, "result"), (_WORST, "worst")):
        head = words(f"months.{name}")
        axes.text(place, -0.95, head, ha="right", va="center", fontsize=SMALL, color=colours.price)


def _row(
    axes: Any,  # noqa: ANN401 - as above
    words: Words,
    row: _Row,
    place: float,
    colours: Palette,
    *,
    bold: bool = False,
) -> None:
    zero = Quote.zero()
    cells = (
        (_NAME, "left", row.name, colours.ink),
        (_NET, "right", words.amount(row.net, signed=True), _tint(row.net, colours)),
        (_RESULT, "right", words.amount(row.result, signed=True), _tint(row.result, colours)),
        (_WORST, "right", words.amount(zero - row.worst), colours.loss if row.worst else colours.ink),
    )
    weight = "bold" if bold else "normal"
    for x, side, text, colour in cells:
        axes.text(x, place, text, ha=side, va="center", fontsize=SMALL, color=colour, fontweight=weight)


def _tint(amount: Quote, colours: Palette) -> str:
    if not amount:
        return colours.ink
    return colours.exit if amount.value > 0 else colours.loss
