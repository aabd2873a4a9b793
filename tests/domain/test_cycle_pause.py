"""Re-buys paused alone: what rests is cancelled, nothing is placed, the exit stays; and resumed."""

from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from bot.domain.commands import Cancel
from bot.domain.cycle import pending
from bot.domain.events import (
    CancelFailed,
    OrderAbsent,
    OrderTaken,
    RebuysPaused,
    RebuysResumed,
    StartAsked,
    StopAsked,
    StopMode,
)
from bot.domain.notices import CycleClosed, FirstBuyFilled, RebuyFilled, RebuysHeld
from bot.domain.orders import Leg, OrderStatus
from bot.domain.state import Phase, State
from tests.domain.chaos import Chaos, Weather
from tests.domain.invariants import after_every_event, when_all_is_quiet
from tests.domain.venue import Venue, fine_rules
from tests.domain.world import World, params


def holding(**changes) -> World:
    chosen = {"qty_inicial": "100", "lucro_reaplicar": False, **changes}
    world = World(params(**chosen), Venue(fine_rules(lot="0.001"), "100", taxa="0"))
    world.start()
    assert world.state.live(Leg.REBUY) is not None
    return world


def test_a_pause_cancels_the_rebuy_and_leaves_the_exit() -> None:
    world = holding()
    exit_before = world.state.live(Leg.EXIT)
    world.feed(RebuysPaused())
    assert [o.leg for o in world.state.orders] == [Leg.EXIT]
    assert world.state.live(Leg.EXIT) == exit_before
    assert world.told(RebuysHeld) == [RebuysHeld(paused=True, exit_price=exit_before.price, next_rebuy=None)]


def test_a_paused_ladder_buys_nothing_however_deep_the_price_falls() -> None:
    world = holding()
    world.feed(RebuysPaused())
    placed = len(world.placed(Leg.REBUY))
    for price in ("90", "50", "10"):
        world.move(price)
        world.wait(120_000)
    assert len(world.placed(Leg.REBUY)) == placed
    assert not world.told(RebuyFilled)


def test_a_resumed_ladder_puts_the_same_rebuy_back() -> None:
    world = holding()
    before = world.state.live(Leg.REBUY)
    world.feed(RebuysPaused())
    world.feed(RebuysResumed())
    after = world.state.live(Leg.REBUY)
    assert (after.price, after.quantity, after.k) == (before.price, before.quantity, before.k)
    assert world.told(RebuysHeld)[-1] == RebuysHeld(
        paused=False, exit_price=world.state.live(Leg.EXIT).price, next_rebuy=before.price
    )


def test_asked_twice_it_is_said_once() -> None:
    world = holding()
    world.feed(RebuysPaused(), RebuysPaused())
    assert len(world.told(RebuysHeld)) == 1
    world.feed(RebuysResumed(), RebuysResumed())
    assert len(world.told(RebuysHeld)) == 2


def test_the_pause_lasts_over_the_next_cycles_until_it_is_taken_back() -> None:
    world = holding()
    world.feed(RebuysPaused())
    world.move(world.state.live(Leg.EXIT).price.value)
    assert len(world.told(CycleClosed)) == 1
    assert world.state.phase is Phase.HOLDING
    assert world.state.cycle == 2
    assert [o.leg for o in world.state.orders] == [Leg.EXIT]
    assert world.told(FirstBuyFilled)[-1].rebuys_paused
    world.feed(RebuysResumed())
    assert world.state.live(Leg.REBUY) is not None


@pytest.mark.parametrize("mode", [StopMode.KEEP_COINS, StopMode.SELL_NOW])
def test_a_new_start_begins_without_the_pause(mode: StopMode) -> None:
    world = holding()
    world.feed(RebuysPaused())
    world.stop(mode)
    assert world.state.phase is Phase.IDLE
    assert not world.state.rebuys_paused
    world.feed(StartAsked())
    assert world.state.live(Leg.REBUY) is not None


