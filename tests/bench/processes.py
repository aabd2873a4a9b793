"""The real `run` process: how soon it is ready, and its memory, idle and with a hundred running strategies."""

import asyncio
import base64
import os
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bot.ports import Credentials, Environment, Role, Secret
from storage.database import Database
from storage.store import SqliteStore
from storage.vault import SqliteVault
from storage.vault_crypto import Argon
from tests.bench.street import LIVELY, Rows, VenueProcess, cpu_s, rss_mb, venue_process
from tests.end_to_end.processes import Process, spawn
from tests.engine.house import BTC

STARTS = 5
PEOPLE, EACH = 10, 10
QUIET_S = 20


async def cold_start() -> Rows:
    """From the command to `ready`, and the memory three seconds later, in an empty folder.

    On a busy machine the processor time tells more than the clock: it is the start on a core of one's own, but for the disk.
    """
    seconds, worked, memory = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        telegram = await spawn("telegram", "sandbox", "telegram", log=place / "telegram.log")
        address = await telegram.first_line()
        for number in range(STARTS):
            env = _env(address, place / f"data{number}")
            log = place / f"bot{number}.log"
            began = time.perf_counter()
            bot = await spawn("bot", "run", log=log, env=env)
            await _ready(bot, log)
            seconds.append(time.perf_counter() - began)
            worked.append(cpu_s(bot.child.pid))
            await asyncio.sleep(3)
            memory.append(rss_mb(bot.child.pid))
            await bot.end()
        await telegram.end()
    return {
        "cold start to ready, s": statistics.median(seconds),
        "cold start, slowest of five, s": max(seconds),
        "cold start, processor time of it, s": statistics.median(worked),
        "idle memory, MB": statistics.median(memory),
    }


async def hundred() -> Rows:
    """Ten people with ten strategies each in one process, taken up at the start."""
    with tempfile.TemporaryDirectory() as folder:
        place, master = Path(folder), base64.b64encode(os.urandom(32)).decode()
        telegram = await spawn("telegram", "sandbox", "telegram", log=place / "telegram.log")
        address = await telegram.first_line()
        async with venue_process(seed=7) as venue:
            await _people(place / "data" / "trader.sqlite", venue, master)
            env = _env(address, place / "data") | {
                "VAULT_MASTER_KEYS": f"one:{master}",
                "SANDBOX_BYBIT_REST": venue.address["rest"],
                "SANDBOX_BYBIT_WS_PRIVATE": venue.address["ws_private"],
            }
            began = time.perf_counter()
            bot = await spawn("bot", "run", log=place / "bot.log", env=env)
            await _all_hold(place / "data" / "trader.sqlite", bot, place / "bot.log")
            holding = time.perf_counter() - began
            await asyncio.sleep(5)
            used, since = cpu_s(bot.child.pid), time.perf_counter()
            await asyncio.sleep(QUIET_S)
            busy = (cpu_s(bot.child.pid) - used) / (time.perf_counter() - since)
            memory = rss_mb(bot.child.pid)
            await bot.end()
        await telegram.end()
    return {
        "100 strategies: memory, MB": memory,
        "100 strategies: start to all orders resting, s": holding,
        "100 strategies: processor while nothing fills, %": busy * 100,
    }


def _env(telegram: dict[str, str], folder: Path) -> dict[str, str]:
    return {
        "TELEGRAM_BOT_TOKEN": telegram["token"],
        "TELEGRAM_OWNER_ID": "1",
        "TELEGRAM_API_URL": telegram["url"],
        "DATA_DIR": str(folder),
    }


async def _people(path: Path, venue: VenueProcess, master: str) -> None:
    """Written as the chat would: each with a vault, a key of their own, and running strategies."""
    async with await Database.open(path) as database:
        store = SqliteStore(database)
        vault = SqliteVault(
            database, master_keys={"one": Secret(master)}, argon=Argon(memory_kib=8192, iterations=1)
        )
        for number in range(PEOPLE):
            role = Role.USER if number else Role.OWNER
            person = await store.add_person(chat_id=number + 1, name=f"p{number}", locale="en", role=role)
            keys = await venue.control("accounts", name=f"p{number}", balances={"USDT": "1000000"})
            await vault.create(person.id, Secret("correct horse battery"))
            await vault.put(
                person.id,
                Environment.SANDBOX_BYBIT,
                Credentials(Secret(keys["api_key"]), Secret(keys["api_secret"])),
            )
            await vault.set_unattended(person.id, enabled=True)
            for place in range(EACH):
                await store.add_strategy(
                    person_id=person.id,
                    name=f"s{place}",
                    environment=Environment.SANDBOX_BYBIT,
                    symbol=BTC,
                    params=LIVELY,
                )
        await database.run(lambda db: db.execute("UPDATE strategies SET status = 'running'").rowcount)
        vault.lock_all()


async def _all_hold(path: Path, bot: Process, log: Path) -> None:
    """Until every strategy has its exit and its re-buy on the book, as the orders table tells."""
    query = "SELECT count(*) FROM orders WHERE status = 'open' AND leg IN ('x', 'r')"
    async with asyncio.timeout(180):
        while True:
            if bot.child.returncode is not None:
                raise SystemExit(log.read_text()[-3000:])
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
                if db.execute(query).fetchone()[0] >= 2 * PEOPLE * EACH:
                    return
            await asyncio.sleep(0.2)


async def _ready(bot: Process, log: Path) -> None:
    async with asyncio.timeout(60):
        while '"ready"' not in log.read_text():
            if bot.child.returncode is not None:
                raise SystemExit(log.read_text())
            await asyncio.sleep(0.01)
