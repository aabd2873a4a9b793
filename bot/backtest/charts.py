"""A run's pictures: price with buys and exits, equity with drawdown, re-buys used. PNG bytes of under 100 kB.

Each takes the run, its figures, a language ("pt_BR", "en") and `dark`; floats are for the eye only. Times are UTC.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.backtest.canvas import (
    SMALL,
    Floats,
    heading,
    legend,
    moments,
    new_figure,
    panel_title,
    png_of,
    thinned,
    thinned_line,
    tidy,
    time_axis,
)
from bot.backtest.figures import Figures
from bot.backtest.history import Column, History
from bot.backtest.model import BacktestFill, BacktestRun
from bot.backtest.words import Words
from bot.domain.market import Side
from bot.domain.money import Price, Quote
from bot.palette import Palette, palette

_FEW_CANDLES = 150
_MARK_COLUMNS, _MARK_ROWS = 130, 90
_MOST_COUNTED_BARS = 26


def price_png(run: BacktestRun, found: Figures, language: str, *, dark: bool = False) -> bytes:
    """The price with every buy and exit; marks that would hide each other are drawn once."""
    words, colours = Words(language), palette(dark=dark)
    figure = new_figure(colours, height=4.9)
    axes = figure.add_subplot()
    _candles(axes, words, found, colours)
    _stretches(axes, words, found, colours)
    _marks(axes, words, run, found, colours)
    _open_average(axes, words, found, colours)
    axes.yaxis.set_major_formatter(words.tick)
    axes.margins(y=0.06)
    time_axis(axes, words, found.start, found.end)
    tidy(axes, colours)
    symbol = run.terms.rules.symbol
    title = words("price.title", pair=symbol.name, coin=symbol.quote)
    heading(figure, title, period(words, found), colours)
    legend(figure, colours)
    return png_of(figure)


def equity_png(run: BacktestRun, found: Figures, language: str, *, dark: bool = False) -> bytes:
    """The result over time, closed cycles and buy-and-hold beside it; below, how far it is under its peak."""
    words, colours = Words(language), palette(dark=dark)
    symbol, closes = run.terms.rules.symbol, close_times(found)
    figure = new_figure(colours, height=5.4)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2.3, 1))
    hold = hold_equity(run, found)
    lines = (
        (found.timeline.equity, "line", colours.buy, 1.4, 3),
        (_realised(found), "realised", colours.exit, 1.6, 4),
        (hold, "hold", colours.price, 0.9, 2),
    )
    for values, name, colour, width, order in lines:
        times, thin = thinned_line(closes, values)
        label = words(f"equity.{name}")
        top.plot(*_padded(found, times, thin), color=colour, linewidth=width, zorder=order, label=label)
    top.axhline(0, color=colours.ink, linewidth=0.8)
    _under_peak(bottom, found, colours)
    for axes in (top, bottom):
        axes.yaxis.set_major_formatter(words.tick)
        time_axis(axes, words, found.start, found.end)
        tidy(axes, colours)
    heading(
        figure,
        words("equity.title", pair=symbol.name, coin=symbol.quote),
        period(words, found),
        colours,
    )
    panel_title(bottom, _worst_line(words, found), colours)
    legend(figure, colours)
    return png_of(figure)


def rebuys_png(run: BacktestRun, found: Figures, language: str, *, dark: bool = False) -> bytes:
    """How many closed cycles used how many re-buys, and how much money was in the ladder over time."""
    words, colours = Words(language), palette(dark=dark)
    symbol = run.terms.rules.symbol
    figure = new_figure(colours, height=5.4)
    top, bottom = figure.subplots(2, 1, height_ratios=(1.3, 1))
    _histogram(top, words, found, colours)
    times, values = thinned_line(close_times(found), found.timeline.invested)
    padded = moments([found.start, *times.tolist()]), np.concatenate((values[:1], values))
    bottom.fill_between(*padded, color=colours.buy, alpha=0.35, linewidth=0)
    bottom.plot(*padded, color=colours.buy, linewidth=1)
    bottom.axhline(
        float(found.budget.value),
        color=colours.average,
        linestyle="--",
        linewidth=1.4,
        label=f"{words('invested.budget')} {words.quote(found.budget, symbol)}",
    )
    _stretches(bottom, words, found, colours)
    bottom.set_ylim(0, max(float(found.budget.value), float(found.most_invested.value)) * 1.12)
    bottom.yaxis.set_major_formatter(words.tick)
    time_axis(bottom, words, found.start, found.end)
    for axes in (top, bottom):
        tidy(axes, colours)
    top.grid(visible=False, axis="x")
    heading(figure, words("rebuys.title", pair=symbol.name), period(words, found), colours)
    invested = words(
        "invested.title",
        coin=symbol.quote,
        mean=words.amount(found.mean_invested),
        most=words.amount(found.most_invested),
    )
    panel_title(bottom, invested, colours)
    legend(figure, colours)
    return png_of(figure)


def period(words: Words, found: Figures) -> str:
    return words.period(found.start, found.end, found.candles, found.timeline.history.step_ms)


def close_times(found: Figures) -> NDArray[np.int64]:
    return found.timeline.history.times + found.timeline.history.step_ms


def hold_equity(run: BacktestRun, found: Figures) -> Floats:
    """Buy-and-hold's result at each close."""
    history, keep = found.timeline.history, 1 - float(run.params.taxa)
    worth = in_quote(history, history.closes) * (keep * keep * float(found.hold.bought.value))
    return worth - float(found.hold.cost.value)