def test_a_strategy_that_does_not_run_cannot_be_paused() -> None:
    world = World(params(), Venue(fine_rules(), "100"))
    world.feed(RebuysPaused(), RebuysResumed())
    assert world.state == State(token="abc")
    assert not world.notices


def test_a_part_filled_rebuy_is_cancelled_too_and_its_rest_bought_after_the_pause() -> None:
    world = holding(multiplicador_qty="1")
    world.fill(Leg.REBUY, "0.2")
    part = world.state.rung_bought
    assert part.value == Decimal("0.2")
    world.feed(RebuysPaused())
    assert world.state.live(Leg.REBUY) is None
    world.wait(60_000)
    exit_order = world.state.live(Leg.EXIT)
    assert exit_order.quantity == world.state.holding.held
    world.feed(RebuysResumed())
    again = world.state.live(Leg.REBUY)
    assert again.quantity + part == world.placed(Leg.REBUY)[0].quantity


def test_a_rebuy_that_fills_before_its_cancel_arrives_is_booked_and_no_other_follows() -> None:
    world = holding()
    world.venue.execute(world.resting(Leg.REBUY))
    facts, world.venue.happened = world.venue.happened, []
    world.send(RebuysPaused())
    world.feed(*facts)
    assert world.state.k == 1
    assert world.told(RebuyFilled)[0].rebuys_paused
    assert [o.leg for o in world.state.orders] == [Leg.EXIT]


def test_a_rebuy_on_its_way_is_cancelled_as_soon_as_it_is_known_to_rest() -> None:
    world = holding()
    world.feed(RebuysPaused())
    world.send(RebuysResumed())
    intended = world.state.live(Leg.REBUY)
    assert intended.status is OrderStatus.INTENDED
    assert not [c for c in world.send(RebuysPaused()) if isinstance(c, Cancel)]
    assert Cancel(intended.order_id) in world.send(OrderTaken(intended.order_id))
    assert Cancel(intended.order_id) in pending(world.state)


def test_a_cancel_that_failed_is_asked_again_while_paused() -> None:
    world = holding()
    rebuy = world.state.live(Leg.REBUY)
    world.send(RebuysPaused())
    assert Cancel(rebuy.order_id) in world.send(CancelFailed(rebuy.order_id))


def test_a_rebuy_that_never_arrived_is_not_sent_again_while_paused() -> None:
    world = holding()
    world.feed(RebuysPaused())
    world.send(RebuysResumed())
    lost = world.state.live(Leg.REBUY)
    world.send(RebuysPaused())
    world.feed(OrderAbsent(lost.order_id))
    world.wait(600_000)
    assert [o.leg for o in world.state.orders] == [Leg.EXIT]


def test_a_pause_and_a_stop_after_this_cycle_go_together() -> None:
    world = holding()
    world.feed(RebuysPaused(), StopAsked(StopMode.AFTER_CYCLE))
    world.move(world.state.live(Leg.EXIT).price.value)
    assert world.state.phase is Phase.IDLE


def test_a_state_saved_before_there_were_pauses_is_read_as_not_paused() -> None:
    adapter = TypeAdapter(State)
    stored = adapter.dump_python(holding().state, mode="json")
    del stored["rebuys_paused"]
    assert adapter.validate_python(stored).rebuys_paused is False


def test_pauses_come_and_go_on_bad_days_too() -> None:
    """Hundreds of pauses among lost acks, part fills and crashes: the invariants hold (no re-buy while paused)."""
    days = []
    for seed in range(30):
        venue = Venue(fine_rules(), "60000", taxa="0.001", quote="100000")
        chosen = params(qty_inicial="100", recompra_queda_inicial="0.006", limite_recompras=6)
        day = Chaos(seed, chosen, venue, Weather(pause=0.2), after_every_event)
        day.run(120, stride=0.008)
        day.quiesce()
        when_all_is_quiet(day)
        days.append(day)
    assert sum(len(d.told(RebuysHeld)) for d in days) > 100
    assert sum(len(d.told(RebuyFilled)) for d in days) > 20
