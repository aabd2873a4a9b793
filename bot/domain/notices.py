"""What a person is told, as values; the words are chosen when a notice is sent, in the person's language."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from bot.domain.events import RefusalReason, StopMode
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Leg


@dataclass(frozen=True, slots=True)
class Started:
    resumed: bool
    kind: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class RebuysHeld:
    """Re-buys were paused, or go on (`paused` False); `exit_price` is where the exit rests all the while."""

    paused: bool
    exit_price: Price | None
    next_rebuy: Price | None
    kind: Literal["rebuys_held"] = "rebuys_held"


@dataclass(frozen=True, slots=True)
class FirstBuyFilled:
    cycle: int
    price: Price
    quantity: Base
    spent: Quote
    exit_price: Price | None
    next_rebuy: Price | None
    rebuys_paused: bool = False
    kind: Literal["first_buy"] = "first_buy"


@dataclass(frozen=True, slots=True)
class RebuyFilled:
    """Re-buy `k` of `limit` filled whole; `exit_before` is where the exit rested until now."""

    cycle: int
    k: int
    limit: int
    price: Price
    quantity: Base
    spent: Quote
    average: Price
    exit_before: Price | None
    exit_price: Price | None
    next_rebuy: Price | None
    rebuys_paused: bool = False
    kind: Literal["rebuy"] = "rebuy"


@dataclass(frozen=True, slots=True)
class CycleClosed:
    """A sale closed the cycle. `percent` is net profit over the cost of what was sold, as a fraction."""

    cycle: int
    rebuys: int
    price: Price
    quantity: Base
    received: Quote
    net_profit: Quote
    percent: Decimal
    total_profit: Quote
    cycles_done: int
    by_hand: bool
    kind: Literal["cycle_closed"] = "cycle_closed"


@dataclass(frozen=True, slots=True)
class NotEnough:
    """The first buy waits for money; nothing was placed."""

    needed: Quote
    available: Quote
    kind: Literal["not_enough"] = "not_enough"


@dataclass(frozen=True, slots=True)
class PutBack:
    """An order vanished at the exchange without our asking and is placed again."""

    leg: Leg
    k: int
    price: Price | None
    kind: Literal["put_back"] = "put_back"


@dataclass(frozen=True, slots=True)
class Refused:
    """The exchange refuses an order; it is tried again from time to time."""

    leg: Leg
    k: int
    reason: RefusalReason
    message: str
    kind: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The strategy has stopped; `kept` coins (cost `kept_cost`) were bought by it and are the person's now."""

    mode: StopMode
    kept: Base
    kept_cost: Quote
    total_profit: Quote
    kind: Literal["stopped"] = "stopped"


@dataclass(frozen=True, slots=True)
class StrayFill:
    """An order filled, whole or in part, while it was being closed or later; its coins are booked."""

    order_id: str
    quantity: Base
    value: Quote
    kind: Literal["stray_fill"] = "stray_fill"


@dataclass(frozen=True, slots=True)
class Paused:
    """The strategy stands still until a person acts; its orders rest untouched."""

    reason: str
    kind: Literal["paused"] = "paused"


@dataclass(frozen=True, slots=True)
class RestingExitNote:
    """A strategy's exit as we know it; `price` None where nothing rests to be sold."""

    strategy: str
    pair: str
    price: Price | None


@dataclass(frozen=True, slots=True)
class VaultLockedNotice:
    """After a restart: strategies wait for /unlock while their orders rest at the exchange.

    `since` is the restart in ms UTC, 0 where an older version wrote this.
    """

    strategies: tuple[str, ...]
    since: int = 0
    exits: tuple[RestingExitNote, ...] = ()
    kind: Literal["vault_locked"] = "vault_locked"


@dataclass(frozen=True, slots=True)
class Earned:
    """What one kind of coin brought in some time; `real` money or a simulation's."""

    coin: str
    real: bool
    profit: Quote
    cycles: int
    buys: int


@dataclass(frozen=True, slots=True)
class Digest:
    """A day in few words; `day` is the person's local day (ISO) on which it was due."""

    day: str
    earned: tuple[Earned, ...]
    kind: Literal["digest"] = "digest"


@dataclass(frozen=True, slots=True)
class KeyExpires:
    """The API key of `environment` ends in `days` (0 is today), at `expires_at` in ms UTC."""

    environment: str
    days: int
    expires_at: int
    kind: Literal["key_expires"] = "key_expires"


@dataclass(frozen=True, slots=True)
class KeyUnbound:
    """The API key of `environment` may be used from any address."""

    environment: str
    kind: Literal["key_unbound"] = "key_unbound"


@dataclass(frozen=True, slots=True)
class KeyMayWithdraw:
    """The API key of `environment` has been given the right to withdraw coins since it was added."""

    environment: str
    kind: Literal["key_may_withdraw"] = "key_may_withdraw"


Notice = (
    Started
    | RebuysHeld
    | FirstBuyFilled
    | RebuyFilled
    | CycleClosed
    | NotEnough
    | PutBack
    | Refused
    | Stopped
    | StrayFill
    | Paused
    | VaultLockedNotice
    | Digest
    | KeyExpires
    | KeyUnbound
    | KeyMayWithdraw
)
