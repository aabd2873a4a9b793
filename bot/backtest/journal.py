"""What was worked out, kept line by line as it comes, so that a second start goes on where the first one ended.

One file for each task, named by a hash of everything that its answers depend on; the first line tells the task,
each other line one batch. A line cut short by a kill is dropped, and its batch done again.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

from bot.errors import BotError


class JournalBusy(BotError):  # noqa: N818
    """Another process is at the same task."""


def digest(task: Mapping[str, Any]) -> str:
    """A name for everything that the answers depend on."""
    return hashlib.sha256(json.dumps(task, sort_keys=True).encode()).hexdigest()[:24]


@cache
def code() -> str:
    """A name for the text of all that judges: answers of another version are not to be mixed with this one's."""
    told = hashlib.sha256()
    here = Path(__file__).parent
    for source in sorted([*here.glob("*.py"), *(here.parent / "domain").glob("*.py")]):
        told.update(source.read_bytes())
    return told.hexdigest()


class Journal:
    """Opened for one task; `kept` is what earlier runs of it left, by batch name."""

    def __init__(self, folder: Path, task: Mapping[str, Any]) -> None:
        """JournalBusy where another process has it open; BotError where the folder cannot be written."""
        self.path = folder / f"{digest(task)}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self.path.open("a+b")
        except OSError as exc:
            raise BotError(f"{folder}: cannot be written ({exc.strerror})") from exc
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            self._file.close()
            raise JournalBusy(f"another process is at this very task ({self.path})") from exc
        self.kept = dict(self._read(task))

    def _read(self, task: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The whole lines, up to the first that is not; what follows is cut off."""
        self._file.seek(0)
        good = 0
        for number, line in enumerate(self._file):
            entry = _entry(line)
            if entry is None or (number == 0 and entry != ("task", dict(task))):
                break
            good += len(line)
            if number:
                yield entry
        self._file.truncate(good)
        if not good:
            self.add("task", dict(task))

    def add(self, name: str, answer: object) -> None:
        """Keep one answer, at once; BotError where the disk does not take it."""
        try:
            self._file.write(json.dumps([name, answer], separators=(",", ":")).encode() + b"\n")
            self._file.flush()
        except OSError as exc:
            raise BotError(f"{self.path}: cannot be written ({exc.strerror})") from exc

    def close(self) -> None:
        with suppress(OSError):  # what the disk did not take was told when it was added
            self._file.close()

    def forget(self) -> None:
        """Remove the file: the next run starts from nothing."""
        self.path.unlink(missing_ok=True)
        self._file.close()


def _entry(line: bytes) -> tuple[str, Any] | None:
    try:
        name, answer = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (name, answer) if line.endswith(b"\n") else None
