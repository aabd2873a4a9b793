"""Fills and closings taken into the books: the holding, the rung, the profit."""

from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from bot.domain.commands import FetchFills
from bot.domain.events import CloseReason
from bot.domain.money import EXACT, Base, Quote
from bot.domain.notices import CycleClosed, FirstBuyFilled, RebuyFilled, StrayFill
from bot.domain.orders import Fill, Leg, OrderId, OrderStatus, OwnOrder
from bot.domain.resting import rung_is_whole, wanted_exit, wanted_rebuy
from bot.domain.setbacks import back_to_start, strike, vanished
from bot.domain.state import Phase
from bot.domain.turn import Turn
from bot.errors import InvariantBroken


def book(turn: Turn, fill: Fill) -> None:
    state, symbol = turn.state, turn.ctx.rules.symbol
    order, identity = state.order(fill.order_id), OrderId.parse(fill.order_id)
    if identity is None or identity.token != state.token or identity.leg.side is not fill.side:
        raise InvariantBroken(f"a fill that is not ours: {fill.order_id}")
    at_work = state.phase in {Phase.ENTERING, Phase.HOLDING, Phase.STOPPING}
    own = at_work and identity.cycle == state.cycle
    booked = state.holding.with_fill(fill, symbol) if own else state.holding.with_stray(fill, symbol)
    turn.set(holding=booked)
    if order is None:
        turn.say(StrayFill(fill.order_id, fill.quantity, fill.value))
        return
    status = OrderStatus.LIVE if order.status is OrderStatus.INTENDED else order.status
    order = replace(order, status=status, filled=order.filled + fill.quantity, value=order.value + fill.value)
    turn.state = turn.state.with_order(order)
    if order.leg is Leg.REBUY and own:
        turn.set(rung_bought=state.rung_bought + fill.quantity, rung_spent=state.rung_spent + fill.value)
    turn.clear(order.leg)
    if order.complete:
        _finish_order(turn, order, CloseReason.FILLED)


def close(turn: Turn, order_id: str, filled: Base, reason: CloseReason) -> None:
    order = turn.state.order(order_id)
    if order is None:
        return
    known = order.closed_at if order.closed_at is not None else Base.zero()
    order = replace(order, closed_at=max(known, filled))
    turn.state = turn.state.with_order(order)
    if order.complete:
        _finish_order(turn, order, reason)
    else:
        turn.want(FetchFills(order_id))


def _finish_order(turn: Turn, order: OwnOrder, reason: CloseReason) -> None:
    """The order will never move again, and every coin that it moved is booked."""
    turn.state = turn.state.without_order(order.order_id)
    whole = order.quantity is not None and order.filled >= order.quantity
    match order.leg:
        case Leg.ENTRY:
            _entered(turn, order, reason)
        case Leg.REBUY:
            if turn.state.phase is Phase.HOLDING:
                _rebought(turn, order, reason, whole=whole)
            elif order.filled:  # the exit was quicker, or the person stopped: its coins are held all the same
                turn.say(StrayFill(order.order_id, order.filled, order.value))
        case Leg.EXIT:
            if whole and turn.state.phase in {Phase.HOLDING, Phase.STOPPING}:
                book_profit(turn, by_hand=False)
                if turn.state.phase is Phase.HOLDING:
                    turn.set(phase=Phase.FINISHING)
            elif not whole and order.status is not OrderStatus.CANCELLING:
                vanished(turn, order, rejected=reason is CloseReason.REJECTED)
        case Leg.SALE:
            if not whole:
                strike(turn, order.leg, order.k, None, "the market order did not fill whole")
        case _:
            assert_never(order.leg)


def _entered(turn: Turn, order: OwnOrder, reason: CloseReason) -> None:
    if not order.filled:
        strike(turn, order.leg, order.k, None, f"the market buy ended unfilled ({reason.value})")
        back_to_start(turn)
        return
    price = order.value.per(order.filled)
    turn.set(phase=Phase.HOLDING, last_buy=price)
    exit_order, rebuy = wanted_exit(turn.state, turn.ctx), wanted_rebuy(turn.state, turn.ctx)
    turn.say(
        FirstBuyFilled(
            cycle=turn.state.cycle,
            price=price,
            quantity=order.filled,
            spent=order.value,
            exit_price=exit_order.price if exit_order else None,
            next_rebuy=rebuy.price if rebuy else None,
        )
    )


def _rebought(turn: Turn, order: OwnOrder, reason: CloseReason, *, whole: bool) -> None:
    if not whole and not rung_is_whole(turn.state, turn.ctx):
        if order.status is not OrderStatus.CANCELLING:
            vanished(turn, order, rejected=reason is CloseReason.REJECTED)
        return
    before = turn.state.live(Leg.EXIT)
    quantity, spent = turn.state.rung_bought, turn.state.rung_spent
    turn.set(k=order.k, last_buy=order.price, rung_bought=Base.zero(), rung_spent=Quote.zero())
    holding = turn.state.holding
    exit_order, rebuy = wanted_exit(turn.state, turn.ctx), wanted_rebuy(turn.state, turn.ctx)
    turn.say(
        RebuyFilled(
            cycle=turn.state.cycle,
            k=order.k,
            limit=turn.ctx.ladder.max_rebuys,
            price=turn.state.last_buy or holding.spent.per(holding.bought),
            quantity=quantity,
            spent=spent,
            average=holding.spent.per(holding.bought),
            exit_before=before.price if before else None,
            exit_price=exit_order.price if exit_order else None,
            next_rebuy=rebuy.price if rebuy else None,
        )
    )


def book_profit(turn: Turn, *, by_hand: bool) -> None:
    state, holding = turn.state, turn.state.holding
    profit, cost = holding.net_profit, holding.cost - holding.held_cost
    total = state.total_profit + profit
    increment = state.increment
    if turn.ctx.params.lucro_reaplicar and profit.value > 0:
        share = EXACT.divide(profit.value, Decimal(turn.ctx.params.limite_recompras + 1))
        increment += Quote(share)
    turn.say(
        CycleClosed(
            cycle=state.cycle,
            rebuys=state.k,
            price=holding.received.per(holding.sold),
            quantity=holding.sold,
            received=holding.received,
            net_profit=profit,
            percent=profit.over(cost) if cost else Decimal(0),
            total_profit=total,
            cycles_done=state.cycles_done + 1,
            by_hand=by_hand,
        )
    )
    turn.set(
        total_profit=total,
        increment=increment,
        cycles_done=state.cycles_done + 1,
        holding=holding.rest(),
        obstacles=(),
    )
