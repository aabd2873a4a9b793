"""`make bench`: prints a table and writes build/bench.json. One run on one machine; compare ratios, not figures."""

import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from bot.domain.cycle import decide
from bot.domain.events import StartAsked
from bot.domain.ladder import build_ladder
from bot.domain.market import MarketRules
from bot.domain.money import Quote
from bot.domain.params import StrategyParams
from bot.domain.state import Phase, State
from bot.domain.turn import Context
from tests.end_to_end.processes import Process, spawn
from tests.engine.house import BTC, engine_house

ROOT = Path(__file__).resolve().parents[2]
LIVELY = replace(
    StrategyParams(),
    lucro_alvo_inicial=Decimal("0.006"),
    lucro_alvo_minimo=Decimal("0.004"),
    recompra_queda_inicial=Decimal("0.003"),
    recompra_queda_minimo=Decimal("0.001"),
)
ROUNDS, STARTS, DECISIONS = 60, 3, 20_000

Rows = dict[str, float]


async def reaction() -> Rows:
    """From an execution at the stand-in to both new orders arriving there, over real sockets and a real database."""
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with engine_house(Path(folder) / "bench.sqlite", seed=5) as house:
            strategy = await house.strategy(await house.person(), LIVELY)
            filled, arrived = 0.0, 0
            started = house.venue.lockstep.started

            def watch(account: str, *, answers: bool) -> None:
                nonlocal arrived
                started(account, answers=answers)
                if answers and filled:
                    arrived += 1
                    if arrived == 3:  # the old exit's cancel, then the new exit and re-buy
                        times.append(time.perf_counter() - filled)

            def note(batch: object) -> None:
                nonlocal filled, arrived
                if getattr(batch, "executions", ()):
                    filled, arrived = time.perf_counter(), 0

            house.venue.lockstep.started = watch  # type: ignore[method-assign]
            house.venue.core.listeners.append(note)
            await house.supervisor.run(strategy)
            await house.until(strategy, lambda s: s.phase is Phase.HOLDING)
            house.venue.market.resume()
            async with asyncio.timeout(120):
                while len(times) < ROUNDS:
                    await asyncio.sleep(0.05)
    times.sort()
    return {
        "fill to both orders, p50 ms": statistics.median(times) * 1000,
        "fill to both orders, p99 ms": times[int(len(times) * 0.99)] * 1000,
    }


async def processes() -> Rows:
    """Cold start of `run` until it is ready, and its memory then."""
    seconds: list[float] = []
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        telegram = await spawn("telegram", "sandbox", "telegram", log=place / "telegram.log")
        address = await telegram.first_line()
        for number in range(STARTS):
            env = {
                "TELEGRAM_BOT_TOKEN": address["token"],
                "TELEGRAM_OWNER_ID": "1",
                "TELEGRAM_API_URL": address["url"],
                "DATA_DIR": str(place / f"data{number}"),
            }
            log = place / f"bot{number}.log"
            began = time.perf_counter()
            bot = await spawn("bot", "run", log=log, env=env)
            await _ready(bot, log)
            seconds.append(time.perf_counter() - began)
            await asyncio.sleep(1)
            memory.append(_rss_mb(bot.child.pid))
            await bot.end()
        await telegram.end()
    return {
        "cold start to ready, s": statistics.median(seconds),
        "idle memory, MB": statistics.median(memory),
    }


async def _ready(bot: Process, log: Path) -> None:
    async with asyncio.timeout(60):
        while '"ready"' not in log.read_text():
            if bot.child.returncode is not None:
                raise SystemExit(log.read_text())
            await asyncio.sleep(0.01)


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def decisions() -> Rows:
    """The pure core alone."""
    params = StrategyParams()
    rules = MarketRules(BTC, Decimal("0.01"), Decimal("0.000001"), Decimal("0.00000001"), Quote(Decimal(5)))
    ctx = Context(params, build_ladder(params), rules, 0)
    state = State(token="bench")
    began = time.perf_counter()
    for _ in range(DECISIONS):
        decide(state, StartAsked(), ctx)
    return {"one decision, microseconds": (time.perf_counter() - began) / DECISIONS * 1e6}


async def main() -> None:
    rows = {**decisions(), **await reaction(), **await processes()}
    for name, value in rows.items():
        print(f"{name:<32} {value:>10.2f}")
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=2) + "\n")


asyncio.run(main())
