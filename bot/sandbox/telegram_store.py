"""What the Telegram stand-in must not forget when its process is killed: one SQLite file.

Messages, the queue of updates, pressed buttons, files, people and settings. Every call commits before it returns,
so that a killed stand-in goes on where it was. Times are Unix seconds. The path ``:memory:`` keeps nothing.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.sandbox.telegram_rows import (
    SCHEMA,
    Json,
    StoredFile,
    StoredMessage,
    dumped,
    dumped_or_none,
    loaded,
    message_of,
)


class TelegramStore:
    """Typed access to the file; one connection, used from the event loop's thread only."""

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA secure_delete = ON")
        self._deleted = self._owed = False
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """All or nothing of the calls within; not nested."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        if self._owed:
            self._scrub()

    # settings

    def setting(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def put_setting(self, name: str, value: str | None) -> None:
        if value is None:
            self._db.execute("DELETE FROM settings WHERE name = ?", (name,))
        else:
            self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def settings(self, prefix: str) -> dict[str, str]:
        rows = self._db.execute("SELECT name, value FROM settings ORDER BY name")
        return {row["name"]: row["value"] for row in rows if row["name"].startswith(prefix)}

    # people

    def add_person(self, profile: Json) -> None:
        """Adds a person once; a known one keeps language and switches."""
        self._db.execute(
            "INSERT OR IGNORE INTO people VALUES (?, ?, 0, 0)", (profile["id"], json.dumps(profile))
        )

    def people(self) -> list[tuple[Json, bool, bool]]:
        """(profile as a Bot API User, has written to the bot, has blocked the bot)."""
        rows = self._db.execute("SELECT * FROM people ORDER BY user_id")
        return [(json.loads(row["profile"]), bool(row["started"]), bool(row["blocked"])) for row in rows]

    def put_person(self, profile: Json, *, started: bool, blocked: bool) -> None:
        self._db.execute(
            "UPDATE people SET profile = ?, started = ?, blocked = ? WHERE user_id = ?",
            (json.dumps(profile), started, blocked, profile["id"]),
        )

    # messages

    def add_message(
        self, *, chat_id: int, from_bot: bool, date: int, content: Json, markup: Json | None
    ) -> StoredMessage:
        """Stores a message under the next number of the bot's one counter."""
        cursor = self._db.execute(
            "INSERT INTO messages (chat_id, from_bot, date, revision, deleted, pinned, content, markup) "
            "VALUES (?, ?, ?, ?, 0, 0, ?, ?)",
            (chat_id, from_bot, date, self._next_revision(), dumped(content), dumped_or_none(markup)),
        )
        return self._required(int(cursor.lastrowid or 0))

    def save_message(self, message: StoredMessage) -> None:
        """Writes a changed message under a new revision."""
        message.revision = self._next_revision()
        self._db.execute(
            "UPDATE messages SET edit_date = ?, revision = ?, deleted = ?, pinned = ?, content = ?, markup = ? "
            "WHERE message_id = ?",
            (
                message.edit_date,
                message.revision,
                message.deleted,
                message.pinned,
                dumped(message.content),
                dumped_or_none(message.markup),
                message.message_id,
            ),
        )
        if message.deleted:
            self._deleted = True
            self._scrub()

    def _scrub(self) -> None:
        """What is deleted is gone from the write-ahead log too: it may have been a password."""
        self._owed = self._db.in_transaction
        if not self._owed:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def message(self, chat_id: int, message_id: int) -> StoredMessage | None:
        row = self._db.execute(
            "SELECT * FROM messages WHERE chat_id = ? AND message_id = ?", (chat_id, message_id)
        ).fetchone()
        return None if row is None else message_of(row)

    def messages(self, chat_id: int, *, after: int = 0, revision: int = 0) -> list[StoredMessage]:
        """Messages above an id and changed after a revision, by id."""
        rows = self._db.execute(
            "SELECT * FROM messages WHERE chat_id = ? AND message_id > ? AND revision > ? ORDER BY message_id",
            (chat_id, after, revision),
        )
        return [message_of(row) for row in rows]

    def pinned(self, chat_id: int) -> list[StoredMessage]:
        rows = self._db.execute(
            "SELECT * FROM messages WHERE chat_id = ? AND pinned AND NOT deleted ORDER BY message_id DESC",
            (chat_id,),
        )
        return [message_of(row) for row in rows]

    def last_markup(self, chat_id: int) -> Json | None:
        """The chat's own keyboard: the last markup that was sent and is not an inline one."""
        row = self._db.execute(
            "SELECT markup FROM messages WHERE chat_id = ? AND from_bot AND NOT deleted AND markup IS NOT NULL "
            "AND json_extract(markup, '$.inline_keyboard') IS NULL ORDER BY message_id DESC LIMIT 1",
            (chat_id,),
        ).fetchone()
        return None if row is None else loaded(row["markup"])

    def revision(self) -> int:
        return int(self.setting("revision") or 0)

    def _next_revision(self) -> int:
        revision = self.revision() + 1
        self.put_setting("revision", str(revision))
        return revision

    def _required(self, message_id: int) -> StoredMessage:
        row = self._db.execute("SELECT * FROM messages WHERE message_id = ?", (message_id,)).fetchone()
        return message_of(row)

    # updates

    def start_updates_at(self, first: int) -> None:
        """The arbitrary number the update counter starts at; without effect once there was an update."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'updates'").fetchone()
        if row is None:
            self._db.execute("INSERT INTO sqlite_sequence VALUES ('updates', ?)", (first - 1,))

    def add_update(self, date: int, body: Json) -> int:
        cursor = self._db.execute("INSERT INTO updates (date, body) VALUES (?, ?)", (date, dumped(body)))
        return int(cursor.lastrowid or 0)

    def updates(self, limit: int) -> list[Json]:
        rows = self._db.execute("SELECT update_id, body FROM updates ORDER BY update_id LIMIT ?", (limit,))
        return [{"update_id": row["update_id"], **loaded(row["body"])} for row in rows]

    def update_count(self) -> int:
        return int(self._db.execute("SELECT COUNT(*) FROM updates").fetchone()[0])

    def last_update_id(self) -> int:
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'updates'").fetchone()
        return int(row["seq"]) if row else 0

    def drop_updates(self, *, below: int | None = None, older_than: int | None = None) -> None:
        """Forgets confirmed updates (ids below) or those that came before a date; all of them without a bound."""
        dropped = self._db.execute(
            "DELETE FROM updates WHERE update_id < coalesce(?, update_id + 1) AND date < coalesce(?, date + 1)",
            (below, older_than),
        )
        if dropped.rowcount > 0 and self._deleted:
            self._deleted = False
            self._scrub()

    def keep_last_updates(self, count: int) -> None:
        self._db.execute(
            "DELETE FROM updates WHERE update_id NOT IN "
            "(SELECT update_id FROM updates ORDER BY update_id DESC LIMIT ?)",
            (count,),
        )

    # pressed buttons

    def add_press(self, query_id: str, user_id: int, message_id: int, pressed: float) -> None:
        self._db.execute(
            "INSERT INTO presses VALUES (?, ?, ?, ?, 0)", (query_id, user_id, message_id, pressed)
        )

    def answer_press(self, query_id: str, *, not_before: float) -> tuple[int, int] | None:
        """Marks a press answered: (user id, message id), or None if it is unknown, too old or was answered."""
        row = self._db.execute(
            "UPDATE presses SET answered = 1 WHERE query_id = ? AND NOT answered AND pressed >= ? "
            "RETURNING user_id, message_id",
            (query_id, not_before),
        ).fetchone()
        return None if row is None else (int(row["user_id"]), int(row["message_id"]))

    # files

    def add_file(self, file: StoredFile, content: bytes) -> None:
        self._db.execute(
            "INSERT INTO files (file_id, unique_id, kind, path, name, mime_type, width, height, size, content) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                file.file_id,
                file.unique_id,
                file.kind,
                file.path,
                file.name,
                file.mime_type,
                file.width,
                file.height,
                file.size,
                content,
            ),
        )

    def file_count(self) -> int:
        return int(self._db.execute("SELECT COUNT(*) FROM files").fetchone()[0])

    def file(self, *, file_id: str = "", path: str = "") -> StoredFile | None:
        row = self._db.execute(
            "SELECT file_id, unique_id, kind, path, name, mime_type, width, height, size FROM files "
            "WHERE file_id = ? OR path = ?",
            (file_id, path),
        ).fetchone()
        return None if row is None else StoredFile(**row)

    def content(self, file_id: str) -> bytes:
        row = self._db.execute("SELECT content FROM files WHERE file_id = ?", (file_id,)).fetchone()
        return bytes(row["content"])
