"""What varies, read from what a person types, and numbered so that any worker can make any part of it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.backtest.sieve import Sieve
from bot.backtest.space import MOST_POINTS, Axis, Space, read_axis, read_space
from bot.domain.params import PARAMETERS, CurveChoice, StrategyParams
from bot.domain.validation import problems
from bot.errors import InvalidInput

D = Decimal
BASE = StrategyParams()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("lucro_alvo_inicial=0.01:0.02:0.005", (D("0.01"), D("0.015"), D("0.02"))),
        ("lucro_alvo_inicial=1%:2%:0.5%", (D("0.01"), D("0.015"), D("0.02"))),
        ("qty_inicial=100, 200,300", (D(100), D(200), D(300))),
        ("qty_inicial=100:250:100", (D(100), D(200))),
        ("limite_recompras=5:8", (5, 6, 7, 8)),
        ("limite_recompras=5:20:5", (5, 10, 15, 20)),
        ("lucro_reaplicar=s,n", (True, False)),
        ("taxa=0", (D(0),)),
    ],
)
def test_ranges_and_lists_give_their_values_exactly(text: str, values: tuple[object, ...]) -> None:
    axis = read_axis(text)
    assert axis.values == values
    assert all(type(a) is type(b) for a, b in zip(axis.values, values, strict=True))


def test_every_one_of_the_sixteen_can_be_varied() -> None:
    assert len(PARAMETERS) == 16
    for parameter in PARAMETERS:
        value = "s" if parameter.name == "lucro_reaplicar" else str(parameter.default)
        assert read_axis(f"{parameter.name}={value}").values == (parameter.default,)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lucro_alvo=0.01", r"lucro_alvo: .*nearest is lucro_alvo_"),
        ("=1", "is no parameter"),
        ("qty_inicial", r"qty_inicial: .*100:500:50"),
        ("qty_inicial=", r"qty_inicial: .*100:500:50"),
        ("qty_inicial=abc", r"qty_inicial: “abc” cannot be read"),
        ("qty_inicial=1e3", r"qty_inicial: “1e3” cannot be read"),
        ("qty_inicial=10%", r"qty_inicial: “10%” cannot be read"),
        ("qty_inicial=1:2:3:4", "cannot be read"),
        ("qty_inicial=0:10:1", "a number above 0"),
        ("qty_inicial=10:5:1", "from the smaller to the larger"),
        ("qty_inicial=5:10:0", "a step above 0"),
        ("qty_inicial=1:1000000:1", "at most 10,000 values"),
        ("qty_inicial=5,5.0", "a value twice"),
        ("limite_recompras=1.5", "whole number"),
        ("limite_recompras=0:300:50", "from 0 to 200"),
        ("lucro_reaplicar=s:n", "takes s,n"),
        ("lucro_reaplicar=1", "takes s or n"),
        ("recompra_queda_inicial=0.5:1:0.1", "below 1"),
        (
            "curva_qty=linear,potencia",
            "a curve does not vary: curva_qty stays as the file has it. What varies",
        ),
        (
            "curva_lucro_fim=0.01:0.02",
            "with it is lucro_alvo_inicial, multiplicador_lucro, lucro_alvo_minimo",
        ),
        ("curva_recompra_pontos=1", "a curve does not vary"),
    ],
)
def test_what_cannot_vary_is_told_with_its_name_and_what_it_takes(text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        read_axis(text)


def test_names_and_answers_are_read_as_a_file_may_spell_them() -> None:
    assert read_axis("lucro_alvo_máximo=0.04,0.05") == Axis("lucro_alvo_maximo", (D("0.04"), D("0.05")))
    assert read_axis("lucro_reaplicar=sim,não") == Axis("lucro_reaplicar", (True, False))
    assert read_axis("lucro_reaplicar=N") == Axis("lucro_reaplicar", (False,))


def test_a_parameter_varies_once_and_at_least_one_does() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        read_space(BASE, ["taxa=0,0.001", "taxa=0.002"])
    with pytest.raises(InvalidInput, match="at least one"):
        read_space(BASE, [])


def test_the_grid_holds_every_combination_once() -> None:
    space = read_space(BASE, ["limite_recompras=5:7", "lucro_reaplicar=s,n", "taxa=0,0.001"])
    points = [space.grid_point(n) for n in range(space.size)]
    assert space.size == 12
    assert len(set(points)) == 12
    assert points[0] == (5, True, D(0))
    assert points[1] == (5, True, D("0.001"))
    assert points[-1] == (7, False, D("0.001"))
    assert space.params(points[-1]) == replace(BASE, limite_recompras=7, lucro_reaplicar=False)


def test_a_grid_needs_steps_and_has_an_end() -> None:
    with pytest.raises(InvalidInput, match="lucro_alvo_inicial: a grid takes"):
        _ = read_space(BASE, ["lucro_alvo_inicial=0.01:0.05"]).size
    huge = [f"{name}=0.0101:0.02:0.000001" for name in ("lucro_alvo_inicial", "recompra_queda_inicial")]
    with pytest.raises(InvalidInput, match=f"{MOST_POINTS:,}"):
        _ = read_space(BASE, huge).size


def test_a_draw_is_the_same_whoever_draws_it_and_stays_within() -> None:
    texts = [
        "qty_inicial=10:1000",
        "lucro_alvo_inicial=0.01:0.05",
        "limite_recompras=5:9",
        "lucro_reaplicar=s,n",
    ]
    space, again = read_space(BASE, texts), read_space(BASE, texts)
    points = [space.random_point(7, n) for n in range(500)]
    assert points == [again.random_point(7, n) for n in range(500)]
    assert points != [space.random_point(8, n) for n in range(500)]
    for qty, target, rebuys, again_ in points:
        assert D(10) <= qty <= D(1000)
        assert D("0.01") <= target <= D("0.05")
        assert rebuys in range(5, 10)
        assert again_ in {True, False}
    assert {p[2] for p in points} == set(range(5, 10))


def test_a_wide_interval_is_drawn_on_a_log_scale_and_a_narrow_one_is_not() -> None:
    wide, narrow = read_axis("qty_inicial=10:1000"), read_axis("qty_inicial=100:500")
    space = Space(BASE, (wide, narrow))
    points = [space.random_point(1, n) for n in range(2000)]
    assert wide.log
    assert not narrow.log
    assert 0.45 < sum(p[0] < 100 for p in points) / 2000 < 0.55
    assert 0.45 < sum(p[1] < 300 for p in points) / 2000 < 0.55
    assert wide.at(0) == 10
    assert wide.at(1) == 1000
    assert all(abs(axis.share(axis.at(0.3)) - 0.3) < 0.001 for axis in (wide, narrow))


def test_drawn_values_are_short_enough_to_type() -> None:
    space = read_space(BASE, ["qty_inicial=10:1000", "lucro_alvo_inicial=0.01:0.05"])
    for number in range(200):
        for value in space.random_point(3, number):
            assert isinstance(value, Decimal)
            assert len(value.normalize().as_tuple().digits) <= 5


def test_the_sieve_lets_through_exactly_what_the_setup_would() -> None:
    """Against bot.domain.validation's own verdict, over a space full of combinations that do not fit."""
    space = read_space(
        BASE,
        [
            "qty_minima=50,700",
            "qty_maxima=40,600",
            "saldo_limite=0,200,5000",
            "lucro_alvo_minimo=0.001,0.005,0.06",
            "lucro_alvo_maximo=0.05,0.07",
            "taxa=0,0.001,0.01,0.02",
            "multiplicador_lucro=0.9,1",
            "limite_recompras=0,20",
        ],
    )
    sieve = Sieve(space)
    verdicts = set()
    for number in range(space.size):
        point = space.grid_point(number)
        verdict = sieve.params(point)
        refused = isinstance(verdict, str)
        verdicts.add(verdict if refused else None)
        assert refused == bool(problems(space.params(point))), point
        assert refused or verdict == space.params(point)
        fault = sieve.fault(point)
        assert (fault.field if fault else None) == (verdict if refused else None), point
    assert verdicts >= {None, "qty_minima", "saldo_limite", "lucro_alvo_minimo"}


def test_the_sieve_refuses_orders_that_the_exchange_would() -> None:
    space = read_space(replace(BASE, qty_minima=D(1)), ["multiplicador_qty=0.5,1"])
    assert Sieve(space, D(5)).params((D("0.5"),)) == "min_notional"
    assert Sieve(space, D(5)).params((D(1),)) == space.params((D(1),))
    assert str(Sieve(space, D(5)).fault((D("0.5"),))) == "min_notional: takes orders of 5 or more, not 1"
    assert Sieve(space, D(5)).fault((D(1),)) is None


def test_a_base_that_may_not_run_is_told() -> None:
    with pytest.raises(InvalidInput, match="saldo_limite"):
        read_space(replace(BASE, saldo_limite=D(1)), ["taxa=0"])


def test_curves_of_the_base_stay() -> None:
    from bot.domain.params import Curve

    base = replace(BASE, curva_qty=CurveChoice(Curve.LINEAR))
    space = read_space(base, ["taxa=0,0.001"])
    assert space.params(space.grid_point(0)).curva_qty.curve is Curve.LINEAR
