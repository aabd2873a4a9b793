"""Real fills laid over the backtest: what is the same is said to be, and each difference has its name."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.backtest.against_live import Overlay, lay_over
from bot.backtest.differences import (
    ExtraFill,
    FeesDiffer,
    FirstBuySlipped,
    LeftOpen,
    MissedTouch,
    NotComparable,
    OtherPrice,
    OtherQuantity,
    SoldByHand,
)
from bot.backtest.exact import run_exact
from bot.backtest.history import History
from bot.backtest.jobs import RealFill
from bot.backtest.model import BacktestFill, Terms
from bot.domain.market import Side
from bot.domain.money import Base, Price
from bot.domain.params import StrategyParams
from bot.errors import InvalidInput
from tests.backtest.candles import DATA, START, candles, real, rules_of
from tests.backtest.test_three_agree import CANDLES, SCALP, watched

D = Decimal
RULES = rules_of()
LIVELY = StrategyParams(
    lucro_alvo_inicial=D("0.006"),
    lucro_alvo_minimo=D("0.004"),
    recompra_queda_inicial=D("0.003"),
    recompra_queda_minimo=D("0.001"),
)


def as_real(fill: BacktestFill, *, fee: str = "0.001", after_ms: int = 20_000) -> RealFill:
    """A backtest's fill as an exchange would report it."""
    buys = fill.side is Side.BUY
    leg = ("e" if fill.k == 0 else "r") if buys else "x"
    amount = fill.quantity.value * (1 if buys else fill.price.value)
    coin = "BTC" if buys else "USDT"
    return RealFill(
        fill.time + after_ms,
        fill.cycle,
        leg,
        fill.k,
        fill.side,
        fill.price,
        fill.quantity,
        amount * D(fee),
        coin,
    )


@pytest.fixture(scope="module")
def part() -> History:
    history = real("binance_BTCUSDT_5m_202208-202309")
    return history.between(int(history.times[2000]), int(history.times[3000]))


def fills_of(history: History, params: StrategyParams = LIVELY) -> list[RealFill]:
    return [as_real(fill) for fill in run_exact(params, Terms(RULES), history).fills]


def over(fills: list[RealFill], history: History, params: StrategyParams = LIVELY, **more: object) -> Overlay:
    return lay_over(fills, params, RULES, history, **more)


def named(overlay: Overlay) -> set[str]:
    """What is said beside the slippage of first buys, which is said of all."""
    return {type(one).__name__ for one in overlay.differences} - {"FirstBuySlipped"}


def test_fills_that_are_the_backtests_differ_in_nothing(part: History) -> None:
    run = run_exact(LIVELY, Terms(RULES), part)
    overlay = over([as_real(fill) for fill in run.fills], part)
    assert named(overlay) == set()
    assert overlay.same == len(overlay.cycles) == len(run.cycles) + 1
    assert [one.net_profit for one in overlay.cycles[:-1]] == [one.net_profit for one in run.cycles]
    assert [one.tested_net_profit for one in overlay.cycles[:-1]] == [one.net_profit for one in run.cycles]
    assert overlay.cycles[-1].net_profit is None
    assert overlay.cycles[-1].tested_end is None
    assert overlay.net_profit == overlay.tested_net_profit == overlay.run.net_profit
    assert overlay.slippage == 0
    assert overlay.fees == overlay.expected_fees


def test_a_first_buy_dearer_than_the_open_is_measured_and_does_not_undo_the_rest(part: History) -> None:
    flat = candles([(100, 100, 100, 100), ("100.2", "104.5", "100.2", "104.5")])
    fill = RealFill(
        START + 5000, 1, "e", 0, Side.BUY, Price(D("100.1")), Base(D("2.997")), D("0.002997"), "BTC"
    )
    out = RealFill(
        START + 70_000, 1, "x", 0, Side.SELL, Price(D("103.61")), Base(D("2.994003")), D("0.31"), "USDT"
    )
    overlay = over([fill, out], flat, StrategyParams())
    (slip,) = [one for one in overlay.differences if isinstance(one, FirstBuySlipped)]
    assert slip.share == overlay.slippage == D("0.001")
    assert overlay.cycles[0].same


def test_a_touch_that_was_missed_is_named_with_its_rung_and_price(part: History) -> None:
    fills = fills_of(part)
    lost = next(fill for fill in fills if fill.k == 1 and fill.side is Side.BUY)
    overlay = over([fill for fill in fills if fill is not lost], part)
    missed = [one for one in overlay.differences if isinstance(one, MissedTouch)]
    assert [(one.cycle, one.k, one.side, one.price) for one in missed] == [
        (lost.cycle, 1, Side.BUY, lost.price)
    ]
    assert next(one.cycle for one in overlay.cycles if not one.same) == lost.cycle


