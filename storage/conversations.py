"""Where each conversation stands, for python-telegram-bot; nothing else of a chat is kept.

PTB calls these methods by keyword, so the names of the parameters are part of the interface.
"""

import json
from typing import Any

from telegram.ext import BasePersistence, PersistenceInput

from storage.database import Database

Anything = dict[Any, Any]


class Conversations(BasePersistence[Anything, Anything, Anything]):
    """States of conversations in SQLite, written as they come; user, chat and callback data stay empty.

    PTB itself writes once a minute: the application calls `update_persistence()` after each update.
    """

    def __init__(self, database: Database) -> None:
        nothing = PersistenceInput(bot_data=False, chat_data=False, user_data=False, callback_data=False)
        super().__init__(store_data=nothing)
        self._database = database

    async def get_conversations(self, name: str) -> dict[tuple[int | str, ...], object]:
        query = "SELECT key, state FROM conversations WHERE name = ?"
        found = await self._database.run(lambda db: db.execute(query, [name]).fetchall())
        return {tuple(json.loads(key)): json.loads(state) for key, state in found}

    async def update_conversation(
        self, name: str, key: tuple[int | str, ...], new_state: object | None
    ) -> None:
        """A state is a string or an integer; None ends the conversation."""
        where = [name, json.dumps(key)]
        if new_state is None:
            query = "DELETE FROM conversations WHERE name = ? AND key = ?"
            await self._database.run(lambda db: db.execute(query, where).rowcount)
            return
        query = "INSERT OR REPLACE INTO conversations (name, key, state) VALUES (?, ?, ?)"
        state = json.dumps(new_state)
        await self._database.run(lambda db: db.execute(query, [*where, state]).rowcount)

    async def get_user_data(self) -> dict[int, Anything]:
        return {}

    async def get_chat_data(self) -> dict[int, Anything]:
        return {}

    async def get_bot_data(self) -> Anything:
        return {}

    async def get_callback_data(self) -> None:
        return None

    async def update_user_data(self, user_id: int, data: Anything) -> None:
        """Not kept."""

    async def update_chat_data(self, chat_id: int, data: Anything) -> None:
        """Not kept."""

    async def update_bot_data(self, data: Anything) -> None:
        """Not kept."""

    async def update_callback_data(self, data: object) -> None:
        """Not kept."""

    async def drop_user_data(self, user_id: int) -> None:
        """Nothing is kept."""

    async def drop_chat_data(self, chat_id: int) -> None:
        """Nothing is kept."""

    async def refresh_user_data(self, user_id: int, user_data: Anything) -> None:
        """Nothing is kept."""

    async def refresh_chat_data(self, chat_id: int, chat_data: Anything) -> None:
        """Nothing is kept."""

    async def refresh_bot_data(self, bot_data: Anything) -> None:
        """Nothing is kept."""

    async def flush(self) -> None:
        """Everything is written already."""
