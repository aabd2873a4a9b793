"""A household whose exchange has a past, and workers that say what a test wants to hear."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.telegram_server import SandboxTelegram
from tests.handlers.household import Household


class Scripted:
    """Workers that wait at the gate and then say `end`; `jobs` are those that were asked for."""

    def __init__(self, end: Mapping[str, Any] | None = None) -> None:
        self.jobs: list[Mapping[str, Any]] = []
        self.killed = 0
        self.gate = asyncio.Event()
        self.end = end or {"failed": {"field": "", "reason": "time"}}

    async def run(self, job: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        self.jobs.append(job)
        try:
            yield {"progress": {"words": "history", "done": 0.5, "left_s": 20}}
            await self.gate.wait()
            yield self.end
        finally:
            self.killed += not self.gate.is_set()


def script(household: Household, end: Mapping[str, Any] | None = None) -> Scripted:
    """From now on this household's backtests are made up."""
    assert household.app is not None
    scripted = Scripted(end)
    household.app.backtests.queue._workers = scripted
    return scripted


@asynccontextmanager
async def a_household_with_a_past(
    folder: Path, *, days: int = 5, **settings: object
) -> AsyncIterator[Household]:
    async with (
        SandboxTelegram(path=folder / "telegram.sqlite", flood=None, poll_pacing=False) as telegram,
        SandboxExchange(ExchangeOptions(paused=True, ack_lead_ms=0, past_days=days)) as venue,
    ):
        household = Household(telegram, venue, folder, **settings)
        try:
            await household.open()
            yield household
        finally:
            await household.close()
            await household.http.close()
