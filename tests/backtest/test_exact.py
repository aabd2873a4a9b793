"""The exact path on candles small enough to be worked out by hand (docs/strategy.md, "Backtest rules")."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.backtest.exact import run_exact
from bot.backtest.model import BacktestRun, Engine, Terms
from bot.domain.market import Side
from bot.domain.money import Base, Quote
from bot.domain.params import StrategyParams
from tests.backtest.candles import START, candles, rules_of

D = Decimal
HUNDRED = StrategyParams(
    qty_inicial=D(100),
    qty_minima=D(10),
    recompra_queda_inicial=D("0.01"),
    lucro_alvo_inicial=D("0.035"),
    lucro_reaplicar=False,
)
FINE = Terms(rules_of(minimum="0"))


def told(run: BacktestRun) -> list[str]:
    """Each fill in few words: candle, side, rung, price."""
    return [f"{f.candle} {f.side} {f.k} {f.price}" for f in run.fills]


def near(amount: Quote, wanted: Decimal) -> bool:
    """Equal but for the 28 digits of a test's own arithmetic."""
    return abs(amount.value - wanted) < D("1e-20")


def ran(
    *rows: tuple[int | str, ...], params: StrategyParams = HUNDRED, terms: Terms = FINE, step_ms: int = 60_000
) -> BacktestRun:
    return run_exact(params, terms, candles(rows, step_ms=step_ms))


def test_the_worked_example_of_the_definition() -> None:
    run = ran((100, 100, 100, 100), (100, 104, 100, 104))
    (cycle,) = run.cycles
    assert told(run) == ["0 buy 0 100", "1 sell 0 103.5"]
    assert run.fills[1].quantity == Base(D("0.999"))
    assert cycle.net_profit == run.net_profit == Quote(D("3.2931035"))
    assert cycle.sell_fees == Quote(D("0.1033965"))
    assert cycle.base_fees_value == Quote(D("0.1"))
    assert (cycle.start, cycle.end, cycle.rebuys) == (START, START + 60_000, 0)
    assert run.open is None
    assert run.engine is Engine.EXACT


def test_a_rising_candle_goes_low_first_and_a_falling_one_high_first() -> None:
    rising = ran((100, 104, 99, 103))
    falling = ran((100, 104, 99, "99.5"))
    assert told(rising) == ["0 buy 0 100", "0 buy 1 99", "0 sell 1 102.81"]
    assert told(falling) == ["0 buy 0 100", "0 sell 0 103.5"]


def test_a_candle_that_closes_where_it_opened_goes_low_first() -> None:
    assert told(ran((100, 104, 99, 100)))[1] == "0 buy 1 99"


def test_the_last_segment_up_to_the_close_reaches_an_exit_that_a_rebuy_lowered() -> None:
    run = ran((100, "100.1", 80, 95))
    assert [f.side for f in run.fills][-1] is Side.SELL
    assert run.fills[-1].price.value <= 95


def test_a_gap_fills_every_order_it_passes_over_at_its_limit() -> None:
    run = ran((100, 100, 100, 100), ("97.5", "97.5", "97.5", "97.5"))
    assert told(run) == ["0 buy 0 100", "1 buy 1 99", "1 buy 2 98.01"]


def test_a_gap_up_sells_at_the_limit_and_the_next_cycle_waits_for_the_next_candle() -> None:
    run = ran((100, 100, 100, 100), (110, 120, 50, 110), (111, 111, 111, 111))
    assert told(run) == ["0 buy 0 100", "1 sell 0 103.5", "2 buy 0 111"]
    assert run.open is not None
    assert run.open.start == START + 120_000


def test_a_touch_to_the_tick_fills_and_one_tick_short_does_not() -> None:
    short = ran((100, 100, "99.01", 100), (100, "103.49", 100, 100))
    assert told(short) == ["0 buy 0 100"]
    assert told(ran((100, 100, 99, 100))) == ["0 buy 0 100", "0 buy 1 99"]
    assert told(ran((100, 100, "99.01", 100), (100, "103.5", 100, 100)))[-1] == "1 sell 0 103.5"


