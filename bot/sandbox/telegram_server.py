"""The Telegram stand-in as a server: both sides on one loopback port, in this process or alone.

python-telegram-bot is pointed at it by ``.base_url(f"{url}/bot").base_file_url(f"{url}/file/bot")``.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TextIO

from aiohttp import web

from bot.sandbox.chat_api import add_chat
from bot.sandbox.chat_page import add_page
from bot.sandbox.telegram_api import BODY_LIMIT, WORLD, add_bot_api
from bot.sandbox.telegram_faults import Faults, FloodRule
from bot.sandbox.telegram_guard import add_page_headers, guard, require_loopback
from bot.sandbox.telegram_postman import deliver
from bot.sandbox.telegram_world import DEFAULT_PEOPLE, CallRecord, World

Json = dict[str, Any]

DEFAULT_FLOOD: Final = FloodRule()


class SandboxTelegram:
    """An offline Telegram: Bot API under ``url``, chat page at ``chat_url``.

    ``path`` is its SQLite file (":memory:" forgets); token, key, chats and the queue of updates live in it, so that
    a killed server continues. ``flood`` None lifts the limits, ``poll_pacing`` False the waits of getUpdates.
    ``port`` 0 takes a free one. Use as an async context manager or by start() and stop().
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        path: str | Path = ":memory:",
        flood: FloodRule | None = DEFAULT_FLOOD,
        poll_pacing: bool = True,
        people: tuple[Json, ...] = DEFAULT_PEOPLE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        require_loopback(host)
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self._postman: asyncio.Task[None] | None = None
        self.world = World(path, flood=flood, poll_pacing=poll_pacing, people=people, clock=clock)
        self.token = self.world.token
        self.key = self.world.key
        self.url = ""

    @property
    def chat_url(self) -> str:
        return f"{self.url}/chat/?key={self.key}"

    @property
    def faults(self) -> Faults:
        return self.world.faults

    @property
    def calls(self) -> list[CallRecord]:
        """The calls answered by this process, oldest first."""
        return list(self.world.calls)

    def address(self) -> Json:
        """What a client needs, as the first line of output shows it."""
        return {"url": self.url, "token": self.token, "chat_url": self.chat_url, "key": self.key}

    async def start(self) -> None:
        """Binds and serves. Raises OSError for a port that is taken."""
        app = web.Application(client_max_size=BODY_LIMIT, middlewares=[guard])
        app[WORLD] = self.world
        app.on_response_prepare.append(add_page_headers)
        add_chat(app)
        add_page(app)
        add_bot_api(app)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self.stop()
            raise
        bound = self._runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        self.url = f"http://{shown}:{bound[1]}"
        self._postman = asyncio.create_task(deliver(self.world), name="telegram sandbox webhook")

    async def stop(self) -> None:
        """Ends every poll and stream, then the server, then closes the file."""
        self.world.updates.abort()
        self.world.hang_up()
        if self._postman is not None:
            self._postman.cancel()
            await asyncio.wait([self._postman])
            self._postman = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.world.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


async def serve_telegram(
    port: int,
    *,
    path: str | Path = ":memory:",
    flood: FloodRule | None = DEFAULT_FLOOD,
    output: TextIO | None = None,
) -> None:
    """Serves until cancelled; the first line of output is one JSON object with url, token, chat_url and key."""
    async with SandboxTelegram(port=port, path=path, flood=flood) as server:
        out = output or sys.stdout
        out.write(json.dumps(server.address()) + "\n")
        out.flush()
        await asyncio.Event().wait()
