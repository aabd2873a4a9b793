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
MORE = {"qty_inicial": D(110), "multiplicador_qty": D("0.9")}
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
    "a first buy cut down to the step of its amount": (
        {"qty_inicial": D(109)},
        {"quote_step": D(10)},
        "109",
        1,
    ),
    "a re-buy of less quantity, by half a lot": (MORE, {"min_quantity": Base(D("1.005"))}, None, 1),
    "a re-buy of less cost, by half a unit": ({}, {"min_notional": Quote(D("99.00005"))}, None, 1),
    "a re-buy at no price": ({}, {"tick": D(100)}, None, 1),
    "a re-buy of no lot at all": (HALF, {"lot_step": D(1), "min_notional": Quote(D(0))}, None, 1),
    "a re-buy within saldo_limite that the wallet lacks": ({"saldo_limite": D(5000)}, {}, "198.99", 1),
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


def test_an_exit_over_the_largest_order_by_half_a_lot_is_too_large() -> None:
    terms = Terms(replace(rules_of(lot="0.01"), max_quantity=Base(D("1.005"))))
    history = candles([(100, 100, "99.5", 100)])
    for coins, why in (("1", "proven"), ("1.01", "an exit is over the exchange's largest order")):
        params = replace(ONE, qty_inicial=D(coins) * 100)
        _, found = batch.fills_of(batch.prepare(history, terms), terms, params)
        assert batch.REASONS[found] == why


def test_a_start_without_money_has_not_run_out_of_re_buys() -> None:
    params, terms = replace(ONE, limite_recompras=0), Terms(rules_of(), balance=Quote(D(99)))
    history = candles([(100, 100, 99, 100)])
    bench = StartsBench(params, terms, Ground(history, batch.prepare(history, terms)))
    for exact in (False, True):
        (row,) = cycles_from(bench, Starts(np.array([0]), exact=exact))
        assert (row["started"], row["out_of_rebuys"], row["out_of_money"]) == (False, False, False)


HAIR = "9" * 40
BEYOND = {
    "a target above 800 %": ({"lucro_alvo_inicial": D("8.5"), "lucro_alvo_maximo": D(9)}, None),
    "a drop to almost nothing": ({"recompra_queda_inicial": D("0.995")}, None),
    "a taxa of thirteen digits": ({"taxa": D("0.0010000000001")}, None),
    "an amount of too many lots": ({"qty_inicial": D(10) ** 13}, 10**14),
    "an amount by a hair under a whole": ({"qty_inicial": D(f"99.{HAIR}")}, None),
    "a wallet by a hair under a whole": ({}, f"198.{HAIR}"),
}


@pytest.mark.parametrize("what", BEYOND)
def test_what_whole_numbers_cannot_hold_is_left_to_decimals(what: str) -> None:
    changes, money = BEYOND[what]
    params, terms = replace(ONE, **changes), Terms(rules_of(), balance=Quote(D(money or 10_000)))
    history = candles([(100, 100, 90, 90), (90, 1000, 90, 1000), (1000, 1000, 4, 4)])
    prepared = batch.prepare(history, terms)
    rows, why = batch.fills_of(prepared, terms, params)
    assert (len(rows), batch.REASONS[why]) == (0, "a parameter cannot be had in whole ticks and lots")
    assert not batch.evaluate(prepared, terms, [params])["proven"]
    fills = run_exact(params, terms, history).fills
    assert fills
    assert run_fast(params, terms, history).fills == fills


@pytest.mark.parametrize(("changes", "prices"), [
    ({"lucro_alvo_inicial": D("0.05") + D("1e-25")}, ["100", "105.01"]),
    ({"lucro_alvo_inicial": D("0.05") - D("1e-25")}, ["100", "105"]),
    ({"recompra_queda_inicial": D("0.01") + D("1e-25")}, ["100", "98.99"]),
    ({"recompra_queda_inicial": D("0.01") - D("1e-25")}, ["100", "99"]),
])  # fmt: skip
def test_a_ratio_a_hair_off_a_round_one_is_not_taken_for_it(changes, prices) -> None:
    """Only whole numbers tell a price that is a tick from one a hair beside it; what they lack is not guessed."""
    params, terms = replace(ONE, **changes), Terms(rules_of())
    rise, fall = ("100", "106", "99.5", "106"), ("100", "100", "98.99", "98.99")
    history = candles([rise if "lucro_alvo_inicial" in changes else fall])
    exact = run_exact(params, terms, history)
    assert [str(fill.price) for fill in exact.fills] == prices
    assert run_fast(params, terms, history).fills == exact.fills
    rows, why = batch.fills_of(batch.prepare(history, terms), terms, params)
    assert batch.REASONS[why].startswith("a price") or rows.tolist() == in_ticks_and_lots(exact)


@pytest.mark.parametrize(
    ("row", "fills"), [((100, 105, 99, 99), 1), ((100, 106, 99, 99), 2), ((100, 105, 98, 99), 2)]
)
def test_an_order_between_two_prices_of_the_file_waits_for_the_farther_one(row, fills) -> None:
    """The candles are in whole numbers; the exit rests at 105.5 and the re-buy at 98.5."""
    params = replace(ONE, lucro_alvo_inicial=D("0.055"), lucro_alvo_maximo=D("0.1"))
    params = replace(params, recompra_queda_inicial=D("0.015"))
    history, terms = candles([row], scale=0), Terms(rules_of())
    exact = run_exact(params, terms, history)
    assert len(exact.fills) == fills
    assert run_fast(params, terms, history).fills == exact.fills
    rows, why = batch.fills_of(batch.prepare(history, terms), terms, params)
    assert (why, rows.tolist()) == (0, in_ticks_and_lots(exact))


