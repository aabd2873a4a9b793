"""`make bench`: prints a table and writes build/bench.json. One run on one machine; compare ratios, not figures.

`python -m tests.bench reaction` measures one part alone: decisions, reaction, start, hundred or backtest_live.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

from bot.domain.cycle import decide
from bot.domain.events import StartAsked
from bot.domain.ladder import build_ladder
from bot.domain.market import MarketRules
from bot.domain.money import Quote
from bot.domain.params import StrategyParams
from bot.domain.state import State
from bot.domain.turn import Context
from tests.bench.backtest_live import backtest_live
from tests.bench.backtests import GOALS as BACKTEST_GOALS
from tests.bench.backtests import backtests
from tests.bench.processes import cold_start, hundred
from tests.bench.reaction import reaction
from tests.bench.street import ROOT, Rows
from tests.engine.house import BTC

DECISIONS = 20_000
GOALS = {
    "first buy: p99, ms": 20.0,
    "re-buy: p99, ms": 20.0,
    "re-buy, less the venue's part: p99, ms": 20.0,
    "idle memory, MB": 120.0,
    "cold start to ready, s": 3.0,
    "first buy: p99, ms, beside a sweep": 20.0,
    "re-buy: p99, ms, beside a sweep": 20.0,
    "bot grown by, MB": 10.0,
    "largest backtest worker, MB": 250.0,
    "survival worker, MB": 250.0,
    **BACKTEST_GOALS,
}


async def decisions() -> Rows:
    """The pure core alone."""
    params = StrategyParams()
    rules = MarketRules(BTC, Decimal("0.01"), Decimal("0.000001"), Decimal("0.00000001"), Quote(Decimal(5)))
    ctx = Context(params, build_ladder(params), rules, 0)
    state = State(token="bench")
    began = time.perf_counter()
    for _ in range(DECISIONS):
        decide(state, StartAsked(), ctx)
    return {"one decision, microseconds": (time.perf_counter() - began) / DECISIONS * 1e6}


PARTS: dict[str, Callable[[], Awaitable[Rows]]] = {
    "decisions": decisions,
    "backtests": backtests,
    "reaction": reaction,
    "start": cold_start,
    "hundred": hundred,
    "backtest_live": backtest_live,
}


async def main(wanted: list[str]) -> None:
    rows: Rows = {}
    for name in wanted or PARTS:
        rows |= await PARTS[name]()
    for name, value in rows.items():
        goal = GOALS.get(name)
        print(f"{name:<64} {value:>12.2f}" + (f"   goal {goal:g}" if goal is not None else ""))
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rows, indent=2) + "\n")


asyncio.run(main(sys.argv[1:]))
