"""Orders at the very edge of a rule, lows that a holding saw or did not, dust: alike on every path."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from bot.backtest import batch
from bot.backtest.exact import run_exact
from bot.backtest.fast import run_fast
from bot.backtest.figures import figures
from bot.backtest.first_cycle import Starts, StartsBench, cycles_from
from bot.backtest.judging import Ground
from bot.backtest.kernel_plain import LeftToExact
from bot.backtest.model import Terms
from bot.domain.money import Base, Quote
from bot.domain.params import StrategyParams
from tests.backtest.candles import candles, rules_of
from tests.backtest.test_fast import BIN, in_ticks_and_lots, near

D = Decimal
ONE = replace(BIN, qty_inicial=D(100), multiplicador_qty=D("0.99"), qty_minima=D(50), limite_recompras=1)
"""One coin at 100, one at 99: 100 and 99 of the quote."""
HALF = {"multiplicador_qty": D("0.5")}
EDGES = {
    "a re-buy of the least quantity": ({}, {"min_quantity": Base(D(1))}, None, 2),
    "a re-buy of less": (HALF, {"min_quantity": Base(D("0.51"))}, None, 1),
    "a re-buy of the least cost": ({}, {"min_notional": Quote(D(99))}, None, 2),
    "a re-buy of less cost": ({}, {"min_notional": Quote(D("99.01"))}, None, 1),
    "an exit of the largest quantity": ({}, {"max_quantity": Base(D(2))}, None, 2),
    "a re-buy for the last of the money": ({}, {}, "199", 2),
    "a re-buy for more than that": ({}, {}, "198.99", 1),
    "a re-buy up to saldo_limite": ({"saldo_limite": D(199)}, {}, "1000", 2),
    "a re-buy beyond it": ({"saldo_limite": D("198.99")}, {}, "1000", 1),
    "a first buy for all of the money": ({}, {}, "100", 1),
    "a first buy for more than that": ({}, {}, "99.99", 0),
    "a first buy of the least cost": ({}, {"min_notional": Quote(D(100))}, None, 1),
    "a first buy of less cost": ({}, {"min_notional": Quote(D("100.01"))}, None, 0),
    "a first buy cut down to the least cost": ({"qty_inicial": D("100.7")}, {"quote_step": D(1)}, "101", 1),
}


@pytest.mark.parametrize("what", EDGES)
def test_an_order_at_the_very_edge_of_a_rule_is_taken_on_every_path(what: str) -> None:
    changes, limits, money, buys = EDGES[what]
    rules = replace(rules_of(lot="0.01", minimum="5"), **limits)
    terms = Terms(rules, balance=Quote(D(money or 10_000)))
    history, params = candles([(100, 100, 90, 90)]), replace(ONE, **changes)
    exact = run_exact(params, terms, history)
    assert len(exact.fills) == buys
    assert run_fast(params, terms, history).fills == exact.fills
    rows, why = batch.fills_of(batch.prepare(history, terms), terms, params)
    assert (why, rows.tolist()) == (0, in_ticks_and_lots(exact))


def test_a_re_buy_of_the_largest_order_rests_though_its_exit_will_be_too_large() -> None:
    terms = Terms(replace(rules_of(lot="0.01"), max_quantity=Base(D(1))))
    history = candles([(100, 100, 90, 90)])
    assert len(run_exact(ONE, terms, history).fills) == 2
    with pytest.raises(LeftToExact, match="largest order"):
        run_fast(ONE, terms, history)
    _, why = batch.fills_of(batch.prepare(history, terms), terms, ONE)
    assert batch.REASONS[why] == "an exit is over the exchange's largest order"


LADDER = replace(
    StrategyParams(),
    qty_inicial=D(100),
    multiplicador_qty=D(1),
    lucro_alvo_inicial=D("0.05"),
    multiplicador_lucro=D(1),
    recompra_queda_inicial=D("0.1"),
    recompra_queda_maximo=D("0.5"),
    limite_recompras=3,
)
BEFORE = (100, 100, 99, 100)
LOWS = {
    "the exit after the low": [BEFORE, (100, 106, 92, 106)],
    "the exit before the low": [BEFORE, (100, 106, 92, 95)],
    "the exit at the open": [BEFORE, (105, 110, 60, 110)],
    "a re-buy on the way to the low, the exit after it": [BEFORE, (100, 100, 89, 97), (97, 100, 70, 100)],
    "a re-buy at a gap, the exit before the low": [BEFORE, (85, 100, 83, 84)],
    "a re-buy at a gap, the low, the exit": [BEFORE, (85, 100, 83, 99)],
    "two re-buys at a gap, the exit before the low": [BEFORE, (80, 96, 75, 76)],
    "a loss before a gap is the worst": [BEFORE, (100, 101, 92, 93), (85, 100, 84, 84)],
    "a re-buy below the open, the exit at the close": [BEFORE, (100, 101, 60, 99)],
    "the end": [BEFORE, (100, 100, 89, 91), (91, 92, 87, 88)],
}


@pytest.mark.parametrize("lot", ["0.000001", "0.1"])
@pytest.mark.parametrize("where", LOWS)
def test_the_worst_loss_is_taken_at_the_lows_that_a_holding_saw(where: str, lot: str) -> None:
    history, terms = candles(LOWS[where]), Terms(rules_of(lot=lot))
    prepared, exact = batch.prepare(history, terms), run_exact(LADDER, terms, history)
    (summary,) = batch.evaluate(prepared, terms, [LADDER])
    assert (summary["proven"], summary["cycles"]) == (1, len(exact.cycles))
    assert summary["worst_loss"] == near(figures(exact, history).worst.amount)
    bench = StartsBench(LADDER, terms, Ground(history, prepared))
    quick, slow = (cycles_from(bench, Starts(np.array([0, 1]), exact=exact)) for exact in (False, True))
    assert quick["proven"].all()
    assert quick["worst_loss"] == pytest.approx(slow["worst_loss"], abs=1e-9)


def test_dust_left_at_the_end_is_worth_what_its_coins_are() -> None:
    """Sold whole lots of a tenth: what was not sold is held, though no cycle is open."""
    terms, params = Terms(rules_of(lot="0.1", minimum="1")), replace(StrategyParams(), qty_inicial=D(100))
    history = candles([(100, 104, 100, 104)])
    exact = run_exact(params, terms, history)
    assert exact.open is None
    (summary,) = batch.evaluate(batch.prepare(history, terms), terms, [params])
    worth = D("0.099") * 104 * D("0.999") - 100 * D("0.099") / D("0.999")
    assert figures(exact, history).unrealised.value == pytest.approx(worth)
    assert summary["unrealised"] == pytest.approx(float(worth))


def test_a_start_loses_nothing_after_its_exit() -> None:
    """The falling candle sells at its high and then falls to half: what dust loses there is not the cycle's."""
    terms, params = Terms(rules_of(lot="0.1", minimum="1")), replace(StrategyParams(), qty_inicial=D(100))
    history = candles([(100, 100, "99.5", 100), (100, 104, 50, 99)])
    bench = StartsBench(params, terms, Ground(history, batch.prepare(history, terms)))
    quick, slow = (cycles_from(bench, Starts(np.array([0, 1]), exact=exact)) for exact in (False, True))
    lost = 100 - float(D("0.999") * D("99.5") * D("0.999"))
    for rows in (quick, slow):
        assert rows["exit"].tolist() == [1, 1]
        assert rows["worst_loss"] == pytest.approx([lost, 0.0])
