"""The three ways to stop, asked in every phase, and starting again."""

import pytest

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
    StopAsked,
    StopMode,
)
from bot.domain.money import Base, Quote
from bot.domain.notices import CycleClosed, Started, Stopped
from bot.domain.orders import Leg
from bot.domain.state import Phase, State
from tests.domain.venue import Venue, fine_rules
from tests.domain.world import Table, World, closed, params

ALL = list(StopMode)
NOW = [StopMode.KEEP_COINS, StopMode.SELL_NOW]


def holding(**changes) -> World:
    chosen = {"qty_inicial": "100", "lucro_reaplicar": False, **changes}
    world = World(params(**chosen), Venue(fine_rules(lot="0.001"), "100", taxa="0"))
    world.start()
    return world


def by_hand() -> Table:
    table = Table(params(qty_inicial="100"), Venue(fine_rules(lot="0.001"), "100", taxa="0"))
    table.send(StartAsked())
    return table


def idle(state: State) -> bool:
    return state.phase is Phase.IDLE and not state.orders and state.stop is None


@pytest.mark.parametrize("mode", ALL)
def test_asked_while_the_balance_is_read_it_stops_without_buying(mode: StopMode) -> None:
    table = by_hand()
    table.send(StopAsked(mode))
    table.send(BalanceRead(Quote.of(1000)))
    assert idle(table.state)
    assert not table.placed(Leg.ENTRY)
    assert table.told(Stopped)[0].mode is mode


@pytest.mark.parametrize("mode", ALL)
def test_asked_while_money_is_awaited_it_stops_at_once(mode: StopMode) -> None:
    table = by_hand()
    table.send(BalanceRead(Quote.of(1)))
    table.send(StopAsked(mode))
    assert idle(table.state)


@pytest.mark.parametrize("mode", ALL)
@pytest.mark.parametrize("end", ["refused", "absent", "unfilled"])
def test_asked_while_entering_a_buy_that_comes_to_nothing_stops(mode: StopMode, end: str) -> None:
    table = by_hand()
    table.send(BalanceRead(Quote.of(1000)))
    order_id = table.state.orders[0].order_id
    table.send(StopAsked(mode))
    assert table.state.phase is Phase.ENTERING
    table.send(
        {
            "refused": OrderRefused(order_id, RefusalReason.OTHER, ""),
            "absent": OrderAbsent(order_id),
            "unfilled": OrderClosed(order_id, Base.zero(), CloseReason.CANCELLED),
        }[end]
    )
    assert idle(table.state)
    assert len(table.placed(Leg.ENTRY)) == 1


@pytest.mark.parametrize("mode", NOW)
def test_asked_while_entering_a_buy_that_fills_rests_nothing(mode: StopMode) -> None:
    table = by_hand()
    table.send(BalanceRead(Quote.of(1000)))
    order = table.state.orders[0]
    table.venue.take(order)
    table.send(StopAsked(mode))
    table.send(FillBooked(table.venue.execute(table.venue.orders[order.order_id])))
    table.send(closed(order.order_id, table.venue, CloseReason.FILLED))
    assert not table.placed(Leg.EXIT)
    assert not table.placed(Leg.REBUY)
    assert bool(table.placed(Leg.SALE)) is (mode is StopMode.SELL_NOW)


def test_after_this_cycle_lets_the_cycle_run_to_its_exit_and_begins_no_other() -> None:
    world = holding()
    world.stop(StopMode.AFTER_CYCLE)
    assert world.state.phase is Phase.HOLDING
    world.move("99")
    assert world.state.k == 1
    world.move("110")
    assert idle(world.state)
    assert not world.venue.open
    assert len(world.placed(Leg.ENTRY)) == 1
    assert world.told(Stopped)[0].total_profit == world.told(CycleClosed)[0].net_profit


def test_starting_again_takes_back_a_stop_after_this_cycle() -> None:
    world = holding()
    world.stop(StopMode.AFTER_CYCLE)
    world.feed(StartAsked())
    assert world.told(Started)[-1].resumed
    world.move("103.5")
    assert world.state.cycle == 2


