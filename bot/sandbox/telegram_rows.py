"""The tables of the Telegram stand-in, and their rows as messages and files. Times are Unix seconds."""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS people (
    user_id INTEGER PRIMARY KEY, profile TEXT NOT NULL, started INTEGER NOT NULL, blocked INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS messages (
    message_id INTEGER PRIMARY KEY AUTOINCREMENT, chat_id INTEGER NOT NULL, from_bot INTEGER NOT NULL,
    date INTEGER NOT NULL, edit_date INTEGER, revision INTEGER NOT NULL, deleted INTEGER NOT NULL,
    pinned INTEGER NOT NULL, content TEXT NOT NULL, markup TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS messages_by_chat ON messages (chat_id, message_id);
CREATE TABLE IF NOT EXISTS updates (
    update_id INTEGER PRIMARY KEY AUTOINCREMENT, date INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS presses (
    query_id TEXT PRIMARY KEY, user_id INTEGER NOT NULL, message_id INTEGER NOT NULL, pressed REAL NOT NULL,
    answered INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS files (
    number INTEGER PRIMARY KEY AUTOINCREMENT, file_id TEXT UNIQUE NOT NULL, unique_id TEXT NOT NULL,
    kind TEXT NOT NULL, path TEXT UNIQUE NOT NULL, name TEXT NOT NULL, mime_type TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, size INTEGER NOT NULL, content BLOB NOT NULL
) STRICT;
"""


@dataclass
class StoredMessage:
    """A message; ``content`` holds the Bot API fields that differ by kind, ``markup`` the keyboard sent with it."""

    message_id: int
    chat_id: int
    from_bot: bool
    date: int
    content: Json = field(default_factory=dict)
    markup: Json | None = None
    edit_date: int | None = None
    revision: int = 0
    deleted: bool = False
    pinned: bool = False


@dataclass(frozen=True)
class StoredFile:
    """A file; ``kind`` is photo or document, ``size`` in bytes, width and height in pixels (0 for documents)."""

    file_id: str
    unique_id: str
    kind: str
    path: str
    name: str
    mime_type: str
    width: int
    height: int
    size: int


def dumped(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def dumped_or_none(value: Json | None) -> str | None:
    return None if value is None else dumped(value)


def loaded(text: str) -> Json:
    found: Json = json.loads(text)
    return found


def message_of(row: sqlite3.Row) -> StoredMessage:
    return StoredMessage(
        message_id=row["message_id"],
        chat_id=row["chat_id"],
        from_bot=bool(row["from_bot"]),
        date=row["date"],
        content=loaded(row["content"]),
        markup=None if row["markup"] is None else loaded(row["markup"]),
        edit_date=row["edit_date"],
        revision=row["revision"],
        deleted=bool(row["deleted"]),
        pinned=bool(row["pinned"]),
    )
