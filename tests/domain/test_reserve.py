"""What a running cycle may still need of the account's free quote, kept back from its neighbours."""

from dataclasses import replace

from bot.domain.money import Quote
from bot.domain.orders import Leg, OrderStatus
from bot.domain.reserve import reserved
from bot.domain.state import State
from tests.domain.scenes import entering, holding
from tests.domain.world import Table

WHOLE = {"limite_recompras": 2, "saldo_limite": "5000"}
"""100 at first, re-buys of 102 and 104.04; the first rests as 1.03 coins at 99, which locks 101.97."""


def kept(table: Table, state: State | None = None) -> Quote:
    return reserved(state or table.state, table.context())


def test_a_strategy_between_two_cycles_keeps_nothing_back() -> None:
    world = holding(**WHOLE)
    for phase in ("idle", "starting", "finishing", "stopping"):
        assert kept(world, replace(world.state, phase=type(world.state.phase)(phase))) == Quote.zero()


def test_a_first_buy_on_its_way_keeps_itself_and_the_whole_ladder() -> None:
    assert kept(entering(**WHOLE)) == Quote.of("306.04")


def test_a_first_buy_on_its_way_counts_against_the_limit() -> None:
    """100 and 102 are within 250, and 104.04 more are not."""
    assert kept(entering(limite_recompras=2, saldo_limite="250")) == Quote.of(202)
    assert kept(entering(limite_recompras=2, saldo_limite="202")) == Quote.of(202)
    assert kept(entering(limite_recompras=2, saldo_limite="201.99")) == Quote.of(100)


def test_what_a_first_buy_in_parts_has_paid_is_not_kept_twice() -> None:
    table = entering(**WHOLE)
    [entry] = table.state.orders
    part = table.state.with_order(replace(entry, value=Quote.of(40)))
    assert kept(table, part) == Quote.of("266.04")
    beyond = table.state.with_order(replace(entry, value=Quote.of("100.5")))
    assert kept(table, beyond) == Quote.of("206.04")


def test_what_the_resting_re_buy_locks_is_not_kept_a_second_time() -> None:
    assert kept(holding(**WHOLE)) == Quote.of("104.07")
    assert kept(holding(limite_recompras=1, saldo_limite="5000")) == Quote.of("0.03")


def test_a_re_buy_that_may_not_have_arrived_counts_as_not_locked() -> None:
    world = holding(**WHOLE)
    rebuy = world.state.live(Leg.REBUY)
    assert rebuy is not None
    sent = world.state.with_order(replace(rebuy, status=OrderStatus.INTENDED))
    assert kept(world, sent) == Quote.of("206.04")
    assert kept(world, world.state.without_order(rebuy.order_id)) == Quote.of("206.04")


def test_a_re_buy_in_parts_keeps_its_rest_back_and_what_comes_after() -> None:
    """0.4 of 1.03 coins have filled: their 39.60 are paid, the rest is locked, and the limit counts the re-buy once."""
    world = holding(**WHOLE)
    world.fill(Leg.REBUY, "0.4")
    assert kept(world) == Quote.of("104.07")
    tight = holding(limite_recompras=2, saldo_limite="230")
    tight.fill(Leg.REBUY, "0.4")
    assert kept(tight) == Quote.of("0.03")


def test_after_a_re_buy_only_what_is_left_of_the_ladder_is_kept() -> None:
    """The second rests as 1.061 coins at 98.01: 103.98861 of its 104.04."""
    world = holding(**WHOLE)
    world.fill(Leg.REBUY, "1.03")
    assert kept(world) == Quote.of("0.05139")
    short = holding(limite_recompras=2, saldo_limite="306.01")
    short.fill(Leg.REBUY, "1.03")
    assert kept(short) == Quote.of("0.05139")
    shorter = holding(limite_recompras=2, saldo_limite="306")
    shorter.fill(Leg.REBUY, "1.03")
    assert kept(shorter) == Quote.zero()