def test_an_exit_that_never_came_is_a_missed_touch(part: History) -> None:
    fills = fills_of(part)
    end = next(i for i, fill in enumerate(fills) if fill.side is Side.SELL)
    overlay = over(fills[:end], part)
    (missed,) = [one for one in overlay.differences if isinstance(one, MissedTouch) and one.side is Side.SELL]
    assert missed.price == fills[end].price
    assert overlay.cycles[0].tested_net_profit is not None
    assert overlay.cycles[0].net_profit is None


def test_a_fill_that_the_candles_do_not_explain_is_extra(part: History) -> None:
    fills = [fill for fill in fills_of(part) if fill.cycle == 1]
    extra = RealFill(
        fills[0].time + 400_000, 1, "r", 9, Side.BUY, Price(D(20_000)), Base(D("0.01")), D("0.00001"), "BTC"
    )
    overlay = over(sorted([*fills, extra], key=lambda fill: fill.time), part)
    (found,) = [one for one in overlay.differences if isinstance(one, ExtraFill)]
    assert (found.cycle, found.k, found.price) == (1, 9, Price(D(20_000)))


def test_other_fees_are_named_with_both_amounts(part: History) -> None:
    run = run_exact(LIVELY, Terms(RULES), part)
    first = [as_real(fill, fee="0.00075") for fill in run.fills if fill.cycle == 1]
    overlay = over(first, part)
    (fees,) = [one for one in overlay.differences if isinstance(one, FeesDiffer)]
    assert fees.paid.value / fees.expected.value == D("0.75")
    assert overlay.cycles[0].same


def test_fees_in_a_third_coin_are_left_out_of_the_comparison(part: History) -> None:
    fills = [replace(fill, fee=D("0.0005"), fee_coin="BNB") for fill in fills_of(part)[:1]]
    overlay = over(fills, part)
    assert FeesDiffer not in {type(one) for one in overlay.differences}
    assert not overlay.fees


def test_late_dearer_and_smaller_fills_are_told_apart(part: History) -> None:
    fills = fills_of(part)
    at = next(i for i, fill in enumerate(fills) if fill.k == 1 and fill.side is Side.BUY)
    one = fills[at]

    def with_change(**changes: object) -> set[str]:
        return named(over([*fills[:at], replace(one, **changes)], part))

    assert with_change() <= {"MissedTouch"}
    assert "OtherTime" in with_change(time=one.time + 3 * 300_000)
    assert "OtherTime" not in with_change(time=one.time + 300_000)
    assert "OtherPrice" in with_change(price=Price(one.price.value - D("0.01")))
    assert "OtherQuantity" in with_change(quantity=Base(one.quantity.value - D("0.000001")))


def test_a_fill_in_parts_is_one_order(part: History) -> None:
    fills = fills_of(part)
    at = next(i for i, fill in enumerate(fills) if fill.k == 1 and fill.side is Side.BUY)
    whole = fills[at]
    small = Base(D("0.001"))
    rest = whole.quantity - small
    parts = [
        replace(whole, quantity=small, fee=small.value * D("0.001")),
        replace(whole, quantity=rest, fee=rest.value * D("0.001"), time=whole.time + 1000),
    ]
    assert named(over([*fills[:at], *parts, *fills[at + 1 :]], part)) == set()


def test_a_sale_by_hand_is_named_as_one(part: History) -> None:
    fills = fills_of(part)
    sale = RealFill(
        fills[0].time + 1000, 1, "s", 0, Side.SELL, fills[0].price, Base(D("0.001")), D("0.02"), "USDT"
    )
    overlay = over([fills[0], sale], part)
    assert SoldByHand in {type(one) for one in overlay.differences}
    assert not overlay.cycles[0].same


def test_a_cycle_without_a_first_buy_of_its_own_is_not_judged(part: History) -> None:
    overlay = over([fill for fill in fills_of(part) if fill.cycle == 1][1:], part)
    assert named(overlay) == {"NotComparable"}
    assert NotComparable in {type(one) for one in overlay.differences}


def test_profit_reinvested_and_dust_carried_are_those_of_the_real_cycles_before(part: History) -> None:
    fills = fills_of(part)
    later = [fill for fill in fills if fill.cycle != 1]
    assert OtherQuantity in {type(one) for one in over(later, part).differences}
    assert OtherQuantity not in {type(one) for one in over(fills, part).differences}


