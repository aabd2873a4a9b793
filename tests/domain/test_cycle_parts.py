"""Part fills, two fills at once, and market buys that end early."""

from decimal import Decimal

import pytest

from bot.domain.accounting import Holding
from bot.domain.commands import ReadBalance, WakeAt
from bot.domain.cycle import pending
from bot.domain.events import (
    BalanceRead,
    CloseReason,
    FillBooked,
    OrderAbsent,
    OrderClosed,
    OrderRefused,
    OrderTaken,
    RefusalReason,
    StartAsked,
    Tick,
)
from bot.domain.money import Base, Price, Quote
from bot.domain.notices import CycleClosed, NotEnough, PutBack, RebuyFilled, Refused
from bot.domain.orders import Leg
from bot.domain.state import Phase, State
from tests.domain.scenes import entering, holding, only
from tests.domain.venue import Venue, fine_rules
from tests.domain.world import Table, World, closed, params

# parts


def test_a_part_filled_rebuy_moves_the_average_but_is_not_counted_until_it_is_whole() -> None:
    world = holding()
    first_exit = world.resting(Leg.EXIT)
    world.wait(10_000)
    world.fill(Leg.REBUY, "0.4")
    assert (world.state.k, world.state.last_buy) == (0, Price.of(100))
    assert first_exit.closed is CloseReason.CANCELLED
    assert world.resting(Leg.EXIT).quantity == world.state.holding.held.value
    assert str(Price(world.resting(Leg.EXIT).price)) == "103.21"
    world.fill(Leg.REBUY, "10")
    assert (world.state.k, world.state.last_buy, world.state.rung_bought) == (1, Price.of(99), Base.zero())
    assert [n.k for n in world.told(RebuyFilled)] == [1]


def test_the_exit_follows_a_rebuy_in_parts_at_most_every_five_seconds() -> None:
    world = holding()
    world.wait(10_000)
    for _ in range(5):
        world.fill(Leg.REBUY, "0.1")
        world.wait(900)
    assert len(world.placed(Leg.EXIT)) == 2
    assert world.resting(Leg.EXIT).quantity < world.state.holding.held.value
    world.wait(5_000)
    assert len(world.placed(Leg.EXIT)) == 3
    assert world.resting(Leg.EXIT).quantity == world.state.holding.held.value


def test_a_restart_does_not_forget_that_the_exit_has_to_follow() -> None:
    world = holding()
    world.fill(Leg.REBUY, "0.4")
    assert WakeAt(world.state.exit_moved_at + 5_000) in pending(world.state)


def test_what_a_part_filled_rebuy_bought_is_carried_when_the_exit_fills() -> None:
    world = holding(lucro_reaplicar=False)
    exit_price = world.resting(Leg.EXIT).price
    world.fill(Leg.REBUY, "0.4")
    rebuy = world.resting(Leg.REBUY)
    world.move(exit_price)
    assert rebuy.closed is CloseReason.CANCELLED
    assert len(world.told(CycleClosed)) == 1
    assert (world.state.cycle, world.state.holding.carried) == (2, Base.of("0.4"))
    assert world.resting(Leg.EXIT).quantity == world.state.holding.held.value
    assert world.state.holding.held > world.state.holding.bought


def test_a_rebuy_closed_by_hand_in_the_middle_is_put_back_for_what_is_left() -> None:
    world = holding()
    whole = world.resting(Leg.REBUY).quantity
    world.fill(Leg.REBUY, "0.4")
    world.cancel_by_hand(Leg.REBUY)
    assert world.told(PutBack) == [PutBack(Leg.REBUY, 1, Price.of(99))]
    assert world.resting(Leg.REBUY).quantity == whole - world.state.rung_bought.value
    world.fill(Leg.REBUY, "10")
    assert world.state.k == 1
    (told,) = world.told(RebuyFilled)
    assert told.quantity.value == whole
    assert told.spent == told.quantity.at(Price.of(99))


def test_a_rebuy_whose_rest_is_under_the_minimum_counts_as_whole() -> None:
    world = holding()
    world.fill(Leg.REBUY, "1")
    world.cancel_by_hand(Leg.REBUY)
    assert world.state.k == 1
    assert not world.told(PutBack)


def test_an_exit_whose_rest_is_under_the_minimum_stays_where_it_is() -> None:
    world = holding()
    exit_order = world.resting(Leg.EXIT)
    world.fill(Leg.EXIT, "0.97")
    world.wait(60_000)
    assert exit_order.closed is None
    assert world.state.phase is Phase.HOLDING
    world.move("103.5")
    assert world.told(CycleClosed)[0].quantity == Base.of(1)


def test_an_exit_cancelled_by_hand_with_too_little_left_ends_the_cycle_and_nothing_is_said_to_be_put_back() -> (
    None
):
    world = holding()
    world.fill(Leg.EXIT, "0.97")
    world.cancel_by_hand(Leg.EXIT)
    assert world.told(CycleClosed)[0].quantity == Base.of("0.97")
    assert world.state.holding.carried == Base.of("0.03")
    assert not world.told(PutBack)


# both at once


