"""The private stream against servers that misbehave in every way seen so far."""

import asyncio
import time
from dataclasses import replace

import pytest

from bot.domain.events import CloseReason
from bot.domain.money import Base, Quote
from bot.exchanges.environments import Endpoints
from bot.exchanges.gate import host_gate
from bot.exchanges.stream import StreamTimings
from bot.ports import FillView, OrderView, StreamDown, StreamUp
from tests.exchanges.kit import FAST, JUMPY, Naps, events, kinds, says
from tests.exchanges.rows import execution, instrument, order_message, order_row
from tests.exchanges.scripted import ScriptedBybit, answer_pings, envelope, html, say_nothing
from tests.exchanges.stage import until
from tests.ports import kept_port


async def test_a_silent_socket_is_left_and_replaced(scripted, connect):
    async def talk(socket, number):
        await (say_nothing if number == 1 else answer_pings)(socket, number)

    scripted.talk = talk
    stream = connect(JUMPY)
    up, down, again = await events(stream, 3)
    assert (up, again) == (StreamUp(), StreamUp())
    assert "silent" in down.reason


@pytest.mark.parametrize("timings", [FAST, JUMPY], ids=["patient", "jumpy"])
async def test_a_socket_that_answers_pings_is_kept_though_nothing_else_comes(scripted, connect, timings):
    """A jumpy stream leaves one that is not heard after its second ping, and one whose machine stalled; a patient none."""
    enough = asyncio.Event()

    async def talk(socket, number):
        pings = 0
        async for _ in socket:
            pings += 1
            await socket.send_json({"op": "pong", "args": ["1"]})
            if pings == 5:
                enough.set()

    async def listen():
        return [event async for event in stream]

    scripted.talk = talk
    stream = connect(timings)
    listening = asyncio.create_task(listen())
    async with asyncio.timeout(30):
        await enough.wait()
    assert not listening.done()
    assert scripted.connections == 1 or timings is JUMPY
    await stream.aclose()
    heard = await listening
    assert heard[0] == StreamUp()
    assert heard[1:] == [] or timings is JUMPY
    assert {type(one) for one in heard} <= {StreamUp, StreamDown}


async def test_any_message_counts_as_life(scripted, connect):
    """A socket that is not heard is left long before its last row, however often it is opened again."""

    async def talk(socket, number):
        for _ in range(30):
            await socket.send_str('{"topic":"wallet","data":[]}')
            await asyncio.sleep(0.03)
        await socket.send_str(order_message(order_row()))
        await say_nothing(socket)

    scripted.talk = talk
    stream = connect(JUMPY)
    assert await anext(stream) == StreamUp()
    async with asyncio.timeout(60):
        while not isinstance(await anext(stream), OrderView):
            pass


@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        "[1, 2]",
        "{}",
        '"text"',
        b"\xff\xfe",
        "[" * 100_000,
        '{"topic":"order.spot"}',
        '{"topic":"order.spot","data":"rows"}',
        '{"topic":"order.spot","data":[{"orderLinkId":"ta-t-1-e0-1"}]}',
        '{"topic":"execution.spot","data":[{"orderLinkId":"ta-t-1-e0-1","execType":"Trade","symbol":"BTCUSDT"}]}',
        order_message(order_row(orderStatus="Frozen")),
        order_message(order_row(cumExecQty=0.1)),
        '{"op":"subscribe","success":false,"ret_msg":"too late"}',
        '{"topic":"wallet","data":[]}' + " " * 2**20,
    ],
    ids=lambda frame: str(frame)[:40],
)
async def test_a_frame_that_cannot_be_read_breaks_the_connection_not_the_stream(scripted, connect, frame):
    scripted.answers["/v5/market/instruments-info"] = instrument()
    scripted.talk = says(frame)
    assert await kinds(connect(), 3) == [StreamUp, StreamDown, StreamUp]


