"""Worker processes over asyncio: one job in, lines of JSON out, and no process left behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from bot.ports.backtests import Line

log = structlog.get_logger(__name__)

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV", "PYTHONPATH")
_CACHES = ("TRADER_AUTOMATA_CACHE", "XDG_CACHE_HOME")
_NETWORK = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_LONGEST_LINE = 4 * 1024 * 1024
_LOOK_S = 0.2
_LAST_WORDS_S = 2.0
_PROC = Path("/proc")
_NOTHING = asyncio.subprocess.DEVNULL
_KEPT_ERRORS = 4000
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one worker may use: resident memory (MB) and time (seconds)."""

    memory_mb: int = 300
    seconds: float = 900.0


class _TooMuchMemory(Exception):  # noqa: N818 - never leaves this file
    pass


class WorkerProcesses:
    """Implements bot.ports.backtests.Workers.

    The child gets the job on its standard input, which then stays open: when this process dies, however it dies, the
    child reads its end and ends too. It gets a few names of the environment and nothing else: no token, no key.
    """

    def __init__(self, *, bounds: Bounds | None = None, command: Sequence[str] | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._command = tuple(command or (sys.executable, "-m", "bot", "worker"))

    async def run(self, job: Mapping[str, object]) -> AsyncGenerator[Line, None]:
        """The job's lines; closing the generator kills the process."""
        child = await self._started()
        errors = asyncio.create_task(_tail(child))
        try:
            async with aclosing(self._lines(child, job)) as lines:
                async for line in lines:
                    yield line
                    if "done" in line or "failed" in line:
                        return
            said = await _ended(child, errors)
            log.error("worker lost", returncode=child.returncode, said=said)
            # Nobody here has killed it yet: it is the system that does, where memory runs out.
            yield {
                "failed": {"field": "", "reason": "memory" if child.returncode == -signal.SIGKILL else "lost"}
            }
        except TimeoutError:
            yield {"failed": {"field": "", "reason": "time"}}
        except _TooMuchMemory:
            yield {"failed": {"field": "", "reason": "memory"}}
        finally:
            await _killed(child, errors)

    async def _started(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            limit=_LONGEST_LINE,
            start_new_session=True,
        )

    async def _lines(
        self, child: asyncio.subprocess.Process, job: Mapping[str, object]
    ) -> AsyncGenerator[Line, None]:
        """Until the child's output ends; TimeoutError, or _TooMuchMemory."""
        if child.stdin is None or child.stdout is None:
            raise LookupError("the worker was started without pipes")
        with suppress(ConnectionError):
            child.stdin.write(json.dumps(job).encode() + b"\n")
            await child.stdin.drain()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._bounds.seconds
        reading = asyncio.ensure_future(child.stdout.readline())
        try:
            while True:
                await asyncio.wait({reading}, timeout=_LOOK_S)
                if await _resident_mb(child.pid) > self._bounds.memory_mb:
                    raise _TooMuchMemory
                if reading.done():
                    line = _read(reading)
                    if line is None:
                        return
                    yield line
                    reading = asyncio.ensure_future(child.stdout.readline())
                if loop.time() > end:  # also of one that never stops talking
                    raise TimeoutError
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in (*_KEPT, *_CACHES, *_NETWORK) if name in os.environ}
    return {**kept, **dict.fromkeys(_ONE_THREAD, "1"), "MALLOC_ARENA_MAX": "2"}


def _read(reading: asyncio.Future[bytes]) -> dict[str, Any] | None:
    """One line's object; None at the end, and for a line that is none (the child was killed while it wrote)."""
    try:
        line = json.loads(reading.result())
    except (ValueError, RecursionError):  # also of a line without an end
        return None
    return line if isinstance(line, dict) else None


async def _resident_mb(pid: int) -> float:
    """Zero where nobody tells, or where the process is gone. Where there is no /proc, `ps` knows."""
    return _told_by_proc(pid) if _PROC.exists() else await _told_by_ps(pid)  # noqa: ASYNC240 - in memory


def _told_by_proc(pid: int) -> float:
    try:
        return int((_PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1]) * _PAGE / 2**20
    except (OSError, IndexError):
        return 0.0


async def _told_by_ps(pid: int) -> float:
    try:
        asked = await asyncio.create_subprocess_exec(
            "ps",
            "-o",
            "rss=",
            "-p",
            str(pid),
            stdin=_NOTHING,
            stdout=asyncio.subprocess.PIPE,
            stderr=_NOTHING,
        )
    except OSError:
        return 0.0
    said, _ = await asked.communicate()
    return int(said) / 1024 if said.strip().isdigit() else 0.0


async def _tail(child: asyncio.subprocess.Process) -> str:
    """The last of what the child says on its error output."""
    said = b""
    if child.stderr is not None:
        while piece := await child.stderr.read(4096):
            said = (said + piece)[-_KEPT_ERRORS:]
    return said.decode(errors="replace")


async def _ended(child: asyncio.subprocess.Process, errors: asyncio.Task[str]) -> str:
    with suppress(TimeoutError):
        await asyncio.wait_for(child.wait(), _LAST_WORDS_S)
    done, _ = await asyncio.wait({errors}, timeout=_LAST_WORDS_S)
    return errors.result() if done else ""


async def _killed(child: asyncio.subprocess.Process, errors: asyncio.Task[str]) -> None:
    """The child and whatever it started are gone when this returns; its pipes are closed."""
    if child.returncode is None:  # once it is waited for, its number may be another's
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    if child.stdin is not None:
        child.stdin.close()
    try:
        await asyncio.gather(child.wait(), asyncio.wait({errors}, timeout=_LAST_WORDS_S), _emptied(child))
    finally:
        errors.cancel()
    await asyncio.gather(errors, return_exceptions=True)


async def _emptied(child: asyncio.subprocess.Process) -> None:
    """A pipe is closed once it is read to its end, and one that was too full is not read by itself."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS_S):
            while child.stdout is not None and await child.stdout.read(1 << 16):
                pass
