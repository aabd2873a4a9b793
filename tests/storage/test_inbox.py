import asyncio
import json

import pytest
from aiohttp import web
from telegram import Update
from telegram.ext import Application, ApplicationBuilder, ExtBot, MessageHandler, filters

from bot.errors import StoreError
from storage.database import Database
from storage.inbox import DurableQueue
from tests.storage.samples import NOW

SECRET = "canary-3f9b71d2e8"


def raw(update_id, text="/status", chat=7):
    person = {"id": chat, "is_bot": False, "first_name": "Ana"}
    message = {
        "message_id": update_id,
        "date": NOW // 1000,
        "chat": {"id": chat, "type": "private"},
        "from": person,
        "text": text,
    }
    return {"update_id": update_id, "message": message}


def an_update(update_id, text="/status", chat=7):
    return Update.de_json(raw(update_id, text, chat), None)


def texts(queue):
    return [queue.get_nowait().message.text for _ in range(queue.qsize())]


def queue_over(database, clock, **more):
    queue = DurableQueue(database, clock=clock, **more)
    queue.bind(ExtBot("1:x"))
    return queue


async def test_an_update_is_stored_before_put_returns(database, clock):
    queue = queue_over(database, clock)
    await queue.put(an_update(1))
    (row,) = await database.run(lambda db: list(db["inbox"].rows))
    assert json.loads(row["payload"])["message"]["text"] == "/status"
    assert (row["chat_id"], row["received_at"], row["done_at"]) == (7, NOW, None)
    assert texts(queue) == ["/status"]


async def test_the_same_update_is_queued_once_waiting_or_done(database, clock):
    queue = queue_over(database, clock)
    await queue.put(an_update(1))
    await queue.put(an_update(1))
    assert texts(queue) == ["/status"]
    await queue.done(1)
    await queue.put(an_update(1))
    assert texts(queue) == []


async def test_what_was_not_done_comes_back_in_order_with_its_bot(database, clock):
    queue = queue_over(database, clock)
    for n, text in enumerate(["a", "b", "c"], start=1):
        await queue.put(an_update(n, text))
    await queue.done(2)
    later = queue_over(database, clock)
    assert await later.requeue() == 2
    first = later.get_nowait()
    assert first == an_update(1, "a")
    assert first.message.get_bot().token == "1:x"
    assert texts(later) == ["c"]
    await later.put(an_update(1, "a"))  # Telegram sends it again: its offset was not confirmed
    assert texts(later) == []


async def test_a_put_that_was_cut_off_is_made_good_when_telegram_sends_again(database, clock):
    queue = queue_over(database, clock)
    putting = asyncio.create_task(queue.put(an_update(1)))
    await asyncio.sleep(0)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    await queue.put(an_update(1))
    assert texts(queue) == ["/status"]


async def test_what_is_done_keeps_no_text(database, clock):
    queue = queue_over(database, clock)
    await queue.put(an_update(1, "vender tudo"))
    await queue.done(1)
    (row,) = await database.run(lambda db: list(db["inbox"].rows))
    assert (row["payload"], row["done_at"]) == (None, NOW)


async def test_a_secret_is_queued_but_stored_nowhere(database, clock, path):
    queue = queue_over(database, clock, is_secret=lambda u: u.effective_chat.id == 7)
    await queue.put(an_update(1, SECRET))
    await queue.put(an_update(2, "bom dia", chat=8))
    assert texts(queue) == [SECRET, "bom dia"]
    stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"bom dia" in stored
    assert SECRET.encode() not in stored


async def test_a_secret_lost_in_a_crash_names_the_chat_to_ask_again(database, clock):
    queue = queue_over(database, clock, is_secret=lambda _: True)
    await queue.put(an_update(1, SECRET))
    later = queue_over(database, clock)  # knows of no secret any more
    assert await later.requeue() == 0
    assert later.lost_secrets == (7,)
    await later.put(an_update(1, SECRET))  # sent again by Telegram: neither stored nor handled
    assert later.qsize() == 0
    assert [row["payload"] for row in await database.run(lambda db: list(db["inbox"].rows))] == [None]
    again = queue_over(database, clock)
    await again.requeue()
    assert again.lost_secrets == ()


