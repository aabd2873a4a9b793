"""`doctor`: what stands in the way, each fault with its mend."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import click

from bot.errors import BotError, ConfigError
from bot.exchanges.factory import build_exchange, supported_environments
from bot.ports import Environment, SystemClock
from bot.ports.vault import NOBODY
from bot.service.key_test import MOST_OFFSET_S
from bot.settings import Settings, load_settings
from storage.database import Database


@click.command()
@click.option("--offline", is_flag=True, help="Leave out what needs the network.")
def doctor(*, offline: bool) -> None:
    """Check settings, database, clock and reachability."""
    if not asyncio.run(_examine(offline=offline)):
        sys.exit(1)


async def _examine(*, offline: bool) -> bool:
    try:
        settings = load_settings()
    except ConfigError as exc:
        return _say("settings", list(exc.problems))
    healthy = _say("settings", list(settings.problems(os.environ)))
    healthy &= await _check("database", partial(_database, settings))
    if not offline:
        for environment in supported_environments(sandbox=False):
            healthy &= await _check(environment.value, partial(_reach, environment))
    return healthy


async def _check(name: str, examine: Callable[[], Awaitable[list[str]]]) -> bool:
    try:
        return _say(name, await examine())
    except BotError as exc:
        return _say(name, [str(exc)])


def _say(name: str, faults: list[str]) -> bool:
    click.echo(f"{'ok ' if not faults else 'BAD'} {name}")
    for fault in faults:
        click.echo(f"      {fault}")
    return not faults


async def _database(settings: Settings) -> list[str]:
    database = await Database.open(settings.database)
    try:
        verdict = await database.run(lambda db: str(db.execute("PRAGMA quick_check").fetchone()[0]))
    finally:
        await database.close()
    return [] if verdict == "ok" else [f"{verdict}: put the newest backup in its place"]


async def _reach(environment: Environment) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        exchange = build_exchange(environment, NOBODY, pool=pool, clock=SystemClock())
        try:
            offset = await exchange.clock_offset()
        finally:
            await exchange.close()
    if abs(offset) > MOST_OFFSET_S:
        return [f"this machine's clock is {-offset:+.1f} s off: switch time synchronisation (NTP) on"]
    return []
