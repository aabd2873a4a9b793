"""A look at each key once a day: whether it expires soon, and what anybody who steals it could do with it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from bot.domain.notices import KeyExpires, KeyMayWithdraw, KeyUnbound, Notice
from bot.errors import BotError, StoreError
from bot.ports import BookStore, Clock, Credentials, Environment, Exchange, KeyFacts, Person, Vault

log = structlog.get_logger(__name__)
MORNING = 9
"""The hour of a person's own day from which they are told."""
LAST_DAYS = 7
EARLIER_DAYS = frozenset({14, 30})
_DAY_MS = 86_400_000


class KeyHygiene:
    """Only keys in an open vault can be looked at; a key that cannot be asked about now is asked about later.

    `exchanges` opens an account that is closed again; `zone_of` is a person's time zone.
    """

    def __init__(
        self,
        *,
        store: BookStore,
        vault: Vault,
        exchanges: Callable[[Environment, Credentials], Exchange],
        zone_of: Callable[[Person], Awaitable[ZoneInfo]],
        clock: Clock,
    ) -> None:
        self._store = store
        self._vault = vault
        self._exchanges = exchanges
        self._zone_of = zone_of
        self._clock = clock
        self._looked: dict[tuple[int, Environment], str] = {}

    async def announce(self) -> None:
        """Look at every key that was not looked at on its person's day of today; StoreError passes."""
        for person in await self._store.people():
            local = datetime.fromtimestamp(self._clock.now() / 1000, await self._zone_of(person))
            if local.hour < MORNING or not self._vault.unlocked(person.id):
                continue
            for environment in await self._vault.environments(person.id):
                await self._look(person, environment, local)

    async def _look(self, person: Person, environment: Environment, local: datetime) -> None:
        day = local.date().isoformat()
        if self._looked.get((person.id, environment)) == day:
            return
        try:
            facts = await self._facts(person, environment)
        except StoreError:
            raise
        except BotError as fault:
            log.info("key_not_looked_at", environment=environment.value, reason=type(fault).__name__)
            return
        week = "{}-{}".format(*local.isocalendar()[:2])
        for notice, key in warnings(environment, facts, now=self._clock.now(), day=day, week=week):
            await self._store.announce(person.id, notice, key=key)
        # after the announcements: a kill between the two repeats them under the same keys
        self._looked[person.id, environment] = day

    async def _facts(self, person: Person, environment: Environment) -> KeyFacts | None:
        credentials = await self._vault.credentials(person.id, environment)
        if credentials is None:
            return None
        exchange = self._exchanges(environment, credentials)
        try:
            return await exchange.key_facts()
        finally:
            await exchange.close()


def warnings(
    environment: Environment, facts: KeyFacts | None, *, now: int, day: str, week: str
) -> list[tuple[Notice, str]]:
    """What is to be told, each with the key under which it is told once; `now` in ms UTC.

    The end of a key: 30 and 14 days before, then daily in its last week. A right to withdraw: daily, for such a key
    is refused when it is added. No bound address: weekly, for real money.
    """
    told: list[tuple[Notice, str]] = []
    if facts is None:
        return told
    if facts.expires_at is not None:
        days = max(0, (facts.expires_at - now) // _DAY_MS)
        if days <= LAST_DAYS or days in EARLIER_DAYS:
            told.append(
                (KeyExpires(environment.value, days, facts.expires_at), f"key:{environment.value}:ends:{day}")
            )
    if facts.can_withdraw:
        told.append((KeyMayWithdraw(environment.value), f"key:{environment.value}:withdraws:{day}"))
    if environment.real_money and not facts.ip_bound:
        told.append((KeyUnbound(environment.value), f"key:{environment.value}:unbound:{week}"))
    return told