def in_quote(history: History, column: Column) -> Floats:
    """A column of prices as numbers for the eye."""
    return column.astype(np.float64) * np.float64(10.0**-history.scale)


def _realised(found: Figures) -> Floats:
    steps = np.array([0.0, *(float(s.realised.value) for s in found.timeline.standings)])
    taken: Floats = steps[found.timeline.at_close]
    return taken


def _padded(found: Figures, times: NDArray[np.int64], values: Floats) -> tuple[Any, Floats]:
    """Every result begins with 0, at the first open."""
    return moments([found.start, *times.tolist()]), np.concatenate(([0.0], values))


def _candles(axes: Any, words: Words, found: Figures, colours: Palette) -> None:  # noqa: ANN401 - matplotlib's Axes, not loaded yet
    history = found.timeline.history
    columns = (in_quote(history, column) for column in (history.lows, history.highs, history.closes))
    thin = thinned(history.times, *columns)
    times = moments(thin.times)
    if len(times) <= _FEW_CANDLES:
        axes.vlines(times, thin.low, thin.high, color=colours.price, linewidth=2.2, alpha=0.45)
    else:
        axes.fill_between(times, thin.low, thin.high, color=colours.price, alpha=0.35, linewidth=0)
    axes.plot(times, thin.last, color=colours.price, linewidth=1, label=words("price.line"))


def _stretches(axes: Any, words: Words, found: Figures, colours: Palette) -> None:  # noqa: ANN401 - as above
    """Where the ladder was exhausted, as long as it can be seen."""
    since, label, least = None, words("price.exhausted"), (found.end - found.start) // 400
    standings = found.timeline.standings
    for standing in (*standings, None):
        over = standing is None or standing.fill.side is Side.SELL
        if since is not None and over:
            until = standing.fill.time if standing is not None else found.end
            if until - since >= least:
                span = moments([since, until])
                axes.axvspan(*span, color=colours.loss, alpha=0.18, linewidth=0, label=label)
                label = "_"
            since = None
        elif standing is not None and since is None and standing.exhausted:
            since = standing.fill.time


