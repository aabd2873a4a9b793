import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.params import StrategyParams
from bot.domain.plan import build_plan, plan_as_json
from bot.errors import InvalidInput

D = Decimal
RULES = MarketRules(
    Symbol("BTCUSDT", "BTC", "USDT"),
    D("0.01"),
    D("0.000001"),
    D("0.00000001"),
    Quote.of(5),
    Base.of("0.000001"),
)
ENTRY = Price.of(60000)
DEFAULTS = StrategyParams()

# docs/strategy.md, "The plan": k, amount, price, base, cumulative cost, average, target %, exit
GOLDEN = """
0  300.0000 60000.00 0.005000  300.00 60000.00 3.5     62100.00
1  306.0000 59400.00 0.005151  605.97 59695.54 3.325   61680.42
2  312.1200 58806.00 0.005307  918.05 59390.14 3.15875 61266.13
13 388.0820 52651.22 0.007370 4791.83 55978.67 1.7967  56984.44
20 445.7842 49074.34 0.009083 7734.47 53770.98 1.2547  54445.65
"""


def rounded_like(value, text):
    return f"{value:.{len(text.partition('.')[2])}f}"


@pytest.mark.parametrize("line", GOLDEN.strip().splitlines(), ids=lambda line: f"k={line.split()[0]}")
def test_the_golden_table_of_the_definition(line):
    k, *columns = line.split()
    rung = build_plan(replace(DEFAULTS, saldo_limite=D(0)), RULES, ENTRY).rungs[int(k)]
    values = [
        rung.amount.value,
        rung.price.value,
        rung.quantity.value,
        rung.cumulative_cost.value,
        rung.average.value,
        rung.target * 100,
        rung.exit_price.value,
    ]
    assert [rounded_like(v, text) for v, text in zip(values, columns, strict=True)] == columns


def test_saldo_limite_cuts_the_ladder_at_re_buy_14():
    plan = build_plan(DEFAULTS, RULES, ENTRY)
    assert plan.cut_by_limit_at == 14
    assert [r.k for r in plan.rungs if not r.placed] == list(range(14, 21))
    assert rounded_like(plan.rungs[14].amount.value, "395.8436") == "395.8436"
    assert rounded_like(plan.rungs[14].cumulative_cost.value, "5187.66") == "5187.66"


def test_the_totals_are_of_the_placed_rungs():
    plan = build_plan(DEFAULTS, RULES, ENTRY)
    assert plan.total_cost == plan.rungs[13].cumulative_cost
    assert plan.total_with_fees.value == plan.total_cost.value * D("1.001")
    assert plan.deepest_drop == plan.rungs[13].drop
    whole = build_plan(replace(DEFAULTS, saldo_limite=D(0)), RULES, ENTRY)
    assert whole.total_cost == whole.rungs[20].cumulative_cost
    assert (whole.cut_by_limit_at, whole.limit) == (None, None)


def test_a_re_buy_that_just_fits_the_limit_is_placed():
    plan = build_plan(replace(DEFAULTS, saldo_limite=D(606)), RULES, ENTRY)
    assert plan.cut_by_limit_at == 2
    plan = build_plan(replace(DEFAULTS, saldo_limite=D("605.99")), RULES, ENTRY)
    assert plan.cut_by_limit_at == 1


def test_the_free_balance_is_the_limit_where_saldo_limite_is_0():
    plan = build_plan(replace(DEFAULTS, saldo_limite=D(0)), RULES, ENTRY, Quote.of(700))
    assert (plan.limit, plan.cut_by_limit_at) == (Quote.of(700), 2)
    assert plan.covered is plan.first_buy_covered is True


def test_the_free_balance_covers_the_ladder_or_the_first_buy_or_nothing():
    assert build_plan(DEFAULTS, RULES, ENTRY).covered is None
    assert build_plan(DEFAULTS, RULES, ENTRY).first_buy_covered is None
    plan = build_plan(DEFAULTS, RULES, ENTRY, Quote.of(4000))
    assert (plan.first_buy_covered, plan.covered, plan.cut_by_limit_at) == (True, False, 14)
    plan = build_plan(DEFAULTS, RULES, ENTRY, Quote.of("4791.83"))
    assert plan.covered is True
    plan = build_plan(replace(DEFAULTS, saldo_limite=D(0)), RULES, ENTRY, Quote.of(299))
    assert (plan.first_buy_covered, plan.covered, plan.cut_by_limit_at) == (False, False, 0)
    assert (plan.total_cost, plan.deepest_drop, plan.placed) == (Quote.zero(), D(0), ())


def test_the_worked_profit_of_the_definition():
    params = replace(DEFAULTS, qty_inicial=D(100))
    rung = build_plan(params, replace(RULES, lot_step=D("0.001")), Price.of(100)).rungs[0]
    assert (rung.quantity, rung.exit_price) == (Base.of(1), Price.of("103.5"))
    assert rung.net_profit == Quote.of("3.2931035")


def test_dust_that_cannot_be_sold_keeps_its_share_of_the_cost():
    rung = build_plan(
        replace(DEFAULTS, qty_inicial=D(100)), replace(RULES, lot_step=D("0.1")), Price.of(100)
    ).rungs[0]
    # held 0.999, sold 0.9: received 93.15, fee 0.09315, cost 100 * 0.9 / 0.999
    assert abs(rung.net_profit.value - (D("93.15") - D("0.09315") - D(90) / D("0.999"))) < D("1e-20")


def test_rise_and_drop_are_fractions_of_their_own_prices():
    rung = build_plan(DEFAULTS, RULES, ENTRY).rungs[2]
    assert rung.drop == D("0.0199")
    assert abs(rung.required_rise - (D("61266.13") / D(58806) - 1)) < D("1e-25")


