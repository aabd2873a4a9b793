"""The real program and the stand-ins, each in a process of its own, and a person at the chat's keyboard."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
BTC_5M = DATA / "binance_BTCUSDT_5m_202208-202309.csv.gz"
PASSWORD = "correct horse battery"


@dataclass
class Process:
    """A child process; its error output goes to a file that a failing test can show."""

    name: str
    child: asyncio.subprocess.Process
    log: Path

    def kill(self) -> None:
        """As the power would."""
        if self.child.returncode is None:
            self.child.send_signal(signal.SIGKILL)

    async def end(self) -> int:
        if self.child.returncode is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.child.wait(), 60)
        except TimeoutError:
            self.kill()
            return await self.child.wait()

    async def first_line(self) -> dict[str, Any]:
        assert self.child.stdout is not None
        line = await asyncio.wait_for(self.child.stdout.readline(), 90)
        assert line, f"{self.name} said nothing:\n{self.log.read_text()[-3000:]}"
        return dict(json.loads(line))


async def spawn(name: str, *args: str, log: Path, env: dict[str, str] | None = None) -> Process:
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV"}}
    with log.open("ab") as errors:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *args,
            cwd=ROOT,
            env={**kept, **(env or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    return Process(name, child, log)


@dataclass
class Chat:
    """One person's chat, through the page's own endpoints."""

    http: aiohttp.ClientSession
    url: str
    key: str
    user: int = 1
    seen: int = field(default=0)

    async def say(self, text: str) -> None:
        """Type a line; whatever is waited for next comes after it."""
        self.seen = await self._last()
        await self._post("send", {"user": self.user, "text": text})

    async def press(self, label: str, *, timeout: float = 60) -> None:  # noqa: ASYNC109
        """Press the newest button whose label contains `label`, once there is one."""
        try:
            async with asyncio.timeout(timeout):
                while (found := await self._button(label)) is None:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"no button {label!r} in:\n{await self.transcript()}") from None
        self.seen = await self._last()
        await self._post("press", {"user": self.user, **found})

    async def _button(self, label: str) -> dict[str, Any] | None:
        for message in reversed(await self.messages()):
            for button in (b for row in message["buttons"] for b in row):
                if label.lower() in button["text"].lower():
                    return {"message_id": message["message_id"], "text": button["text"]}
        return None

    async def sees(self, pattern: str, *, timeout: float = 60, since: int | None = None) -> str:  # noqa: ASYNC109
        """Wait for a bot's message that matches; its text."""
        start = self.seen if since is None else since
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for message in await self.messages():
                        recent = message["message_id"] > start or message["edited"]
                        if (
                            message["from"] == "bot"
                            and recent
                            and re.search(pattern, message["text"], re.IGNORECASE)
                        ):
                            return str(message["text"])
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"never saw {pattern!r} in:\n{await self.transcript()}") from None

    async def count(self, pattern: str) -> int:
        """How often the bot's messages say it; one message may gather several alerts."""
        said = [m["text"] for m in await self.messages() if m["from"] == "bot"]
        return sum(len(re.findall(pattern, text, re.IGNORECASE)) for text in said)

    async def messages(self) -> list[dict[str, Any]]:
        url = f"{self.url}/chat/messages?user={self.user}&after=0"
        async with self.http.get(url, headers={"X-Chat-Key": self.key}) as answer:
            answer.raise_for_status()
            return list((await answer.json())["messages"])

    async def transcript(self) -> str:
        lines = []
        for message in (await self.messages())[-12:]:
            buttons = " ".join(f"[{b['text']}]" for row in message["buttons"] for b in row)
            lines.append(f"{message['message_id']} {message['from']}: {message['text']}\n    {buttons}")
        return "\n".join(lines)

    async def faults(self, method: str, planned: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Trouble that Telegram is to make (POST, GET, DELETE); what is left of it."""
        url, headers = f"{self.url}/chat/faults", {"X-Chat-Key": self.key}
        async with self.http.request(method, url, json=planned, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return list((await answer.json())["faults"])

    async def _last(self) -> int:
        return max((m["message_id"] for m in await self.messages()), default=0)

    async def _post(self, what: str, body: dict[str, Any]) -> None:
        async with self.http.post(
            f"{self.url}/chat/{what}", json=body, headers={"X-Chat-Key": self.key}
        ) as answer:
            assert answer.status == 200, await answer.text()


@dataclass
class Street:
    """Both stand-ins alive, and the bot, which may be killed and started again."""

    folder: Path
    exchange: dict[str, Any]
    telegram: dict[str, Any]
    http: aiohttp.ClientSession
    bot: Process | None = None
    settings: dict[str, str] = field(default_factory=dict)

    def chat(self, user: int = 1) -> Chat:
        return Chat(self.http, self.telegram["url"], self.telegram["key"], user)

    async def start_bot(self, **more: str) -> None:
        self.settings |= more
        env = {
            "TELEGRAM_BOT_TOKEN": self.telegram["token"],
            "TELEGRAM_OWNER_ID": "1",
            "TELEGRAM_API_URL": self.telegram["url"],
            "DATA_DIR": str(self.folder / "data"),
            "SECRETS_IN_CHAT": "yes",
            "SANDBOX_BYBIT_REST": self.exchange["rest"],
            "SANDBOX_BYBIT_WS_PRIVATE": self.exchange["ws_private"],
            "SANDBOX_BYBIT_KEY": self.exchange["api_key"],
            "SANDBOX_BYBIT_SECRET": self.exchange["api_secret"],
            "LOG_FORMAT": "console",
            **self.settings,
        }
        self.bot = await spawn("bot", "run", log=self.folder / "bot.log", env=env)

    async def kill_bot(self) -> None:
        assert self.bot is not None
        self.bot.kill()
        await self.bot.child.wait()

    async def bot_ends(self) -> None:
        """As a host stops it."""
        assert self.bot is not None
        assert await self.bot.end() == 0, self.bot.log.read_text()[-3000:]

    @property
    def database(self) -> Path:
        return self.folder / "data" / "trader.sqlite"

    async def venue(self) -> dict[str, Any]:
        """Balances, orders and executions as the exchange knows them."""
        return await self._control("GET", "state")

    async def market(self, **wish: object) -> dict[str, Any]:
        return await self._control("POST", "market", wish)

    async def exchange_faults(self, method: str, planned: dict[str, object] | None = None) -> None:
        """Trouble that the exchange is to make: POST plans some, DELETE ends all of it."""
        await self._control(method, "faults", planned)

    async def _control(self, method: str, what: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        headers = {"X-Sandbox-Key": self.exchange["api_secret"]}
        url = f"{self.exchange['rest']}/sandbox/{what}"
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())

    async def until(self, fact: Callable[[], Any], timeout: float = 90) -> None:  # noqa: ASYNC109
        async with asyncio.timeout(timeout):
            while not await fact():
                await asyncio.sleep(0.1)


@asynccontextmanager
async def street(folder: Path, *exchange_args: str) -> AsyncIterator[Street]:
    """Start both stand-ins; everything ends with the block."""
    exchange = await spawn("exchange", "sandbox", "exchange", *exchange_args, log=folder / "exchange.log")
    telegram = await spawn("telegram", "sandbox", "telegram", log=folder / "telegram.log")
    processes = [exchange, telegram]
    async with aiohttp.ClientSession() as http:
        place: Street | None = None
        try:
            place = Street(folder, await exchange.first_line(), await telegram.first_line(), http)
            yield place
        finally:
            if place is not None and place.bot is not None:
                processes.insert(0, place.bot)
            for process in processes:
                await process.end()
