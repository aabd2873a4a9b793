import string
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cross_rules import earns, largest_fee, smallest_target
from bot.domain.faults import FAULTS, fault, shown
from bot.domain.ladder import build_ladder, targets
from bot.domain.params import PARAMETERS, Curve, CurveChoice, StrategyParams, as_answers
from bot.domain.validation import FIELDS, check_field, nearest, plain_default, problems, validated
from bot.errors import InvalidInput

D = Decimal
DEFAULTS = StrategyParams()


def faults_of(**changes):
    return [(f.field, f.key) for f in problems(replace(DEFAULTS, **changes))]


def spline(*points):
    return CurveChoice(Curve.SPLINE, points=tuple((rung, D(value)) for rung, value in points))


def test_the_defaults_are_valid():
    assert problems(DEFAULTS) == ()
    assert validated(DEFAULTS) is DEFAULTS


AT_THE_EDGE = [
    (
        "qty_inicial",
        ["0.000000000000000001", "5000"],
        ["0", "-1", "1000000000000.1", "NaN", "Infinity", "1E+400"],
    ),
    ("multiplicador_qty", ["0.001", "1000"], ["0", "-1", "1000.1", "sNaN"]),
    ("qty_minima", ["0.01", "600"], ["0", "-5", "600.01"]),
    ("qty_maxima", ["50", "1000000000000"], ["49.99", "0", "1000000000001"]),
    ("lucro_alvo_inicial", ["0.002004", "9.99"], ["0", "-0.1", "10", "0.002003"]),
    ("multiplicador_lucro", ["0.01", "1000"], ["0", "-1", "1001"]),
    ("lucro_alvo_minimo", ["0.002004", "0.05"], ["0", "-0.1", "0.050001"]),
    ("lucro_alvo_maximo", ["0.005", "1000"], ["0.0049", "1001"]),
    ("recompra_queda_inicial", ["0.000001", "0.999999"], ["0", "1", "-0.01", "3.5"]),
    ("multiplicador_recompra", ["0.01", "1000"], ["0", "-1"]),
    ("recompra_queda_minimo", ["0.000001", "0.03"], ["0", "0.0301", "1"]),
    ("recompra_queda_maximo", ["0.005", "0.999"], ["0.0049", "1", "2"]),
    ("taxa", ["0", "0.0024"], ["-0.001", "0.050001"]),
    ("saldo_limite", ["0", "300", "1000000000000"], ["299.99", "-1"]),
]


@pytest.mark.parametrize(("name", "good", "bad"), AT_THE_EDGE, ids=[row[0] for row in AT_THE_EDGE])
def test_each_parameter_takes_its_range_to_the_edge_and_nothing_beyond(name, good, bad):
    for value in good:
        assert problems(replace(DEFAULTS, **{name: D(value)})) == (), value
    for value in bad:
        assert problems(replace(DEFAULTS, **{name: D(value)})), value


def test_the_count_takes_0_to_200_whole_numbers():
    assert faults_of(limite_recompras=0) == faults_of(limite_recompras=200) == []
    for bad in (-1, 201, True, D(20), "20"):
        assert faults_of(limite_recompras=bad)


def test_wrong_types_are_faults_and_no_crash():
    assert faults_of(qty_inicial=300.5) == [("qty_inicial", "not_a_number")]
    assert faults_of(lucro_reaplicar="s") == [("lucro_reaplicar", "not_yes_no")]
    assert faults_of(curva_qty="linear") == [("curva_qty", "unknown_curve")]


def test_a_fault_names_item_value_and_what_would_be_accepted():
    (found,) = problems(replace(DEFAULTS, recompra_queda_inicial=D("3.5")))
    assert (found.field, found.key) == ("recompra_queda_inicial", "out_of_range")
    for word in ("item 3:", "3.5", "above 0 and below 1", "> 0, < 1"):
        assert word in found.reason
    assert found.values == {
        "item": "3",
        "value": "3.5",
        "range": "> 0, < 1",
        "valid": "a fraction above 0 and below 1",
    }