# --- fills that carry the open of their candle, as a sandbox tells it ---------------------------------------------


def test_fills_of_one_time_are_taken_in_the_order_of_their_making(part: History) -> None:
    run = run_exact(LIVELY, Terms(RULES), part)
    fills = [as_real(fill, after_ms=0) for fill in run.fills]
    times = [fill.time for fill in fills]
    assert len(set(times)) < len(times)
    overlay = over(fills, part)
    assert named(overlay) == set()
    assert overlay.slippage == 0


ONE_CANDLE = [(100, 104, 99, "103.9"), (104, 104, 104, 104), ("104.5", "104.6", "104.4", "104.5")]
"""The path comes to an exit, and the strategy buys at once, within the same candle."""


def bought(price: str, candle: int, cycle: int) -> RealFill:
    quantity = rules_of().lot_down(Base(D(300) / D(price)))
    return RealFill(
        START + 60_000 * candle, cycle, "e", 0, Side.BUY, Price(D(price)), quantity,
        quantity.value * D("0.001"), "BTC",
    )  # fmt: skip


def sold(price: str, candle: int, of: RealFill) -> RealFill:
    quantity = rules_of().lot_down(Base(of.quantity.value * D("0.999")))
    return RealFill(
        START + 60_000 * candle, of.cycle, "x", 0,
        Side.SELL, Price(D(price)), quantity, quantity.value * D(price) * D("0.001"), "USDT",
    )  # fmt: skip


def test_the_buy_after_an_exit_is_held_against_the_next_open_and_not_its_own_candles() -> None:
    first = bought("100", 0, 1)
    fills = [first, sold("103.5", 0, first), bought("103.6", 0, 2)]
    overlay = over(fills, candles(ONE_CANDLE), StrategyParams())
    assert named(overlay) == set()
    slips = [one for one in overlay.differences if isinstance(one, FirstBuySlipped)]
    assert [(one.tested.value, one.paid.value) for one in slips] == [(100, 100), (104, D("103.6"))]
    assert overlay.cycles[1].same


def test_where_the_next_open_is_still_to_come_nothing_is_said_of_the_buy() -> None:
    first = bought("100", 0, 1)
    fills = [first, sold("103.5", 0, first), bought("103.6", 0, 2)]
    overlay = over(fills, candles(ONE_CANDLE[:1]), StrategyParams())
    slips = [one for one in overlay.differences if isinstance(one, FirstBuySlipped)]
    assert [one.cycle for one in slips] == [1]
    assert overlay.slippage == 0


def test_a_touch_in_the_last_candle_is_not_missed_yet_and_no_profit_of_it_is_counted() -> None:
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 104, 100, 104), (104, 104, 104, 104)]
    fill = bought("100", 0, 1)
    overlay = over([fill], candles(rows[:3]), StrategyParams())
    assert named(overlay) == set()
    assert (overlay.cycles[0].same, overlay.cycles[0].tested_net_profit) == (True, None)
    assert not overlay.tested_net_profit
    overlay = over([fill], candles(rows), StrategyParams())
    (missed,) = [one for one in overlay.differences if isinstance(one, MissedTouch)]
    assert (missed.side, missed.price.value) == (Side.SELL, D("103.5"))
    assert overlay.tested_net_profit


def test_of_re_buys_that_never_came_the_first_is_named_for_the_next_would_rest_on_it_alone() -> None:
    rows = [(100, 100, 100, 100), (100, 100, 90, 90), (90, 90, 90, 90), (90, 90, 90, 90)]
    overlay = over([bought("100", 0, 1)], candles(rows), StrategyParams())
    assert [(one.k, one.price.value) for one in overlay.differences if isinstance(one, MissedTouch)] == [
        (1, D(99))
    ]
    assert overlay.cycles[0].tested_rebuys > 5


def test_an_exit_after_fewer_re_buys_is_the_same_exit_at_another_price() -> None:
    rows = [(100, 100, 100, 100), (100, 100, 99, 99), (99, 104, 99, 104), (104, 104, 104, 104)]
    first = bought("100", 0, 1)
    overlay = over([first, sold("103.5", 2, first)], candles(rows), StrategyParams())
    assert named(overlay) == {"MissedTouch", "OtherPrice", "OtherQuantity"}
    (price,) = [one for one in overlay.differences if isinstance(one, OtherPrice)]
    assert price.side is Side.SELL
    assert price.tested < price.price


