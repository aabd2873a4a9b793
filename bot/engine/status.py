"""What can be said of a running strategy, computed from its state and a price."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.events import StopMode
from bot.domain.market import MarketRules
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Leg
from bot.domain.state import Phase, State


@dataclass(frozen=True, slots=True)
class Status:
    """A strategy at one moment. Fractions for ratios; None where there is nothing to say.

    `exit_distance` is the rise from `last_price` to the exit, `rebuy_distance` the fall to the next re-buy,
    both as fractions of `last_price`. `unrealised` values the holding at `last_price`, less a sale's fee.
    """

    phase: Phase
    stop: StopMode | None
    cycle: int
    rebuys: int
    max_rebuys: int
    average: Price | None
    last_price: Price | None
    held: Base
    invested: Quote
    unrealised: Quote | None
    exit_price: Price | None
    exit_distance: Decimal | None
    rebuy_price: Price | None
    rebuy_distance: Decimal | None
    total_profit: Quote
    cycles_done: int
    waiting_for_money: bool
    rebuys_paused: bool = False


def status_of(
    state: State, *, max_rebuys: int, rules: MarketRules, last_price: Price | None, fee: Decimal
) -> Status:
    """The figures of a status card; `fee` is the rate of a sale as a fraction."""
    holding = state.holding
    exit_order, rebuy = state.live(Leg.EXIT), state.live(Leg.REBUY)
    exit_price = exit_order.price if exit_order else None
    rebuy_price = rebuy.price if rebuy else None
    unrealised = None
    if last_price is not None and rules.lot_down(holding.held):
        unrealised = holding.held.at(last_price).times(1 - fee) - holding.held_cost
    return Status(
        phase=state.phase,
        stop=state.stop,
        cycle=state.cycle,
        rebuys=state.k,
        max_rebuys=max_rebuys,
        average=holding.spent.per(holding.bought) if holding.bought else None,
        last_price=last_price,
        held=holding.held,
        invested=holding.held_cost,
        unrealised=unrealised,
        exit_price=exit_price,
        exit_distance=_distance(last_price, exit_price),
        rebuy_price=rebuy_price,
        rebuy_distance=_distance(last_price, rebuy_price),
        total_profit=state.total_profit,
        cycles_done=state.cycles_done,
        waiting_for_money=state.phase is Phase.STARTING and state.obstacle(Leg.ENTRY) is not None,
        rebuys_paused=state.rebuys_paused,
    )


def _distance(start: Price | None, end: Price | None) -> Decimal | None:
    if start is None or end is None or not start:
        return None
    return (end - start).over(start)
