"""Orders that the exchange refuses, loses or closes without our asking: tried again, with patience, and told."""

from bot.domain.commands import ReloadRules
from bot.domain.events import OrderRefused, RefusalReason
from bot.domain.notices import PutBack, Refused
from bot.domain.orders import Leg, OrderStatus, OwnOrder
from bot.domain.resting import wants
from bot.domain.state import Obstacle, Phase, State
from bot.domain.turn import Turn

RETRY_MS = 60_000
SOON_MS = 2_000
CALM_MS = 600_000
PATIENCE = 3
"""How often an order that vanished is put back at once before we wait between tries."""


def vanished(turn: Turn, order: OwnOrder, *, rejected: bool = False) -> None:
    """Closed at the exchange without our asking: the cycle puts it back, with patience, and says so."""
    if turn.state.phase is not Phase.HOLDING or not wants(turn.state, turn.ctx, order.leg):
        return
    strikes = _strikes(turn, order.leg) + 1
    if rejected or strikes >= PATIENCE:
        strike(turn, order.leg, order.k, None, "the exchange closed the order")
        return
    turn.hinder(Obstacle(order.leg, turn.ctx.now, strikes))
    turn.say(PutBack(order.leg, order.k, order.price))


def strike(turn: Turn, leg: Leg, k: int, reason: RefusalReason | None, message: str) -> None:
    """Something stands in the way of this leg: try again later; tell once."""
    strikes, before = _strikes(turn, leg) + 1, turn.state.obstacle(leg)
    told = before is not None and before.told and strikes > 1
    first_try_soon = strikes == 1 and reason is not RefusalReason.NO_FUNDS
    wait = SOON_MS if first_try_soon else RETRY_MS
    tell = not told and not first_try_soon
    if tell:
        turn.say(Refused(leg, k, reason or RefusalReason.OTHER, message))
    turn.hinder(Obstacle(leg, turn.ctx.now + wait, strikes, reason, told=told or tell))


def _strikes(turn: Turn, leg: Leg) -> int:
    """How often this leg has failed in a row; an order that rested in peace for long ends the row."""
    before = turn.state.obstacle(leg)
    return 0 if before is None or turn.ctx.now >= before.retry_at + CALM_MS else before.strikes


def is_moot(state: State, order: OwnOrder) -> bool:
    """Whether an order that was never sent need not be: its cycle is over, or a stop came before the first buy."""
    return _past(state, order) or (order.leg is Leg.ENTRY and state.stop is not None)


def _past(state: State, order: OwnOrder) -> bool:
    """Whether the order's cycle is over: nobody waits for its exit or re-buy any more."""
    return order.leg in {Leg.EXIT, Leg.REBUY} and state.phase is not Phase.HOLDING


def refuse(turn: Turn, event: OrderRefused) -> None:
    """A refusal is final, but an order that was seen alive is proof against it."""
    order = turn.state.order(event.order_id)
    if order is None or order.status is not OrderStatus.INTENDED:
        return
    turn.state = turn.state.without_order(order.order_id)
    if _past(turn.state, order):
        return
    strike(turn, order.leg, order.k, event.reason, event.message)
    if event.reason is RefusalReason.RULES:
        turn.want(ReloadRules())
    if order.leg is Leg.ENTRY:
        back_to_start(turn)


def lose(turn: Turn, order_id: str) -> None:
    order = turn.state.order(order_id)
    if order is None:
        return
    turn.state = turn.state.without_order(order.order_id)
    if _past(turn.state, order):
        return
    if turn.state.obstacle(order.leg) is None:
        turn.hinder(Obstacle(order.leg, turn.ctx.now, 1))
    else:
        strike(turn, order.leg, order.k, None, "the order never reached the exchange")
    if order.leg is Leg.ENTRY:
        back_to_start(turn)


def back_to_start(turn: Turn) -> None:
    """The cycle has not begun after all; its number is given to the next try."""
    turn.set(phase=Phase.STARTING, asked_balance=False, cycle=turn.state.cycle - 1)


def give_up_entry(turn: Turn) -> None:
    """The first buy brought too little to be sold, and no re-buy may follow: its coins are carried to another try."""
    strike(turn, Leg.ENTRY, 0, None, "the market buy brought too little to be sold")
    turn.set(holding=turn.state.holding.rest(), phase=Phase.FINISHING)
