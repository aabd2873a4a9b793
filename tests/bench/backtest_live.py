"""What backtests cost those who trade: fill to orders with and without a sweep, and the bot's memory after ten."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from pathlib import Path

from bot.backtest.jobs import Contender, Job, Kind, Source
from bot.domain.market import MarketRules
from bot.domain.money import Quote
from bot.domain.params import StrategyParams
from bot.processes import Bounds, WorkerProcesses
from tests.bench.reaction import reaction
from tests.bench.street import Rows, rss_mb
from tests.end_to_end.conversation import save_by_defaults
from tests.end_to_end.processes import BTC_5M, Chat, Process, spawn, street
from tests.engine.house import BTC

RULES = MarketRules(BTC, Decimal("0.01"), Decimal("0.000001"), Decimal("0.00000001"), Quote(Decimal(5)))
FOR_EVER_S = 3600
SETS = 200_000
TESTS = 10
_SHOWN = ("first buy: p50, ms", "first buy: p99, ms", "re-buy: p50, ms", "re-buy: p99, ms")


async def backtest_live() -> Rows:
    """Both parts, one after the other."""
    return {**await beside_a_sweep(), **await ten_in_the_chat()}


# --- trading beside a sweep -----------------------------------------------------------------------------------


async def beside_a_sweep() -> Rows:
    """The same reactions twice: with the machine to themselves, and while a worker of this very process sweeps."""
    alone = await reaction()
    with tempfile.TemporaryDirectory() as folder:
        async with _past(Path(folder)) as address, _sweeping(Path(folder), address["rest"]):
            beside = await reaction()
    rows: Rows = {}
    for name in _SHOWN:
        rows[f"{name}, no sweep"] = alone[name]
        rows[f"{name}, beside a sweep"] = beside[name]
    return rows


@asynccontextmanager
async def _past(folder: Path) -> AsyncIterator[dict[str, str]]:
    """An exchange that has played its whole file: a year of five-minute candles."""
    child = await spawn(
        "past", "sandbox", "exchange", "--candles", str(BTC_5M), "--speed", "max", log=folder / "past.log"
    )
    try:
        yield await child.first_line()
    finally:
        await child.end()


@asynccontextmanager
async def _sweeping(folder: Path, rest: str) -> AsyncIterator[None]:
    """A worker that sweeps, as the bot would start it, and another when it is done."""
    job = Job(
        kind=Kind.OPTIMIZE,
        source=Source("sandbox-bybit", rest),
        rules=RULES,
        contenders=(Contender("bench", StrategyParams()),),
        step_ms=300_000,
        start=None,
        end=None,
        length_ms=None,
        shelf=folder / "shelf",
        shelf_mb=500,
        locale="en",
        folder=folder,
        fields=("lucro_alvo_inicial", "recompra_queda_inicial", "limite_recompras"),
        most_sets=SETS,
        most_s=FOR_EVER_S,
    )
    swept = asyncio.Event()

    async def carry() -> None:
        workers = WorkerProcesses(bounds=Bounds(seconds=FOR_EVER_S))
        while True:
            async with aclosing(workers.run(job.packed())) as lines:
                async for line in lines:
                    assert "failed" not in line, line
                    if line.get("progress", {}).get("done", 0) > 0 and line["progress"]["words"] == "sweep":
                        swept.set()

    task = asyncio.create_task(carry())
    waiting = asyncio.create_task(swept.wait())
    try:
        async with asyncio.timeout(300):
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        assert swept.is_set(), "the sweep never began"
        yield
        assert not task.done(), "the sweep ended too soon"
    finally:
        for one in (task, waiting):
            one.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


# --- memory ---------------------------------------------------------------------------------------------------


async def ten_in_the_chat() -> Rows:
    """The real `run` process: its memory before the first backtest and after the tenth, and the largest worker's."""
    with tempfile.TemporaryDirectory() as folder:
        candles = ("--candles", str(BTC_5M), "--speed", "max")
        async with street(Path(folder), *candles) as place:
            await place.start_bot()
            chat = place.chat()
            await save_by_defaults(chat)
            bot = place.bot
            assert bot is not None
            await asyncio.sleep(3)
            before = rss_mb(bot.child.pid)
            most = 0.0
            for _ in range(TESTS):
                most = max(most, await _tested(chat, bot))
            await asyncio.sleep(3)
            after = rss_mb(bot.child.pid)
            survived = await _asked(chat, bot, "Sobrevivência", "horas do passado")
            return {
                "bot before ten backtests, MB": before,
                "bot after ten backtests, MB": after,
                "bot grown by, MB": after - before,
                "largest backtest worker, MB": most,
                "survival worker, MB": survived,
            }


async def _tested(chat: Chat, bot: Process) -> float:
    await chat.say("/backtest")
    await chat.sees("Escolha uma")
    await chat.press("BTC 300")
    await chat.sees("Desde quando")
    return await _asked(chat, bot, "3 meses", "Lucro líquido")


async def _asked(chat: Chat, bot: Process, label: str, answer: str) -> float:
    """Press and wait for the answer; the largest resident memory of the bot's children meanwhile, MB."""
    await chat.press(label)
    seen = asyncio.create_task(chat.sees(answer, timeout=180))
    most = 0.0
    while not seen.done():
        for child in _children(bot.child.pid):
            try:
                most = max(most, rss_mb(child))
            except (OSError, IndexError):
                continue
        await asyncio.wait({seen}, timeout=0.02)
    await seen
    return most


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found