def test_prices_finer_than_the_tick_touch_exactly() -> None:
    rough = replace(FINE, rules=rules_of(tick="0.5", minimum="0"))
    history = candles([("100.3", "100.3", "100.3", "100.3"), ("100.3", "100.3", "99.001", "99.001")], scale=3)
    run = run_exact(HUNDRED, rough, history)
    # bought at 100.5 (up to the tick), the re-buy rests at 99 (99.495 down to it): 99.001 does not touch it
    assert told(run) == ["0 buy 0 100.5"]


def test_slippage_is_paid_on_first_buys_only_and_rounded_up_to_the_tick() -> None:
    run = ran((100, 100, 99, 100), terms=replace(FINE, slippage=D("0.00123")))
    assert told(run)[0] == "0 buy 0 100.13"


def test_slippage_beyond_the_drop_fills_the_first_rebuy_at_that_very_open() -> None:
    run = ran((100, 100, 100, 100), terms=replace(FINE, slippage=D("0.02")))
    assert told(run) == ["0 buy 0 102", "0 buy 1 100.98"]


def test_reinvested_profit_is_added_to_each_later_buy() -> None:
    params = replace(HUNDRED, lucro_reaplicar=True, limite_recompras=2)
    run = ran((100, 104, 100, 104), (100, 100, "98.5", "98.5"), params=params)
    share = run.net_profit.value / 3
    assert run.fills[2].quantity.value == D("1.010977")
    assert run.fills[2].quantity.value * 100 <= 100 + share < D("101.0978")


def test_without_rebuys_only_first_buys_and_exits_are_made() -> None:
    params = replace(HUNDRED, limite_recompras=0)
    run = ran((100, 104, 50, 104), (104, 108, 104, 108), params=params)
    assert told(run) == ["0 buy 0 100", "0 sell 0 103.5", "1 buy 0 104", "1 sell 0 107.64"]


def test_the_ladder_ends_at_the_limit_of_rebuys() -> None:
    run = ran((100, 100, 50, 50), params=replace(HUNDRED, limite_recompras=3))
    assert [f.k for f in run.fills] == [0, 1, 2, 3]


def test_the_ladder_ends_where_saldo_limite_does() -> None:
    run = ran((100, 100, 50, 50), params=replace(HUNDRED, saldo_limite=D(300)))
    assert [f.k for f in run.fills] == [0, 1]


def test_the_ladder_ends_where_the_money_does() -> None:
    run = ran((100, 100, 50, 50), (50, 50, 50, 50), terms=replace(FINE, balance=Quote(D(250))))
    assert [f.k for f in run.fills] == [0, 1]


def test_money_that_ended_one_ladder_does_not_hinder_the_next() -> None:
    poor = replace(FINE, balance=Quote(D(250)))
    run = ran((100, 100, 97, 103), (103, 103, 101, 101), terms=poor)
    assert told(run)[:3] == ["0 buy 0 100", "0 buy 1 99", "0 sell 1 102.81"]
    assert [f.k for f in run.fills[3:]] == [0, 1]


def test_nothing_is_bought_with_less_than_a_first_buy_costs() -> None:
    run = ran((100, 104, 90, 100), (100, 104, 90, 100), terms=replace(FINE, balance=Quote(D("99.99"))))
    assert run.fills == ()
    assert run.open is None


def test_a_balance_that_is_not_given_is_saldo_limite_or_all_the_amounts() -> None:
    assert FINE.opening_balance(HUNDRED) == Quote(D(5000))
    free = replace(HUNDRED, saldo_limite=D(0), limite_recompras=2)
    assert FINE.opening_balance(free) == Quote(D("306.04"))
    assert replace(FINE, balance=Quote(D(7))).opening_balance(free) == Quote(D(7))
    assert [f.k for f in ran((100, 100, 50, 50), params=free).fills] == [0, 1, 2]


def test_a_first_buy_under_the_minimum_is_never_taken() -> None:
    run = ran((100, 104, 90, 100), (100, 104, 90, 100), terms=Terms(rules_of(minimum="101")))
    assert run.fills == ()


