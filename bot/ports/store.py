"""What must survive a crash, as records, and the store that keeps them.

Every call that touches a person's rows carries that person; what belongs to another is as if it did not exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.domain.events import Event, StopMode
from bot.domain.market import Symbol
from bot.domain.money import Base, Quote
from bot.domain.notices import CycleClosed, Notice
from bot.domain.orders import Fill, OwnOrder
from bot.domain.params import StrategyParams
from bot.domain.state import State
from bot.ports.exchange import Environment


class Role(StrEnum):
    OWNER = "owner"
    USER = "user"


class RunStatus(StrEnum):
    """What the person wants of a strategy, as far as the engine is concerned."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Person:
    """`chat_id` is the Telegram user's id: only private chats are served, where both are the same."""

    id: int
    chat_id: int
    name: str
    locale: str
    role: Role


@dataclass(frozen=True, slots=True)
class Strategy:
    """A saved strategy. `pause_reason` is set while PAUSED.

    `params` are those of the cycle under way (or the last one); `pending` ones wait for the next to begin.
    A `deleted` one is of the past: its books stay, and another may bear its name.
    """

    id: int
    person_id: int
    name: str
    environment: Environment
    symbol: Symbol
    params: StrategyParams
    status: RunStatus
    pause_reason: str | None
    created_at: int
    pending: StrategyParams | None = None
    deleted: bool = False

    @property
    def chosen(self) -> StrategyParams:
        """What the person chose last: what the next cycle will run on."""
        return self.pending or self.params


@dataclass(frozen=True, slots=True)
class Step:
    """One decision, saved whole or not at all: event, new state, and what follows from it.

    ParamsTaken makes its `params` the strategy's; they are pending no longer, unless others were chosen since.

    `expected_sequence` is the number of journalled events before this one; another value in the database means
    a second writer, and the step is refused with StoreError. A `fill` whose (environment, symbol, exec_id,
    order_id) is known already makes the whole step vanish, with those saved together with it: commit answers False.
    """

    strategy_id: int
    expected_sequence: int
    at: int
    event: Event
    state: State
    status: RunStatus
    placed: Sequence[OwnOrder] = ()
    closed: Sequence[str] = ()
    fill: Fill | None = None
    cycle: CycleClosed | None = None
    notices: Sequence[Notice] = ()
    pause_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Placing:
    """When an order was journalled (`at`, ms UTC), and the strategy's last fill by then, of another order."""

    at: int
    fill: Fill


@dataclass(frozen=True, slots=True)
class Saved:
    """A strategy's state with the number of events behind it."""

    state: State
    sequence: int


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A message to a person that is not sent yet. `strategy_id` None for what concerns no single strategy."""

    id: int
    person_id: int
    strategy_id: int | None
    notice: Notice
    at: int
    attempts: int


@dataclass(frozen=True, slots=True)
class CycleRecord:
    strategy_id: int
    closed: CycleClosed
    at: int


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """Sums over every fill of one strategy, exact: what its trades did to the wallet."""

    base_delta: Base
    quote_delta: Quote
    fills: int


@dataclass(frozen=True, slots=True)
class FillRecord:
    strategy_id: int
    leg: str
    k: int
    cycle: int
    fill: Fill


@dataclass(frozen=True, slots=True)
class Draft:
    """A `/newstrategy` conversation under way; `answers` maps field names to the text of exact values."""

    person_id: int
    cursor: str
    answers: dict[str, str]
    message_id: int | None = None


class StrategyStore(Protocol):
    """What the engine reads and writes."""

    async def running(self) -> Sequence[Strategy]:
        """Every strategy, of everybody, that is RUNNING or PAUSED."""

    async def strategy(self, person_id: int, strategy_id: int) -> Strategy | None: ...

    async def load(self, strategy_id: int) -> Saved | None:
        """The saved state, None before the first event."""

    async def known_fills(self, strategy_id: int) -> frozenset[str]:
        """The execution ids booked for a strategy."""

    async def placing(self, strategy_id: int, order_id: str) -> Placing | None:
        """None for an order before which nothing of the strategy had filled."""

    async def pending_params(self, strategy_id: int) -> StrategyParams | None:
        """Parameters that wait for a cycle to begin."""

    async def commit(self, *steps: Step) -> bool:
        """Save steps that follow each other in one transaction; False when a fill of theirs was booked before."""

    async def set_status(self, strategy_id: int, status: RunStatus, reason: str | None = None) -> None: ...

    async def wish_stop(self, strategy_id: int, mode: StopMode) -> None:
        """Keep a stop that cannot be carried out now; it takes the place of an earlier wish."""

    async def wished_stop(self, strategy_id: int) -> StopMode | None: ...

    async def drop_wish(self, strategy_id: int) -> None: ...

    async def announce(
        self, person_id: int, notice: Notice, *, strategy_id: int | None = None, key: str
    ) -> None:
        """Put a notice in the outbox once per `key`."""


class BookStore(StrategyStore, Protocol):
    """What the service adds for people: strategies, fills, cycles, drafts."""

    async def people(self) -> Sequence[Person]: ...

    async def person(self, person_id: int) -> Person | None: ...

    async def person_by_chat(self, chat_id: int) -> Person | None: ...

    async def add_person(self, *, chat_id: int, name: str, locale: str, role: Role) -> Person: ...

    async def set_locale(self, person_id: int, locale: str) -> None: ...

    async def add_claim(self, code_hash: str, expires_at: int) -> None:
        """Keep the hash of a single-use claim code (SHA-256, hex) until `expires_at` (ms UTC)."""

    async def redeem_claim(self, code_hash: str, now: int) -> bool:
        """Use a code up: True once, for a known code that has not expired."""

    async def add_strategy(
        self, *, person_id: int, name: str, environment: Environment, symbol: Symbol, params: StrategyParams
    ) -> Strategy:
        """InvalidInput("nome") when this person has a strategy of that name."""

    async def strategies(self, person_id: int) -> Sequence[Strategy]: ...

    async def all_strategies(self, person_id: int) -> Sequence[Strategy]:
        """Deleted ones too, for what is said of the past."""

    async def has_traded(self, strategy_id: int) -> bool:
        """Whether the journal knows it: from then on its pair stays, and edits wait for a cycle to begin."""

    async def edit_strategy(
        self,
        person_id: int,
        strategy_id: int,
        params: StrategyParams,
        *,
        environment: Environment,
        symbol: Symbol,
    ) -> Strategy:
        """At once for one that never ran, else as `pending`; NotAllowed("pair_is_fixed")."""

    async def rename_strategy(self, person_id: int, strategy_id: int, name: str) -> Strategy:
        """InvalidInput("nome") for a name in use."""

    async def delete_strategy(self, person_id: int, strategy_id: int) -> Strategy:
        """NotAllowed("running_not_deleted") while it is not idle; what it has traded stays in the books."""

    async def cycles(self, person_id: int, strategy_id: int) -> Sequence[CycleRecord]: ...

    async def fills(self, person_id: int, strategy_id: int) -> Sequence[FillRecord]: ...

    async def totals(self, person_id: int, strategy_id: int) -> LedgerTotals: ...

    async def draft(self, person_id: int) -> Draft | None: ...

    async def save_draft(self, draft: Draft) -> None: ...

    async def drop_draft(self, person_id: int) -> None: ...