@pytest.mark.parametrize("exit_first", [True, False])
def test_exit_and_rebuy_filling_in_one_gap_end_the_cycle_and_carry_the_coins(exit_first: bool) -> None:
    world = holding(lucro_reaplicar=False)
    legs = [Leg.EXIT, Leg.REBUY] if exit_first else [Leg.REBUY, Leg.EXIT]
    for leg in legs:
        world.venue.execute(world.resting(leg))
    facts, world.venue.happened = world.venue.happened, []
    world.feed(*facts)
    assert len(world.told(CycleClosed)) == 1
    assert world.state.cycle == 2
    assert world.state.holding.carried == Base.of("1.03")
    assert world.resting(Leg.EXIT).quantity == world.state.holding.held.value
    assert world.venue.base == world.state.holding.held.value


def test_carried_coins_count_against_the_limit_of_the_next_first_buy() -> None:
    world = holding(saldo_limite="210", lucro_reaplicar=False)
    for leg in [Leg.EXIT, Leg.REBUY]:
        world.venue.execute(world.resting(leg))
    world.feed()
    carried = world.state.holding.carried_cost
    assert carried > Quote.of(100)
    assert world.state.holding.spent + carried <= Quote.of(210)
    assert world.state.live(Leg.REBUY) is None


def test_carried_coins_that_leave_no_room_under_the_limit_open_the_cycle_themselves() -> None:
    chosen = params(
        qty_inicial="100",
        saldo_limite="701",
        multiplicador_qty="6",
        recompra_queda_inicial="0.9",
        lucro_reaplicar=False,
    )
    world = World(chosen, Venue(fine_rules(lot="0.001", minimum="60"), "100", taxa="0"))
    world.start()
    world.venue.execute(world.resting(Leg.REBUY))
    world.venue.execute(world.resting(Leg.EXIT))
    world.venue.price = Decimal(11)
    world.feed()
    assert len(world.placed(Leg.ENTRY)) == 1
    assert (world.state.phase, world.state.cycle) == (Phase.HOLDING, 2)
    assert world.resting(Leg.EXIT).quantity == world.state.holding.held.value == 60
    assert world.state.holding.spent <= Quote.of(701)


def test_carried_coins_too_few_to_sell_that_leave_no_room_wait_and_are_told() -> None:
    """Buying would break the limit and selling the exchange's minimum: nothing is left but to say so."""
    table = Table(
        params(qty_inicial="20", saldo_limite="20"),
        Venue(fine_rules(lot="0.001", minimum="15"), "100", taxa="0"),
        State(token="abc", holding=Holding(carried=Base.of("0.1"), carried_cost=Quote.of(10))),
    )
    table.send(StartAsked())
    table.send(BalanceRead(Quote.of(1000)))
    assert (table.state.phase, table.state.cycle) == (Phase.STARTING, 0)
    assert table.state.holding.carried == Base.of("0.1")
    assert table.told(NotEnough) == [NotEnough(Quote.of(15), Quote.of(10))]


# the market buy


def test_a_market_buy_that_ends_part_filled_is_held_as_it_is() -> None:
    table = entering()
    order = table.venue.orders[only(table, Leg.ENTRY)]
    fill = table.venue.execute(order, order.amount / 250)
    table.send(FillBooked(fill))
    table.send(closed(order.order_id, table.venue))
    assert table.state.phase is Phase.HOLDING
    exit_order = table.state.live(Leg.EXIT)
    assert exit_order is not None
    assert exit_order.quantity == Base.of("0.4")


def test_a_part_filled_market_buy_too_small_to_sell_is_carried_into_another_try() -> None:
    table = entering(limite_recompras=0)
    order = table.venue.orders[only(table, Leg.ENTRY)]
    table.send(FillBooked(table.venue.execute(order, order.amount / 10_000)))
    table.send(closed(order.order_id, table.venue))
    assert table.state.phase is Phase.STARTING
    assert table.state.holding.carried == Base.of("0.01")
    table.venue.now += 60_000
    assert ReadBalance() in table.send(Tick())


def test_a_market_buy_that_fills_nothing_is_tried_again_ever_slower_and_told() -> None:
    table = entering()
    for _ in range(4):
        order_id = only(table, Leg.ENTRY)
        table.send(OrderTaken(order_id))
        table.send(OrderClosed(order_id, Base.zero(), CloseReason.CANCELLED))
        assert table.state.phase is Phase.STARTING
        waits = table.state.obstacle(Leg.ENTRY).retry_at - table.venue.now
        table.venue.now += waits
        table.send(Tick())
        table.send(BalanceRead(Quote.of(1000)))
    assert waits == 60_000
    assert len(table.told(Refused)) == 1
    assert table.state.cycle == 1


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_a_market_buy_that_keeps_being_refused_waits_a_minute_between_tries_and_is_told_once(reason) -> None:
    table = entering()
    for _ in range(4):
        table.send(OrderRefused(only(table, Leg.ENTRY), reason, "no"))
        waits = table.state.obstacle(Leg.ENTRY).retry_at - table.venue.now
        table.venue.now += waits
        table.send(Tick())
        table.send(BalanceRead(Quote.of(1000)))
    assert waits == 60_000
    assert [n.reason for n in table.told(Refused)] == [reason]


def test_a_market_buy_that_never_arrived_is_sent_under_a_new_id() -> None:
    table = entering()
    first = only(table, Leg.ENTRY)
    table.send(OrderAbsent(first))
    table.send(BalanceRead(Quote.of(1000)))
    assert only(table, Leg.ENTRY) != first
    assert table.state.cycle == 1
