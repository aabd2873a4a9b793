"""A person at the setup conversation, for its tests."""

import asyncio
from typing import Any

from telegram import Update

from bot.domain.params import PARAMETERS
from bot.ports import Draft, RunStatus
from tests.handlers.household import SECONDS, Household, Message

PT, EN = "pt_BR", "en"
LABELS = {
    PT: {"rest": "Padrões no resto", "plan": "7 Plano", "save": "8 Salvar", "use": "Usar BTC 300 1%"}
    | {"run": "9 Executar", "yes": "Executar em simulação", "done": "Era só isso"},
    EN: {"rest": "Defaults for the rest", "plan": "7 Plan", "save": "8 Save", "use": "Use BTC 300 1%"}
    | {"run": "9 Run", "yes": "Run in simulation", "done": "That was all"},
}
SAID = {
    PT: {"review": "Revisão", "fine": "Nada nela fere", "cost": "Custo total", "started": "está rodando"}
    | {"sim": "SIMULAÇÃO", "over": "Certo."},
    EN: {"review": "Review", "fine": "Nothing in it breaks", "cost": "Total cost", "started": "is running"}
    | {"sim": "SIMULATION", "over": "All right."},
}


class Chat:
    """Waits for new messages only: an answered question is edited too, for its buttons go."""

    def __init__(self, home: Household) -> None:
        self.home = home

    async def ask(self, text: str, part: str, user: int = 1) -> Message:
        last = await self._last(user)
        await self.home.say(text, user)
        return await self.wait_for(part, last, user)

    async def tap(self, label: str, part: str, user: int = 1, *, exactly: bool = False) -> Message:
        """Press the last button whose label contains this, or is this."""
        last = await self._last(user)
        for message in reversed(await self.home.messages(user)):
            for found in labels(message):
                if found == label or (label in found and not exactly):
                    body = {"user": user, "message_id": message["message_id"], "text": found}
                    await self.home._post("press", **body)
                    return await self.wait_for(part, last, user)
        raise AssertionError(f"no button {label!r}: {await self.home.buttons(user)}")

    async def wait_for(self, part: str, last: int, user: int = 1) -> Message:
        fresh: list[Message] = []
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    fresh = [m for m in await self.home.messages(user) if m["message_id"] > last]
                    for message in fresh:
                        if message["from"] == "bot" and part in message["text"]:
                            return message
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{part!r} never came; there was {[m['text'] for m in fresh]}") from None

    async def again(self, update_id: int, **update: Any) -> None:
        """Hand an update over as the inbox does after a crash."""
        assert self.home.app is not None
        application = self.home.app.application
        await application.process_update(Update.de_json({"update_id": update_id, **update}, application.bot))

    async def _last(self, user: int) -> int:
        return max((m["message_id"] for m in await self.home.messages(user)), default=0)


async def to_item_1(chat: Chat, user: int = 1) -> Message:
    """Two presses: the environment and the pair."""
    await chat.ask("/newstrategy", "🧪", user)
    await chat.tap("sandbox-bybit", "ETHUSDT", user)
    return await chat.tap("BTCUSDT", "1 qty_inicial", user)


async def to_review(chat: Chat) -> Message:
    await to_item_1(chat)
    return await chat.tap("Padrões no resto", "Revisão")


async def to_field(chat: Chat, name: str) -> Message:
    """From the review card to one field's question."""
    item = next(p.item for p in PARAMETERS if p.name == name)
    return await chat.tap(f"✎ {item}", f"{item} {name}  (", exactly=True)


async def draft_of(home: Household, user: int = 1) -> Draft | None:
    assert home.app is not None
    return await home.app.service.draft(await home.person(user))


def labels(message: Message) -> list[str]:
    return [b["text"] for row in message["buttons"] for b in row]


CHAT = {"id": 1, "type": "private", "first_name": "Ana"}
ANA = {"id": 1, "is_bot": False, "first_name": "Ana"}


def pressed(message: Message, carried: str) -> dict[str, Any]:
    on = {"message_id": message["message_id"], "date": 1_700_000_000, "chat": CHAT, "text": message["text"]}
    return {"id": "77", "from": ANA, "chat_instance": "1", "message": on, "data": carried}


async def saved(chat: Chat) -> Message:
    await to_review(chat)
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    return await chat.tap("Usar BTC", "9 executar")


async def status_of(home: Household) -> RunStatus:
    assert home.app is not None
    (found,) = await home.app.service.strategies(await home.person())
    return found.status
