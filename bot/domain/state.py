"""Everything that a strategy knows of itself between two events."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from bot.domain.accounting import Holding
from bot.domain.events import RefusalReason, StopMode
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Leg, OrderId, OwnOrder

_NO_QUOTE = Quote(Decimal(0))
_NO_BASE = Base(Decimal(0))


class Phase(StrEnum):
    IDLE = "idle"
    """Not running."""
    STARTING = "starting"
    """A cycle is due: the free balance is asked for, or awaited."""
    ENTERING = "entering"
    """The market buy is on its way."""
    HOLDING = "holding"
    """Coins are held; exit and re-buy should rest."""
    FINISHING = "finishing"
    """The exit has filled: the re-buy's cancel is awaited."""
    STOPPING = "stopping"
    """The person asked to stop now: orders are being closed, then coins sold or kept."""


BETWEEN_CYCLES = frozenset({Phase.IDLE, Phase.STARTING})
"""Where no order and no holding of a cycle depends on the parameters."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A leg that the exchange keeps refusing, or whose order keeps vanishing; tried again at `retry_at` (ms UTC)."""

    leg: Leg
    retry_at: int
    strikes: int
    reason: RefusalReason | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """A strategy's state. `token` makes its order ids its own; `sequence` counts them and only grows.

    `cycle` counts cycles begun; `limit` is the most quote that this cycle may invest; `increment` is the
    reinvested profit added to each buy; `k` re-buys have filled whole; `rung_bought` is what the re-buy k + 1
    has bought so far, `rung_spent` what it paid; `last_buy` is P(k). While `rebuys_paused`, over cycles too, no
    re-buy is placed.
    """

    token: str
    sequence: int = 0
    phase: Phase = Phase.IDLE
    stop: StopMode | None = None
    cycle: int = 0
    limit: Quote = _NO_QUOTE
    increment: Quote = _NO_QUOTE
    k: int = 0
    last_buy: Price | None = None
    rung_bought: Base = _NO_BASE
    rung_spent: Quote = _NO_QUOTE
    holding: Holding = field(default=Holding())
    orders: tuple[OwnOrder, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    asked_balance: bool = False
    exit_moved_at: int = 0
    total_profit: Quote = _NO_QUOTE
    cycles_done: int = 0
    rebuys_paused: bool = False

    def order(self, order_id: str) -> OwnOrder | None:
        return next((o for o in self.orders if o.order_id == order_id), None)

    def live(self, leg: Leg) -> OwnOrder | None:
        """The one order of this leg that is not closed yet."""
        return next((o for o in self.orders if o.leg is leg), None)

    def with_order(self, order: OwnOrder) -> "State":
        """The order added, or put in the place of its former self."""
        kept = tuple(order if o.order_id == order.order_id else o for o in self.orders)
        if self.order(order.order_id) is None:
            kept = (*kept, order)
        return replace(self, orders=kept)

    def without_order(self, order_id: str) -> "State":
        return replace(self, orders=tuple(o for o in self.orders if o.order_id != order_id))

    def next_id(self, leg: Leg, k: int) -> str:
        """The id of the next order; whoever takes it raises `sequence` by one."""
        return str(OrderId(self.token, self.cycle, leg, k, self.sequence + 1))

    def obstacle(self, leg: Leg) -> Obstacle | None:
        return next((o for o in self.obstacles if o.leg is leg), None)

    def with_obstacle(self, leg: Leg, obstacle: Obstacle | None) -> "State":
        rest = tuple(o for o in self.obstacles if o.leg is not leg)
        return replace(self, obstacles=rest if obstacle is None else (*rest, obstacle))

    @property
    def running(self) -> bool:
        return self.phase is not Phase.IDLE
