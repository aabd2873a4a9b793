"""From a fill's message to both new orders sent, over real sockets and a real database, cut into its parts.

It begins when the stand-in hands the frame to its socket, and ends with the last byte of the second new order.
"""

import asyncio
import gc
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.domain.orders import OrderStatus
from bot.domain.state import Phase
from bot.engine.supervisor import Supervisor
from bot.exchanges.factory import build_exchange
from bot.ports import Credentials, Environment, Role, Secret, SystemClock
from storage.database import Database
from storage.store import SqliteStore
from tests.bench.stopwatch import Reaction, Stopwatch
from tests.bench.street import LIVELY, Rows, VenueProcess, others_share, percentile, venue_process
from tests.engine.house import BTC, OpenVault

WANTED = 300
WARMED_UP = 10
PAUSE_S = 0.2
"""Between reactions, so that our own keeping of the exchange's limits (18 new orders a second) is not measured."""


async def reaction() -> Rows:
    """First buys (both orders go at once) and re-buys (the old exit must be closed first), apart."""
    with tempfile.TemporaryDirectory() as folder:
        async with venue_process(seed=5) as venue:
            with others_share(os.getpid(), venue.pid) as others:
                found = await _watch(venue, Path(folder) / "bench.sqlite")
    rows: Rows = {"reactions measured": len(found), "both cores' time that others took, %": others[0] * 100}
    for name, leg in (("first buy", "e"), ("re-buy", "r")):
        some = [one for one in found if one.leg == leg]
        rows |= _percentiles(name, [one.total for one in some])
        if leg == "r":
            rows |= _percentiles("re-buy, less the venue's part", [one.total - one.venue for one in some])
            rows |= _parts(some)
    return rows


async def _watch(venue: VenueProcess, path: Path) -> list[Reaction]:
    watch = Stopwatch()
    gc.collect()
    gc.freeze()  # as `run` does
    pool = ThreadPoolExecutor(16)
    async with await Database.open(path) as database:
        store = SqliteStore(database)
        vault = OpenVault()
        supervisor = Supervisor(
            store=store,
            vault=vault,  # type: ignore[arg-type]
            exchanges=lambda environment, credentials: build_exchange(
                environment, credentials, pool=pool, clock=SystemClock(), endpoints=venue.endpoints
            ),
            clock=SystemClock(),
            on_store_failure=lambda failure: None,
        )
        person = await store.add_person(chat_id=1, name="Ana", locale="en", role=Role.OWNER)
        vault.keys[person.id] = Credentials(
            Secret(venue.address["api_key"]), Secret(venue.address["api_secret"])
        )
        strategy = await store.add_strategy(
            person_id=person.id,
            name="one",
            environment=Environment.SANDBOX_BYBIT,
            symbol=BTC,
            params=LIVELY,
        )
        try:
            with watch.watching():
                await supervisor.run(strategy)
                while (await supervisor.state(strategy.id)).phase is not Phase.HOLDING:
                    await asyncio.sleep(0.01)
                while sum(one.whole for one in watch.reactions) < WANTED + WARMED_UP:
                    before = len(watch.reactions)
                    await venue.control("market", do="step")
                    await _at_rest(supervisor, strategy.id)
                    await asyncio.sleep(PAUSE_S * (len(watch.reactions) - before))
        finally:
            await supervisor.close()
            pool.shutdown()
    return [one for one in watch.reactions if one.whole][WARMED_UP:]


async def _at_rest(supervisor: Supervisor, strategy_id: int) -> None:
    async with asyncio.timeout(20):
        while True:
            state = await supervisor.state(strategy_id)
            live = all(order.status is OrderStatus.LIVE for order in state.orders)
            if state.phase is Phase.HOLDING and live:
                return
            await asyncio.sleep(0.005)


def _percentiles(name: str, seconds: list[float]) -> Rows:
    return {
        f"{name}: p50, ms": percentile(seconds, 0.5) * 1000,
        f"{name}: p99, ms": percentile(seconds, 0.99) * 1000,
    }


def _parts(reactions: list[Reaction]) -> Rows:
    """Medians and p99 of each part of a re-buy, in the order of time."""
    parts = {
        "stand-in writes -> frame read": [r.heard - r.told for r in reactions],
        "frame -> fill parsed": [r.parsed - r.heard for r in reactions],
        "parsed -> decision begins": [r.decided - r.parsed for r in reactions],
        "decision -> saved": [r.saved - r.decided for r in reactions],
        "saved -> cancel sent": [r.cancel_sent - r.saved for r in reactions],
        "cancel sent -> closed (venue)": [r.venue for r in reactions],
        "of it the stand-in's program": [r.stand_in for r in reactions],
        "closed -> new exit sent": [r.placed[-1] - r.cancel_closed for r in reactions],
    }
    rows: Rows = {}
    for name, seconds in parts.items():
        rows[f"  {name}: p50, ms"] = percentile(seconds, 0.5) * 1000
        rows[f"  {name}: p99, ms"] = percentile(seconds, 0.99) * 1000
    return rows
