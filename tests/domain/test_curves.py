from decimal import Context, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from bot.domain.curves import shaped, spline
from bot.domain.ladder import amounts, drops, targets
from bot.domain.params import Curve, CurveChoice, StrategyParams

D = Decimal
FORMULAS = [Curve.LINEAR, Curve.POWER, Curve.EXPONENTIAL, Curve.LOGARITHMIC]


def test_the_definitions_example_of_potencia():
    values = shaped(Curve.POWER, D(300), D(600), D(2), 21)
    assert values[:4] == (D(300), D("300.75"), D(303), D("306.75"))
    assert values[-1] == D(600)
    assert len(values) == 21


def test_linear_goes_in_equal_steps():
    assert shaped(Curve.LINEAR, D(1), D(2), D(9), 5) == (D(1), D("1.25"), D("1.5"), D("1.75"), D(2))
    assert shaped(Curve.LINEAR, D(300), D(600), D(1), 4) == (D(300), D(400), D(500), D(600))


def test_one_point_is_the_start():
    for curve in FORMULAS:
        assert shaped(curve, D(3), D(9), D(2), 1) == (D(3),)


def test_exponencial_with_0_is_linear():
    assert shaped(Curve.EXPONENTIAL, D(1), D(2), D(0), 9) == shaped(Curve.LINEAR, D(1), D(2), D(0), 9)


def e_to(x):
    """e^x by its series, in rational numbers."""
    term = total = Fraction(1)
    for n in range(1, 60):
        term *= Fraction(x) / n
        total += term
    return total


def ln(x):
    """ln x by the series of artanh, in rational numbers."""
    y = (Fraction(x) - 1) / (Fraction(x) + 1)
    return 2 * sum(y ** (2 * n + 1) / (2 * n + 1) for n in range(60))