def test_keeping_the_coins_cancels_the_orders_and_hands_the_coins_over() -> None:
    world = holding()
    world.move("99")
    held, cost = world.state.holding.held, world.state.holding.cost
    world.stop(StopMode.KEEP_COINS)
    assert idle(world.state)
    assert not world.venue.open
    (told,) = world.told(Stopped)
    assert (told.kept, told.kept_cost) == (held, cost)
    assert not world.state.holding.held
    assert not world.told(CycleClosed)


def test_selling_now_cancels_sells_all_and_books_the_loss() -> None:
    world = holding()
    world.move("99")
    world.move("98.5")
    world.stop(StopMode.SELL_NOW)
    assert idle(world.state)
    assert world.venue.base == 0
    (told,) = world.told(CycleClosed)
    assert told.by_hand
    assert told.net_profit.value < 0
    assert world.venue.quote - world.venue.first_quote == told.net_profit.value


def test_a_sold_run_starts_again_as_new_and_ids_go_on() -> None:
    world = holding()
    world.stop(StopMode.SELL_NOW)
    world.start()
    assert world.state.phase is Phase.HOLDING
    assert world.state.cycle == 2
    assert len(set(world.venue.orders)) == world.state.sequence


def test_after_keeping_coins_the_next_run_never_sells_them() -> None:
    world = holding()
    world.stop(StopMode.KEEP_COINS)
    world.start()
    assert world.resting(Leg.EXIT).quantity == 1
    assert world.venue.base == 2


@pytest.mark.parametrize("mode", NOW)
def test_a_part_sold_cycle_books_what_was_sold(mode: StopMode) -> None:
    world = holding()
    world.fill(Leg.EXIT, "0.5")
    world.stop(mode)
    assert idle(world.state)
    (told,) = world.told(CycleClosed)
    assert told.quantity == (Base.of("0.5") if mode is StopMode.KEEP_COINS else Base.of(1))
    assert world.venue.base == world.told(Stopped)[0].kept.value


@pytest.mark.parametrize("mode", NOW)
def test_an_exit_that_fills_while_stopping_is_booked_once(mode: StopMode) -> None:
    world = holding()
    exit_order = world.resting(Leg.EXIT)
    world.send(StopAsked(mode))
    world.venue.execute(exit_order)
    world.venue.close(world.resting(Leg.REBUY), CloseReason.CANCELLED)
    world.feed()
    assert idle(world.state)
    assert len(world.told(CycleClosed)) == 1
    assert not world.placed(Leg.SALE)


@pytest.mark.parametrize("mode", NOW)
def test_a_rebuy_that_fills_while_stopping_is_sold_or_handed_over_too(mode: StopMode) -> None:
    world = holding()
    world.send(StopAsked(mode))
    world.venue.execute(world.resting(Leg.REBUY))
    world.venue.close(world.resting(Leg.EXIT), CloseReason.CANCELLED)
    world.feed()
    assert idle(world.state)
    kept = world.told(Stopped)[0].kept
    assert kept == (Base.of("2.03") if mode is StopMode.KEEP_COINS else Base.zero())
    assert world.venue.base == kept.value


@pytest.mark.parametrize("mode", ALL)
def test_asked_while_finishing_it_stops_before_another_cycle(mode: StopMode) -> None:
    world = holding()
    fill = world.venue.execute(world.resting(Leg.EXIT))
    world.venue.happened.clear()
    world.send(FillBooked(fill))
    assert world.state.phase is Phase.FINISHING
    world.send(StopAsked(mode))
    assert world.state.phase is Phase.FINISHING
    world.venue.close(world.resting(Leg.REBUY), CloseReason.CANCELLED)
    world.feed()
    assert idle(world.state)
    assert len(world.told(CycleClosed)) == 1


