"""A running strategy as a picture: the price on its way, the ladder's next rung, average, exit and fills."""

import asyncio
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.ladder import build_ladder
from bot.domain.market import Side
from bot.domain.money import Price
from bot.engine.status import Status
from bot.palette import Palette, palette
from bot.service.reports import Past
from handlers.chart import new_figure, png_of, tick, tidy
from handlers.formats import Formats
from handlers.texts import Texts

_RUNGS = 4


async def picture(texts: Texts, past: Past, zone: ZoneInfo, *, dark: bool) -> bytes:
    """A PNG of under 100 kB, drawn in a thread; times in `zone`."""
    return await asyncio.to_thread(draw, texts, past, zone, dark=dark)


def draw(texts: Texts, past: Past, zone: ZoneInfo, *, dark: bool) -> bytes:
    """The PNG itself; floats are for the eye only."""
    colours, card = palette(dark=dark), past.reason.card
    figure = new_figure(colours)
    axes = figure.add_subplot()
    _prices(axes, texts, past, zone, colours)
    if card.status is not None:
        _levels(axes, texts, card.status, colours)
        _rungs(axes, texts, past, card.status, colours)
    _fills(axes, texts, past, zone, colours)
    axes.set_title(
        texts.plain("chart.status", pair=card.strategy.symbol.name, coin=card.strategy.symbol.quote),
        fontsize=12,
        color=colours.ink,
        fontweight="bold",
    )
    axes.yaxis.set_major_formatter(lambda value, _place: tick(texts, value))
    _times(axes, texts, zone)
    tidy(axes, colours)
    if axes.get_legend_handles_labels()[0]:
        legend = figure.legend(
            fontsize=9, framealpha=0, loc="outside lower center", ncols=3, columnspacing=1.4, handlelength=1.6
        )
        for label in legend.get_texts():
            label.set_color(colours.ink)
    axes.margins(y=0.12)
    return png_of(figure)


def _prices(axes: Any, texts: Texts, past: Past, zone: ZoneInfo, colours: Palette) -> None:  # noqa: ANN401 - matplotlib's Axes, not loaded yet
    """Candles' closes where there are any, else fills and what we saw between; the last price ends the line."""
    card = past.reason.card
    seen = [*((f.at, f.price) for f in past.fills), *past.prices]
    points = [(c.at, c.close) for c in past.candles] or seen
    if card.status is not None and card.status.last_price is not None:
        points.append((card.at, card.status.last_price))
    if not points:
        return
    points.sort(key=lambda point: point[0])
    times = [_when(at, zone) for at, _ in points]
    prices = [float(price.value) for _, price in points]
    name = texts.plain("chart.price", price=Formats(texts.locale).price(points[-1][1]))
    axes.plot(times, prices, color=colours.price, linewidth=1.4, label=name)
    axes.plot(times[-1:], prices[-1:], color=colours.price, marker="o", markersize=4)


def _levels(axes: Any, texts: Texts, status: Status, colours: Palette) -> None:  # noqa: ANN401 - as above
    """Where orders rest, and the average between them."""
    levels: tuple[tuple[str, Price | None, str, str], ...] = (
        ("exit", status.exit_price, colours.exit, "-"),
        ("average", status.average, colours.average, "--"),
        ("rebuy", status.rebuy_price, colours.buy, "-"),
    )
    for name, price, colour, style in levels:
        if price is not None:
            label = texts.plain(f"chart.{name}", price=Formats(texts.locale).price(price))
            axes.axhline(float(price.value), color=colour, linestyle=style, linewidth=1.6, label=label)


def _rungs(axes: Any, texts: Texts, past: Past, status: Status, colours: Palette) -> None:  # noqa: ANN401 - as above
    """Where the re-buys after the next one would come, as the ladder stands now."""
    ladder, price = build_ladder(past.reason.card.strategy.params), status.rebuy_price
    if price is None:
        return
    below = float(price.value)
    label: str | None = texts.plain("chart.rungs")
    for drop in ladder.drops[status.rebuys + 1 :][:_RUNGS]:
        below *= 1 - float(drop)
        axes.axhline(below, color=colours.buy, linestyle=":", linewidth=1.0, alpha=0.7, label=label)
        label = None


def _fills(axes: Any, texts: Texts, past: Past, zone: ZoneInfo, colours: Palette) -> None:  # noqa: ANN401 - as above
    for side, marker, colour, name in (
        (Side.BUY, "^", colours.buy, "buys"),
        (Side.SELL, "v", colours.exit, "sales"),
    ):
        fills = [fill for fill in past.fills if fill.side is side]
        if fills:
            axes.scatter(
                [_when(f.at, zone) for f in fills],
                [float(f.price.value) for f in fills],
                marker=marker,
                s=44,
                color=colour,
                edgecolors=colours.paper,
                linewidths=0.8,
                zorder=3,
                label=texts.plain(f"chart.{name}"),
            )


def _times(axes: Any, texts: Texts, zone: ZoneInfo) -> None:  # noqa: ANN401 - as above
    from matplotlib import dates  # noqa: PLC0415 - heavy, loaded once it is needed

    untyped: Any = dates
    locator = untyped.AutoDateLocator(tz=zone, minticks=4, maxticks=8)
    forms = ["%Y", "%m/%Y", Formats(texts.locale).short_day, "%H:%M", "%H:%M", "%H:%M:%S"]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        untyped.ConciseDateFormatter(
            locator, tz=zone, formats=forms, zero_formats=["", *forms[:-1]], show_offset=False
        )
    )


def _when(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, zone)
