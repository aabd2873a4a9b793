"""What the use cases give back: values to be shown."""

from dataclasses import dataclass

from bot.domain.events import StopMode
from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Price, Quote
from bot.engine.status import Status
from bot.ports import Environment, Strategy


@dataclass(frozen=True, slots=True)
class VaultState:
    """What a person's vault looks like from outside; `environments` are those with keys."""

    exists: bool
    unlocked: bool
    unattended: bool
    can_be_unattended: bool
    environments: tuple[Environment, ...]


@dataclass(frozen=True, slots=True)
class Market:
    """A pair now: its rules, last price, and the person's free quote coins (None without usable keys)."""

    environment: Environment
    rules: MarketRules
    last_price: Price
    free: Quote | None

    @property
    def symbol(self) -> Symbol:
        return self.rules.symbol


@dataclass(frozen=True, slots=True)
class StatusCard:
    """A strategy and its figures; `status` None when it never ran. `wish` is a stop that waits for an open vault."""

    strategy: Strategy
    status: Status | None
    locked: bool
    at: int
    wish: StopMode | None = None
