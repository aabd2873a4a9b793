"""A stand-in that is killed goes on where it was: own process, SIGKILL, same file."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import aiohttp

SERVE = """
import asyncio, sys
from bot.sandbox import telegram_people
from bot.sandbox.telegram_server import serve_telegram

telegram_people.ANSWER_SECONDS = 600  # a busy machine may take more than fifteen to start another
asyncio.run(serve_telegram(0, path=sys.argv[1]))
"""


class Process:
    """A stand-in in a process of its own."""

    def __init__(self, path):
        self.path = path

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVE, str(self.path), stdout=asyncio.subprocess.PIPE, cwd=Path.cwd()
        )
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        self.address = json.loads(line)
        self.session = aiohttp.ClientSession(headers={"X-Chat-Key": self.address["key"]})
        return self

    async def __aexit__(self, *args):
        await self.session.close()
        self.process.send_signal(signal.SIGKILL)
        await self.process.communicate()

    async def bot(self, method, **params):
        url = f"{self.address['url']}/bot{self.address['token']}/{method}"
        async with self.session.post(url, json=params) as response:
            return (await response.json())["result"]

    async def person(self, path, **body):
        async with self.session.post(f"{self.address['url']}/chat/{path}", json=body) as response:
            return await response.json()

    async def messages(self):
        async with self.session.get(f"{self.address['url']}/chat/messages?user=1") as response:
            return (await response.json())["messages"]


async def test_a_killed_stand_in_keeps_chats_queue_files_counters_and_keys(state_file):
    async with Process(state_file) as one:
        assert set(one.address) == {"url", "token", "chat_url", "key"}
        await one.person("send", user=1, text="/start")
        keyboard = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
        await one.bot("sendMessage", chat_id=1, text="<b>hi</b>", parse_mode="HTML", reply_markup=keyboard)
        await one.bot("setMyCommands", commands=[{"command": "start", "description": "d"}])
        await one.person("user", user=1, language="en")
        pressed = await one.person("press", user=1, message_id=2, text="Go")
        before = await one.messages()
        waiting = await one.bot("getUpdates")
    async with Process(state_file) as two:
        assert (two.address["token"], two.address["key"]) == (one.address["token"], one.address["key"])
        assert await two.messages() == before
        assert await two.bot("getUpdates") == waiting
        assert await two.bot("answerCallbackQuery", callback_query_id=pressed["query_id"])
        assert (await two.bot("sendMessage", chat_id=1, text="on"))["message_id"] == 3
        assert (await two.person("send", user=1, text="x"))["message_id"] == 4
        (last,) = await two.bot("getUpdates", offset=waiting[-1]["update_id"] + 1)
        assert last["update_id"] == waiting[-1]["update_id"] + 1
        assert last["message"]["from"]["language_code"] == "en"
        assert len(await two.bot("getMyCommands")) == 1


async def test_a_file_sent_before_the_kill_can_be_fetched_after_it(open_sides, state_file, form):
    async with open_sides(path=state_file) as sides:
        await sides.begin()
        _, body, _ = await sides.raw(
            "sendDocument", data=form({"chat_id": "1", "document": ("a.js", b"kept")})
        )
    async with open_sides(path=state_file) as sides:
        file = await sides.call("getFile", file_id=body["result"]["document"]["file_id"])
        url = f"{sides.server.url}/file/bot{sides.server.token}/{file['file_path']}"
        async with sides.session.get(url) as response:
            assert await response.read() == b"kept"


async def test_a_deleted_message_leaves_no_word_of_it_in_the_file(open_sides, state_file):
    secret = "canary-4711-canary"
    async with open_sides(path=state_file) as sides:
        await sides.begin()
        message_id = await sides.send(secret)
        update = (await sides.updates())[-1]
        await sides.updates(offset=update["update_id"] + 1)
        await sides.call("deleteMessage", chat_id=1, message_id=message_id)
        assert secret not in json.dumps(await sides.messages())
    assert secret.encode() not in state_file.read_bytes()