def _marks(axes: Any, words: Words, run: BacktestRun, found: Figures, colours: Palette) -> None:  # noqa: ANN401 - as above
    kinds = (
        ("rebuy", "^", colours.buy, [f for f in run.fills if f.side is Side.BUY and f.k]),
        ("first", "o", colours.average, [f for f in run.fills if f.side is Side.BUY and not f.k]),
        ("exit", "v", colours.exit, [f for f in run.fills if f.side is Side.SELL]),
    )
    size = 46 if len(run.fills) <= 60 else 26 if len(run.fills) <= 400 else 12
    for name, marker, colour, fills in kinds:
        if fills:
            shown = _apart(fills, found)
            axes.scatter(
                moments([fill.time for fill in shown]),
                [float(fill.price.value) for fill in shown],
                marker=marker,
                s=size,
                color=colour,
                edgecolors=colours.paper,
                linewidths=0.5 if size > 12 else 0,
                zorder=3,
                label=words(f"price.{name}", n=words.tick(len(fills))),
            )


def _apart(fills: list[BacktestFill], found: Figures) -> list[BacktestFill]:
    """One fill for each small square of the picture."""
    low, high = (float(price.value) for price in price_range(found))
    wide, tall = max(found.end - found.start, 1), max(high - low, 1e-12)
    squares: dict[tuple[int, int], BacktestFill] = {}
    for fill in fills:
        column = (fill.time - found.start) * _MARK_COLUMNS // wide
        squares.setdefault((column, int((float(fill.price.value) - low) / tall * _MARK_ROWS)), fill)
    return list(squares.values())


def price_range(found: Figures) -> tuple[Price, Price]:
    history = found.timeline.history
    return history.price(int(history.lows.min())), history.price(int(history.highs.max()))


def _open_average(axes: Any, words: Words, found: Figures, colours: Palette) -> None:  # noqa: ANN401 - as above
    still = found.open
    if still is not None and still.held:
        axes.plot(
            moments([still.start, found.end]),
            [float(still.cost.per(still.held).value)] * 2,
            color=colours.average,
            linestyle="--",
            linewidth=1.6,
            label=words("price.average"),
        )


def _under_peak(axes: Any, found: Figures, colours: Palette) -> None:  # noqa: ANN401 - as above
    equity = np.concatenate(([0.0], found.timeline.equity))
    depth = (equity - np.maximum.accumulate(equity))[1:]
    thin = thinned(close_times(found), depth, depth, depth)
    times = moments([found.start, *thin.times.tolist()])
    values = np.concatenate(([0.0], thin.low))
    axes.fill_between(times, values, color=colours.loss, alpha=0.4, linewidth=0)
    axes.plot(times, values, color=colours.loss, linewidth=1)
    axes.set_ylim(min(float(values.min()) * 1.12, -1e-9), 0)


def _worst_line(words: Words, found: Figures) -> str:
    under = words("equity.under")
    if found.worst.at is None:
        return f"{under}\n{words('equity.never')}"
    told = words("equity.worst", amount=_negative(words, found.worst.amount), at=words.date(found.worst.at))
    return f"{under}\n{told}"


def _negative(words: Words, loss: Quote) -> str:
    return words.amount(Quote.zero() - loss)


def _histogram(axes: Any, words: Words, found: Figures, colours: Palette) -> None:  # noqa: ANN401 - as above
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - heavy, loaded once it is needed

    counts = found.rebuys_used
    bars = axes.bar(range(len(counts)), counts, width=0.8, color=colours.exit)
    if len(counts) <= _MOST_COUNTED_BARS:
        labels = [words.tick(n) if n else "" for n in counts]
        axes.bar_label(bars, labels, fontsize=SMALL, color=colours.ink, padding=2)
    axes.set_xlim(-0.6, len(counts) - 0.4)
    axes.set_ylim(0, max(*counts, 1) * 1.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=11, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    axes.set_xlabel(words("rebuys.axis"))
    axes.set_ylabel(words("cycles.closed"))
    if not found.cycles:
        axes.text(
            0.5, 0.5, words("rebuys.none"), transform=axes.transAxes, ha="center", color=colours.ink, fontsize=12
        )  # fmt: skip
