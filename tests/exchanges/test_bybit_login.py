"""The private stream's login and subscription."""

import hashlib
import hmac
import json
import time
from dataclasses import replace

import pytest

from bot.errors import AccessDenied
from bot.ports import OrderView, StreamDown, StreamUp
from tests.exchanges.kit import FAST, KEY_OK, events, kinds
from tests.exchanges.rows import order_message, order_row
from tests.exchanges.scripted import answer_pings, envelope, html, say_nothing
from tests.exchanges.stage import until


def refusing(**answer):
    async def talk(socket, number):
        await socket.receive()
        await socket.send_json({"success": False, "op": "auth", "conn_id": "c", **answer})
        await say_nothing(socket)

    return talk


async def test_login_is_signed_by_the_servers_clock_and_subscribes_to_spot_topics_only(scripted, connect):
    scripted.polite = False
    scripted.clock_ahead = -100.0
    commands = []

    async def talk(socket, number):
        for _ in range(2):
            commands.append(json.loads((await socket.receive()).data))
            await socket.send_json({"success": True, "ret_msg": "", "op": commands[-1]["op"]})
        await answer_pings(socket)

    scripted.talk = talk
    began = time.time()
    assert await kinds(connect(), 1) == [StreamUp]
    key, expires, signature = commands[0]["args"]
    assert key == "the-key"
    assert began - 0.01 <= expires / 1000 + 100 - 10 <= time.time()
    wanted = hmac.new(b"the-secret", f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
    assert signature == wanted
    assert commands[1]["args"] == ["order.spot", "execution.spot", "wallet"]


async def test_a_login_that_is_never_answered_is_given_up(scripted, connect):
    scripted.polite = False
    attempts = 0

    async def talk(socket, number):
        nonlocal attempts
        attempts += 1
        await say_nothing(socket)

    scripted.talk = talk
    stream = connect(replace(FAST, login_timeout=0.1))
    (down,) = await events(stream, 1)
    assert isinstance(down, StreamDown)


@pytest.mark.parametrize("code", [10003, 10004, 10005, 33004])
async def test_a_login_refused_for_the_key_ends_the_stream(scripted, connect, code):
    scripted.polite = False
    scripted.talk = refusing(retCode=code, ret_msg="Invalid apikey")
    stream = connect()
    with pytest.raises(AccessDenied) as caught:
        await events(stream, 1)
    assert caught.value.code == code


async def test_a_login_refused_without_a_code_is_judged_by_asking_over_rest(scripted, connect):
    scripted.polite = False
    scripted.talk = refusing(ret_msg="Params Error")
    scripted.answers["/v5/user/query-api"] = [KEY_OK, envelope(code=10003, message="API key is invalid.")]
    stream = connect()
    (down,) = await events(stream, 1)
    assert "Params Error" in down.reason
    with pytest.raises(AccessDenied):
        await events(stream, 1)


async def test_a_login_refused_for_the_clock_asks_the_time_and_tries_again(scripted, connect):
    scripted.polite = False
    scripted.answers["/v5/user/query-api"] = KEY_OK

    async def talk(socket, number):
        if number == 1:
            await refusing(retCode=10002, ret_msg="expired")(socket, number)
            return
        for _ in range(2):
            op = json.loads((await socket.receive()).data)["op"]
            await socket.send_json({"success": True, "op": op})
        await answer_pings(socket)

    scripted.talk = talk
    assert await kinds(connect(), 2) == [StreamDown, StreamUp]
    assert len(scripted.asked("/v5/market/time")) == 2


async def test_a_refused_subscription_is_tried_again(scripted, connect):
    scripted.polite = False

    async def talk(socket, number):
        for op in ("auth", "subscribe"):
            await socket.receive()
            refused = number == 1 and op == "subscribe"
            await socket.send_json({"success": not refused, "ret_msg": "no", "op": op})
        await answer_pings(socket)

    scripted.talk = talk
    assert await kinds(connect(), 2) == [StreamDown, StreamUp]


async def test_events_that_overtake_the_subscriptions_answer_come_after_up(scripted, connect):
    scripted.polite = False

    async def talk(socket, number):
        await socket.receive()
        await socket.send_json({"success": True, "op": "auth"})
        await socket.receive()
        await socket.send_str(order_message(order_row()))
        await socket.send_json({"success": True, "op": "subscribe"})
        await answer_pings(socket)

    scripted.talk = talk
    assert await kinds(connect(), 2) == [StreamUp, OrderView]


async def test_a_codeless_refusal_while_rest_is_down_as_well_is_tried_again(scripted, connect):
    scripted.polite = False
    scripted.answers["/v5/user/query-api"] = html(503)
    scripted.talk = refusing(ret_msg="Params Error")
    stream = connect()
    (down,) = await events(stream, 1)
    assert "Params Error" in down.reason

    async def tried_again():
        return scripted.connections >= 3

    await until(tried_again)
