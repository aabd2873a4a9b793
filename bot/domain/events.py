"""Facts that reach a strategy. Each has a `kind`, by which it is stored and read back."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.domain.money import Base, Quote
from bot.domain.orders import Fill
from bot.domain.params import StrategyParams


class StopMode(StrEnum):
    AFTER_CYCLE = "after_cycle"
    KEEP_COINS = "keep_coins"
    SELL_NOW = "sell_now"


class CloseReason(StrEnum):
    """Why the exchange closed an order that had not filled whole."""

    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class RefusalReason(StrEnum):
    NO_FUNDS = "no_funds"
    RULES = "rules"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class StartAsked:
    """The person wants the strategy to run."""

    kind: Literal["start_asked"] = "start_asked"


@dataclass(frozen=True, slots=True)
class BalanceRead:
    """Free quote coins that this strategy may spend: the wallet's, less what its neighbours have reserved."""

    available: Quote
    kind: Literal["balance_read"] = "balance_read"


@dataclass(frozen=True, slots=True)
class OrderTaken:
    """The exchange acknowledged the order, or it was found there."""

    order_id: str
    kind: Literal["order_taken"] = "order_taken"


@dataclass(frozen=True, slots=True)
class FillBooked:
    fill: Fill
    kind: Literal["fill_booked"] = "fill_booked"


@dataclass(frozen=True, slots=True)
class OrderClosed:
    """The order is closed at the exchange with `filled` base in all; fills may still be on their way."""

    order_id: str
    filled: Base
    reason: CloseReason
    kind: Literal["order_closed"] = "order_closed"


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """The exchange definitely did not take the order."""

    order_id: str
    reason: RefusalReason
    message: str
    kind: Literal["order_refused"] = "order_refused"


@dataclass(frozen=True, slots=True)
class OrderAbsent:
    """Proven never to have arrived (looked up until no request could still be admitted)."""

    order_id: str
    kind: Literal["order_absent"] = "order_absent"


@dataclass(frozen=True, slots=True)
class CancelFailed:
    """The cancel did not get through and the order is known to be open still."""

    order_id: str
    kind: Literal["cancel_failed"] = "cancel_failed"


@dataclass(frozen=True, slots=True)
class ParamsTaken:
    """From the cycle that begins next on, `params` hold instead of `before`; only between two cycles.

    Both stand in the journal, so that it can be replayed from its beginning with the parameters of each time.
    """

    params: StrategyParams
    before: StrategyParams
    kind: Literal["params_taken"] = "params_taken"


@dataclass(frozen=True, slots=True)
class StopAsked:
    mode: StopMode
    kind: Literal["stop_asked"] = "stop_asked"


@dataclass(frozen=True, slots=True)
class RebuysPaused:
    """The person wants no more re-buys for now; the exit stays where it rests."""

    kind: Literal["rebuys_paused"] = "rebuys_paused"


@dataclass(frozen=True, slots=True)
class RebuysResumed:
    kind: Literal["rebuys_resumed"] = "rebuys_resumed"


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: what waits for a moment may go on."""

    kind: Literal["tick"] = "tick"


Event = (
    StartAsked
    | BalanceRead
    | OrderTaken
    | FillBooked
    | OrderClosed
    | OrderRefused
    | OrderAbsent
    | CancelFailed
    | ParamsTaken
    | StopAsked
    | RebuysPaused
    | RebuysResumed
    | Tick
)
