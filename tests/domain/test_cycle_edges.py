"""The edges of a cycle: the largest order, the lowest price, and states that must never be."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounting import Holding
from bot.domain.commands import Cancel
from bot.domain.events import (
    BalanceRead,
    CloseReason,
    FillBooked,
    OrderAbsent,
    OrderClosed,
    StartAsked,
    StopAsked,
    StopMode,
    Tick,
)
from bot.domain.money import Base, Price, Quote
from bot.domain.notices import CycleClosed, PutBack, StrayFill
from bot.domain.orders import Leg, OrderStatus, OwnOrder
from bot.domain.resting import wanted_rebuy
from bot.domain.state import Phase, State
from bot.errors import InvariantBroken
from tests.domain.scenes import holding, only
from tests.domain.venue import Venue, fine_rules
from tests.domain.world import Table, World, params


def small_orders_only(**changes) -> World:
    """The exchange takes at most 0.4 coins an order; a buy by amount is not bound by it."""
    rules = replace(fine_rules(lot="0.001"), max_quantity=Base.of("0.4"))
    chosen = {"qty_inicial": "100", "limite_recompras": 0, "lucro_reaplicar": False, **changes}
    world = World(params(**chosen), Venue(rules, "100", taxa="0"))
    world.start()
    return world


def test_more_coins_than_one_order_may_sell_still_have_an_exit() -> None:
    world = small_orders_only()
    assert world.resting(Leg.EXIT).quantity == Decimal("0.4")
    world.move("103.5")
    assert world.told(CycleClosed)[0].quantity == Base.of("0.4")
    assert world.state.holding.carried == Base.of("0.6")


def test_more_coins_than_one_order_may_sell_are_sold_one_order_after_the_other() -> None:
    world = small_orders_only()
    world.stop(StopMode.SELL_NOW)
    assert [str(o.quantity) for o in world.placed(Leg.SALE)] == ["0.4", "0.4", "0.2"]
    assert world.venue.base == 0
    assert len(world.told(CycleClosed)) == 1


def test_the_ladder_ends_where_the_price_would_round_to_nothing() -> None:
    world = World(params(qty_inicial="100"), Venue(fine_rules(tick="1", lot="0.001"), "1", taxa="0"))
    world.start()
    assert world.state.phase is Phase.HOLDING
    assert world.state.live(Leg.REBUY) is None


def test_a_rebuy_that_takes_the_very_last_of_the_limit_rests() -> None:
    """100 spent and an amount of 102: within 202, and not within a cent less."""
    assert holding(saldo_limite="202").state.live(Leg.REBUY) is not None
    assert holding(saldo_limite="201.99").state.live(Leg.REBUY) is None


def test_a_begun_rebuy_is_not_finished_over_the_limit() -> None:
    """Coins of an older order came in late: what is left of the re-buy does not fit any more."""
    world = holding(saldo_limite="203")
    world.fill(Leg.REBUY, "0.4")
    assert wanted_rebuy(world.state, world.context()) is not None
    late = replace(world.state.holding, carried=Base.of("0.1"), carried_cost=Quote.of(10))
    assert wanted_rebuy(replace(world.state, holding=late), world.context()) is None


def test_an_older_sell_that_filled_after_all_takes_the_coins_it_sold() -> None:
    world = holding(limite_recompras=0)
    first = world.resting(Leg.EXIT)
    order = world.state.live(Leg.EXIT)
    world.send(OrderAbsent(order.order_id))
    second = world.state.live(Leg.EXIT)
    assert second.order_id != first.order_id
    world.send(OrderAbsent(second.order_id))
    fill = world.venue.execute(first)
    world.send(FillBooked(fill))
    assert world.told(StrayFill)[0].quantity == Base.of(1)
    assert world.told(CycleClosed)[0].quantity == Base.of(1)


def test_a_sell_of_an_older_cycle_lowers_what_is_carried() -> None:
    world = holding(limite_recompras=0)
    old = world.placed(Leg.EXIT)[0]
    start = Holding(carried=Base.of(2), carried_cost=Quote.of(200))
    table = Table(
        world.params,
        world.venue,
        State(token="abc", phase=Phase.STARTING, cycle=3, asked_balance=True, holding=start),
    )
    fill = world.venue.execute(world.venue.orders[old.order_id])
    table.send(FillBooked(fill))
    assert table.state.holding.held == Base.of(1)


def test_an_absent_rebuy_of_a_cycle_that_is_over_is_simply_gone() -> None:
    world = holding()
    rebuy = only(world, Leg.REBUY)
    fill = world.venue.execute(world.resting(Leg.EXIT))
    world.send(FillBooked(fill))
    world.send(OrderAbsent(rebuy))
    assert world.state.phase is Phase.STARTING
    assert not world.state.obstacles


def test_an_unknown_order_changes_nothing() -> None:
    world = holding()
    before = world.state
    assert world.send(OrderAbsent("ta-abc-1-r1-99")) == []
    assert world.state == before


def broken(*orders: OwnOrder, held: Holding) -> None:
    table = Table(
        params(),
        Venue(fine_rules(), "100"),
        State(token="abc", phase=Phase.ENTERING, orders=orders, holding=held),
    )
    table.send(Tick())


def resting(order_id: str, quantity: str) -> OwnOrder:
    return OwnOrder(order_id, Leg.EXIT, 0, OrderStatus.LIVE, price=Price.of(100), quantity=Base.of(quantity))


def test_two_orders_of_one_leg_freeze_the_strategy() -> None:
    held = Holding(bought=Base.of(9), spent=Quote.of(900))
    with pytest.raises(InvariantBroken, match="two orders"):
        broken(resting("ta-abc-1-x0-1", "1"), resting("ta-abc-1-x0-2", "1"), held=held)


def test_offering_more_than_is_held_freezes_the_strategy() -> None:
    with pytest.raises(InvariantBroken, match="more than is held"):
        broken(resting("ta-abc-1-x0-1", "2"), held=Holding(bought=Base.of(1), spent=Quote.of(100)))


def test_having_sold_more_than_was_bought_freezes_the_strategy() -> None:
    with pytest.raises(InvariantBroken, match="more was sold"):
        broken(held=Holding(bought=Base.of(1), spent=Quote.of(100), sold=Base.of(2)))


def test_an_id_that_could_not_be_read_back_is_never_sent() -> None:
    world = holding()
    world.state = replace(world.state, sequence=999_999)
    with pytest.raises(InvariantBroken, match="known again"):
        world.send(OrderAbsent(only(world, Leg.EXIT)))


def test_what_failed_moved_nothing() -> None:
    world = holding()
    world.state = before = replace(world.state, sequence=999_999)
    with pytest.raises(InvariantBroken):
        world.cancel_by_hand(Leg.EXIT)
    assert world.state == before
    world.send(StopAsked(StopMode.KEEP_COINS))
    assert world.state.phase is Phase.STOPPING


def test_late_coins_that_fill_the_limit_take_the_resting_rebuy_away() -> None:
    world = holding(saldo_limite="203", lucro_reaplicar=False)
    old = world.resting(Leg.REBUY)
    world.feed(OrderAbsent(old.order_id))
    assert world.state.live(Leg.REBUY) is not None
    world.move("103.5")
    assert world.state.cycle == 2
    resting_now = world.state.live(Leg.REBUY).order_id
    world.feed(FillBooked(world.venue.execute(old)))
    assert world.state.live(Leg.REBUY) is None
    assert resting_now not in {o.order_id for o in world.venue.open}
    assert not world.told(PutBack)


def test_an_older_word_of_a_closing_does_not_undo_a_newer_one() -> None:
    """Closed with 0.4 filled, whose fill is not here yet; a late word that knew of nothing changes none of it."""
    world = holding()
    rebuy = world.state.live(Leg.REBUY)
    assert rebuy is not None
    for filled in ("0.4", "0"):
        world.send(OrderClosed(rebuy.order_id, Base.of(filled), CloseReason.CANCELLED))
        waiting = world.state.order(rebuy.order_id)
        assert waiting is not None
        assert waiting.closed_at == Base.of("0.4")


def test_a_balance_that_nobody_asked_for_begins_nothing() -> None:
    table = Table(params(qty_inicial="100"), Venue(fine_rules(lot="0.001"), "100", taxa="0"))
    table.send(StartAsked())
    table.send(BalanceRead(Quote.of(10)))
    table.send(BalanceRead(Quote.of(1000)))
    assert table.state.phase is Phase.STARTING
    assert table.state.orders == ()


def test_an_exit_at_a_price_that_new_rules_move_is_put_elsewhere() -> None:
    """From 103.5 to 104 by a tick of 1, though the quantity is the same."""
    world = holding()
    world.venue.rules = replace(world.venue.rules, tick=Decimal(1))
    world.feed(Tick())
    assert world.resting(Leg.EXIT).price == Decimal(104)


def test_an_order_that_is_closed_already_is_not_cancelled() -> None:
    """Its fill is still on the way when the stop is asked for."""
    world = holding()
    rebuy = world.state.live(Leg.REBUY)
    assert rebuy is not None
    world.send(OrderClosed(rebuy.order_id, Base.of("0.4"), CloseReason.CANCELLED))
    commands = world.send(StopAsked(StopMode.KEEP_COINS))
    assert [c.order_id for c in commands if isinstance(c, Cancel)] == [only(world, Leg.EXIT)]


def test_a_first_buy_may_take_all_of_the_money() -> None:
    for free, phase in (("100", Phase.ENTERING), ("99.99", Phase.STARTING)):
        table = Table(params(qty_inicial="100"), Venue(fine_rules(lot="0.001"), "100", taxa="0"))
        table.send(StartAsked())
        table.send(BalanceRead(Quote.of(free)))
        assert table.state.phase is phase
