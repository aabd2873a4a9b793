"""`worker`: one job for the running bot, in a process of its own. Not for people: it reads JSON and writes JSON."""

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TextIO

import click

from bot.errors import BotError, InvalidInput

_NICENESS = 10
_BETWEEN_S = 0.25


@dataclass(slots=True)
class Mouth:
    """Says lines of JSON; progress at most four times a second, and always when its words change."""

    out: TextIO
    _said: str = ""
    _at: float = field(default=0.0)

    def progress(self, words: str, done: float, left_s: float | None = None) -> None:
        """`done` from 0 to 1 of what `words` names; `left_s` seconds, None where nobody can tell."""
        now = time.monotonic()
        if words == self._said and now - self._at < _BETWEEN_S:
            return
        self._said, self._at = words, now
        left = None if left_s is None else round(left_s, 1)
        self.say({"progress": {"words": words, "done": round(done, 3), "left_s": left}})

    def say(self, line: Mapping[str, Any]) -> None:
        self.out.write(json.dumps(line) + "\n")
        self.out.flush()


@click.command(hidden=True)
def worker() -> None:
    """Read one job from standard input and carry it out; for the bot itself."""
    mouth = Mouth(_own_output())
    _be_modest()
    packed = json.loads(_first_line())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from bot.backtest.jobs import Job  # noqa: PLC0415 - modesty first, loading after
    from bot.cli.worker_jobs import carry_out  # noqa: PLC0415 - the same

    try:
        mouth.say({"done": carry_out(Job.unpacked(packed), mouth.progress)})
    except InvalidInput as wrong:
        failed = {"field": wrong.field, "reason": wrong.reason, "key": wrong.key, "values": wrong.values}
        mouth.say({"failed": failed})
    except BotError as exc:
        mouth.say({"failed": {"field": "", "reason": str(exc), "key": type(exc).__name__}})


def _own_output() -> TextIO:
    """The real standard output, for our lines alone: whatever a library prints goes to the error output."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines


def _be_modest() -> None:
    """Behind the bot's own process in the queue for a processor; no core dump of what was in memory."""
    with suppress(OSError):
        os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _first_line() -> bytes:
    """From the bare descriptor: a buffer's lock would be held by the thread that waits for its end."""
    text = b""
    while not text.endswith(b"\n"):
        piece = os.read(sys.stdin.fileno(), 65536)
        if not piece:
            break
        text += piece
    return text


def _end_with_parent() -> None:
    """Standard input ends when the bot does, however it does."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(1)
