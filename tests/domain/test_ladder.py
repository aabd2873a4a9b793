from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ladder import build_ladder
from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.params import StrategyParams

D = Decimal
BTC = Symbol("BTCUSDT", "BTC", "USDT")
RULES = MarketRules(BTC, D("0.01"), D("0.000001"), D("0.01"), Quote.of(5))


def test_the_examples_of_the_definition():
    drops = build_ladder(StrategyParams(multiplicador_recompra=D("1.05"))).drops
    assert drops[:3] == (D("0.01"), D("0.0105"), D("0.011025"))
    targets = build_ladder(StrategyParams()).targets
    assert targets[:2] == (D("0.035"), D("0.03325"))
    amounts = build_ladder(StrategyParams(multiplicador_qty=D("1.03"))).amounts
    assert amounts[:3] == (D(300), D(309), D("318.27"))


def test_the_first_value_of_each_progression_is_never_clamped():
    params = StrategyParams(
        qty_inicial=D(5),
        lucro_alvo_inicial=D(9),
        recompra_queda_inicial=D("0.5"),
        limite_recompras=2,
    )
    ladder = build_ladder(params)
    assert ladder.amounts == (D(5), D(50), D(51))
    assert ladder.targets == (D(9), D("0.05"), D("0.0475"))
    assert ladder.drops == (D("0.5"), D("0.03"))


def test_the_ladder_has_one_drop_less_than_amounts():
    for count in (0, 1, 200):
        ladder = build_ladder(StrategyParams(limite_recompras=count))
        assert (len(ladder.amounts), len(ladder.targets), ladder.max_rebuys) == (count + 1, count + 1, count)


def test_the_increment_is_added_after_the_clamp_and_q_runs_on_without_it():
    ladder = build_ladder(StrategyParams(qty_maxima=D(306)))
    assert [ladder.amount(k, Quote.of("10.5")) for k in (0, 1, 2)] == [
        Quote.of("310.5"),
        Quote.of("316.5"),
        Quote.of("316.5"),
    ]


def test_a_re_buy_price_rounds_down_and_an_exit_price_up():
    ladder = build_ladder(StrategyParams())
    assert ladder.rebuy_price(1, Price.of("0.07"), RULES) == Price.of("0.06")
    assert ladder.exit_price(0, Quote.of(10), Base.of(3), RULES) == Price.of(
        "3.45"
    )  # 3.333... * 1.035 = 3.45
    assert ladder.exit_price(1, Quote.of(10), Base.of(3), RULES) == Price.of("3.45")  # 3.44416...


AMOUNTS = st.decimals("0.01", "100000", places=2)
FACTORS = st.decimals("0.01", "10", places=3)
RATIOS = st.decimals("0.0001", "0.9", places=4)


@given(AMOUNTS, AMOUNTS, AMOUNTS, FACTORS, st.integers(0, 8))
def test_amounts_are_exact_and_clamped_from_the_first_re_buy_on(first, a, b, factor, count):
    low, high = min(a, b), max(a, b)
    params = StrategyParams(
        qty_inicial=first, multiplicador_qty=factor, qty_minima=low, qty_maxima=high, limite_recompras=count
    )
    amounts = build_ladder(params).amounts
    assert amounts[0] == first
    expected = Fraction(first)
    for amount in amounts[1:]:
        expected = max(Fraction(low), min(Fraction(high), expected * Fraction(factor)))
        assert Fraction(amount) == expected


@given(st.decimals("0.01", "99999", places=2), RATIOS, st.sampled_from(["0.01", "0.1", "1", "0.00001"]))
def test_every_re_buy_lies_on_a_tick_under_the_price_before_it(last, drop, tick):
    rules = MarketRules(BTC, D(tick), D("0.001"), D("0.01"), Quote.of(5))
    price = build_ladder(StrategyParams(recompra_queda_inicial=drop)).rebuy_price(1, Price(last), rules)
    meant = Fraction(last) * (1 - Fraction(drop))
    assert price.value % D(tick) == 0
    assert meant - Fraction(D(tick)) < Fraction(price.value) <= meant
    assert price.value < last


@given(
    st.decimals("1", "9999", places=2),
    st.decimals("0.000001", "999", places=6),
    st.sampled_from(["0.01", "0.1", "1", "0.00001"]),
)
def test_every_exit_lies_on_a_tick_at_or_over_its_target(spent, bought, tick):
    rules = MarketRules(BTC, D(tick), D("0.000001"), D("0.01"), Quote.of(5))
    price = build_ladder(StrategyParams()).exit_price(0, Quote(spent), Base(bought), rules)
    meant = Fraction(spent) / Fraction(bought) * Fraction(1035, 1000)
    assert price.value % D(tick) == 0
    assert meant <= Fraction(price.value) < meant + Fraction(D(tick))
