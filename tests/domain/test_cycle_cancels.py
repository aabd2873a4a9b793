"""Cancels that are only requests, and restarts."""

from decimal import Decimal

from bot.domain.commands import Cancel, Place, ReadBalance, WakeAt
from bot.domain.cycle import pending
from bot.domain.events import (
    BalanceRead,
    CancelFailed,
    CloseReason,
    FillBooked,
    OrderClosed,
    OrderTaken,
    StartAsked,
    Tick,
)
from bot.domain.money import Base, Quote
from bot.domain.notices import CycleClosed, PutBack, StrayFill
from bot.domain.orders import Leg, OrderStatus
from bot.domain.state import Phase
from tests.domain.scenes import entering, holding, only
from tests.domain.venue import Venue, fine_rules
from tests.domain.world import Table, closed, params

# cancels


def cancelling() -> tuple[Table, str]:
    """The re-buy has filled; the old exit's cancel is under way."""
    world = holding()
    rebuy = world.resting(Leg.REBUY)
    fill = world.venue.execute(rebuy)
    world.venue.happened.clear()
    exit_id = only(world, Leg.EXIT)
    assert Cancel(exit_id) in world.send(FillBooked(fill))
    return world, exit_id


def test_a_new_exit_waits_until_the_old_one_is_closed_and_not_for_its_acknowledgement() -> None:
    table, exit_id = cancelling()
    for event in [Tick(), OrderTaken(exit_id), Tick()]:
        assert not [c for c in table.send(event) if isinstance(c, Place) and c.order.leg is Leg.EXIT]
    table.send(OrderClosed(exit_id, Base.zero(), CloseReason.CANCELLED))
    assert table.state.live(Leg.EXIT).quantity == table.state.holding.held


def test_a_cancel_that_did_not_get_through_is_asked_again() -> None:
    table, exit_id = cancelling()
    assert Cancel(exit_id) in pending(table.state)
    assert table.send(CancelFailed(exit_id)) == [Cancel(exit_id)]
    assert table.state.order(exit_id).status is OrderStatus.CANCELLING


def test_late_news_of_a_failed_cancel_does_not_make_our_cancel_a_hand_s() -> None:
    table, exit_id = cancelling()
    fill = table.venue.execute(table.venue.orders[exit_id], table.venue.orders[exit_id].quantity / 2)
    table.send(closed(exit_id, table.venue))
    table.send(CancelFailed(exit_id))
    table.send(FillBooked(fill))
    assert not table.told(PutBack)
    assert table.state.live(Leg.EXIT).quantity == table.state.holding.held


def test_an_exit_that_fills_while_its_cancel_is_under_way_ends_the_cycle() -> None:
    table, exit_id = cancelling()
    table.send(FillBooked(table.venue.execute(table.venue.orders[exit_id])))
    assert table.told(CycleClosed)[0].quantity == Base.of(1)
    assert table.state.phase is Phase.FINISHING


def test_a_rebuy_that_fills_after_the_exit_is_told_and_carried_into_the_next_cycle() -> None:
    table = holding()
    sold = table.venue.execute(table.resting(Leg.EXIT))
    bought = table.venue.execute(table.resting(Leg.REBUY))
    table.venue.happened.clear()
    table.send(FillBooked(sold))
    table.send(FillBooked(bought))
    assert [told.quantity for told in table.told(StrayFill)] == [bought.quantity]
    assert table.state.holding.carried >= bought.quantity.times(Decimal("0.99"))


# restart


def test_a_restart_asks_for_everything_that_may_not_have_been_done() -> None:
    table = Table(params(), Venue(fine_rules(), "60000"))
    assert pending(table.state) == ()
    table.send(StartAsked())
    assert pending(table.state) == (ReadBalance(),)
    table.send(BalanceRead(Quote.of(1)))
    (wake,) = pending(table.state)
    assert wake == WakeAt(table.venue.now + 60_000)


def test_a_restart_never_sends_an_order_again() -> None:
    table = entering()
    assert table.state.orders[0].status is OrderStatus.INTENDED
    assert pending(table.state) == ()
