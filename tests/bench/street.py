"""What the measurements share: the venue's process, its control door, and parameters that trade often."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from bot.domain.params import StrategyParams
from bot.exchanges.environments import Endpoints

ROOT = Path(__file__).resolve().parents[2]
LIVELY = replace(
    StrategyParams(),
    lucro_alvo_inicial=Decimal("0.006"),
    lucro_alvo_minimo=Decimal("0.004"),
    recompra_queda_inicial=Decimal("0.003"),
    recompra_queda_minimo=Decimal("0.001"),
)

Rows = dict[str, float]


@dataclass(frozen=True, slots=True)
class VenueProcess:
    """The stand-in exchange's addresses and its control door."""

    http: aiohttp.ClientSession
    address: dict[str, Any]
    pid: int

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.address["rest"], self.address["ws_private"])

    async def control(self, what: str, **wish: object) -> dict[str, Any]:
        headers = {"X-Sandbox-Key": self.address["api_secret"]}
        async with self.http.post(
            f"{self.address['rest']}/sandbox/{what}", json=wish, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())


@asynccontextmanager
async def venue_process(seed: int) -> AsyncIterator[VenueProcess]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.venue", str(seed), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        address = json.loads(await asyncio.wait_for(child.stdout.readline(), 30))
        async with aiohttp.ClientSession() as http:
            yield VenueProcess(http, address, child.pid)
    finally:
        child.terminate()
        await child.wait()


def rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def others_share(*pids: int) -> Iterator[list[float]]:
    """While it lasts: which share of all cores' time went to processes other than these; one number, at the end."""
    share: list[float] = []
    began, busy = time.perf_counter(), _busy_s() - sum(cpu_s(pid) for pid in pids)
    yield share
    taken = _busy_s() - sum(cpu_s(pid) for pid in pids) - busy
    share.append(taken / (time.perf_counter() - began) / (os.cpu_count() or 1))


def _busy_s() -> float:
    """Processor time that this machine has spent so far, stolen time included, in seconds."""
    user, nice, system, _idle, _wait, irq, soft_irq, stolen, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + soft_irq + stolen) / os.sysconf("SC_CLK_TCK")


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
