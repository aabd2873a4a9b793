"""One decision being made: the state as it becomes, and the commands gathered on the way."""

from dataclasses import dataclass, replace

from bot.domain.commands import Announce, Command, Place, WakeAt
from bot.domain.ladder import Ladder
from bot.domain.market import MarketRules
from bot.domain.money import Base, Price, Quote
from bot.domain.notices import Notice
from bot.domain.orders import Leg, OrderId, OrderStatus, OwnOrder
from bot.domain.params import StrategyParams
from bot.domain.state import Obstacle, State
from bot.errors import InvariantBroken


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision may know beside the state; `now` in ms UTC."""

    params: StrategyParams
    ladder: Ladder
    rules: MarketRules
    now: int


@dataclass(frozen=True, slots=True)
class Decision:
    state: State
    commands: tuple[Command, ...]


class Turn:
    """Lives for one call of decide; what leaves it is frozen."""

    def __init__(self, state: State, ctx: Context) -> None:
        self.state = state
        self.ctx = ctx
        self.commands: list[Command] = []

    def set(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]

    def want(self, command: Command) -> None:
        self.commands.append(command)

    def say(self, notice: Notice) -> None:
        self.commands.append(Announce(notice))

    def place(
        self,
        leg: Leg,
        k: int,
        *,
        price: Price | None = None,
        quantity: Base | None = None,
        amount: Quote | None = None,
    ) -> None:
        """A new order with a new id, standing in the state as INTENDED."""
        order_id = self.state.next_id(leg, k)
        if OrderId.parse(order_id) is None:
            raise InvariantBroken(f"{order_id} would not be known again as ours")
        order = OwnOrder(
            order_id,
            leg,
            k,
            OrderStatus.INTENDED,
            price=price,
            quantity=quantity,
            amount=amount,
        )
        self.state = self.state.with_order(order)
        self.set(sequence=self.state.sequence + 1)
        self.want(Place(order))

    def free_to_try(self, leg: Leg) -> bool:
        """Whether nothing stands in the way of placing an order of this leg now."""
        obstacle = self.state.obstacle(leg)
        return obstacle is None or self.ctx.now >= obstacle.retry_at

    def hinder(self, obstacle: Obstacle) -> None:
        """Put an obstacle before a leg and wake up when it may be tried again."""
        self.state = self.state.with_obstacle(obstacle.leg, obstacle)
        if obstacle.retry_at > self.ctx.now:
            self.want(WakeAt(obstacle.retry_at))

    def clear(self, leg: Leg) -> None:
        self.state = self.state.with_obstacle(leg, None)
