"""`keys`: exchange keys typed at a prompt, never in a chat and never as an argument."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import click

from bot.cli.private import keep_memory_private
from bot.errors import InvalidInput, NotAllowed
from bot.exchanges.environments import Endpoints
from bot.exchanges.factory import build_exchange, supported_environments
from bot.ports import Credentials, Environment, Person, Role, Secret, SystemClock
from bot.settings import load_settings
from storage.database import Database
from storage.store import SqliteStore
from storage.vault import SqliteVault

_ENVIRONMENTS = [e.value for e in supported_environments(sandbox=True)]


@dataclass
class _Place:
    vault: SqliteVault
    person: Person


@click.group()
def keys() -> None:
    """Add, list or remove exchange keys while the bot is not running."""


@keys.command()
@click.option("--environment", type=click.Choice(_ENVIRONMENTS), required=True)
@click.option("--person", type=int, help="A Telegram user id; without it, the owner.")
def add(*, environment: str, person: int | None) -> None:
    """Check a key at the exchange and keep it in the vault."""
    keep_memory_private()
    asyncio.run(_add(Environment(environment), person))


@keys.command("list")
@click.option("--person", type=int, help="A Telegram user id; without it, the owner.")
def list_(*, person: int | None) -> None:
    """Name the environments that have a key; a key itself is never shown."""
    asyncio.run(_list(person))


@keys.command()
@click.option("--environment", type=click.Choice(_ENVIRONMENTS), required=True)
@click.option("--person", type=int, help="A Telegram user id; without it, the owner.")
def remove(*, environment: str, person: int | None) -> None:
    """Forget a key."""
    asyncio.run(_remove(Environment(environment), person))


def _ask(what: str, *, twice: bool = False) -> Secret:
    return Secret(click.prompt(what, hide_input=True, confirmation_prompt=twice, type=str))


async def _add(environment: Environment, chat_id: int | None) -> None:
    async with _place(chat_id) as place:
        if await place.vault.exists(place.person.id):
            await place.vault.unlock(place.person.id, _ask("Vault password"))
        else:
            click.echo("A new vault: choose its password, 12 characters or more. It cannot be recovered.")
            await place.vault.create(place.person.id, _ask("Vault password", twice=True))
        credentials = Credentials(_ask("API key"), _ask("API secret"))
        await _check(environment, credentials)
        await place.vault.put(place.person.id, environment, credentials)
    click.echo(f"kept: {environment.value}")


async def _check(environment: Environment, credentials: Credentials) -> None:
    with ThreadPoolExecutor(2) as pool:
        exchange = build_exchange(
            environment, credentials, pool=pool, clock=SystemClock(), endpoints=_sandbox(environment)
        )
        try:
            facts = await exchange.key_facts()
        finally:
            await exchange.close()
    if facts.can_withdraw:
        raise NotAllowed("this key may withdraw coins: make one that may only read and trade spot")
    if facts.read_only or not facts.can_trade:
        raise NotAllowed("this key may not trade spot: allow reading and spot trading, nothing else")
    if not facts.ip_bound:
        click.echo("note: the key is not bound to an IP address, so anybody who has it can trade with it")


def _sandbox(environment: Environment) -> Endpoints | None:
    """The running sandbox's addresses, for its own keys."""
    addresses = load_settings().sandbox_addresses() if environment is Environment.SANDBOX_BYBIT else None
    return Endpoints(*addresses) if addresses else None


async def _list(chat_id: int | None) -> None:
    async with _place(chat_id) as place:
        found = await place.vault.environments(place.person.id)
    click.echo("\n".join(e.value for e in found) or "no keys")


async def _remove(environment: Environment, chat_id: int | None) -> None:
    async with _place(chat_id) as place:
        removed = await place.vault.remove(place.person.id, environment)
    click.echo(f"forgotten: {environment.value}" if removed else f"there was no key for {environment.value}")


@asynccontextmanager
async def _place(chat_id: int | None) -> AsyncIterator[_Place]:
    """The vault and the person; StoreError while the bot runs on the same folder."""
    settings = load_settings()
    database = await Database.open(settings.database)
    try:
        store = SqliteStore(database)
        person = await _person(store, chat_id or settings.telegram_owner_id)
        vault = SqliteVault(database, master_keys=settings.master_keys(), clock=SystemClock())
        try:
            yield _Place(vault, person)
        finally:
            vault.lock_all()
    finally:
        await database.close()


async def _person(store: SqliteStore, chat_id: int | None) -> Person:
    people = await store.people()
    if chat_id is None:
        owner = next((p for p in people if p.role is Role.OWNER), None)
        if owner is None:
            raise InvalidInput("person", "--person with your Telegram user id, or TELEGRAM_OWNER_ID in .env")
        return owner
    known = next((p for p in people if p.chat_id == chat_id), None)
    role = Role.USER if any(p.role is Role.OWNER for p in people) else Role.OWNER
    return known or await store.add_person(chat_id=chat_id, name="", locale="", role=role)
