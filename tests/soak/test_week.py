"""A week of use in fast time: candles at full speed, three strategies, two people, a Telegram that fails now and then."""

import json
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.market import Symbol
from bot.domain.params import StrategyParams
from bot.ports import Credentials, Environment, Role, Secret
from storage.database import Database
from storage.store import SqliteStore
from storage.vault import SqliteVault
from tests.end_to_end.processes import BTC_5M, PASSWORD, Chat, Street, street
from tests.soak.books import Books, told
from tests.soak.test_twenty_kills import soon

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not BTC_5M.exists(), reason=f"real candles are not here: {BTC_5M.name}"),
]
DAYS, CANDLES_A_DAY = 7, 288
MOST_A_DAY = 10
"""Messages more in one chat on the liveliest day, the first answer to /status among them; 1 to 7 were measured."""
LIVELY = replace(StrategyParams(), lucro_alvo_inicial=Decimal("0.015"), saldo_limite=Decimal(4000))
FAULTS: tuple[dict[str, Any], ...] = (
    {"method": "sendMessage", "kind": "429", "count": 2, "retry_after": 2},
    {"method": "sendMessage", "kind": "500", "count": 2},
    {"method": "sendMessage", "kind": "reset", "count": 1},
    {"method": "sendMessage", "kind": "reply_lost", "count": 1},
    {"method": "editMessageText", "kind": "429", "count": 1, "retry_after": 1},
    {"method": "getUpdates", "kind": "500", "count": 1},
    {"method": "getUpdates", "kind": "twice", "count": 1},
)


@dataclass
class Home:
    """The street and its two people."""

    place: Street
    books: Books
    people: tuple[Chat, Chat]

    async def furnish(self) -> None:
        """Two people with a vault and a key of their own each, and three strategies, written as the chat would."""
        await self.place.start_bot()
        await self.place.until(soon(lambda: "ready " in (self.place.folder / "bot.log").read_text()))
        await self.place.bot_ends()
        second = await self.place._control("POST", "accounts", {"name": "bia", "balances": {"USDT": "10000"}})
        keys = ((self.place.exchange["api_key"], self.place.exchange["api_secret"]), tuple(second.values()))
        async with await Database.open(self.place.database) as database:
            store, vault = SqliteStore(database), SqliteVault(database)
            await store.add_person(chat_id=2, name="Bia", locale="en", role=Role.USER)
            for person_id, pair in enumerate(keys, start=1):
                await vault.create(person_id, Secret(PASSWORD))
                credentials = Credentials(Secret(pair[0]), Secret(pair[1]))
                await vault.put(person_id, Environment.SANDBOX_BYBIT, credentials)
            for person_id, name, params in (
                (1, "calma", StrategyParams()),
                (1, "viva", LIVELY),
                (2, "bia", StrategyParams()),
            ):
                await store.add_strategy(
                    person_id=person_id,
                    name=name,
                    environment=Environment.SANDBOX_BYBIT,
                    symbol=Symbol("BTCUSDT", "BTC", "USDT"),
                    params=params,
                )
            await database.run(lambda db: db.execute("UPDATE strategies SET status = 'running'").rowcount)
            vault.lock_all()

    async def move_in(self) -> None:
        for chat in self.people:
            await chat.say("/start")  # or Telegram lets nobody write to them
        await self.place.start_bot()
        for chat in self.people:
            await chat.sees("/unlock|desbloque", since=0)
            await chat.say("/unlock")
            await chat.sees("senha|password")
            await chat.say(PASSWORD)
            await chat.sees("Aberto|Open")
        await self.place.until(self.agreed, timeout=90)

    async def trouble(self) -> None:
        headers = {"X-Chat-Key": self.place.telegram["key"]}
        for fault in FAULTS:
            url = f"{self.place.telegram['url']}/chat/faults"
            async with self.place.http.post(url, json=fault, headers=headers) as answer:
                assert answer.status == 200, await answer.text()

    async def day(self) -> None:
        """One day of candles, with both asking for the state, and being answered, while Telegram has its troubles."""
        await self.trouble()
        for chat, names in zip(self.people, (("calma", "viva"), ("bia",)), strict=True):
            await chat.say("/status")
            for name in names:
                await chat.sees(name, timeout=60)
        await self.place.market(do="step", candles=CANDLES_A_DAY)
        await self.place.until(self.agreed, timeout=90)
        await self.place.until(soon(lambda: self.books.owed() == 0), timeout=300)

    async def agreed(self) -> bool:
        accounts = (await self.place.venue())["accounts"]
        return self.books.at_rest() and not any(self.differences(accounts))

    def differences(self, accounts: dict[str, Any]) -> list[list[str]]:
        return [
            self.books.differences(accounts[name], person=person_id)
            for person_id, name in enumerate(("demo", "bia"), start=1)
        ]

    async def said(self) -> list[int]:
        """How many messages of the bot are in each chat."""
        return [sum(m["from"] == "bot" for m in await chat.messages()) for chat in self.people]


async def test_a_week_reads_as_news_and_not_as_a_flood(tmp_path: Path) -> None:
    exchange = ("--venue", "bybit", "--candles", str(BTC_5M), "--speed", "max", "--paused")
    async with street(tmp_path, *exchange) as place:
        home = Home(place, Books(place.database), (place.chat(1), place.chat(2)))
        await home.furnish()
        await home.move_in()
        days: list[dict[str, list[int]]] = []
        before, alerts = await home.said(), _alerts(home.books)
        for _ in range(DAYS):
            await home.day()
            now, owed = await home.said(), _alerts(home.books)
            days.append(
                {
                    "messages": [b - a for a, b in zip(before, now, strict=True)],
                    "alerts": [owed[p] - alerts[p] for p in (1, 2)],
                }
            )
            before, alerts = now, owed
        await place.bot_ends()
        await keep_chats(home, tmp_path)
        print(json.dumps(days))
        repeats = []
        for person_id, chat in enumerate(home.people, start=1):
            lines = told(await chat.messages())
            assert len(lines) == home.books.alerts(person=person_id)
            repeats.append(lines.total() - len(lines))
        print("told twice, the reply having been lost:", repeats)
        assert max(max(day["messages"]) for day in days) <= MOST_A_DAY


def _alerts(books: Books) -> Counter[int]:
    return Counter(dict(books.rows("SELECT person_id, count(*) FROM outbox GROUP BY person_id")))


async def keep_chats(home: Home, folder: Path) -> None:
    """Both chats as text, to be read by a person."""
    for chat in home.people:
        lines = [f"[{m['message_id']}] {m['from']}: {m['text']}" for m in await chat.messages()]
        (folder / f"chat{chat.user}.txt").write_text("\n\n".join(lines))
