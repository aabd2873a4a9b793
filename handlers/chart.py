"""What the pictures of reports have in common: the canvas, ticks in one's language.

matplotlib is loaded with the first picture; only Figure and the Agg canvas are used, in a thread.
"""

from decimal import Decimal
from io import BytesIO
from typing import Any

from babel.numbers import format_decimal

from bot.palette import Palette
from handlers.texts import Texts


def tick(texts: Texts, value: float) -> str:
    """A number on an axis, for the eye only."""
    return str(format_decimal(Decimal(f"{value:.8g}"), format="#,##0.########", locale=texts.locale))


def new_figure(colours: Palette, *, height: float = 4.4) -> Any:  # noqa: ANN401 - matplotlib's Figure, not loaded yet
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy, loaded once it is needed
    from matplotlib.figure import Figure  # noqa: PLC0415 - the same

    figure = Figure(figsize=(6.0, height), dpi=110, facecolor=colours.paper, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Any, colours: Palette) -> None:  # noqa: ANN401 - matplotlib's Axes, not loaded yet
    axes.set_facecolor(colours.paper)
    axes.tick_params(labelsize=9.5, colors=colours.ink)
    axes.grid(visible=True, color=colours.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(colours.grid)


def png_of(figure: Any) -> bytes:  # noqa: ANN401 - as above
    png = BytesIO()
    figure.canvas.print_png(png)
    return png.getvalue()
