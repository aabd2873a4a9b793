"""The orders that should rest now, as a function of the state, and the difference to those that do."""

from dataclasses import dataclass, replace

from bot.domain.commands import Cancel, WakeAt
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Leg, OrderStatus, OwnOrder
from bot.domain.state import State
from bot.domain.turn import Context, Turn

EXIT_PAUSE_MS = 5_000
"""While a re-buy fills in parts, the exit follows it at most this often."""


@dataclass(frozen=True, slots=True)
class Resting:
    """A limit order that the cycle wants on the book."""

    leg: Leg
    k: int
    price: Price
    quantity: Base


def wanted_exit(state: State, ctx: Context) -> Resting | None:
    """The sell of all that is held, at the target over the cycle's average; None while nothing was bought."""
    holding = state.holding
    if not holding.bought:
        return None
    price = ctx.ladder.exit_price(state.k, holding.spent, holding.bought, ctx.rules)
    return Resting(Leg.EXIT, state.k, price, offerable(state, ctx))


def offerable(state: State, ctx: Context) -> Base:
    """As much of what is held as one order may sell."""
    held, most = state.holding.held, ctx.rules.max_quantity
    return ctx.rules.lot_down(min(held, most) if most else held)


def rung(state: State, ctx: Context) -> Resting | None:
    """The next re-buy whole, before anything of it has filled; None past the last."""
    k = state.k + 1
    if k > ctx.ladder.max_rebuys or state.last_buy is None:
        return None
    price = ctx.ladder.rebuy_price(k, state.last_buy, ctx.rules)
    if price.value <= 0:
        return None
    amount = ctx.ladder.amount(k, state.increment)
    return Resting(Leg.REBUY, k, price, ctx.rules.lot_down(amount.buys_at(price)))


def invested(state: State, ctx: Context) -> Quote:
    """What counts against the limit: the cycle's buys, and carried coins once they are more than dust."""
    holding = state.holding
    carried = holding.carried_cost if ctx.rules.lot_down(holding.carried) else Quote.zero()
    return holding.spent + carried


def wanted_rebuy(state: State, ctx: Context) -> Resting | None:
    """What is left of the next re-buy; None where the ladder or the limit ends, or while re-buys are paused."""
    return None if state.rebuys_paused else left_of_rung(state, ctx)


def left_of_rung(state: State, ctx: Context) -> Resting | None:
    """What the next re-buy would be if re-buys were not paused."""
    whole = rung(state, ctx)
    if whole is None:
        return None
    begun = bool(state.rung_bought)
    amount = ctx.ladder.amount(whole.k, state.increment)
    left = whole.quantity - state.rung_bought
    if invested(state, ctx) + (left.at(whole.price) if begun else amount) > state.limit:
        return None
    if not ctx.rules.sellable(left, whole.price):
        return None
    return Resting(Leg.REBUY, whole.k, whole.price, left)


def rung_is_whole(state: State, ctx: Context) -> bool:
    """Whether the re-buy under way has filled, or what is left of it is too little to be ordered."""
    whole = rung(state, ctx)
    if whole is None or not state.rung_bought:
        return False
    left = whole.quantity - state.rung_bought
    return left.value <= 0 or not ctx.rules.sellable(left, whole.price)


def wants(state: State, ctx: Context, leg: Leg) -> bool:
    """Whether an order of this leg should rest now."""
    want = wanted_exit(state, ctx) if leg is Leg.EXIT else wanted_rebuy(state, ctx)
    return want is not None and ctx.rules.sellable(want.quantity, want.price)


def rest_orders(turn: Turn) -> None:
    """Cancel and place the difference between what rests and what should."""
    _rest_exit(turn)
    _rest_rebuy(turn)


def _rest_exit(turn: Turn) -> None:
    state, rules = turn.state, turn.ctx.rules
    want, have = wanted_exit(state, turn.ctx), state.live(Leg.EXIT)
    sellable = want is not None and rules.sellable(want.quantity, want.price)
    if have is None:
        if want is not None and sellable and turn.free_to_try(Leg.EXIT):
            turn.place(Leg.EXIT, want.k, price=want.price, quantity=want.quantity)
            turn.set(exit_moved_at=turn.ctx.now)
        return
    if want is None or not sellable or _fits(have, want):
        return
    again_at = state.exit_moved_at + EXIT_PAUSE_MS
    if state.rung_bought and turn.ctx.now < again_at:
        turn.want(WakeAt(again_at))
        return
    cancel(turn, have)


def _rest_rebuy(turn: Turn) -> None:
    want, have = wanted_rebuy(turn.state, turn.ctx), turn.state.live(Leg.REBUY)
    if have is None:
        if want is not None and turn.free_to_try(Leg.REBUY):
            turn.place(Leg.REBUY, want.k, price=want.price, quantity=want.quantity)
    elif want is None or not _fits(have, want):
        if have.filled and have.k == turn.state.k + 1 and not turn.state.rebuys_paused:
            return  # what is left of a part-filled re-buy may be under the minimum: it stays where it rests
        cancel(turn, have)


def _fits(have: OwnOrder, want: Resting) -> bool:
    return have.price == want.price and have.remaining == want.quantity


def cancel(turn: Turn, order: OwnOrder) -> None:
    """Ask for the cancel of an order that is known to be live; its successor waits until it is closed."""
    if order.status is not OrderStatus.LIVE or order.closed_at is not None:
        return
    turn.state = turn.state.with_order(replace(order, status=OrderStatus.CANCELLING))
    turn.want(Cancel(order.order_id))
