"""The queue of updates: what getUpdates gives, confirms, waits for and refuses."""

import asyncio
import time

from tests.beside import within

CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


async def ids_after(sides, texts):
    for text in texts:
        await sides.send(text)


async def test_an_offset_confirms_what_is_below_it_and_ids_grow_by_one(sides):
    await ids_after(sides, ["a", "b", "c"])
    first = await sides.updates()
    numbers = [update["update_id"] for update in first]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert [u["message"]["text"] for u in await sides.updates()] == ["a", "b", "c"]
    assert [u["message"]["text"] for u in await sides.updates(offset=numbers[1])] == ["b", "c"]
    assert [u["message"]["text"] for u in await sides.updates()] == ["b", "c"]
    assert await sides.updates(offset=numbers[2] + 1) == []
    assert (await sides.call("getWebhookInfo"))["pending_update_count"] == 0


async def test_a_negative_offset_keeps_only_the_last_ones(sides):
    await ids_after(sides, ["a", "b", "c"])
    assert [u["message"]["text"] for u in await sides.updates(offset=-1)] == ["c"]
    assert len(await sides.updates()) == 1


async def test_an_offset_far_in_the_future_confirms_nothing(sides):
    await ids_after(sides, ["a"])
    (update,) = await sides.updates()
    assert len(await sides.updates(offset=update["update_id"] + 50)) == 1


async def test_the_limit_is_drawn_between_one_and_a_hundred(sides):
    await ids_after(sides, [str(number) for number in range(102)])
    assert len(await sides.updates(limit=2)) == 2
    assert len(await sides.updates(limit=0)) == 1
    assert len(await sides.updates(limit=5000)) == 100


async def test_a_long_poll_waits_for_the_first_update(sides, wait_until):
    poll = asyncio.create_task(sides.updates(timeout=20))
    await wait_until(lambda: _waits(sides))
    await sides.send("wake up")
    assert [u["message"]["text"] for u in await poll] == ["wake up"]


async def _waits(sides):
    return sides.server.world.updates.is_waiting


async def test_a_poll_in_vain_ends_after_its_timeout(sides):
    began = time.monotonic()
    async with within(3):
        assert await sides.updates(timeout=1) == []
    assert time.monotonic() - began > 0.9


async def test_a_second_poller_ends_the_first_with_a_conflict(sides, wait_until):
    first = asyncio.create_task(sides.refused("getUpdates", timeout=20))
    await wait_until(lambda: _waits(sides))
    second = asyncio.create_task(sides.updates(timeout=20))
    assert await first == (409, CONFLICT)
    await sides.send("x")
    assert len(await second) == 1


async def test_a_poller_that_went_away_leaves_its_place(sides, wait_until):
    gone = asyncio.create_task(sides.updates(timeout=20))
    await wait_until(lambda: _waits(sides))
    gone.cancel()
    await wait_until(lambda: _is_free(sides))
    await sides.send("x")
    assert len(await sides.updates(timeout=20)) == 1


async def _is_free(sides):
    return not sides.server.world.updates.is_waiting


async def test_the_same_offset_at_once_gets_one_update_and_waits_three_seconds(open_sides):
    async with open_sides(poll_pacing=True) as sides:
        await ids_after(sides, ["a", "b"])
        assert len(await sides.updates(offset=5)) == 2
        assert len(await sides.updates(offset=5)) == 1
        last = (await sides.updates(offset=0))[-1]["update_id"]
        await sides.updates(offset=last + 1)
        began = time.monotonic()
        async with within(5):
            assert await sides.updates(offset=last + 1, timeout=0) == []
        assert time.monotonic() - began > 2.5


async def test_only_allowed_kinds_are_queued_and_the_list_is_kept(sides):
    await sides.updates(allowed_updates=["callback_query"])
    await sides.send("not wanted")
    sent = await sides.call(
        "sendMessage",
        chat_id=1,
        text="x",
        reply_markup={"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]},
    )
    await sides.press(sent["message_id"], "Go")
    assert [set(update) for update in await sides.updates()] == [{"update_id", "callback_query"}]
    await sides.updates(allowed_updates=[])
    await sides.send("wanted again")
    assert len(await sides.updates()) == 2


async def test_updates_are_kept_for_a_day(open_sides, clock):
    async with open_sides(clock=clock) as sides:
        await sides.send("yesterday")
        clock.now += 20 * 3600
        await sides.send("today")
        assert len(await sides.updates()) == 2
        clock.now += 5 * 3600
        assert [u["message"]["text"] for u in await sides.updates()] == ["today"]


async def test_delete_webhook_drops_what_waits_only_when_asked(sides):
    await sides.send("x")
    assert await sides.call("deleteWebhook")
    assert len(await sides.updates()) == 1
    assert await sides.call("deleteWebhook", drop_pending_updates=True)
    assert await sides.updates() == []


async def test_message_ids_are_one_counter_across_the_chats(sides):
    await sides.send("/start", user=2)
    sent = [await sides.call("sendMessage", chat_id=chat, text="x") for chat in (1, 2, 1)]
    assert [message["message_id"] for message in sent] == [3, 4, 5]


async def test_a_command_is_an_entity_at_the_start_of_the_persons_text(sides):
    await sides.send("/status@bot now $BTC")
    (update,) = await sides.updates()
    assert update["message"]["entities"] == [
        {"type": "bot_command", "offset": 0, "length": 11},
        {"type": "cashtag", "offset": 16, "length": 4},
    ]
    assert update["message"]["from"]["language_code"] == "pt-br"
    assert update["message"]["chat"] == {
        "id": 1,
        "first_name": "Ana",
        "username": "ana_sandbox",
        "type": "private",
    }


async def test_an_edit_of_the_person_arrives_as_edited_message(sides):
    message_id = await sides.send("3,5")
    status, _ = await sides.post("edit", {"user": 1, "message_id": message_id, "text": "3,6"})
    assert status == 200
    edited = (await sides.updates())[-1]["edited_message"]
    assert (edited["message_id"], edited["text"]) == (message_id, "3,6")
    assert edited["edit_date"] >= edited["date"]
