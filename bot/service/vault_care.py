"""What people do with their vault: open, close, change, forget; and what happened while it was closed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.domain.events import StopMode
from bot.domain.money import Price
from bot.domain.orders import Leg
from bot.engine.supervisor import Supervisor
from bot.ports import BookStore, Clock, FillRecord, Person, RunStatus, Secret, Strategy, Vault
from bot.service.tickets import Tickets

FORGOTTEN = "keys_forgotten"


@dataclass(frozen=True, slots=True)
class RestingExit:
    """A strategy and the price at which its exit rests; None where it holds nothing to sell."""

    strategy: Strategy
    price: Price | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A vault that was opened: since when it was locked (ms UTC), and the strategies that were waiting.

    `stops` are those that somebody had asked to stop meanwhile, paused ones among them: that is done now.
    """

    since: int
    at: int
    strategies: tuple[Strategy, ...]
    known: dict[int, frozenset[str]] = field(repr=False)
    stops: tuple[tuple[Strategy, StopMode], ...] = ()

    @property
    def running(self) -> int:
        """How many go on."""
        ending = {s.id for s, mode in self.stops if mode is not StopMode.AFTER_CYCLE}
        return sum(s.id not in ending for s in self.strategies)


@dataclass(frozen=True, slots=True)
class WhileAway:
    """Fills that happened before the vault was opened and were booked after it, and the exits now."""

    opened: Opened
    fills: Sequence[FillRecord]
    exits: Sequence[RestingExit]
    complete: bool


class VaultCare:
    """`suggest` makes up a password of five words. `tickets` are those of the one-time page."""

    def __init__(
        self,
        *,
        store: BookStore,
        vault: Vault,
        supervisor: Supervisor,
        clock: Clock,
        suggest: Callable[[], Secret],
    ) -> None:
        self._store = store
        self._vault = vault
        self._supervisor = supervisor
        self._clock = clock
        self.suggest = suggest
        self.tickets = Tickets(time.monotonic)
        self.page_url: str | None = None
        """Where people reach the one-time page; None where there is none."""
        self.page_in_chat = False
        """Whether the chat opens that page as a Mini App."""
        self._started = clock.now()
        self._locked_at: dict[int, int] = {}

    def locked_since(self, person: Person) -> int:
        """Since when (ms UTC) nobody could look after this person's orders; of use while locked."""
        return self._locked_at.get(person.id, self._started)

    async def unlock(self, person: Person, password: Secret) -> Opened:
        """Opens the vault and lets this person's strategies go on."""
        since = self.locked_since(person)
        mine = await self._store.strategies(person.id)
        running = [s for s in mine if s.status is RunStatus.RUNNING]
        stops = [(s, await self._store.wished_stop(s.id)) for s in mine]
        known = {s.id: await self._store.known_fills(s.id) for s in running}
        await self._vault.unlock(person.id, password)
        at = self._clock.now()
        await self._supervisor.resume_person(person.id)
        return Opened(since, at, tuple(running), known, tuple((s, mode) for s, mode in stops if mode))

    async def while_away(self, opened: Opened, *, patience: float = 20.0) -> WhileAway:
        """Once the exchange has been compared with (or after `patience` seconds, `complete` False)."""
        complete = await self._supervisor.compared([s.id for s in opened.strategies], within=patience)
        fills = [
            record
            for strategy in opened.strategies
            for record in await self._store.fills(strategy.person_id, strategy.id)
            if record.fill.exec_id not in opened.known[strategy.id] and record.fill.at <= opened.at
        ]
        return WhileAway(opened, fills, await self.exits(opened.strategies), complete)

    async def exits(self, strategies: Sequence[Strategy]) -> list[RestingExit]:
        """As our own database knows them: good enough while the vault is locked."""
        found = []
        for strategy in strategies:
            state = await self._supervisor.state(strategy.id)
            order = state.live(Leg.EXIT)
            found.append(RestingExit(strategy, order.price if order else None))
        return found

    async def running(self, person: Person) -> list[RestingExit]:
        """This person's running strategies, with their exits."""
        mine = await self._store.strategies(person.id)
        return await self.exits([s for s in mine if s.status is RunStatus.RUNNING])

    async def lock(self, person: Person) -> None:
        """Strategies stand still; their orders rest at the exchange."""
        if self._vault.unlocked(person.id):
            self._locked_at[person.id] = self._clock.now()
        self.tickets.drop(person.id)
        await self._supervisor.suspend_person(person.id)
        self._vault.lock(person.id)

    async def change_password(self, person: Person, old: Secret, new: Secret) -> None:
        """The keys stay; a backup made before still opens with the old password."""
        await self._vault.change_password(person.id, old, new)

    async def forget(self, person: Person) -> None:
        """Crypto-shred: the keys can never be opened again. Strategies are paused; their orders rest untouched."""
        self.tickets.drop(person.id)
        await self._supervisor.suspend_person(person.id)
        for strategy in await self._store.strategies(person.id):
            if strategy.status is RunStatus.RUNNING:
                await self._store.set_status(strategy.id, RunStatus.PAUSED, FORGOTTEN)
        await self._vault.forget(person.id)
        self._locked_at.pop(person.id, None)
