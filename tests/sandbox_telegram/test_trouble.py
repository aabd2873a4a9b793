"""The flood limit, and faults on demand."""

import asyncio

import aiohttp
import pytest

from bot.sandbox.telegram_errors import ApiError
from bot.sandbox.telegram_faults import FloodRule, UploadBrake

RULE = FloodRule(chat_rate=1.0, chat_burst=3, overall_rate=30.0, overall_burst=4)


async def test_a_chat_has_a_burst_and_then_one_message_a_second(open_sides, clock):
    async with open_sides(clock=clock, flood=RULE) as sides:
        await sides.begin()
        for number in range(3):
            await sides.call("sendMessage", chat_id=1, text=str(number))
        assert await sides.refused("sendMessage", chat_id=1, text="x") == (
            429,
            "Too Many Requests: retry after 1",
        )
        assert (await sides.refused("editMessageText", chat_id=1, message_id=2, text="x"))[0] == 429
        assert [m["text"] for m in await sides.messages()] == ["/start", "0", "1", "2"]
        assert await sides.call("deleteMessage", chat_id=1, message_id=4)
        clock.now += 1
        await sides.call("sendMessage", chat_id=1, text="later")


async def test_all_chats_together_have_a_limit_too(open_sides, clock):
    async with open_sides(clock=clock, flood=RULE) as sides:
        await sides.begin(1)
        await sides.begin(2)
        for chat in (1, 2, 1, 2):
            await sides.call("sendMessage", chat_id=chat, text="x")
        assert (await sides.refused("sendMessage", chat_id=2, text="x"))[0] == 429


async def test_an_unchanged_edit_costs_nothing(open_sides, clock):
    async with open_sides(clock=clock, flood=RULE) as sides:
        await sides.begin()
        await sides.call("sendMessage", chat_id=1, text="x")
        for _ in range(5):
            assert (await sides.refused("editMessageText", chat_id=1, message_id=2, text="x"))[0] == 400


async def test_the_next_calls_of_a_method_are_refused_as_planned(sides):
    status, body = await sides.post("faults", {"method": "sendMessage", "kind": "500", "count": 2})
    assert (status, body["faults"]) == (200, [{"method": "sendmessage", "kind": "500", "count": 2}])
    sides.server.faults.add("sendMessage", "429", retry_after=9)
    await sides.call("getMe")
    for _ in range(2):
        assert await sides.refused("sendMessage", chat_id=1, text="x") == (500, "Internal Server Error")
    assert await sides.refused("sendMessage", chat_id=1, text="x") == (
        429,
        "Too Many Requests: retry after 9",
    )
    await sides.call("sendMessage", chat_id=1, text="x")
    assert [m["text"] for m in await sides.messages()] == ["/start", "x"]


async def test_a_lost_reply_has_had_its_effect_and_a_reset_has_not(sides):
    sides.server.faults.add("sendMessage", "reply_lost")
    with pytest.raises(aiohttp.ClientConnectionError):
        await sides.raw("sendMessage", json={"chat_id": 1, "text": "arrived"})
    sides.server.faults.add("sendMessage", "reset")
    with pytest.raises(aiohttp.ClientConnectionError):
        await sides.raw("sendMessage", json={"chat_id": 1, "text": "never"})
    assert [m["text"] for m in await sides.messages()] == ["/start", "arrived"]


async def test_an_update_comes_twice_although_it_was_confirmed(sides):
    await sides.send("/stop")
    sides.server.faults.add("getUpdates", "twice")
    (first,) = await sides.updates()
    (again,) = await sides.updates(offset=first["update_id"] + 1)
    assert again == first
    assert await sides.updates(offset=first["update_id"] + 1) == []


async def test_updates_come_newest_first_once_there_are_two_and_none_is_lost(sides):
    sides.server.faults.add("getUpdates", "out_of_order")
    answer = asyncio.create_task(sides.updates(timeout=5))
    await sides.send("/one")
    await sides.send("/two")
    later, earlier = await answer
    assert (later["message"]["text"], earlier["message"]["text"]) == ("/two", "/one")
    again = await sides.updates(offset=earlier["update_id"] + 1)
    assert again == [later], "who confirms by the last of them gets the others again"


async def test_faults_are_named_cleared_and_refused_when_unknown(sides):
    status, body = await sides.post("faults", {"method": "sendMessage", "kind": "503"})
    assert status == 400
    assert "429, 500, reset, timeout, reply_lost, twice, out_of_order" in body["error"]
    assert (await sides.post("faults", {"method": "sendMessage", "kind": "twice"}))[0] == 400
    await sides.post("faults", {"method": "*", "kind": "500", "count": 3})
    async with sides.session.delete(f"{sides.server.url}/chat/faults", headers=sides.key) as response:
        assert (await response.json())["faults"] == []
    await sides.call("getMe")


