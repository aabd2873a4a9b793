"""Profit as a picture: a bar for each day, month or hour, and the sum as a line."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from bot.palette import Palette, palette
from bot.service.reports import Period, Profits, Sale
from handlers.chart import new_figure, png_of, tick, tidy
from handlers.formats import Formats
from handlers.texts import Texts

_MOST_PANELS = 3
_MOST_DAYS = 62


async def picture(texts: Texts, profits: Profits, *, dark: bool) -> bytes:
    """A PNG of under 100 kB, drawn in a thread."""
    return await asyncio.to_thread(draw, texts, profits, dark=dark)


def draw(texts: Texts, profits: Profits, *, dark: bool) -> bytes:
    """The PNG itself, a panel for each coin; floats are for the eye only."""
    colours = palette(dark=dark)
    groups = list(profits.groups().items())[:_MOST_PANELS]
    figure = new_figure(colours, height=1.2 + 2.6 * max(1, len(groups)))
    if not groups:
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.text(
            0.5, 0.5, texts.plain("chart.no_cycles"), ha="center", va="center", color=colours.ink, fontsize=13
        )
        return png_of(figure)
    for number, ((real, coin), sales) in enumerate(groups, 1):
        axes = figure.add_subplot(len(groups), 1, number)
        _panel(axes, texts, profits, sales, colours)
        mode = texts.plain("chart.real" if real else "chart.simulation")
        title = texts.plain("chart.profit", coin=coin, mode=mode)
        axes.set_xlabel(texts.plain("chart.bars"), fontsize=8.5, color=colours.ink)
        axes.set_title(title, fontsize=12, color=colours.ink, fontweight="bold")
        axes.yaxis.set_major_formatter(lambda value, _place: tick(texts, value))
        tidy(axes, colours)
    return png_of(figure)


def _panel(axes: Any, texts: Texts, profits: Profits, sales: Sequence[Sale], colours: Palette) -> None:  # noqa: ANN401 - matplotlib's Axes, not loaded yet
    names, values = _bars(profits, sales, Formats(texts.locale).short_day)
    places = range(len(names))
    tints = [colours.exit if value >= 0 else colours.loss for value in values]
    axes.bar(places, values, color=tints, width=0.8)
    axes.plot(places, list(accumulate(values)), color=colours.buy, linewidth=1.8, marker="o", markersize=2.6)
    step = max(1, len(names) // 7)
    axes.set_xticks(list(places)[::step], names[::step])
    axes.axhline(0, color=colours.ink, linewidth=0.8)


def _bars(profits: Profits, sales: Sequence[Sale], day: str) -> tuple[list[str], list[float]]:
    """Every hour, day or month from the first to now, also those in which nothing was sold."""
    end = datetime.fromtimestamp(profits.end / 1000, profits.zone)
    first = profits.start if profits.start is not None else sales[0].at
    start = datetime.fromtimestamp(first / 1000, profits.zone)
    days = (end.date() - start.date()).days + 1
    if profits.period is Period.DAY:
        form, keys = "%Hh", [f"{hour:02d}h" for hour in range(end.hour + 1)]
    elif days <= _MOST_DAYS:
        form, keys = day, [f"{start.date() + timedelta(days=n):{day}}" for n in range(days)]
    else:
        months = range(start.year * 12 + start.month - 1, end.year * 12 + end.month)
        form, keys = "%m/%Y", [f"{n % 12 + 1:02d}/{n // 12}" for n in months]
    sums = dict.fromkeys(keys, 0.0)
    for sale in sales:
        key = f"{datetime.fromtimestamp(sale.at / 1000, profits.zone):{form}}"
        sums[key] = sums.get(key, 0.0) + float(sale.closed.net_profit.value)
    return list(sums), list(sums.values())
