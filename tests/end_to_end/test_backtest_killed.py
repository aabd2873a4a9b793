"""The bot killed in the middle of a backtest: no worker and no file is left, and its person is told."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from tests.end_to_end.conversation import save_by_defaults
from tests.end_to_end.processes import BTC_5M, street

pytestmark = pytest.mark.skipif(not BTC_5M.exists(), reason=f"real candles are not here: {BTC_5M.name}")


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends meanwhile
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


UNDER_WAY = "começando|buscando preços|percorrendo os preços|desenhando|escrevendo os arquivos"


async def idle(pid: int) -> None:
    """The plan's own worker, which counts survival, has ended."""
    async with asyncio.timeout(60):
        while children(pid):
            await asyncio.sleep(0.02)


async def worker_of(pid: int) -> int:
    async with asyncio.timeout(60):
        while not (found := children(pid)):
            await asyncio.sleep(0.005)
    (worker,) = found
    return worker


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_killed_bot_takes_its_worker_along_and_says_so_when_it_is_back(tmp_path):
    async with street(tmp_path, "--candles", str(BTC_5M), "--speed", "max") as place:
        await place.start_bot()
        chat = place.chat()
        await save_by_defaults(chat)
        await chat.say("/backtest")
        await chat.sees("Escolha uma")
        await chat.press("BTC 300")
        await chat.sees("Desde quando")
        assert place.bot is not None
        await idle(place.bot.child.pid)
        await chat.press("Tudo")
        await chat.sees(UNDER_WAY)
        worker = await worker_of(place.bot.child.pid)
        work = tmp_path / "data" / "work"
        assert len(list(work.iterdir())) == 1
        await place.kill_bot()
        async with asyncio.timeout(60):
            while alive(worker):
                await asyncio.sleep(0.02)
        await place.start_bot()
        await chat.sees("reiniciado no meio")
        assert not work.exists()
        assert await chat.count(UNDER_WAY) == 0
        await chat.press("Pedir de novo")
        await chat.sees("Lucro líquido", timeout=120)
        await chat.press("Outro período")
        await chat.sees("Desde quando")
        await chat.press("Tudo")
        await chat.sees(UNDER_WAY)
        worker = await worker_of(place.bot.child.pid)
        await place.bot_ends()
        assert not alive(worker)
        assert not work.exists()