async def test_what_is_no_update_passes_through(database, clock):
    queue = queue_over(database, clock)
    signal = object()
    await queue.put(signal)
    assert queue.get_nowait() is signal


async def test_what_cannot_be_stored_is_not_queued(path, clock):
    database = await Database.open(path)
    queue = queue_over(database, clock)
    await database.close()
    with pytest.raises(StoreError):
        await queue.put(an_update(1))
    assert queue.qsize() == 0


async def test_done_updates_are_forgotten_after_a_week(database, clock):
    queue = queue_over(database, clock)
    await queue.put(an_update(1))
    await queue.put(an_update(2))
    await queue.done(1)
    await clock.sleep(7 * 24 * 3600 + 1)
    await queue.requeue()
    assert [row["update_id"] for row in await database.run(lambda db: list(db["inbox"].rows))] == [2]


class Telegram:
    """The few methods that polling needs; it forgets an update once a later offset has confirmed it."""

    def __init__(self, *updates):
        self.updates = list(updates)
        self.confirmed = asyncio.Event()
        self.application = web.Application()
        self.application.router.add_post("/bot1:x/{method}", self.answer)

    async def answer(self, request):
        fields = await request.post()
        match request.match_info["method"]:
            case "getMe":
                result = {"id": 1, "is_bot": True, "first_name": "Trader", "username": "trader_bot"}
            case "getUpdates":
                offset = int(fields.get("offset", 0))
                self.updates = [u for u in self.updates if u["update_id"] >= offset]
                if not self.updates:
                    self.confirmed.set()
                    await asyncio.sleep(0.02)
                result = self.updates
            case _:
                result = True
        return web.json_response({"ok": True, "result": result})

    async def __aenter__(self):
        self.runner = web.AppRunner(self.application)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        host, port = self.runner.addresses[0]
        self.url = f"http://{host}:{port}/bot"
        return self

    async def __aexit__(self, *_):
        await self.runner.cleanup()


class Bot:
    """A real PTB application over the durable queue."""

    def __init__(self, telegram, database, callback):
        self.queue = DurableQueue(database)
        builder = ApplicationBuilder().token("1:x").base_url(telegram.url).job_queue(None)
        self.app: Application = builder.update_queue(self.queue).build()
        self.queue.bind(self.app.bot)
        self.app.add_handler(MessageHandler(filters.ALL, callback))

    async def __aenter__(self):
        await self.app.initialize()
        await self.queue.requeue()
        await self.app.start()
        await self.app.updater.start_polling(poll_interval=0)
        return self

    async def __aexit__(self, *_):
        await self.app.updater.stop()
        await self.app.stop()
        await self.app.shutdown()


async def test_a_command_confirmed_to_telegram_outlives_the_process_that_was_handling_it(path):
    handled, begun = [], asyncio.Event()

    async def dies(update, context):
        begun.set()
        raise asyncio.CancelledError  # as far as the database can tell, this process is dead

    async def handles(update, context):
        handled.append(update.message.text)
        await context.application.update_queue.done(update.update_id)
        if update.update_id == 2:
            begun.set()

    async with asyncio.timeout(90), Telegram(raw(1, "/stop"), raw(2, "/status")) as telegram:
        async with await Database.open(path) as database, Bot(telegram, database, dies):
            await begun.wait()
            await telegram.confirmed.wait()
        begun.clear()
        assert telegram.updates == []
        async with await Database.open(path) as database, Bot(telegram, database, handles):
            await begun.wait()
        async with await Database.open(path) as database:
            assert await DurableQueue(database).requeue() == 0
    assert handled == ["/stop", "/status"]
