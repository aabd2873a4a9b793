"""What every picture of a backtest has in common: the canvas, ticks, thinning out.

matplotlib is loaded with the first picture; only Figure and the Agg canvas are used, which are safe in a thread.
A picture is 810 pixels wide: at a phone's 390 its smallest text is as tall as a caption of the chat.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import numpy as np
from babel.dates import format_skeleton
from numpy.typing import NDArray

from bot.backtest.words import Words
from bot.palette import Palette

Floats = NDArray[np.float64]
COLUMNS = 600
"""Pixel columns that a long series is thinned out to."""
MOST_BYTES = 95_000
SMALL, NORMAL, LARGE = 9.5, 10.5, 12.5
_INCHES, _DPI = 5.4, 150
_COLOURS = (200, 64, 24)
_HEAD = 0.58
_TITLE_LETTERS = 48
_DAY = 86_400_000


def new_figure(colours: Palette, *, height: float) -> Any:  # noqa: ANN401 - matplotlib's Figure, not loaded yet
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy, loaded once it is needed
    from matplotlib.figure import Figure  # noqa: PLC0415 - the same

    figure = Figure(figsize=(_INCHES, height), dpi=_DPI, facecolor=colours.paper, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_of(figure: Any) -> bytes:  # noqa: ANN401 - as above
    """The PNG with as many colours as a drawing needs, a third of the bytes; fewer where it is a busy one."""
    from PIL import Image  # noqa: PLC0415 - as above

    figure.canvas.draw()
    drawn = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    png = BytesIO()
    for colours in _COLOURS:
        png = BytesIO()
        drawn.quantize(colours, dither=Image.Dither.NONE).save(png, "PNG")
        if png.tell() < MOST_BYTES:
            break
    return png.getvalue()


def tidy(axes: Any, colours: Palette) -> None:  # noqa: ANN401 - as above
    axes.set_facecolor(colours.paper)
    axes.tick_params(which="both", labelsize=SMALL, colors=colours.ink, length=0)
    axes.grid(visible=True, color=colours.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.label.set(color=colours.ink, size=SMALL)
    axes.yaxis.label.set(color=colours.ink, size=SMALL)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(colours.grid)


def heading(figure: Any, text: str, under: str, colours: Palette) -> None:  # noqa: ANN401 - as above
    """The title, and a smaller line under it, above all panels."""
    height = figure.get_figheight()
    figure.get_layout_engine().set(rect=(0.005, 0.005, 0.975, 1 - _HEAD / height))
    size = LARGE * min(1, _TITLE_LETTERS / len(text))
    figure.text(0.02, 1 - 0.08 / height, text, fontsize=size, color=colours.ink, fontweight="bold", va="top")
    figure.text(0.02, 1 - 0.34 / height, under, fontsize=SMALL, color=colours.price, va="top")


def panel_title(axes: Any, text: str, colours: Palette) -> None:  # noqa: ANN401 - as above
    axes.set_title(text, fontsize=NORMAL, color=colours.ink, loc="left")


def legend(figure: Any, colours: Palette, *, columns: int = 2) -> None:  # noqa: ANN401 - as above
    """Every labelled line of all panels, under them."""
    figure.legend(
        loc="outside lower left",
        fontsize=SMALL,
        framealpha=0,
        ncols=columns,
        columnspacing=1.4,
        handlelength=1.6,
        labelcolor=colours.ink,
    )


def moments(times: Sequence[int] | NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Times in ms UTC as matplotlib takes them."""
    return np.asarray(times, dtype=np.int64).astype("datetime64[ms]")


def time_axis(axes: Any, words: Words, start: int, end: int) -> None:  # noqa: ANN401 - as above
    """From `start` to `end` (ms UTC), a little air on both sides, ticks as the language writes them."""
    from matplotlib import dates  # noqa: PLC0415 - as above

    untyped: Any = dates
    air = max((end - start) // 50, 1)
    axes.set_xlim(*moments([start - air, end + air]))
    axes.xaxis.set_major_locator(untyped.AutoDateLocator(minticks=3, maxticks=6))
    axes.xaxis.set_major_formatter(_time_format(words, end - start, untyped.num2date))


def _time_format(
    words: Words, span: int, as_date: Callable[[float], datetime]
) -> Callable[[float, object], str]:
    if span > 3 * 365 * _DAY:
        skeleton = "y"
    elif span > 100 * _DAY:
        skeleton = "yMMM"
    elif span > 3 * _DAY:
        skeleton = "dMMM"
    else:
        skeleton = "Hm" if span > _DAY // 96 else "Hms"

    def written(value: float, _place: object = None) -> str:
        moment = as_date(value).astimezone(UTC)
        text = str(format_skeleton(skeleton, moment, tzinfo=UTC, locale=words.language))
        return text.replace(" de ", "\n" if skeleton == "yMMM" else " ").replace(".", "")

    return written


@dataclass(frozen=True, slots=True)
class Thinned:
    """A long series in as many columns as a picture has: the lowest, highest and last value of each, and its time."""

    times: NDArray[np.int64]
    low: Floats
    high: Floats
    last: Floats


def thinned(times: NDArray[np.int64], low: Floats, high: Floats, last: Floats) -> Thinned:
    """At most COLUMNS equal stretches of time, those without a value left out; no extreme is lost."""
    if len(times) <= COLUMNS:
        return Thinned(times, low, high, last)
    edges = np.linspace(times[0], times[-1] + 1, COLUMNS + 1)
    firsts = np.unique(np.searchsorted(times, edges[:-1]))
    ends = np.append(firsts[1:], len(times)) - 1
    return Thinned(
        times[firsts], np.minimum.reduceat(low, firsts), np.maximum.reduceat(high, firsts), last[ends]
    )


def thinned_line(times: NDArray[np.int64], values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """A line through the lowest and the highest value of each column, and through the last of all."""
    found = thinned(times, values, values, values)
    if len(found.times) == len(times):
        return times, values
    both = np.column_stack((found.low, found.high, found.last)).ravel()
    return np.repeat(found.times, 3), both
