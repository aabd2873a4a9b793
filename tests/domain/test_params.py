from dataclasses import fields
from decimal import Decimal

import pytest

from bot.domain.params import (
    BY_NAME,
    PARAMETERS,
    Kind,
    Limits,
    StrategyParams,
    as_answers,
    from_answers,
)

# docs/strategy.md, "Parameters": item, name, default
MENU = """
1    qty_inicial            300
1.1  multiplicador_qty      1.02
1.1a qty_minima             50
1.1b qty_maxima             600
2    lucro_alvo_inicial     0.035
2.1  multiplicador_lucro    0.95
2.1a lucro_alvo_minimo      0.005
2.1b lucro_alvo_maximo      0.05
3    recompra_queda_inicial 0.01
3.1  multiplicador_recompra 1
3.1a recompra_queda_minimo  0.005
3.1b recompra_queda_maximo  0.03
3.1c limite_recompras       20
4    taxa                   0.001
5    saldo_limite           5000
6    lucro_reaplicar        s
"""


def test_the_menu_has_the_items_names_and_defaults_of_the_definition():
    shown = {True: "s", False: "n"}
    ours = [
        [p.item, p.name, shown.get(p.default, str(p.default))] for p in PARAMETERS if p.kind is Kind.YES_NO
    ]
    ours = [[p.item, p.name, str(p.default)] for p in PARAMETERS if p.kind is not Kind.YES_NO] + ours
    assert ours == [line.split() for line in MENU.strip().splitlines()]


def test_every_field_is_a_parameter_or_a_curve():
    names = [f.name for f in fields(StrategyParams)]
    assert names == [*BY_NAME, "curva_qty", "curva_lucro", "curva_recompra"]


def test_answers_and_parameters_are_two_forms_of_one_thing():
    params = StrategyParams(qty_inicial=Decimal(7), lucro_reaplicar=False)
    assert from_answers(as_answers(params)) == params
    assert from_answers({}) == StrategyParams()


@pytest.mark.parametrize(
    ("limits", "inside", "outside"),
    [
        (Limits(Decimal(0), Decimal(10), low_open=True, high_open=True), ["0.1", "9.9"], ["0", "10", "-1"]),
        (Limits(Decimal(0), Decimal(200)), ["0", "200"], ["-1", "201"]),
    ],
)
def test_limits_know_their_open_ends(limits, inside, outside):
    assert all(limits.hold(Decimal(v)) for v in inside)
    assert not any(limits.hold(Decimal(v)) for v in outside)


def test_limits_are_shown_without_words():
    assert str(BY_NAME["lucro_alvo_inicial"].limits) == "> 0, < 10"
    assert str(BY_NAME["limite_recompras"].limits) == ">= 0, <= 200"
