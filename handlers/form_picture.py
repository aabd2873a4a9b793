"""A chosen curve as a small picture: what it makes of the amount, the target or the drop, rung by rung."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any

from babel.numbers import format_decimal

from bot.domain.ladder import amounts, drops, targets
from bot.domain.params import (
    BY_NAME,
    CURVES,
    Curve,
    CurveChoice,
    CurveField,
    Kind,
    StrategyParams,
    as_answers,
    from_answers,
)
from bot.domain.validation import problems
from handlers.form import Form
from handlers.form_turn import Turn
from handlers.texts import Texts

_INCHES = (4.6, 2.9)
_DPI = 110
_LINE, _FAINT, _INK, _GRID = "#1f5fa8", "#b8b2a3", "#26323d", "#e3e8ec"
_PROGRESSIONS = (amounts, targets, drops)


async def send_curve(turn: Turn, form: Form, which: CurveField) -> None:
    """The picture of the curve as it stands; nothing while the answers do not make a ladder."""
    if problems(form.params):
        return
    png = await asyncio.to_thread(draw, turn.texts, form.params, which, form.coin)
    caption = turn.texts("strategy.curve", item=which.item, curve=form.curve(which).curve.value)
    await turn.context.bot.send_photo(turn.person.chat_id, png, caption=caption, filename=f"{which.name}.png")


def progression(params: StrategyParams, which: CurveField) -> tuple[Decimal, ...]:
    """The values of one curve, from its first rung on; percentages where they are ratios."""
    values = _PROGRESSIONS[CURVES.index(which)](params)
    ratio = BY_NAME[which.start].kind is Kind.FRACTION
    return tuple(value * 100 if ratio else value for value in values)


def draw(texts: Texts, params: StrategyParams, which: CurveField, coin: str) -> bytes:
    """A PNG of well under 100 kB; the geometric default stands faintly behind any other curve."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy, and loaded once needed
    from matplotlib.figure import Figure  # noqa: PLC0415 - the same

    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white", layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    axes: Any = figure.add_subplot()
    chosen: CurveChoice = getattr(params, which.name)
    if chosen.curve is not Curve.GEOMETRIC:
        default = progression(from_answers({**as_answers(params), which.name: CurveChoice()}), which)
        _line(axes, default, which, _FAINT, Curve.GEOMETRIC.value)
    _line(axes, progression(params, which), which, _LINE, chosen.curve.value)
    name = ("amount_curve", "target_curve", "drop_curve")[CURVES.index(which)]
    axes.set_title(texts.plain(f"plan.picture.{name}", coin=coin), fontsize=11, color=_INK, loc="left")
    axes.set_xlabel(texts.plain("plan.picture.rung"), fontsize=9, color=_INK)
    _tidy(axes, texts)
    png = BytesIO()
    canvas.print_png(png)
    return png.getvalue()


def _line(axes: Any, values: Sequence[Decimal], which: CurveField, colour: str, label: str) -> None:  # noqa: ANN401 - matplotlib's Axes
    rungs = range(which.first_rung, which.first_rung + len(values))
    axes.plot(
        rungs, [float(v) for v in values], color=colour, linewidth=1.8, marker="o", markersize=3, label=label
    )


def _tidy(axes: Any, texts: Texts) -> None:  # noqa: ANN401 - as above
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - as above

    def tick(value: float, _place: object = None) -> str:
        return str(format_decimal(Decimal(f"{value:.8g}"), format="#,##0.########", locale=texts.locale))

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    axes.yaxis.set_major_formatter(tick)
    axes.tick_params(labelsize=9, colors=_INK)
    axes.grid(visible=True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(fontsize=9, framealpha=1, edgecolor="white")
    axes.margins(y=0.15)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