async def test_a_close_in_the_middle_of_a_message_is_a_gap(scripted, connect):
    async def talk(socket, number):
        if number == 1:
            # a text frame that announces 100 bytes and brings 3
            socket._req.transport.write(b"\x81\x64abc")
            await asyncio.sleep(0.01)
            socket._req.transport.abort()
        await answer_pings(socket)

    scripted.talk = talk
    assert await kinds(connect(), 3) == [StreamUp, StreamDown, StreamUp]


async def test_a_polite_close_is_a_gap_too(scripted, connect):
    async def talk(socket, number):
        if number == 1:
            await socket.close()
        else:
            await answer_pings(socket)

    scripted.talk = talk
    assert await kinds(connect(), 3) == [StreamUp, StreamDown, StreamUp]


async def test_an_exchange_that_cannot_be_reached_for_a_while_is_found_again_and_told_once(pool, connect):
    naps = Naps()

    async def tried_in_vain():
        return len(naps.waits) >= 5

    with kept_port() as port:
        stream = connect(endpoints=ScriptedBybit(port=port).endpoints, clock=naps)
        assert await kinds(stream, 1) == [StreamDown]
        waiting = asyncio.create_task(anext(stream))
        await until(tried_in_vain)
        assert not waiting.done()
        async with ScriptedBybit(port=port, talk=answer_pings):
            async with asyncio.timeout(30):
                assert await waiting == StreamUp()
            await stream.aclose()


async def test_every_row_of_a_message_is_told_and_strangers_are_not(scripted, connect):
    scripted.answers["/v5/market/instruments-info"] = instrument()
    scripted.talk = says(
        order_message(
            order_row(),
            order_row(orderLinkId="by-hand"),
            order_row(orderLinkId=""),
            order_row(orderLinkId="ta-t-1-x0-2"),
        ),
        order_message(
            execution(),
            execution(execId="e2", orderLinkId="1776700246567684867"),
            execution(execId="e3", execType="CorporateAction"),
            execution(execId="e4"),
            topic="execution.spot",
        ),
        order_message(order_row(category="linear"), topic="order.spot"),
        order_message(order_row(orderStatus="Filled", cumExecQty="0.002", cumExecValue="100")),
    )
    up, one, two, first, second, last = await events(connect(), 6)
    assert up == StreamUp()
    assert [one.order_id, two.order_id] == ["ta-t-1-e0-1", "ta-t-1-x0-2"]
    assert isinstance(first, FillView)
    assert [first.fill.exec_id, second.fill.exec_id] == ["e1", "e4"]
    assert (last.closed, last.filled, last.value) == (CloseReason.FILLED, Base.of("0.002"), Quote.of("100"))
    # the pair's coins are asked for once
    assert len(scripted.asked("/v5/market/instruments-info")) == 1


async def test_a_consumer_that_does_not_keep_up_gets_a_gap_instead_of_memory(scripted, connect):
    go_on = asyncio.Event()

    async def talk(socket, number):
        if number == 1:
            await go_on.wait()
            for _ in range(2):
                await socket.send_str(order_message(*[order_row()] * 15))
        await answer_pings(socket)

    scripted.talk = talk
    stream = connect(replace(FAST, queue=20))
    assert await kinds(stream, 1) == [StreamUp]
    go_on.set()

    async def reconnected():
        return scripted.connections == 2

    await until(reconnected)
    down, up = await events(stream, 2)
    assert "keep up" in down.reason
    assert up == StreamUp()


