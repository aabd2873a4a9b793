"""Ending, pausing, and the kill switch."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.events import StopMode
from bot.domain.money import Price
from bot.domain.orders import OwnOrder
from bot.domain.state import State
from bot.engine.supervisor import Supervisor
from bot.errors import AccessDenied, BotError, ExchangeError, NotAllowed, VaultLocked
from bot.ports import BookStore, Person, RunStatus, Strategy, Vault
from bot.service.people import People


@dataclass(frozen=True, slots=True)
class StopOutcome:
    """What stopping would do now, in money: shown before the choice is made. `wish` is a stop that waits already."""

    strategy: Strategy
    state: State
    last_price: Price | None
    wish: StopMode | None = None


class Halt(StrEnum):
    """What became of one strategy when everything was to stop."""

    STOPPING = "stopping"
    NOTED = "noted"
    """The vault is locked: carried out right after it is opened."""
    LATER = "later"
    """The exchange is out of reach: tried again by itself."""
    FAILED = "failed"


_DEEDS = {
    Halt.STOPPING: "stop",
    Halt.NOTED: "stop_noted",
    Halt.LATER: "stop_noted",
    Halt.FAILED: "stop_failed",
}
"""What the audit log says of it."""


@dataclass(frozen=True, slots=True)
class Halted:
    """`rests` are the orders that lie at the exchange and could not be asked to be cancelled."""

    strategy: Strategy
    halt: Halt
    rests: tuple[OwnOrder, ...] = ()
    why: BotError | None = None


class Stopping:
    """`outcome` is Service.stop_outcome: the state and price of one strategy of a person."""

    def __init__(
        self,
        *,
        store: BookStore,
        vault: Vault,
        supervisor: Supervisor,
        people: People,
        outcome: Callable[[Person, int], Awaitable[StopOutcome]],
    ) -> None:
        self._store = store
        self._vault = vault
        self._supervisor = supervisor
        self._people = people
        self._outcome = outcome

    async def hold_rebuys(self, person: Person, strategy_id: int, *, paused: bool) -> Strategy:
        """Pause re-buys alone, or let them go on; NotAllowed when it does not run, VaultLocked without keys."""
        strategy = (await self._outcome(person, strategy_id)).strategy
        await self._supervisor.hold_rebuys(strategy, paused=paused)
        await self._people.note(person, "rebuys_paused" if paused else "rebuys_resumed", strategy.name)
        return strategy

    async def at_work(self, person: Person) -> Sequence[StopOutcome]:
        """Every strategy of this person that runs or is paused, with what stopping it would do."""
        mine = await self._store.strategies(person.id)
        return [await self._outcome(person, s.id) for s in mine if s.status is not RunStatus.IDLE]

    def locked(self, person: Person) -> bool:
        return not self._vault.unlocked(person.id)

    async def halt(self, person: Person, strategy_ids: Sequence[int], mode: StopMode) -> Sequence[Halted]:
        """Stop these, one by one; what cannot be done now is kept as a wish, and said."""
        return [await self._halt(person, strategy_id, mode) for strategy_id in strategy_ids]

    async def _halt(self, person: Person, strategy_id: int, mode: StopMode) -> Halted:
        strategy = await self._store.strategy(person.id, strategy_id)
        if strategy is None:
            raise NotAllowed("no_such_strategy")
        try:
            await self._supervisor.stop(strategy, mode)
        except VaultLocked:
            await self._store.wish_stop(strategy.id, mode)
            halted = await self._left_undone(strategy, Halt.NOTED)
        except AccessDenied as denied:
            halted = await self._left_undone(strategy, Halt.FAILED, denied)
        except ExchangeError:
            await self._supervisor.stop_later(strategy, mode)
            halted = await self._left_undone(strategy, Halt.LATER)
        except NotAllowed as refused:
            halted = await self._left_undone(strategy, Halt.FAILED, refused)
        else:
            halted = Halted(strategy, Halt.STOPPING)
        await self._people.note(person, _DEEDS[halted.halt], strategy.name)
        return halted

    async def take_back(self, person: Person, strategy_id: int) -> Strategy:
        """Forget a stop that could not be carried out yet; NotAllowed("dead_button") where none waits."""
        outcome = await self._outcome(person, strategy_id)
        if outcome.wish is None:
            raise NotAllowed("dead_button")
        await self._store.drop_wish(strategy_id)
        await self._people.note(person, "stop_taken_back", outcome.strategy.name)
        return outcome.strategy

    async def _left_undone(self, strategy: Strategy, halt: Halt, why: BotError | None = None) -> Halted:
        state = await self._supervisor.state(strategy.id)
        return Halted(strategy, halt, state.orders, why)
