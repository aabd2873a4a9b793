"""A household for chat tests: the real program between a stand-in Telegram and a stand-in exchange."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from bot.app.program import App
from bot.domain.params import StrategyParams
from bot.engine.executor import Patience
from bot.ports import Environment, Person, Strategy
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.telegram_server import SandboxTelegram
from bot.settings import Settings
from storage.vault_crypto import Argon

Message = dict[str, Any]

QUICK = Patience(absent_after=1.0, looks=3, stream_grace=0.3, closing_grace=1.0, retry=0.05, retry_most=0.5)
PASSWORD = "three plain words"
CHEAP = Argon(memory_kib=64, iterations=1, lanes=1)
"""What a password costs is held by the vault's own tests: here it would be most of the time."""
SECONDS = 60.0


class Household:
    """Ana (1, Portuguese) and Bob (2, English) with their phones, and the program that serves them."""

    def __init__(
        self,
        telegram: SandboxTelegram,
        venue: SandboxExchange,
        folder: Path,
        *,
        offline: bool = False,
        **settings: object,
    ) -> None:
        self.telegram = telegram
        self.venue = venue
        self.folder = folder
        self.offline = offline
        self.chosen: dict[str, object] = {"telegram_owner_id": 1, "secrets_in_chat": True, **settings}
        self.http = aiohttp.ClientSession(headers={"X-Chat-Key": telegram.key})
        self.app: App | None = None
        self._mark = 0

    def settings(self) -> Settings:
        venue = self.venue
        offered: dict[str, object] = {
            "telegram_bot_token": self.telegram.token,
            "telegram_api_url": self.telegram.url,
            "data_dir": self.folder / "data",
            "sandbox_bybit_rest": venue.rest_url,
            "sandbox_bybit_ws_private": venue.ws_private_url,
            "sandbox_bybit_key": venue.api_key,
            "sandbox_bybit_secret": venue.api_secret,
        }
        return Settings(_env_file=None, **(offered | self.chosen))

    async def open(self) -> None:
        self.app = App(self.settings(), offline=self.offline, patience=QUICK)
        await self.app.start()
        assert self.app.vault._argon == Argon()
        self.app.vault._argon = CHEAP
        # tests turn the living cards' rounds by hand: in a slow one the program's own would come among them
        next(task for task in asyncio.all_tasks() if task.get_name() == "live-cards").cancel()
        self.app.service.prices.fresh_seconds = 0.0  # tests move the market and look at once
        await self.app.polling()

    async def close(self) -> None:
        if self.app is not None:
            await self.app.close()
            self.app = None

    async def restart(self) -> None:
        await self.close()
        await self.open()

    # --- the people's side --------------------------------------------------------------------------------------

    async def _post(self, path: str, **body: object) -> dict[str, Any]:
        async with self.http.post(f"{self.telegram.url}/chat/{path}", json=body) as answer:
            found: dict[str, Any] = await answer.json()
        assert found["ok"], found
        return found

    async def messages(self, user: int = 1, revision: int = 0) -> list[Message]:
        url = f"{self.telegram.url}/chat/messages"
        params = {"user": str(user), "revision": str(revision)}
        async with self.http.get(url, params=params) as answer:
            found: list[Message] = (await answer.json())["messages"]
        return found

    def mark(self) -> None:
        """From here on: `wait_for` sees only what is new or changed."""
        self._mark = self.telegram.world.store.revision()

    async def say(self, text: str, user: int = 1) -> int:
        self.mark()
        return int((await self._post("send", user=user, text=text))["message_id"])

    async def press(self, label: str, user: int = 1) -> Message:
        """Press the last button whose label contains this."""
        for message in reversed(await self.messages(user)):
            for button in (b for row in message["buttons"] for b in row):
                if label in button["text"]:
                    self.mark()
                    await self._post(
                        "press", user=user, message_id=message["message_id"], text=button["text"]
                    )
                    return message
        raise AssertionError(f"no button {label!r}: {await self.buttons(user)}")

    async def press_again(self, message: Message, label: str, user: int = 1) -> None:
        """Press a button of a message as it was, whatever has become of it."""
        button = next(b for row in message["buttons"] for b in row if label in b["text"])
        await self.forge(button["data"], user)

    async def forge(self, pressed: str, user: int = 1) -> None:
        """Press a button that is no longer there, or never was: it is put under the bot's last message first."""
        store = self.telegram.world.store
        shown = [m for m in await self.messages(user) if m["from"] == "bot" and not m["deleted"]][-1]
        message = store.message(user, shown["message_id"])
        assert message is not None
        markup = {"inline_keyboard": [[{"text": "forged", "callback_data": pressed}]]}
        store.save_message(replace(message, markup=markup))
        await self.press("forged", user)

    async def buttons(self, user: int = 1) -> list[str]:
        return [b["text"] for m in await self.messages(user) for row in m["buttons"] for b in row]

    async def wait_for(self, part: str, user: int = 1) -> Message:
        """The bot's first new or changed message with this in it."""
        seen: list[str] = []
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    fresh = [m for m in await self.messages(user, self._mark) if m["from"] == "bot"]
                    seen = [m["text"] for m in fresh]
                    for message in fresh:
                        if part in message["text"]:
                            return message
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{part!r} never came; there was {seen}") from None

    async def ask(self, text: str, part: str, user: int = 1) -> Message:
        """Say something and wait for the answer."""
        await self.say(text, user)
        return await self.wait_for(part, user)

    async def tap(self, label: str, part: str, user: int = 1) -> Message:
        """Press a button and wait for what comes of it."""
        await self.press(label, user)
        return await self.wait_for(part, user)

    async def until(self, fact: Callable[[], object], what: str = "") -> None:
        """Wait until `fact()` is true."""
        try:
            async with asyncio.timeout(SECONDS):
                while not fact():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"never came true: {what or fact}") from None

    async def settled(self) -> None:
        """Wait until every update so far has been taken in and handled."""
        telegram = self.telegram.world.store
        async with asyncio.timeout(SECONDS):
            while telegram.update_count() or await self.rows("SELECT 1 FROM inbox WHERE done_at IS NULL"):
                await asyncio.sleep(0.01)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        assert self.app is not None
        found: list[tuple[Any, ...]] = await self.app.database.run(lambda db: db.execute(query).fetchall())
        return found

    async def until_rows(self, query: str, wanted: list[tuple[Any, ...]]) -> None:
        """Wait until the database answers so."""
        async with asyncio.timeout(SECONDS):
            while await self.rows(query) != wanted:
                await asyncio.sleep(0.02)

    # --- shortcuts -----------------------------------------------------------------------------------------------

    async def person(self, user: int = 1) -> Person:
        assert self.app is not None
        person = await self.app.service.person(user)
        assert person is not None
        return person

    async def ready(self, user: int = 1) -> None:
        """A person with an open vault and the sandbox's key, by the way that people take."""
        await self.ask("/keys", "Keys" if self.english(user) else "Chaves", user)
        await self.tap("sandbox", "12", user)
        await self.ask(PASSWORD, "Once more" if self.english(user) else "Mais uma vez", user)
        await self.ask(PASSWORD, "✅", user)

    def english(self, user: int) -> bool:
        return not str(self.telegram.world.people[user].profile["language_code"]).startswith("pt")

    async def strategy(self, name: str = "lenta", user: int = 1, **params: object) -> Strategy:
        """A saved strategy, not by chat."""
        assert self.app is not None
        service, person = self.app.service, await self.person(user)
        market = await service.market(person, Environment.SANDBOX_BYBIT, "BTCUSDT")
        chosen = replace(StrategyParams(), **params)
        return await service.save_strategy(person, name=name, market=market, params=chosen)


@asynccontextmanager
async def a_household(folder: Path, *, offline: bool = False, **settings: object) -> AsyncIterator[Household]:
    """Stand-ins that outlive the program, and the program, open; `offline` as the demo is."""
    async with (
        SandboxTelegram(path=folder / "telegram.sqlite", flood=None, poll_pacing=False) as telegram,
        SandboxExchange(ExchangeOptions(paused=True, ack_lead_ms=0)) as venue,
    ):
        household = Household(telegram, venue, folder, offline=offline, **settings)
        try:
            await household.open()
            yield household
        finally:
            await household.close()
            await household.http.close()
