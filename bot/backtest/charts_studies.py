"""Pictures of many runs: survival, a sweep's front, two strategies side by side. Plain arrays in, PNG bytes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bot.backtest.canvas import (
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
from bot.backtest.words import Words
from bot.palette import Palette, palette

_QUANTILES = (Decimal("0.5"), Decimal("0.9"), Decimal("0.99"))
_DAY_MS = 86_400_000
_LONG_TAIL = 40
_SHORTEST_DAYS = 1 / 24
_MOST_POINTS = 4000
_MOST_DOTS = 60


@dataclass(frozen=True, slots=True)
class Look:
    """What every one of these pictures is told: whose it is, a line under the title, language and colours.

    `pair` and `coin` as the exchange spells them, `under` ready in the language ("pt_BR", "en").
    """

    pair: str
    coin: str
    under: str
    language: str
    dark: bool = False


def survival_png(look: Look, days: ArrayLike, ran_out: ArrayLike) -> bytes:
    """The share of starts that had their exit within so many days, and the share that ran out.

    `days` to the exit of each start, NaN or infinite where there was none by the end of the history; `ran_out`
    True where a start ran out of re-buys or of saldo_limite. Both of one length, 1 or more.
    """
    words, colours = Words(look.language), palette(dark=look.dark)
    waited, out = np.asarray(days, dtype=np.float64), np.asarray(ran_out, dtype=np.bool_)
    figure = new_figure(colours, height=4.7)
    top, bottom = figure.subplots(2, 1, height_ratios=(4.2, 1))
    _exits(top, words, waited, colours)
    _out(bottom, words, out, colours)
    heading(figure, words("survival.title", pair=look.pair), look.under, colours)
    return png_of(figure)


def front_png(
    look: Look,
    losses: ArrayLike,
    profits: ArrayLike,
    front: ArrayLike,
    chosen: int | None = None,
) -> bytes:
    """Result (open cycle included) against worst paper loss of each set of parameters, in quote; losses are positive.

    `front` is True for those that none beats in both; `chosen` is the index of one to point at.
    """
    words, colours = Words(look.language), palette(dark=look.dark)
    x, y = np.asarray(losses, dtype=np.float64), np.asarray(profits, dtype=np.float64)
    best = np.asarray(front, dtype=np.bool_)
    figure = new_figure(colours, height=4.9)
    axes = figure.add_subplot()
    shown = _spread(len(x), best)
    everyone = words("front.all", n=words.tick(len(x)))
    axes.scatter(x[shown], y[shown], s=9, color=colours.price, alpha=0.45, linewidths=0, label=everyone)
    order = np.flatnonzero(best)[np.argsort(x[best], kind="stable")]
    axes.plot(
        x[order],
        y[order],
        color=colours.buy,
        linewidth=1.4,
        marker="o" if len(order) <= _MOST_DOTS else None,
        markersize=4,
        label=words("front.front", n=words.tick(len(order))),
    )
    if chosen is not None:
        axes.scatter(
            x[[chosen]], y[[chosen]], s=150, marker="*", color=colours.average,
            edgecolors=colours.ink, linewidths=0.6, zorder=4, label=words("front.chosen"),
        )  # fmt: skip
    axes.axhline(0, color=colours.ink, linewidth=0.8)
    axes.set_xlabel(words("front.loss"))
    axes.set_ylabel(words("front.profit"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(words.tick)
    axes.locator_params(nbins=6)
    tidy(axes, colours)
    heading(figure, words("front.title", pair=look.pair, coin=look.coin), look.under, colours)
    legend(figure, colours)
    return png_of(figure)


def compare_png(look: Look, times: ArrayLike, equities: Sequence[ArrayLike], names: Sequence[str]) -> bytes:
    """The results of two strategies on the same candles, and how far each is under its peak.

    `times` are the closes in ms UTC; each of `equities` has as many amounts in quote.
    """
    words, colours = Words(look.language), palette(dark=look.dark)
    at = np.asarray(times, dtype=np.int64)
    figure = new_figure(colours, height=5.2)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    top.axhline(0, color=colours.ink, linewidth=0.8)
    for equity, name, colour in zip(equities, names, (colours.buy, colours.average), strict=True):
        values = np.asarray(equity, dtype=np.float64)
        line_times, line = thinned_line(at, values)
        top.plot(moments(line_times), line, color=colour, linewidth=1.4, label=_plain_label(name))
        depth = values - np.maximum.accumulate(np.maximum(values, 0))
        thin = thinned(at, depth, depth, depth)
        bottom.plot(moments(thin.times), thin.low, color=colour, linewidth=1.2)
        bottom.fill_between(moments(thin.times), thin.low, color=colour, alpha=0.2, linewidth=0)
    for axes in (top, bottom):
        axes.yaxis.set_major_formatter(words.tick)
        time_axis(axes, words, int(at[0]), int(at[-1]))
        tidy(axes, colours)
    panel_title(bottom, words("compare.under"), colours)
    heading(figure, words("compare.title", pair=look.pair, coin=look.coin), look.under, colours)
    legend(figure, colours, columns=1)
    return png_of(figure)


def _exits(axes: Any, words: Words, days: Floats, colours: Palette) -> None:  # noqa: ANN401 - matplotlib's Axes, not loaded yet
    ended = np.sort(days[np.isfinite(days)])
    axes.set_ylim(0, 104)
    axes.set_xlabel(words("survival.days"))
    axes.set_ylabel(words("survival.axis"))
    shown: Floats = np.maximum(ended, _SHORTEST_DAYS)
    if len(ended):
        if shown[-1] > _LONG_TAIL * np.median(shown):
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter("")
        shares: Floats = np.arange(1, len(ended) + 1, dtype=np.float64) * (100 / len(days))
        axes.step(*_few(shown, shares), where="post", color=colours.exit, linewidth=1.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(words.tick)
    told = []
    for quantile in _QUANTILES:
        place = int(np.ceil(float(quantile) * len(days))) - 1
        if place < len(ended):
            axes.plot([shown[place]], [float(quantile) * 100], marker="o", markersize=5, color=colours.exit)
            waited = words.duration(round(ended[place] * _DAY_MS))
            told.append(words("survival.quantile", share=words.percent(quantile), time=waited))
    never = len(days) - len(ended)
    if never:
        axes.axhline(100 * len(ended) / len(days), color=colours.loss, linestyle=":", linewidth=1.4)
        told.append(f"{words('survival.never')}: {words.percent(Decimal(never) / len(days))}")
    panel_title(axes, "\n".join(" · ".join(told[i : i + 2]) for i in range(0, len(told), 2)), colours)
    tidy(axes, colours)


def _out(axes: Any, words: Words, out: NDArray[np.bool_], colours: Palette) -> None:  # noqa: ANN401 - as above
    share = Decimal(int(out.sum())) / len(out)
    axes.barh(0, 1, color=colours.exit, height=0.5)
    axes.barh(0, float(share), color=colours.loss, height=0.5)
    axes.set_xlim(0, 1)
    axes.set_axis_off()
    panel_title(axes, f"{words('survival.ran_out')}: {words.percent(share)}", colours)


def _few(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A rising line with no more points than can be seen; both ends stay."""
    if len(x) <= _MOST_POINTS:
        return x, y
    keep = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).astype(np.int64))
    return x[keep], y[keep]


def _spread(count: int, front: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The indices to draw: all of the front, and an even choice of the rest."""
    if count <= _MOST_POINTS:
        return np.arange(count)
    return np.union1d(np.linspace(0, count - 1, _MOST_POINTS).astype(np.int64), np.flatnonzero(front))


def _plain_label(name: str) -> str:
    """A name as it is: matplotlib would hide one that begins with an underscore, and typeset one with dollars."""
    return name.replace("$", r"\$") if not name.startswith("_") else f" {name}".replace("$", r"\$")