async def test_a_blocked_bot_is_told_so_until_it_is_unblocked(sides):
    await sides.post("user", {"user": 1, "blocked": True})
    forbidden = (403, "Forbidden: bot was blocked by the user")
    assert await sides.refused("sendMessage", chat_id=1, text="x") == forbidden
    assert await sides.refused("sendChatAction", chat_id=1, action="typing") == forbidden
    status, body = await sides.post("send", {"user": 1, "text": "hello?"})
    assert status == 409
    assert "unblock" in body["error"]
    await sides.post("user", {"user": 1, "blocked": False})
    await sides.call("sendMessage", chat_id=1, text="back")
    changes = [u["my_chat_member"]["new_chat_member"]["status"] for u in await sides.updates()]
    assert changes == ["kicked", "member"]


async def test_a_stop_with_polls_and_streams_open_leaves_nothing_behind(open_sides, wait_until):
    opening = open_sides()
    async with opening as sides:
        poll = asyncio.create_task(sides.updates(timeout=50))
        stream = await sides.session.get(f"{sides.server.url}/chat/events", headers=sides.key)
        await wait_until(lambda: _polls(sides))
        await opening.server.stop()
        assert await poll == []
        assert b'"hello"' in await stream.content.read()
        stream.close()


async def _polls(sides):
    return sides.server.world.updates.is_waiting


async def test_a_refused_call_takes_back_what_it_had_begun(sides, form):
    upload = form({"chat_id": "2", "document": ("a.js", b"for somebody who never wrote")})
    status, _, _ = await sides.raw("sendDocument", data=upload)
    assert status == 403
    assert sides.server.world.store.file_count() == 0


def test_uploads_of_one_size_above_100_kb_are_spaced_after_a_burst(clock):
    brake = UploadBrake(clock)
    assert [brake.wait(100_000) for _ in range(50)] == [0.0] * 50
    burst = [brake.wait(2_500_000) for _ in range(8)]
    assert [round(seconds, 6) for seconds in burst] == [0, 0, 0, 0, 0, 0.25, 0.5, 0.75]
    assert brake.wait(2_500_001) == 0, "another size has a line of its own"
    assert [round(brake.wait(100_001), 6) for _ in range(7)][-1] == 0.2
    assert [round(brake.wait(50_000_000), 6) for _ in range(3)] == [0, 0, 0.8]
    clock.now += 60
    assert brake.wait(2_500_000) == 0


def test_too_many_uploads_of_one_size_in_line_are_a_flood(clock):
    brake = UploadBrake(clock)
    while brake.wait(9_000_000) < 5:
        pass
    with pytest.raises(ApiError, match="retry after 60"):
        brake.wait(9_000_000)
    assert UploadBrake(clock, on=False).wait(9_000_000) == 0


async def test_a_braked_upload_arrives_later_and_whole(sides, form, picture):
    content = picture(640, 360) + bytes(120_000)
    began = asyncio.get_running_loop().time()
    for _ in range(7):
        status, _, _ = await sides.raw("sendPhoto", data=form({"chat_id": "1", "photo": ("p.png", content)}))
        assert status == 200
    assert asyncio.get_running_loop().time() - began > 0.15
    assert len([m for m in await sides.messages() if m["photo"]]) == 7


async def test_an_album_counts_each_of_its_messages(open_sides, clock, form, picture):
    async with open_sides(clock=clock, flood=RULE) as sides:
        await sides.begin()
        media = [{"type": "photo", "media": f"attach://p{number}"} for number in range(4)]
        files = {f"p{number}": ("p.png", picture(9, 9)) for number in range(4)}
        request = form({"chat_id": "1", "media": media, **files})
        assert (await sides.raw("sendMediaGroup", data=request))[0] == 429
        del files["p3"]
        request = form({"chat_id": "1", "media": media[:3], **files})
        assert (await sides.raw("sendMediaGroup", data=request))[0] == 200


async def test_a_call_that_times_out_has_no_effect_and_frees_its_place(sides):
    sides.server.faults.add("sendMessage", "timeout")
    with pytest.raises(TimeoutError):
        await sides.raw(
            "sendMessage", json={"chat_id": 1, "text": "x"}, timeout=aiohttp.ClientTimeout(total=0.3)
        )
    await sides.call("sendMessage", chat_id=1, text="y")
    assert [m["text"] for m in await sides.messages()] == ["/start", "y"]


async def test_a_deleted_account_cannot_be_written_to_and_says_so_after_a_restart_too(open_sides, state_file):
    gone = (403, "Forbidden: user is deactivated")
    async with open_sides(path=state_file) as sides:
        await sides.begin()
        assert (await sides.post("user", {"user": 1, "deactivated": True}))[0] == 200
        assert await sides.refused("sendMessage", chat_id=1, text="x") == gone
        assert (await sides.post("send", {"user": 1, "text": "x"}))[0] == 409
        assert (await sides.post("user", {"user": 1, "deactivated": "no"}))[0] == 400
    async with open_sides(path=state_file) as sides:
        assert await sides.refused("sendMessage", chat_id=1, text="x") == gone
        await sides.post("user", {"user": 1, "deactivated": False})
        await sides.call("sendMessage", chat_id=1, text="back")