def test_more_decimal_places_than_18_are_refused_and_trailing_zeros_are_not_counted():
    assert faults_of(taxa=D("0.0010000000000000000001")) == [("taxa", "too_many_places")]
    assert faults_of(taxa=D("0.001000000000000000000000000000")) == []


def test_all_faults_come_at_once_in_the_order_of_the_menu():
    found = faults_of(qty_inicial=D(0), taxa=D(1), limite_recompras=999, qty_minima=D(700))
    assert [field for field, _ in found] == ["qty_inicial", "limite_recompras", "taxa", "qty_minima"]


def test_one_mistake_gives_one_fault():
    assert faults_of(qty_inicial=D("NaN"), saldo_limite=D(1)) == [("qty_inicial", "not_a_number")]
    assert faults_of(lucro_alvo_minimo=D(2)) == [("lucro_alvo_minimo", "above_its_ceiling")]


def test_validated_raises_the_first_fault():
    with pytest.raises(InvalidInput, match="qty_inicial: item 1: "):
        validated(replace(DEFAULTS, qty_inicial=D(0), taxa=D(1)))


# the round-trip fee


def test_a_target_at_or_below_the_round_trip_fee_is_refused_with_the_smallest_that_passes():
    (found,) = problems(replace(DEFAULTS, lucro_alvo_inicial=D("0.002")))
    assert (found.field, found.key) == ("lucro_alvo_inicial", "target_can_only_lose")
    assert found.values["smallest"] == "0.002004"
    assert problems(replace(DEFAULTS, lucro_alvo_inicial=D("0.002004"))) == ()


def test_a_target_exactly_at_the_round_trip_fee_loses():
    # (1 + 0.5625) * 0.8^2 = 1: what comes back is what was paid
    assert not earns(D("0.5625"), D("0.2"))
    assert earns(D("0.562500000000000001"), D("0.2"))
    assert smallest_target(D("0.2")) == D("0.562501")
    assert largest_fee(D("0.5625")) == D("0.199999")


def test_a_later_target_that_loses_is_found_at_its_rung():
    (found,) = problems(replace(DEFAULTS, lucro_alvo_minimo=D("0.001"), multiplicador_lucro=D("0.1")))
    assert (found.field, found.values["k"], found.values["smallest"]) == (
        "lucro_alvo_minimo",
        "2",
        "0.002004",
    )


def test_a_floor_that_is_never_reached_is_no_fault():
    assert faults_of(lucro_alvo_minimo=D("0.001")) == []
    assert faults_of(lucro_alvo_minimo=D("0.001"), multiplicador_lucro=D("0.1"), limite_recompras=0) == []


def test_a_ceiling_under_the_fee_is_named_too():
    found = faults_of(lucro_alvo_minimo=D("0.001"), lucro_alvo_maximo=D("0.0015"))
    assert found == [
        ("lucro_alvo_minimo", "target_can_only_lose"),
        ("lucro_alvo_maximo", "target_can_only_lose"),
    ]


@given(st.decimals("0", "0.05", places=6))
def test_the_smallest_target_passes_and_the_next_smaller_does_not(taxa):
    smallest = smallest_target(taxa)
    assert earns(smallest, taxa)
    assert not earns(smallest - D("0.000001"), taxa)


@given(st.decimals("0.000001", "9", places=6))
def test_the_largest_fee_passes_and_the_next_larger_does_not(target):
    largest = largest_fee(target)
    assert earns(target, largest)
    assert not earns(target, largest + D("0.000001"))


# curves