async def test_waits_grow_with_jitter_and_start_over_after_a_calm_time(scripted, connect, monkeypatch):
    """The ninth connection lasts a minute by a clock that is put forward."""
    naps, loop, ahead = Naps(), asyncio.get_running_loop(), 0.0
    monkeypatch.setattr(loop, "time", lambda: time.monotonic() + ahead)

    async def talk(socket, number):
        nonlocal ahead
        if number == 9:
            ahead = 60.0
            socket._req.transport.abort()
        elif number > 10:
            await answer_pings(socket)

    scripted.talk = talk
    timings = replace(FAST, first_wait=0.5, longest_wait=30.0, calm_after=50)
    stream = connect(timings, clock=naps)
    async with asyncio.timeout(90):
        while len(naps.waits) < 10:
            await anext(stream)
    wanted = [0.5, 1, 2, 4, 8, 16, 30, 30, 0.5, 1]
    for wait, whole in zip(naps.waits, wanted, strict=False):
        assert whole / 2 <= wait <= whole
    assert len(set(naps.waits[6:8])) == 2  # jitter: not the same twice


def test_the_growing_waits_stay_far_below_the_exchanges_limit_of_connects():
    timings = StreamTimings()
    elapsed, connects, wait = 0.0, 0, 0.0
    while elapsed < 300:
        connects += 1
        wait = timings.first_wait if not wait else min(wait * 2, timings.longest_wait)
        elapsed += wait / 2
    assert connects < 50


async def test_new_sockets_of_all_accounts_share_one_budget(scripted, connect):
    scripted.talk = answer_pings
    window = host_gate(scripted.endpoints.rest).connects
    for _ in range(200):
        window.take(0.0)
    first = connect()
    assert await kinds(first, 1) == [StreamUp]  # those were long ago
    for _ in range(200):
        window.take(time.monotonic())
    waiting = asyncio.create_task(anext(connect()))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    assert scripted.connections == 1
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_forbidden_handshake_stops_requests_as_well(scripted, connect, pool):
    host = scripted.endpoints
    scripted.answers["/v5/forbidden"] = html(403)
    stream = connect(endpoints=Endpoints(host.rest, host.ws_private.replace("private", "forbidden")))
    (down,) = await events(stream, 1)
    assert "403" in down.reason
    assert host_gate(host.rest).ban.left > 590


async def test_cancelling_the_consumer_leaves_nothing_behind(scripted, connect):
    scripted.talk = answer_pings
    stream = connect()
    assert await kinds(stream, 1) == [StreamUp]
    before = asyncio.all_tasks()
    consumer = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    await stream.aclose()
    await stream.aclose()
    assert not any(task.get_name() == "private-stream" for task in asyncio.all_tasks() - before)
    assert not any(task.get_name() == "private-stream" for task in asyncio.all_tasks())
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_fill_of_a_pair_that_vanished_is_left_to_the_reconciliation(scripted, connect):
    scripted.answers["/v5/market/instruments-info"] = envelope({"list": []})
    scripted.talk = says(order_message(execution(), topic="execution.spot"))
    up, down, again = await events(connect(), 3)
    assert (up, again) == (StreamUp(), StreamUp())
    assert "not traded any more" in down.reason


async def test_a_handshake_answered_with_a_failure_is_tried_again_without_a_ban(scripted, connect):
    host = scripted.endpoints
    scripted.answers["/v5/down"] = html(503)
    stream = connect(endpoints=Endpoints(host.rest, host.ws_private.replace("private", "down")))
    (down,) = await events(stream, 1)
    assert "HTTP 503" in down.reason

    async def tried_again():
        return len(scripted.asked("/v5/down")) >= 3

    await until(tried_again)
    assert host_gate(host.rest).ban.left == 0


async def test_a_gap_behind_a_full_queue_replaces_what_nobody_read(scripted, connect):
    async def talk(socket, number):
        if number == 1:
            for n in range(20):  # the queue is just full when the gap comes
                await socket.send_str(order_message(order_row(updatedTime=str(n))))
            await socket.close()
        await answer_pings(socket)

    scripted.talk = talk
    stream = connect(replace(FAST, queue=20))
    assert isinstance(await anext(stream), StreamUp)

    async def reconnected():
        return scripted.connections == 2

    await until(reconnected)
    assert await kinds(stream, 2) == [StreamDown, StreamUp]