def test_coins_that_64_bits_cannot_hold_with_their_fees_are_not_counted() -> None:
    """Coins are counted in lots / 10**12 where taxa has twelve digits: ten of a millionth each are too many."""
    history = candles([(100, 104, 100, 104)])
    for coins, why in ((1, "proven"), (10, "amounts are too large for 64 bits")):
        params = replace(ONE, qty_inicial=D(100 * coins), taxa=D("0.001000000001"))
        terms = Terms(rules_of(), balance=Quote(D(10_000)))
        rows, found = batch.fills_of(batch.prepare(history, terms), terms, params)
        assert batch.REASONS[found] == why
        assert found or rows.tolist() == in_ticks_and_lots(run_exact(params, terms, history))


def test_thirds_of_a_limit_and_of_an_amount_are_not_taken_for_more_than_it() -> None:
    """A lot of 3 at a tick of 1: 1000 / 3 less 100 / 3 is 300, but sixty digits of either are not."""
    params = replace(ONE, qty_inicial=D(1000), qty_minima=D(50), qty_maxima=D(100), saldo_limite=D(1000))
    params = replace(params, recompra_queda_inicial=D("0.5"), recompra_queda_maximo=D("0.5"))
    terms = Terms(rules_of(tick="1", lot="3", minimum="0"), balance=Quote(D(3000)))
    history = candles([(50, 50, 25, 25)])
    exact = run_exact(params, terms, history)
    assert [str(fill.quantity) for fill in exact.fills] == ["18", "3"]
    rows, why = batch.fills_of(batch.prepare(history, terms), terms, params)
    assert batch.REASONS[why].startswith("a parameter") or rows.tolist() == in_ticks_and_lots(exact)


DUSTY = {
    "dust that makes another lot": ("1000", D(0)),
    "less left than a first buy takes, for dust is not money": ("100", D(0)),
    "a limit that what came back is held against": ("250", D(0)),
    "a full saldo_limite, grown to by what is reinvested": ("1000", D(101)),
}


@pytest.mark.parametrize("what", DUSTY)
def test_coarse_lots_leave_dust_that_every_path_carries_alike(what: str) -> None:
    """A tenth of a coin at 100: what a sale leaves over is worth ten of the quote."""
    money, saldo = DUSTY[what]
    params = replace(ONE, saldo_limite=saldo, taxa=D("0.001"), lucro_reaplicar=True, limite_recompras=2)
    terms = Terms(rules_of(lot="0.1", minimum="1"), balance=Quote(D(money)))
    up, down = (100, 104, 100, 104), (100, 100, 95, 96)
    history = candles([up, down, (96, 104, 96, 104), up, up, up, down, up, (100, 100, 50, 50)])
    exact = run_exact(params, terms, history)
    assert run_fast(params, terms, history).fills == exact.fills
    prepared = batch.prepare(history, terms)
    rows, why = batch.fills_of(prepared, terms, params)
    assert (why, rows.tolist()) == (0, in_ticks_and_lots(exact))
    (summary,) = batch.evaluate(prepared, terms, [params])
    found = figures(exact, history)
    assert summary["net_profit"] == near(found.net_profit)
    assert summary["unrealised"] == near(found.unrealised)
    assert summary["worst_loss"] == near(found.worst.amount)
    assert summary["max_invested"] == near(found.most_invested)
    assert summary["fees"] == near(found.fees.total)


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
    "a re-buy at the very open, the exit before the low": [BEFORE, (90, 100, 70, 75)],
    "a re-buy at the very open of a rising one": [BEFORE, (90, 100, 70, 95)],
    "a re-buy at the very low, no exit at the close": [BEFORE, (100, 101, 90, 95)],
    "a re-buy at the very low, the exit at the very high": [BEFORE, (95, "99.48", 90, 96)],
    "the exit at the very close": [BEFORE, (100, 101, 85, "99.48")],
    "the exit at the very high of a falling one": [BEFORE, (100, 105, 80, 99)],
    "the exit at the very high of a rising one": [BEFORE, (100, 105, 95, 104)],
    "the end": [BEFORE, (100, 100, 89, 91), (91, 92, 87, 88)],
}


@pytest.mark.parametrize("lot", ["0.000001", "0.1"])
@pytest.mark.parametrize("where", LOWS)
def test_the_worst_loss_is_taken_at_the_lows_that_a_holding_saw(where: str, lot: str) -> None:
    history, terms = candles(LOWS[where]), Terms(rules_of(lot=lot))
    prepared, exact = batch.prepare(history, terms), run_exact(LADDER, terms, history)
    (summary,) = batch.evaluate(prepared, terms, [LADDER])
    assert run_fast(LADDER, terms, history).fills == exact.fills
    assert batch.fills_of(prepared, terms, LADDER)[0].tolist() == in_ticks_and_lots(exact)
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
