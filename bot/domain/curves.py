"""How a progression runs from its start to its end (docs/strategy.md, "Curves").

Everything is computed with 100 digits and rounded once to the 60 of money.EXACT; no float. The spline is the
same cubic as scipy.interpolate.PchipInterpolator draws (docs/adr/0002-curves-in-decimals.md).
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from itertools import pairwise
from types import MappingProxyType

from bot.domain.money import EXACT
from bot.domain.params import Curve

_WIDE = Context(prec=100, rounding=ROUND_HALF_EVEN)
_ZERO, _ONE = Decimal(0), Decimal(1)

Points = Sequence[tuple[int, Decimal]]


def shaped(
    curve: Curve, start: Decimal, end: Decimal, multiplier: Decimal, count: int
) -> tuple[Decimal, ...]:
    """`count` values from `start` to `end` by a formula (not the geometric factor and not a spline), unclamped.

    x = i / (count - 1), 0 where count is 1; potencia and logaritmica need a multiplier above 0.
    """
    share = _SHARES[curve]
    with localcontext(_WIDE):
        last = Decimal(max(count - 1, 1))
        return tuple(
            _tidy(start + (end - start) * share(i / last, multiplier)) for i in map(Decimal, range(count))
        )


def _linear(x: Decimal, _m: Decimal) -> Decimal:
    return x


def _power(x: Decimal, m: Decimal) -> Decimal:
    return x**m


def _exponential(x: Decimal, m: Decimal) -> Decimal:
    return x if m == 0 else ((m * x).exp() - _ONE) / (m.exp() - _ONE)


def _logarithmic(x: Decimal, m: Decimal) -> Decimal:
    return (_ONE + m * x).ln() / (_ONE + m).ln()


_SHARES: MappingProxyType[Curve, Callable[[Decimal, Decimal], Decimal]] = MappingProxyType(
    {
        Curve.LINEAR: _linear,
        Curve.POWER: _power,
        Curve.EXPONENTIAL: _exponential,
        Curve.LOGARITHMIC: _logarithmic,
    }
)
"""How much of the way from start to end is done at x, both from 0 to 1; evaluated in the wide context."""


def spline(points: Points, rungs: Sequence[int]) -> tuple[Decimal, ...]:
    """A monotone cubic (PCHIP) through `points`, read at `rungs`.

    `points` are at least 3 (rung, value) pairs with strictly growing rungs; every rung asked for lies between
    the first and the last of them. Where the points rise, fall or stay, so does the curve; it never overshoots.
    """
    with localcontext(_WIDE):
        widths = [Decimal(b - a) for (a, _), (b, _) in pairwise(points)]
        secants = [(v - u) / h for ((_, u), (_, v)), h in zip(pairwise(points), widths, strict=True)]
        slopes = _slopes(widths, secants)
        return tuple(_tidy(_hermite(points, slopes, rung)) for rung in rungs)


def _slopes(widths: Sequence[Decimal], secants: Sequence[Decimal]) -> list[Decimal]:
    """The derivative at each point: a weighted harmonic mean of the secants (Fritsch and Butland, 1984)."""
    inner = [
        _inner_slope(h0, h1, d0, d1)
        for (h0, h1), (d0, d1) in zip(pairwise(widths), pairwise(secants), strict=True)
    ]
    first = _end_slope(widths[0], widths[1], secants[0], secants[1])
    last = _end_slope(widths[-1], widths[-2], secants[-1], secants[-2])
    return [first, *inner, last]


def _inner_slope(h0: Decimal, h1: Decimal, d0: Decimal, d1: Decimal) -> Decimal:
    if d0 * d1 <= 0:
        return _ZERO
    w0, w1 = 2 * h1 + h0, h1 + 2 * h0
    return (w0 + w1) / (w0 / d0 + w1 / d1)


def _end_slope(h0: Decimal, h1: Decimal, d0: Decimal, d1: Decimal) -> Decimal:
    """A one-sided parabola's derivative, held back where it would lose the shape (Moler 2004, section 3.6)."""
    slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    if slope * d0 <= 0:
        return _ZERO
    if d0 * d1 < 0 and abs(slope) > 3 * abs(d0):
        return 3 * d0
    return slope


def _hermite(points: Points, slopes: Sequence[Decimal], rung: int) -> Decimal:
    i = next(i for i in range(len(points) - 1) if rung <= points[i + 1][0])
    (x0, y0), (x1, y1) = points[i], points[i + 1]
    h = Decimal(x1 - x0)
    t = (rung - x0) / h
    rest = 1 - t
    return (
        y0 * (1 + 2 * t) * rest * rest
        + h * slopes[i] * t * rest * rest
        + y1 * t * t * (3 - 2 * t)
        - h * slopes[i + 1] * t * t * rest
    )


def _tidy(value: Decimal) -> Decimal:
    """Rounded to 60 digits, without trailing zeros and without an exponent above 0."""
    return EXACT.add(value.normalize(EXACT), _ZERO)