def test_an_entry_that_is_no_price_is_refused():
    for price in ("0", "-1", "1E-19", "1000000000001", "1E+999999"):
        with pytest.raises(InvalidInput, match="price: takes a price above 0 ") as caught:
            build_plan(DEFAULTS, RULES, Price.of(price))
        assert caught.value.values["value"] == price
    for price in ("1E-18", "1000000000000"):
        assert build_plan(DEFAULTS, RULES, Price.of(price)).entry == Price.of(price)


def test_a_ladder_ends_where_its_price_rounds_to_nothing():
    params = replace(DEFAULTS, recompra_queda_inicial=D("0.9"), limite_recompras=5)
    plan = build_plan(params, replace(RULES, lot_step=D(1), min_notional=Quote.zero()), Price.of("0.12"))
    assert [r.price for r in plan.rungs] == [Price.of("0.12"), Price.of("0.01")]
    (found,) = plan.problems
    assert (found.field, found.key) == ("limite_recompras", "price_rounds_to_nothing")
    assert (found.values["k"], found.values["largest"]) == ("2", "1")
    mended = build_plan(replace(params, limite_recompras=1), plan.rules, plan.entry)
    assert mended.problems == ()


def test_a_first_buy_that_rounds_to_nothing_is_shown_and_refused():
    plan = build_plan(DEFAULTS, replace(RULES, lot_step=D("0.01")), ENTRY)
    assert plan.rungs[0].quantity == Base.zero()
    assert (plan.rungs[0].average, plan.rungs[0].exit_price) == (ENTRY, Price.of(62100))
    assert plan.rungs[0].net_profit == Quote.zero()
    assert [f.field for f in plan.problems] == ["qty_inicial", "qty_minima"]


# JSON


def test_the_json_has_the_promised_shape():
    shown = plan_as_json(build_plan(DEFAULTS, RULES, ENTRY))
    assert list(shown) == ["rungs", "total_cost", "total_with_fees", "deepest_drop", "cut_by_limit_at"]
    assert shown["cut_by_limit_at"] == 14
    assert shown["total_cost"] == "4791.82975211"
    assert shown["total_with_fees"] == "4796.62158186211"
    assert shown["rungs"][1] == {
        "k": 1,
        "amount": "306",
        "price": "59400",
        "quantity": "0.005151",
        "cumulative_cost": "605.9694",
        "average": "59695.53738547926312678553837",
        "target": "0.03325",
        "exit_price": "61680.42",
        "drop": "0.01",
        "required_rise": "0.03839090909090909090909090909",
        "net_profit": "18.89535158468375565004468561",
        "placed": True,
    }


def test_no_decimal_of_the_json_has_an_exponent():
    rules = replace(RULES, tick=D("1e-12"), lot_step=D(1))
    shown = plan_as_json(build_plan(DEFAULTS, rules, Price.of("0.000000012")))
    texts = [v for rung in shown["rungs"] for v in rung.values() if isinstance(v, str)]
    assert not any("E" in text for text in texts)
    assert json.loads(json.dumps(shown)) == shown
    assert (
        plan_as_json(build_plan(replace(DEFAULTS, saldo_limite=D(0)), RULES, ENTRY))["cut_by_limit_at"]
        is None
    )


# properties

PARAMS = st.builds(
    lambda first, floor, ceiling, factor, drop, count, limit: StrategyParams(
        qty_inicial=first,
        qty_minima=min(floor, ceiling),
        qty_maxima=max(floor, ceiling),
        multiplicador_qty=factor,
        recompra_queda_inicial=drop,
        limite_recompras=count,
        saldo_limite=max(first, limit),
    ),
    st.decimals("10", "1000", places=2),
    st.decimals("10", "1000", places=2),
    st.decimals("10", "1000", places=2),
    st.decimals("0.5", "2", places=2),
    st.decimals("0.001", "0.3", places=3),
    st.integers(0, 30),
    st.decimals("10", "5000", places=2),
)
ENTRIES = st.decimals("1", "100000", places=2).map(Price)


@given(PARAMS, ENTRIES)
def test_what_is_placed_stays_within_the_limit(params, entry):
    plan = build_plan(params, RULES, entry)
    assert plan.total_cost.value <= params.saldo_limite
    spent = Fraction(0)
    for rung in plan.placed:
        assert spent + Fraction(rung.amount.value) <= Fraction(params.saldo_limite)
        spent += Fraction(rung.quantity.value) * Fraction(rung.price.value)
        assert Fraction(rung.cumulative_cost.value) == spent
    if plan.cut_by_limit_at is not None:
        assert spent + Fraction(plan.rungs[plan.cut_by_limit_at].amount.value) > Fraction(params.saldo_limite)


@given(PARAMS, ENTRIES)
def test_the_average_lies_between_the_dearest_and_the_cheapest_buy(params, entry):
    for rung in build_plan(params, RULES, entry).rungs:
        assert rung.price <= rung.average <= entry
        assert rung.exit_price > rung.average


@given(PARAMS, ENTRIES)
def test_every_placed_rung_that_the_exchange_takes_earns_at_its_exit(params, entry):
    plan = build_plan(params, RULES, entry)
    if not plan.problems:
        assert all(rung.net_profit.value > 0 for rung in plan.placed)


@given(PARAMS, ENTRIES)
def test_no_buy_spends_more_than_its_amount_and_prices_only_fall(params, entry):
    rungs = build_plan(params, RULES, entry).rungs
    for rung in rungs:
        assert rung.quantity.at(rung.price) <= rung.amount
        assert (rung.amount.value - rung.quantity.at(rung.price).value) <= RULES.lot_step * rung.price.value
    for before, after in pairwise(rungs):
        assert after.price < before.price