def test_a_rebuy_under_the_minimum_ends_the_ladder() -> None:
    params = replace(HUNDRED, multiplicador_qty=D("0.5"))
    run = ran((100, 100, 50, 50), params=params, terms=Terms(rules_of(minimum="30")))
    assert [f.k for f in run.fills] == [0, 1]


def test_a_first_buy_of_less_than_a_lot_waits_for_an_open_that_is_low_enough() -> None:
    terms = Terms(rules_of(lot="1", minimum="0"))
    params = replace(HUNDRED, taxa=D(0))
    run = ran((150, 150, 90, 150), (120, 120, 120, 120), (100, 104, 100, 104), params=params, terms=terms)
    assert told(run) == ["2 buy 0 100", "2 sell 0 103.5"]


def test_coins_too_few_to_be_sold_are_carried_until_they_are_enough() -> None:
    terms = Terms(rules_of(lot="1", minimum="0"))
    params = replace(HUNDRED, limite_recompras=0)
    run = ran((100, 100, 100, 100), (100, 100, 100, 100), (100, 104, 100, 104), params=params, terms=terms)
    # a lot less its fee cannot be sold: the second first buy makes it 1.998, and one whole lot is sold
    assert told(run) == ["0 buy 0 100", "1 buy 0 100", "2 sell 0 103.5"]
    assert [f.quantity.value for f in run.fills] == [1, 1, 1]
    (cycle,) = run.cycles
    assert near(cycle.net_profit, D("103.5") * D("0.999") - D(200) / D("1.998"))


def test_the_open_cycle_is_valued_at_the_last_close_less_its_fee() -> None:
    run = ran((100, 100, 99, "99.5"))
    assert run.open is not None
    bought = D(1) + D("1.030303")
    assert run.open.held.value == bought * D("0.999")
    assert run.open.cost.value == 100 + D("1.030303") * 99
    assert run.open.value.value == run.open.held.value * D("99.5") * D("0.999")
    assert run.open.unrealised == run.open.value - run.open.cost
    assert run.open.rebuys == 1
    assert run.net_profit == Quote(D(0))


def test_dust_is_carried_with_its_cost_into_the_next_cycle() -> None:
    terms = Terms(rules_of(lot="0.1", minimum="0"))
    run = ran((100, 104, 100, 104), (100, 104, 100, 104), params=replace(HUNDRED), terms=terms)
    first, second = run.cycles
    assert [f.quantity.value for f in run.fills] == [1, D("0.9"), 1, 1]
    assert near(first.net_profit, D("0.9") * D("103.5") * D("0.999") - 100 * D("0.9") / D("0.999"))
    dust, dust_cost = D("0.099"), 100 * D("0.099") / D("0.999")
    cost = (100 + dust_cost) * 1 / (D("0.999") + dust)
    assert near(second.net_profit, D("103.5") * D("0.999") - cost)
    assert run.net_profit == first.net_profit + second.net_profit
    assert first.spent == second.spent == Quote(D(100))


def test_hours_without_candles_are_not_traded_in() -> None:
    history = candles([(100, 100, 100, 100), (100, 100, 100, 100), (90, 90, 90, 90)])
    times = history.times.copy()
    times[2] += 3_600_000
    run = run_exact(HUNDRED, FINE, replace(history, times=times))
    assert run.fills[1].time == START + 120_000 + 3_600_000
    assert run.fills[1].price.value == 99


def test_one_candle_is_enough() -> None:
    assert told(ran((100, 100, 100, 100))) == ["0 buy 0 100"]


def test_a_run_of_more_orders_than_an_id_can_number_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(100, 104, 99, 104)] * 30
    wanted = ran(*rows)
    monkeypatch.setattr("bot.backtest.desk._MOST_NUMBERED", 7)
    begun_again = ran(*rows)
    assert begun_again.fills == wanted.fills
    assert [f.cycle for f in wanted.fills if f.k == 0] == list(range(1, 31))
