"""`worker`: one job for the running bot, in a process of its own. Not for people: it reads JSON and writes JSON."""

import errno
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

import click

from bot.backtest.jobs import Job, Kind
from bot.errors import BotError, InvalidInput

_NICENESS = 10
_BETWEEN_S = 0.25
_JOB = "job.json"
_OF_THE_DISK = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, None}
)
"""Full, or not to be written; numpy tells a full one without a number."""


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
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Of a job whose candles lie there."
)
def worker(*, folder: Path | None) -> None:
    """Read one job from standard input and carry it out; for the bot itself.

    In two lives of one process: what fetches candles and what calculates on them would not fit into memory together.
    """
    mouth = Mouth(_own_output())
    if folder is None:
        _be_modest()
        packed = json.loads(_first_line())
    else:
        packed = json.loads((folder / _JOB).read_text(encoding="utf-8"))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        if folder is None:
            _fetch(Job.unpacked(packed), mouth)
        else:
            _calculate(Job.unpacked(packed), packed["candles"], mouth)
    except InvalidInput as wrong:
        failed = {"field": wrong.field, "reason": wrong.reason, "key": wrong.key, "values": wrong.values}
        mouth.say({"failed": failed})
    except BotError as exc:
        mouth.say({"failed": {"field": "", "reason": str(exc), "key": type(exc).__name__}})
    except MemoryError:
        mouth.say({"failed": {"field": "", "reason": "memory"}})
    except OSError as exc:
        if exc.errno not in _OF_THE_DISK:
            raise
        mouth.say({"failed": {"field": "", "reason": str(exc), "key": "NotKept"}})


def _fetch(job: Job, mouth: Mouth) -> None:
    from bot.backtest.shared_history import lay_down  # noqa: PLC0415 - modesty first, loading after
    from bot.cli.worker_history import candles_of  # noqa: PLC0415 - SDKs and Parquet, for this life only
    from bot.cli.worker_played import placed  # noqa: PLC0415 - the same

    if job.kind is Kind.AGAINST and job.source.rest is not None:
        job = placed(job)
    laid = lay_down(candles_of(job, mouth.progress), job.folder / "candles.npy")
    packed = {**job.packed(), "candles": {**asdict(laid), "file": str(laid.file)}}
    (job.folder / _JOB).write_text(json.dumps(packed), encoding="utf-8")
    os.dup2(mouth.out.fileno(), 1)
    os.execv(sys.executable, (sys.executable, "-m", "bot", "worker", "--folder", str(job.folder)))  # noqa: S606 - ourselves


def _calculate(job: Job, candles: dict[str, Any], mouth: Mouth) -> None:
    from bot.backtest.shared_history import HistoryFile  # noqa: PLC0415 - numbers and pictures, for this life only
    from bot.cli.worker_jobs import carry_out  # noqa: PLC0415 - the same

    history = HistoryFile(**{**candles, "file": Path(candles["file"])}).open()
    mouth.say({"done": carry_out(job, history, mouth.progress)})


def _own_output() -> TextIO:
    """The real standard output, for our lines alone: whatever a library prints goes to the error output."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines


def _be_modest() -> None:
    """Behind the bot's own process in the queue for a processor, before it where memory runs out; no core dump."""
    with suppress(OSError):
        os.nice(_NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
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
