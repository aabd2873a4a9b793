from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.params import StrategyParams
from bot.domain.plan import build_plan
from bot.domain.plan_checks import smallest_buy

D = Decimal
RULES = MarketRules(
    Symbol("BTCUSDT", "BTC", "USDT"), D("0.01"), D("0.000001"), D("0.01"), Quote.of(10), Base.of("0.0001")
)
ENTRY = Price.of(60000)
FREE = StrategyParams(saldo_limite=D(0))


def problems(rules=RULES, entry=ENTRY, **changes):
    return build_plan(replace(FREE, **changes), rules, entry).problems


def keys(*args, **changes):
    return [(f.field, f.key) for f in problems(*args, **changes)]


def test_the_defaults_break_no_rule():
    assert problems() == ()


def test_a_first_buy_under_the_minimum_names_the_smallest_that_passes():
    (found,) = problems(qty_inicial=D(9))
    assert (found.field, found.key) == ("qty_inicial", "first_buy_too_small")
    smallest = D(found.values["smallest"])
    assert problems(qty_inicial=smallest) == ()
    assert problems(qty_inicial=smallest - D("0.01")) != ()


def test_a_first_buy_that_could_not_be_sold_again_is_refused():
    # taken at the minimum, but the fee and the lot leave less than a sellable quantity
    rules = replace(RULES, lot_step=D("0.0001"), min_quantity=Base.of("0.0002"))
    (found,) = problems(rules, qty_inicial=D(12))
    assert (found.key, found.values["smallest"], found.values["price"]) == ("exit_too_small", "18", "62100")
    assert problems(rules, qty_inicial=D(18)) == ()
    assert problems(rules, qty_inicial=D("17.99")) != ()


def test_re_buys_under_the_minimum_name_the_floor_that_mends_all_of_them():
    (found,) = problems(qty_minima=D(1), multiplicador_qty=D("0.01"))
    assert (found.field, found.key) == ("qty_minima", "rebuy_too_small")
    smallest = D(found.values["smallest"])
    assert problems(qty_minima=smallest, multiplicador_qty=D("0.01")) == ()
    assert problems(qty_minima=smallest - D("0.0000001"), multiplicador_qty=D("0.01")) != ()


def test_a_ceiling_under_the_minimum_is_named_too():
    assert keys(qty_minima=D(1), qty_maxima=D(3)) == [
        ("qty_minima", "rebuy_too_small"),
        ("qty_maxima", "rebuy_too_small"),
    ]


def test_only_what_would_be_placed_is_judged():
    params = replace(FREE, saldo_limite=D(300), qty_minima=D(1), qty_maxima=D(3))
    assert build_plan(params, RULES, ENTRY).cut_by_limit_at == 1
    assert build_plan(params, RULES, ENTRY).problems == ()
    assert build_plan(replace(FREE, qty_inicial=D(1)), RULES, ENTRY, Quote.zero()).problems == ()


def test_buys_over_the_largest_order_name_the_largest_that_passes():
    rules = replace(RULES, max_quantity=Base.of("0.004"))
    first, rebuy, exit_ = problems(rules)
    assert (first.key, first.values["largest"]) == ("first_buy_too_large", "240")
    assert (rebuy.key, rebuy.values["k"]) == ("rebuy_too_large", "20")
    assert exit_.key == "exit_too_large"
    mended = {"qty_inicial": D(240), "qty_maxima": D(rebuy.values["largest"])}
    assert keys(rules, **mended) == [("limite_recompras", "exit_too_large")]


def test_an_exit_over_the_largest_order_names_the_re_buys_that_pass():
    rules = replace(RULES, max_quantity=Base.of("0.02"))
    (found,) = problems(rules)
    assert (found.field, found.key, found.values["k"]) == ("limite_recompras", "exit_too_large", "3")
    assert problems(rules, limite_recompras=int(found.values["largest"])) == ()
    assert problems(rules, limite_recompras=3) != ()


def test_a_suggestion_without_a_lot_step_is_a_readable_amount():
    rules = replace(RULES, lot_step=D(0), min_quantity=Base.zero(), quote_step=D(0))
    assert smallest_buy(Price.of(7), rules) == Quote.of(10)
    assert smallest_buy(Price.of("59412.37"), rules).value.as_tuple().exponent >= -8
    (found,) = problems(rules, qty_inicial=D(1))
    assert problems(rules, qty_inicial=D(found.values["smallest"])) == ()


STEPS = st.sampled_from([D(s) for s in ("0.000001", "0.0001", "0.01", "1", "10")])


@given(
    entry=st.decimals("0.05", "99999", places=2).map(Price),
    lot=STEPS,
    quote_step=st.sampled_from([D(s) for s in ("0", "0.00000001", "0.01", "1")]),
    minimum=st.decimals("0", "50", places=2).map(Quote),
    least=st.decimals("0", "20", places=4).map(Base),
    taxa=st.decimals("0", "0.01", places=4),
    first=st.decimals("0.01", "300", places=2),
    floor=st.decimals("0.01", "100", places=2),
    drop=st.decimals("0.001", "0.2", places=3),
)
def test_every_suggested_value_passes_and_is_the_smallest(
    entry, lot, quote_step, minimum, least, taxa, first, floor, drop
):
    rules = replace(RULES, lot_step=lot, quote_step=quote_step, min_notional=minimum, min_quantity=least)
    params = replace(
        FREE,
        qty_inicial=first,
        qty_minima=floor,
        qty_maxima=D(10**9),
        multiplicador_qty=D("0.001"),
        recompra_queda_inicial=drop,
        recompra_queda_maximo=D("0.3"),
        lucro_alvo_inicial=D("0.03"),
        taxa=taxa,
        limite_recompras=3,
    )
    found = build_plan(params, rules, entry).problems
    assume(not any(f.key == "price_rounds_to_nothing" for f in found))
    wanted = {f.field: D(f.values["smallest"]) for f in found}
    assert build_plan(replace(params, **wanted), rules, entry).problems == ()
    for field, smallest in wanted.items():
        less = {**wanted, field: smallest - D("0.00000001")}
        assert build_plan(replace(params, **less), rules, entry).problems != ()


@pytest.mark.parametrize(("amount", "refused"), [("9.99", True), ("10", False)])
def test_a_market_buy_is_judged_by_its_amount_and_not_by_what_the_lot_leaves(amount, refused):
    rules = replace(RULES, min_quantity=Base.zero(), lot_step=D("0.00001"))
    # 10 / 60000 buys 0.00016, worth 9.60: the exchange asks for the amount
    assert (("qty_inicial", "first_buy_too_small") in keys(rules, qty_inicial=D(amount))) is refused