@pytest.mark.parametrize(
    ("choice", "field", "key"),
    [
        (CurveChoice(end=D(5)), "curva_qty_fim", "curve_takes_no_end"),
        (CurveChoice(Curve.LINEAR, end=D(0)), "curva_qty_fim", "out_of_range"),
        (CurveChoice(Curve.LINEAR, end=D("NaN")), "curva_qty_fim", "not_a_number"),
        (CurveChoice(Curve.LINEAR, points=((0, D(1)),)), "curva_qty_pontos", "curve_takes_no_points"),
        (spline((0, 300), (20, 600)), "curva_qty_pontos", "spline_needs_points"),
        (spline((0, 300), (5, 400), (5, 500), (20, 600)), "curva_qty_pontos", "spline_rungs_grow"),
        (spline((0, 300), (5, 400), (19, 600)), "curva_qty_pontos", "spline_ends"),
        (spline((1, 300), (5, 400), (20, 600)), "curva_qty_pontos", "spline_ends"),
        (spline((0, 301), (5, 400), (20, 600)), "curva_qty_pontos", "spline_start"),
        (spline((0, 300), (5, 0), (20, 600)), "curva_qty_pontos", "out_of_range"),
    ],
)
def test_a_curve_that_cannot_be_drawn_is_refused(choice, field, key):
    assert faults_of(curva_qty=choice) == [(field, key)]


def test_each_curve_may_be_chosen():
    for curve in (Curve.LINEAR, Curve.POWER, Curve.EXPONENTIAL, Curve.LOGARITHMIC):
        choice = CurveChoice(curve)
        assert faults_of(curva_qty=choice, curva_lucro=choice, curva_recompra=choice) == []
    assert faults_of(curva_recompra=spline((1, "0.01"), (3, "0.02"), (20, "0.025"))) == []


def test_a_drop_curve_counts_re_buys_from_1():
    assert faults_of(curva_recompra=spline((0, "0.01"), (3, "0.02"), (20, "0.025"))) == [
        ("curva_recompra_pontos", "spline_ends")
    ]


def test_a_spline_needs_room():
    points = spline((0, 300), (1, 400), (2, 500))
    assert faults_of(curva_qty=points, limite_recompras=2) == []
    assert faults_of(curva_qty=points, limite_recompras=1) == [("curva_qty", "spline_too_short")]
    drops = spline((1, "0.01"), (2, "0.02"), (3, "0.02"))
    assert faults_of(curva_recompra=drops, limite_recompras=2) == [("curva_recompra", "spline_too_short")]
    assert faults_of(curva_recompra=drops, limite_recompras=0) == []


def test_a_multiplier_of_0_belongs_to_exponencial_alone():
    zero = {"multiplicador_qty": D(0)}
    assert faults_of(**zero) == faults_of(**zero, curva_qty=CurveChoice(Curve.POWER))
    assert faults_of(**zero) == [("multiplicador_qty", "out_of_range")]
    assert faults_of(**zero, curva_qty=CurveChoice(Curve.EXPONENTIAL)) == []


def test_a_curve_of_targets_may_not_run_under_the_fee():
    falling = CurveChoice(Curve.LINEAR, end=D("0.0001"))
    assert faults_of(curva_lucro=falling, lucro_alvo_minimo=D("0.0001")) == [
        ("lucro_alvo_minimo", "target_can_only_lose")
    ]


# step by step


def test_a_field_is_judged_beside_what_was_answered_before_it():
    check_field({}, "qty_minima", D(700))  # qty_maxima comes later
    with pytest.raises(InvalidInput) as caught:
        check_field({"qty_minima": D(700)}, "qty_maxima", D(600))
    assert (caught.value.field, caught.value.key) == ("qty_maxima", "below_its_floor")
    assert caught.value.values["limit"] == "700"
    check_field({"qty_minima": D(700)}, "qty_maxima", D(700))


def test_a_field_changed_later_is_told_in_its_own_name():
    answers = as_answers(DEFAULTS)
    with pytest.raises(InvalidInput) as caught:
        check_field(answers, "qty_minima", D(601))
    assert (caught.value.field, caught.value.values["limit"]) == ("qty_minima", "600")
    with pytest.raises(InvalidInput) as caught:
        check_field(answers, "qty_inicial", D(5001))
    assert (caught.value.field, caught.value.values["other"]) == ("qty_inicial", "saldo_limite")
    with pytest.raises(InvalidInput) as caught:
        check_field(answers, "saldo_limite", D(299))
    assert caught.value.field == "saldo_limite"


