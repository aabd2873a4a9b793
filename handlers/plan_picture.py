"""The plan as a picture for a phone: the ladder's prices as steps, its cost as bars, and the three curves.

matplotlib is loaded with the first picture: it takes some 60 MB that a program without a chat at setup never
needs. Only Figure and the Agg canvas are used; pyplot keeps global state and is not safe in a thread.
"""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Any

from babel.numbers import format_decimal

from bot.domain.ladder import build_ladder
from bot.domain.params import CURVES
from bot.domain.plan import Plan
from handlers.texts import Texts

_INCHES = (6.0, 7.6)
_DPI = 110
_BUY, _EXIT, _AVERAGE, _COST, _CUT, _INK = "#1f5fa8", "#1d8a4e", "#8a6d1d", "#9db8d6", "#c0392b", "#26323d"
_FADED = 0.35


@dataclass(frozen=True, slots=True)
class _Words:
    """The labels, and the language that the ticks are written in."""

    texts: Texts
    pair: str
    coin: str

    def __call__(self, key: str) -> str:
        return self.texts.plain(f"plan.picture.{key}", pair=self.pair, coin=self.coin)

    def tick(self, value: float, _place: object = None) -> str:
        return str(format_decimal(Decimal(f"{value:.8g}"), format="#,##0.########", locale=self.texts.locale))


async def picture(texts: Texts, plan: Plan) -> bytes:
    """A PNG of under 100 kB, drawn in a thread."""
    return await asyncio.to_thread(draw, texts, plan)


def draw(texts: Texts, plan: Plan) -> bytes:
    """The PNG itself; floats are for the eye only."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy, and loaded once it is needed
    from matplotlib.figure import Figure  # noqa: PLC0415 - the same

    words = _Words(texts, plan.rules.symbol.name, plan.rules.symbol.quote)
    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white", layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    grid = figure.add_gridspec(3, 3, height_ratios=(3.2, 1.7, 1.35))
    _prices(figure.add_subplot(grid[0, :]), words, plan)
    _costs(figure.add_subplot(grid[1, :]), words, plan)
    for place, name in enumerate(("amount_curve", "target_curve", "drop_curve")):
        _curve(figure.add_subplot(grid[2, place]), words, plan, place, name)
    png = BytesIO()
    canvas.print_png(png)
    return png.getvalue()


def _prices(axes: Any, words: _Words, plan: Plan) -> None:  # noqa: ANN401 - matplotlib's Axes, not loaded yet
    """Each price holds until the next rung: steps down for buys, the exit and the average above them."""
    rungs = plan.rungs
    edges = [rung.k - 0.5 for rung in rungs] + [rungs[-1].k + 0.5]
    lines = (
        ("exits", [float(r.exit_price.value) for r in rungs], _EXIT, "-"),
        ("average", [float(r.average.value) for r in rungs], _AVERAGE, "--"),
        ("buys", [float(r.price.value) for r in rungs], _BUY, "-"),
    )
    for name, values, colour, style in lines:
        axes.step(
            edges,
            [*values, values[-1]],
            where="post",
            color=colour,
            linestyle=style,
            linewidth=2,
            label=words(name),
        )
    _mark_cut(axes, words, plan, label=True)
    axes.set_title(words("title"), fontsize=13, color=_INK, fontweight="bold")
    axes.set_ylabel(words("price_axis"))
    axes.yaxis.set_major_formatter(words.tick)
    axes.legend(fontsize=10, framealpha=1, edgecolor="white", loc="upper right", ncols=2)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + (high - low) * 0.28)  # the legend stands above the lines
    _tidy(axes, plan)


def _costs(axes: Any, words: _Words, plan: Plan) -> None:  # noqa: ANN401 - as above
    rungs = plan.rungs
    bars = axes.bar(
        [r.k for r in rungs], [float(r.cumulative_cost.value) for r in rungs], width=0.85, color=_COST
    )
    for rung, bar in zip(rungs, bars, strict=True):
        if not rung.placed:
            bar.set_alpha(_FADED)
    _mark_cut(axes, words, plan, label=False)
    axes.set_title(words("cost"), fontsize=11, color=_INK, loc="left")
    axes.set_xlabel(words("rung"))
    axes.yaxis.set_major_formatter(words.tick)
    _tidy(axes, plan)


def _mark_cut(axes: Any, words: _Words, plan: Plan, *, label: bool) -> None:  # noqa: ANN401 - as above
    if plan.cut_by_limit_at is None:
        return
    name = f"{words('cut')} (k = {plan.cut_by_limit_at})" if label else None
    edge = plan.cut_by_limit_at - 0.5
    axes.axvline(edge, color=_CUT, linestyle=":", linewidth=2, label=name)
    axes.axvspan(edge, plan.rungs[-1].k + 0.5, color=_CUT, alpha=0.06)


def _curve(axes: Any, words: _Words, plan: Plan, place: int, name: str) -> None:  # noqa: ANN401 - as above
    """One progression with the curve that was chosen for it."""
    ladder, which = build_ladder(plan.params), CURVES[place]
    values = (ladder.amounts, ladder.targets, ladder.drops)[place]
    scale = 1 if place == 0 else 100
    ks = range(which.first_rung, which.first_rung + len(values))
    axes.plot(ks, [float(v) * scale for v in values], color=_INK, linewidth=1.6, marker="o", markersize=2.4)
    axes.set_title(f"{words(name)}\n{getattr(plan.params, which.name).curve.value}", fontsize=9.5, color=_INK)
    axes.yaxis.set_major_formatter(words.tick)
    if len(set(values)) < 2:
        axes.margins(y=0.5)
    _tidy(axes, None)


def _tidy(axes: Any, plan: Plan | None) -> None:  # noqa: ANN401 - as above
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - as above

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8 if plan else 4, min_n_ticks=1))
    axes.tick_params(labelsize=9.5 if plan else 8.5, colors=_INK)
    axes.grid(visible=True, color="#e3e8ec", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if plan:
        axes.set_xlim(-0.5, plan.rungs[-1].k + 0.5)