def test_an_order_that_filled_after_the_candles_is_late_and_not_missed() -> None:
    rows = [
        (100, 100, 100, 100),
        (100, 100, "98.5", "98.5"),
        ("98.5", "98.5", "98.5", "98.5"),
        (99, 104, 99, 104),
    ]
    first = bought("100", 0, 1)
    late = replace(bought("99", 4, 1), leg="r", k=1)
    history = candles([*rows, rows[-1]])
    assert named(over([first], history, StrategyParams())) == {"MissedTouch"}
    missed = over([first], history, StrategyParams(), later=[late]).differences
    assert [one.side for one in missed if isinstance(one, MissedTouch)] == [Side.SELL]
    overlay = over([first], history, StrategyParams(), later=[late, sold("101", 4, first)])
    assert named(overlay) == set()
    assert not overlay.tested_net_profit


# --- cycles that a stop left open, and those whose candles nobody knows -------------------------------------------


def test_a_cycle_that_a_stop_left_open_is_compared_until_its_last_fill_and_carries_nothing_over() -> None:
    rows = [
        (100, 100, 100, 100),
        (100, 100, 90, 90),
        (90, 90, 90, 90),
        (90, "93.2", 90, "93.2"),
        (93, 93, 93, 93),
    ]
    first, second = bought("100", 0, 1), bought("90", 2, 2)
    fills = [first, second, sold("93.15", 3, second)]
    overlay = over(fills, candles(rows), StrategyParams())
    assert named(overlay) == {"LeftOpen"}
    (left,) = [one for one in overlay.differences if isinstance(one, LeftOpen)]
    assert (left.cycle, left.time) == (1, first.time)
    assert [one.same for one in overlay.cycles] == [False, True]
    assert overlay.net_profit == overlay.tested_net_profit


def test_a_last_cycle_is_under_way_unless_its_strategy_runs_no_more() -> None:
    rows = [(100, 100, 100, 100), (100, 100, 90, 90), (90, 90, 90, 90), (90, 90, 90, 90)]
    fills = [bought("100", 0, 1)]
    assert named(over(fills, candles(rows), StrategyParams())) == {"MissedTouch"}
    assert named(over(fills, candles(rows), StrategyParams(), over=True)) == {"LeftOpen"}


def test_cycles_whose_candles_nobody_knows_count_in_the_books_alone(part: History) -> None:
    fills = fills_of(part)
    rest = [fill for fill in fills if fill.cycle > 2]
    aside = [replace(fill, time=rest[0].time) for fill in fills if fill.cycle <= 2]
    overlay = over(rest, part, unplaced=aside)
    assert named(overlay) == set()
    assert overlay.slippage == 0
    assert [one.cycle for one in overlay.cycles] == sorted({fill.cycle for fill in rest})
    whole = over(fills, part)
    assert overlay.cycles == whole.cycles[2:]
    assert overlay.net_profit < whole.net_profit
    assert OtherQuantity in {type(one) for one in over(rest, part).differences}


@pytest.mark.parametrize("shift", [-86_400_000, 86_400_000 * 30])
def test_candles_that_do_not_reach_over_the_fills_are_refused(part: History, shift: int) -> None:
    moved = [replace(fill, time=fill.time + shift) for fill in fills_of(part)]
    with pytest.raises(InvalidInput):
        over(moved, part)
    with pytest.raises(InvalidInput):
        over([], part)


async def test_the_live_engine_at_the_market_is_the_backtest_but_for_its_first_buys() -> None:
    """First buys at once, within the candle, as at a real exchange: every later order is still the ladder's."""
    name, offset = "binance_BTCUSDT_5m_202208-202309", 2_000
    history = real(name)
    part = history.between(int(history.times[offset]), int(history.times[offset + CANDLES - 1]) + 1)
    assert (DATA / f"{name}.csv.gz").exists()
    async with watched(name, "BTCUSDT", offset, SCALP, backtest_rules=False) as live:
        await live.run()
        records = await live.house.store.fills(live.strategy.person_id, live.strategy.id)
        at = [int(part.times[row[0] - offset]) for row in live.rows]
        fills = [
            RealFill(
                time + 30_000,
                record.cycle,
                record.leg,
                record.k,
                record.fill.side,
                record.fill.price,
                record.fill.quantity,
                record.fill.fee,
                record.fill.fee_coin,
            )
            for time, record in zip(at, records, strict=True)
        ]
        overlay = lay_over(fills, SCALP, live.rules, part)
    print(f"\n{overlay.same} of {len(overlay.cycles)} cycles the same; slippage {overlay.slippage:.5f}")
    assert len(overlay.cycles) > 10
    assert named(overlay) == set()
    assert overlay.same == len(overlay.cycles)
    assert 0 < abs(overlay.slippage) < D("0.0005")