def test_the_fee_is_judged_against_the_targets_when_it_is_answered():
    answers = {**as_answers(DEFAULTS), "lucro_alvo_inicial": D("0.002"), "limite_recompras": 0}
    del answers["taxa"]
    with pytest.raises(InvalidInput) as caught:
        check_field(answers, "taxa", D("0.001"))
    assert (caught.value.field, caught.value.key) == ("taxa", "fee_eats_target")
    assert caught.value.values["largest"] == "0.000998"
    check_field(answers, "taxa", D("0.000998"))
    with pytest.raises(InvalidInput, match="of lucro_alvo_minimo at re-buy 20"):
        check_field(as_answers(DEFAULTS), "taxa", D("0.01"))


def test_a_fault_of_another_field_does_not_stand_in_the_way():
    check_field({"qty_maxima": D(-1)}, "qty_minima", D(5))
    check_field({"taxa": D("NaN")}, "lucro_alvo_inicial", D("0.001"))


def test_an_unknown_parameter_is_named_with_its_nearest():
    with pytest.raises(InvalidInput, match="qty_inical: is no parameter; the nearest is qty_inicial"):
        check_field({}, "qty_inical", D(1))
    assert nearest("", FIELDS) in FIELDS


def test_every_default_passes_in_the_order_in_which_it_is_asked():
    answers = {}
    for parameter in PARAMETERS:
        check_field(answers, parameter.name, parameter.default)
        answers[parameter.name] = parameter.default


def test_defaults_are_shown_as_typed():
    assert [plain_default(p) for p in PARAMETERS][-4:] == ["20", "0.001", "5000", "s"]
    assert plain_default(replace_default_to_no()) == "n"


def replace_default_to_no():
    class No:
        default = False

    return No()


# extremes


_AMOUNTS = st.decimals("1e-18", "1e12", places=18)
_FACTORS = st.decimals("1e-18", "1000", places=18)
_RATIOS = st.decimals("1e-18", "0.999999999999999999", places=18)


@given(
    qty=st.tuples(_AMOUNTS, _AMOUNTS, _AMOUNTS),
    targets_=st.tuples(_RATIOS, _FACTORS, _FACTORS),
    drops=st.tuples(_RATIOS, _RATIOS, _RATIOS),
    factors=st.tuples(_FACTORS, _FACTORS, _FACTORS),
    curve=st.sampled_from([c for c in Curve if c is not Curve.SPLINE]),
    count=st.integers(0, 200),
)
def test_nothing_within_the_bounds_overflows(qty, targets_, drops, factors, curve, count):
    params = StrategyParams(
        qty_inicial=qty[0],
        qty_minima=min(qty[1:]),
        qty_maxima=max(qty[1:]),
        lucro_alvo_inicial=targets_[0],
        lucro_alvo_minimo=min(targets_[1:]),
        lucro_alvo_maximo=max(targets_[1:]),
        recompra_queda_inicial=drops[0],
        recompra_queda_minimo=min(drops[1:]),
        recompra_queda_maximo=max(drops[1:]),
        multiplicador_qty=factors[0],
        multiplicador_lucro=factors[1],
        multiplicador_recompra=factors[2],
        limite_recompras=count,
        saldo_limite=D(0),
        curva_qty=CurveChoice(curve),
        curva_lucro=CurveChoice(curve),
        curva_recompra=CurveChoice(curve),
    )
    found = problems(params)
    assert {f.key for f in found} <= {"target_can_only_lose"}
    if not found:
        assert all(earns(p, params.taxa) for p in targets(params))
    ladder = build_ladder(params)
    assert all(v.is_finite() for v in (*ladder.amounts, *ladder.targets, *ladder.drops))


# the words


def test_every_fault_can_be_worded():
    for key, template in FAULTS.items():
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        found = fault(key, "qty_inicial", **dict.fromkeys(names, "7"))
        assert found.reason.startswith("item 1: ")
        assert "{" not in found.reason.replace("{ qty_inicial: 300 }", "")


def test_what_is_quoted_back_is_short_and_printable():
    assert shown("  3,5\n") == "3,5"
    assert shown("a\x00\u202eb") == "a  b"
    assert shown("9" * 5000) == "9" * 24 + "…"
    assert shown(" " * 5000) == "…"