def test_selling_now_waits_for_an_order_whose_fate_is_unknown() -> None:
    table = by_hand()
    table.send(BalanceRead(Quote.of(1000)))
    order = table.state.orders[0]
    table.venue.take(order)
    table.send(FillBooked(table.venue.execute(table.venue.orders[order.order_id])))
    table.send(closed(order.order_id, table.venue, CloseReason.FILLED))
    table.send(StopAsked(StopMode.SELL_NOW))
    assert not table.placed(Leg.SALE)
    for own in table.state.orders:
        table.send(OrderAbsent(own.order_id))
    assert len(table.placed(Leg.SALE)) == 1


def test_after_this_cycle_asked_when_stopping_now_is_under_way_comes_too_late() -> None:
    world = holding()
    world.send(StopAsked(StopMode.SELL_NOW))
    world.send(StopAsked(StopMode.AFTER_CYCLE))
    for order in world.venue.open:
        world.venue.close(order, CloseReason.CANCELLED)
    world.feed()
    assert idle(world.state)
    assert world.told(Stopped)[0].mode is StopMode.SELL_NOW
    assert world.venue.base == 0


def test_selling_may_be_asked_after_keeping_as_long_as_orders_are_open() -> None:
    world = holding()
    world.send(StopAsked(StopMode.KEEP_COINS))
    world.send(StopAsked(StopMode.SELL_NOW))
    for order in world.venue.open:
        world.venue.close(order, CloseReason.CANCELLED)
    world.feed()
    assert world.venue.base == 0


def test_a_sale_that_the_exchange_keeps_refusing_hands_the_coins_over() -> None:
    world = holding()
    world.venue.base *= 0
    world.stop(StopMode.SELL_NOW)
    world.wait(10 * 60_000)
    assert idle(world.state)
    assert world.told(Stopped)[0].kept == Base.of(1)


def test_a_sale_that_keeps_ending_unfilled_slows_down_and_hands_the_coins_over() -> None:
    world = holding()
    start = world.state.holding
    table = Table(
        world.params,
        world.venue,
        State(token="abc", phase=Phase.STOPPING, stop=StopMode.SELL_NOW, sequence=50, cycle=1, holding=start),
    )
    tries = 0
    table.send(StopAsked(StopMode.SELL_NOW))
    while (sale := table.state.live(Leg.SALE)) is not None and tries < 20:
        tries += 1
        table.send(OrderTaken(sale.order_id))
        table.send(OrderClosed(sale.order_id, Base.zero(), CloseReason.CANCELLED))
        table.venue.now += 60_000
        table.send(StopAsked(StopMode.SELL_NOW))
    assert idle(table.state)
    assert tries == 3


def test_a_sale_filled_in_part_is_followed_by_a_sale_of_the_rest() -> None:
    table = Table(params(qty_inicial="100"), Venue(fine_rules(lot="0.001"), "100", taxa="0", base="1"))
    table.state = State(
        token="abc",
        phase=Phase.STOPPING,
        stop=StopMode.SELL_NOW,
        sequence=50,
        cycle=1,
        holding=holding().state.holding,
    )
    table.send(StopAsked(StopMode.SELL_NOW))
    sale = table.state.live(Leg.SALE)
    table.venue.take(sale)
    order = table.venue.orders[sale.order_id]
    fill = table.venue.execute(order, order.quantity / 4)
    table.send(FillBooked(fill))
    table.send(OrderClosed(sale.order_id, fill.quantity, CloseReason.CANCELLED))
    table.venue.now += 60_000
    table.send(StopAsked(StopMode.SELL_NOW))
    assert table.state.live(Leg.SALE).quantity == Base.of("0.75")


def test_stop_and_start_mean_nothing_where_they_do_not_fit() -> None:
    world = holding()
    before = world.state
    world.feed(StartAsked())
    assert world.state == before
    world.stop(StopMode.KEEP_COINS)
    stopped = world.state
    world.stop(StopMode.SELL_NOW)
    assert world.state == stopped