@pytest.mark.parametrize(
    ("curve", "m", "half"),
    [
        (Curve.EXPONENTIAL, D(1), (e_to(Fraction(1, 2)) - 1) / (e_to(1) - 1)),
        (Curve.LOGARITHMIC, D(1), ln(Fraction(3, 2)) / ln(2)),
        (Curve.POWER, D("0.5"), Fraction(isqrt(10**100 // 2), 10**50)),
    ],
)
def test_curves_are_exact_to_more_than_28_digits(curve, m, half):
    middle = shaped(curve, D(0), D(1), m, 3)[1]
    assert abs(Fraction(middle) - half) < Fraction(1, 10**45)
    assert len(middle.as_tuple().digits) >= 28


@pytest.mark.parametrize("curve", [Curve.EXPONENTIAL, Curve.LOGARITHMIC])
@pytest.mark.parametrize("m", ["1e-18", "1e-9", "1000"])
def test_extreme_multipliers_lose_no_digits(curve, m):
    """Against the same formula with 400 digits: cancellation near 0, e^1000 at the other end."""
    count = 201
    with localcontext(Context(prec=400)):
        xs = [D(i) / (count - 1) for i in range(count)]
        if curve is Curve.EXPONENTIAL:
            truth = [((D(m) * x).exp() - 1) / (D(m).exp() - 1) for x in xs]
        else:
            truth = [(1 + D(m) * x).ln() / (1 + D(m)).ln() for x in xs]
        ours = shaped(curve, D(0), D(1), D(m), count)
        assert all(abs(a - b) <= abs(b) * D("1e-40") for a, b in zip(ours, truth, strict=True))


def test_curves_do_not_depend_on_the_ambient_precision():
    before = shaped(Curve.EXPONENTIAL, D(300), D(600), D(3), 21)
    with localcontext(Context(prec=3)):
        assert shaped(Curve.EXPONENTIAL, D(300), D(600), D(3), 21) == before


@given(
    curve=st.sampled_from(FORMULAS),
    start=st.decimals("0.01", "1000", places=4),
    end=st.decimals("0.01", "1000", places=4),
    m=st.decimals("0.001", "50", places=3),
    count=st.integers(2, 201),
)
def test_every_formula_runs_from_start_to_end_one_way(curve, start, end, m, count):
    values = shaped(curve, start, end, m, count)
    assert (values[0], values[-1]) == (start, end)
    rising = list(values) if start <= end else [-v for v in values]
    assert rising == sorted(rising)


# the spline


def knots(most=12):
    values = st.decimals("0.001", "100000", places=6)
    rungs = st.lists(st.integers(0, 200), min_size=3, max_size=most, unique=True).map(sorted)
    return rungs.flatmap(
        lambda at: st.lists(values, min_size=len(at), max_size=len(at)).map(
            lambda them: tuple(zip(at, them, strict=True))
        )
    )


@given(knots())
def test_the_spline_is_scipys_pchip(points):
    rungs = range(points[0][0], points[-1][0] + 1)
    theirs = PchipInterpolator([r for r, _ in points], [float(v) for _, v in points])(list(rungs))
    largest = max(float(v) for _, v in points)
    for ours, other in zip(spline(points, rungs), theirs, strict=True):
        assert abs(float(ours) - other) <= 1e-12 * largest


def exact_slope(points, i):
    """The same rule in rational numbers: no rounding at all."""
    h = [Fraction(b - a) for (a, _), (b, _) in pairwise(points)]
    d = [(Fraction(v) - Fraction(u)) / w for ((_, u), (_, v)), w in zip(pairwise(points), h, strict=True)]
    if 0 < i < len(points) - 1:
        if d[i - 1] * d[i] <= 0:
            return Fraction(0)
        a, b = 2 * h[i] + h[i - 1], h[i] + 2 * h[i - 1]
        return (a + b) / (a / d[i - 1] + b / d[i])
    (h0, h1), (d0, d1) = (h[:2], d[:2]) if i == 0 else ((h[-1], h[-2]), (d[-1], d[-2]))
    slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    if slope * d0 <= 0:
        return Fraction(0)
    return 3 * d0 if d0 * d1 < 0 and abs(slope) > 3 * abs(d0) else slope


@given(knots(6), st.data())
def test_the_spline_is_right_to_50_digits(points, draw):
    i = draw.draw(st.integers(0, len(points) - 2))
    (x0, y0), (x1, y1) = points[i], points[i + 1]
    rung = draw.draw(st.integers(x0, x1))
    h, t = Fraction(x1 - x0), Fraction(rung - x0, x1 - x0)
    truth = (
        Fraction(y0) * (1 + 2 * t) * (1 - t) ** 2
        + h * exact_slope(points, i) * t * (1 - t) ** 2
        + Fraction(y1) * t * t * (3 - 2 * t)
        + h * exact_slope(points, i + 1) * t * t * (t - 1)
    )
    (ours,) = spline(points, [rung])
    assert abs(Fraction(ours) - truth) <= Fraction(1, 10**50)


@given(knots())
def test_the_spline_goes_through_its_points_and_never_overshoots(points):
    for (x0, y0), (x1, y1) in pairwise(points):
        values = spline(points, range(x0, x1 + 1))
        assert (values[0], values[-1]) == (y0, y1)
        ordered = list(values) if y0 <= y1 else [-v for v in values]
        assert ordered == sorted(ordered)


@pytest.mark.parametrize(
    "values",
    [(1, 2, 3), (1, 1, 5), (5, 1, 5), (1, 5, 1), (1, 10, 9), (9, 10, 1), (1, 2, 40), (3, 3, 3)],
)
def test_both_ends_keep_the_shape_as_scipy_does(values):
    points = tuple(zip((0, 1, 20), map(D, values), strict=True))
    theirs = PchipInterpolator((0, 1, 20), values)(range(21))
    assert [float(v) for v in spline(points, range(21))] == pytest.approx(list(theirs), rel=1e-12, abs=1e-12)


# on the ladder


def test_a_curve_is_clamped_from_the_second_point_on():
    choice = CurveChoice(Curve.LINEAR, end=D(1000))
    params = StrategyParams(limite_recompras=4, qty_inicial=D(20), qty_maxima=D(600), curva_qty=choice)
    assert amounts(params) == (D(20), D(265), D(510), D(600), D(600))


def test_the_default_ends_are_qty_maxima_lucro_alvo_minimo_and_recompra_queda_maximo():
    linear = CurveChoice(Curve.LINEAR)
    params = StrategyParams(limite_recompras=2, curva_qty=linear, curva_lucro=linear, curva_recompra=linear)
    assert amounts(params) == (D(300), D(450), D(600))
    assert targets(params) == (D("0.035"), D("0.02"), D("0.005"))
    assert drops(params) == (D("0.01"), D("0.03"))


def test_the_drop_counts_its_points_over_the_re_buys():
    params = StrategyParams(limite_recompras=1, curva_recompra=CurveChoice(Curve.LINEAR))
    assert drops(params) == (D("0.01"),)
    points = ((1, D("0.01")), (2, D("0.02")), (4, D("0.03")))
    params = StrategyParams(limite_recompras=4, curva_recompra=CurveChoice(Curve.SPLINE, points=points))
    assert drops(params)[1] == D("0.02")
    assert len(drops(params)) == 4


def test_a_ladder_without_re_buys_has_no_drop():
    params = StrategyParams(limite_recompras=0, curva_qty=CurveChoice(Curve.POWER))
    assert (amounts(params), targets(params), drops(params)) == ((D(300),), (D("0.035"),), ())
