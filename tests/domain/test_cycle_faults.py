"""What goes wrong between a cycle and its exchange, one thing at a time."""

import pytest

from bot.domain.commands import FetchFills, ReloadRules, WakeAt
from bot.domain.cycle import pending
from bot.domain.events import (
    CloseReason,
    FillBooked,
    OrderAbsent,
    OrderClosed,
    OrderRefused,
    OrderTaken,
    RefusalReason,
)
from bot.domain.money import Base, Price
from bot.domain.notices import PutBack, Refused, StrayFill
from bot.domain.orders import Leg
from bot.domain.state import Phase
from bot.errors import InvariantBroken
from tests.domain.scenes import entering, holding, only
from tests.domain.world import closed

# order of events


def test_fills_may_come_before_the_acknowledgement() -> None:
    table = entering()
    order = table.venue.orders[only(table, Leg.ENTRY)]
    table.send(FillBooked(table.venue.execute(order)))
    table.send(closed(order.order_id, table.venue, CloseReason.FILLED))
    placed = len(table.commands)
    table.send(OrderTaken(order.order_id))
    assert table.state.phase is Phase.HOLDING
    assert len(table.commands) == placed


def test_a_closing_before_its_fills_fetches_them_and_waits() -> None:
    table = entering()
    order = table.venue.orders[only(table, Leg.ENTRY)]
    fill = table.venue.execute(order)
    assert table.send(closed(order.order_id, table.venue, CloseReason.FILLED)) == [FetchFills(order.order_id)]
    assert table.state.phase is Phase.ENTERING
    assert FetchFills(order.order_id) in pending(table.state)
    table.send(FillBooked(fill))
    assert table.state.phase is Phase.HOLDING


def test_a_second_closing_of_the_same_order_changes_nothing() -> None:
    world = holding()
    order = world.resting(Leg.EXIT)
    world.cancel_by_hand(Leg.EXIT)
    state = world.state
    assert world.send(closed(order.order_id, world.venue)) == []
    assert world.state == state


def test_an_old_view_of_a_closing_never_takes_fills_back() -> None:
    world = holding()
    order = world.resting(Leg.REBUY)
    world.fill(Leg.REBUY, "0.4")
    world.send(OrderClosed(order.order_id, Base.of("0.1"), CloseReason.CANCELLED))
    assert world.state.rung_bought == Base.of("0.4")


def test_a_fill_of_an_order_believed_gone_is_booked_and_told() -> None:
    world = holding()
    rebuy = world.resting(Leg.REBUY)
    world.send(OrderAbsent(rebuy.order_id))
    fill = world.venue.execute(rebuy)
    world.send(FillBooked(fill))
    assert world.told(StrayFill) == [StrayFill(rebuy.order_id, fill.quantity, fill.value)]
    assert world.state.holding.held.value == world.venue.base


def test_a_fill_of_an_older_cycle_is_carried_outside_the_average() -> None:
    world = holding(lucro_reaplicar=False)
    old = world.resting(Leg.REBUY)
    world.feed(OrderAbsent(old.order_id))
    world.move("103.5")
    spent = world.state.holding.spent
    assert world.state.cycle == 2
    fill = world.venue.execute(old)
    world.venue.happened.clear()
    world.feed(FillBooked(fill))
    assert world.state.holding.spent == spent
    assert world.state.holding.carried == Base(fill.quantity.value)
    assert world.resting(Leg.EXIT).quantity == world.state.holding.held.value


def test_a_fill_that_is_not_ours_stops_everything() -> None:
    world = holding()
    stranger = world.venue.fills[0]
    for number, order_id in enumerate(["web-123", "ta-xyz-1-e0-1", "ta-abc-1-x0-1"]):
        fill = type(stranger)(
            f"n{number}", order_id, stranger.side, stranger.price, stranger.quantity, stranger.value, stranger.fee,
            stranger.fee_coin, stranger.fee_value, 0,
        )  # fmt: skip
        with pytest.raises(InvariantBroken):
            world.send(FillBooked(fill))


# hands and refusals


@pytest.mark.parametrize("leg", [Leg.EXIT, Leg.REBUY])
def test_an_order_cancelled_by_hand_is_put_back_as_it_was_and_told(leg: Leg) -> None:
    world = holding()
    before = world.resting(leg)
    world.cancel_by_hand(leg)
    after = world.resting(leg)
    assert (after.price, after.quantity) == (before.price, before.quantity)
    assert after.order_id != before.order_id
    assert world.told(PutBack) == [PutBack(leg, 0 if leg is Leg.EXIT else 1, Price(before.price))]


