"""Rate limits, and the exchange's clock."""

import asyncio
import time
from collections.abc import Awaitable

import pytest

from bot.errors import RateLimited
from bot.exchanges.gate import PER_SECOND, Gate, HostGate, Lane, Window, host_gate
from bot.exchanges.server_clock import ServerClock


def test_no_window_anywhere_holds_more_starts_than_allowed():
    window, now, starts = Window(5, 1.0), 100.0, []
    for step in range(60):
        now += 0.03 if step % 7 else 0.6
        starts.append(now + window.wait(now))
        window.take(now)
    assert all(later - earlier >= 1.0 - 1e-9 for earlier, later in zip(starts, starts[5:], strict=False))


async def test_a_burst_of_orders_is_spread_over_seconds():
    """The loop ends waits in the order in which they are due, however late a busy machine makes it."""
    gate, ended = Gate(HostGate()), list[str]()

    async def noted(name: str, waited: Awaitable[None]) -> None:
        await waited
        ended.append(name)

    began = time.monotonic()
    orders = [noted("order", gate.enter(Lane.CREATE)) for _ in range(PER_SECOND[Lane.CREATE] + 1)]
    await asyncio.gather(*orders, noted("1.5 s", asyncio.sleep(1.5)), noted("0.9 s", asyncio.sleep(0.9)))
    assert ended == ["order"] * PER_SECOND[Lane.CREATE] + ["0.9 s", "order", "1.5 s"]
    assert time.monotonic() - began >= 1.5


async def test_lanes_do_not_hold_each_other_up():
    gate = Gate(HostGate())
    for _ in range(PER_SECOND[Lane.CREATE]):
        await gate.enter(Lane.CREATE)
    for lane in (Lane.CANCEL, Lane.QUERY):
        with pytest.raises(StopIteration):  # it ends at its first step: nothing is waited for
            gate.enter(lane).send(None)


async def test_a_place_far_down_the_queue_is_refused_at_once():
    gate = Gate(HostGate())
    for _ in range(PER_SECOND[Lane.CREATE] * 12):
        gate._windows[Lane.CREATE].take(time.monotonic())
    with pytest.raises(RateLimited) as caught:
        await gate.enter(Lane.CREATE)
    assert caught.value.retry_after > 10


async def test_a_pause_stops_every_lane_of_the_account_and_no_other_account():
    host = HostGate()
    gate, other = Gate(host), Gate(host)
    until = time.monotonic() + 50
    gate.pause(50)
    gate.pause(1)  # the longer pause stands
    for lane in Lane:
        with pytest.raises(RateLimited) as caught:
            await gate.enter(lane)
        assert until - time.monotonic() <= caught.value.retry_after <= 50
    await other.enter(Lane.CREATE)


async def test_a_ban_that_comes_while_waiting_stops_who_waits():
    host = HostGate()
    gate = Gate(host)
    for _ in range(PER_SECOND[Lane.FEE]):
        await gate.enter(Lane.FEE)
    waiting = asyncio.create_task(gate.enter(Lane.FEE))
    await asyncio.sleep(0)
    host.ban.set(600)
    with pytest.raises(RateLimited):
        await waiting


def test_accounts_at_one_host_share_its_gate():
    assert host_gate("http://a") is host_gate("http://a")
    assert host_gate("http://a") is not host_gate("http://b")


def test_the_limits_leave_a_tenth_unused():
    assert PER_SECOND == {Lane.CREATE: 18, Lane.CANCEL: 18, Lane.QUERY: 45, Lane.FEE: 4}


def test_a_stamp_is_late_by_at_most_the_round_trip_and_never_early():
    clock = ServerClock(lambda: 1_000_000)
    assert not clock.known
    assert clock.due()
    assert clock.stamp() == 1_000_000
    now = time.monotonic() * 1000
    # The server read 5_000_400 somewhere in a round trip of 800 ms that ends now.
    clock.learn((now - 800, 999_200), (now, 1_000_000), 5_000_400)
    stamp = clock.stamp()
    assert 5_000_400 <= stamp <= 5_000_400 + time.monotonic() * 1000 - now
    assert clock.offset == pytest.approx((5_000_400 - 999_600) / 1000)
    assert clock.known
    assert not clock.due()
    clock.doubt()
    assert clock.due()
    clock.later()
    assert not clock.due()