def test_a_hand_that_keeps_cancelling_is_answered_with_a_pause_and_told() -> None:
    world = holding()
    for _ in range(3):
        world.cancel_by_hand(Leg.EXIT)
    assert world.state.live(Leg.EXIT) is None
    assert len(world.told(PutBack)) == 2
    assert len(world.told(Refused)) == 1
    world.wait(60_000)
    assert world.state.live(Leg.EXIT) is not None


def test_a_hand_that_cancels_again_days_later_is_told_again() -> None:
    world = holding()
    for _ in range(6):
        world.cancel_by_hand(Leg.EXIT)
        world.wait(24 * 3_600_000)
    assert len(world.told(PutBack)) == 6
    assert not world.told(Refused)


def test_an_order_accepted_and_then_rejected_again_and_again_is_told_and_tried_each_minute() -> None:
    for leg in [Leg.EXIT, Leg.REBUY]:
        world = holding()
        for _ in range(3):
            world.venue.close(world.resting(leg), CloseReason.REJECTED)
            world.feed()
            assert world.state.live(leg) is None
            world.wait(61_000)
        assert len(world.told(Refused)) == 1
        assert not world.told(PutBack)
        assert world.state.live(leg) is not None


def test_a_refused_rebuy_leaves_the_exit_alone_and_is_told_once() -> None:
    world = holding()
    world.venue.quote = world.venue.quote * 0 + 10
    exit_order = world.resting(Leg.EXIT)
    world.cancel_by_hand(Leg.REBUY)
    world.wait(600_000)
    assert [n.reason for n in world.told(Refused)] == [RefusalReason.NO_FUNDS]
    assert exit_order.closed is None
    world.venue.quote += 1000
    world.wait(60_000)
    assert world.resting(Leg.REBUY)


def test_a_filter_refusal_reloads_the_rules_and_tries_again_soon() -> None:
    table = entering()
    commands = table.send(OrderRefused(only(table, Leg.ENTRY), RefusalReason.RULES, "LOT_SIZE"))
    assert ReloadRules() in commands
    assert WakeAt(table.venue.now + 2_000) in commands
    assert not table.told(Refused)


def test_a_refusal_of_an_order_that_is_known_to_live_is_not_believed() -> None:
    world = holding()
    order_id = only(world, Leg.EXIT)
    world.send(OrderRefused(order_id, RefusalReason.OTHER, "duplicate"))
    assert only(world, Leg.EXIT) == order_id


def test_a_refusal_that_comes_when_the_cycle_is_over_neither_tells_nor_hinders() -> None:
    table = entering()
    order = table.venue.orders[only(table, Leg.ENTRY)]
    table.send(FillBooked(table.venue.execute(order)))
    table.send(closed(order.order_id, table.venue, CloseReason.FILLED))
    exit_order, rebuy = table.state.live(Leg.EXIT), only(table, Leg.REBUY)
    assert table.venue.take(exit_order) is None
    table.send(FillBooked(table.venue.execute(table.venue.orders[exit_order.order_id])))
    assert table.state.phase is Phase.FINISHING
    table.send(OrderRefused(rebuy, RefusalReason.NO_FUNDS, "no"))
    assert table.state.phase is Phase.STARTING
    assert not table.told(Refused)
    assert not table.state.obstacles


def test_an_absent_order_is_placed_again_at_once_and_then_with_patience() -> None:
    world = holding()
    world.send(OrderAbsent(only(world, Leg.EXIT)))
    world.send(OrderAbsent(only(world, Leg.EXIT)))
    assert world.state.live(Leg.EXIT) is None
    assert world.state.obstacle(Leg.EXIT).retry_at == world.venue.now + 60_000


def test_an_absent_market_buy_with_fills_is_held() -> None:
    table = entering()
    order = table.venue.orders[only(table, Leg.ENTRY)]
    table.send(FillBooked(table.venue.execute(order)))
    table.send(OrderAbsent(order.order_id))
    assert table.state.phase is Phase.HOLDING
    assert table.state.live(Leg.EXIT) is not None
