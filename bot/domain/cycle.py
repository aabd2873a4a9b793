"""decide(state, event, context) -> decision: the heart, and the only place where money is risked by choice.

docs/strategy.md, "The cycle", is its definition.
"""

from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from bot.domain.accounting import Holding
from bot.domain.commands import Cancel, Command, FetchFills, ReadBalance, ReloadRules, WakeAt
from bot.domain.events import (
    BalanceRead,
    CancelFailed,
    CloseReason,
    Event,
    FillBooked,
    OrderAbsent,
    OrderClosed,
    OrderRefused,
    OrderTaken,
    RefusalReason,
    StartAsked,
    StopAsked,
    StopMode,
    Tick,
)
from bot.domain.market import Side
from bot.domain.money import EXACT, Base, Quote
from bot.domain.notices import (
    CycleClosed,
    FirstBuyFilled,
    NotEnough,
    PutBack,
    RebuyFilled,
    Refused,
    Started,
    Stopped,
    StrayFill,
)
from bot.domain.orders import Fill, Leg, OrderId, OrderStatus, OwnOrder
from bot.domain.resting import cancel, rest_orders, rung_is_whole, wanted_exit, wanted_rebuy
from bot.domain.state import Obstacle, Phase, State
from bot.domain.turn import Context, Decision, Turn
from bot.errors import InvariantBroken

RETRY_MS = 60_000
SOON_MS = 2_000
PATIENCE = 3
"""How often an order that vanished is put back at once before we wait between tries."""


def decide(state: State, event: Event, ctx: Context) -> Decision:
    """The state after `event` and what must be done about it; raises InvariantBroken, and then nothing moved."""
    turn = Turn(state, ctx)
    _apply(turn, event)
    _settle(turn)
    _check(turn.state)
    return Decision(turn.state, tuple(turn.commands))


def pending(state: State) -> tuple[Command, ...]:
    """The commands that a process which died may not have carried out; each is safe to carry out again.

    Orders are not among them: an INTENDED order is looked up, never sent again.
    """
    commands: list[Command] = [FetchFills(o.order_id) for o in state.orders if o.closed_at is not None]
    commands += [
        Cancel(o.order_id) for o in state.orders if o.status is OrderStatus.CANCELLING and o.closed_at is None
    ]
    if state.phase is Phase.STARTING and state.asked_balance:
        commands.append(ReadBalance())
    commands += [WakeAt(o.retry_at) for o in state.obstacles]
    return tuple(commands)


def _apply(turn: Turn, event: Event) -> None:
    match event:
        case StartAsked():
            _start(turn)
        case BalanceRead(available=available):
            _begin_cycle(turn, available)
        case OrderTaken(order_id=order_id):
            _taken(turn, order_id)
        case FillBooked(fill=fill):
            _book(turn, fill)
        case OrderClosed(order_id=order_id, filled=filled, reason=reason):
            _closed(turn, order_id, filled, reason)
        case OrderRefused():
            _refused(turn, event)
        case OrderAbsent(order_id=order_id):
            _absent(turn, order_id)
        case CancelFailed(order_id=order_id):
            order = turn.state.order(order_id)
            if order is not None and order.status is OrderStatus.CANCELLING:
                turn.state = turn.state.with_order(replace(order, status=OrderStatus.LIVE))
        case StopAsked(mode=mode):
            if turn.state.running:
                turn.set(stop=mode)
        case Tick():
            pass
        case _:
            assert_never(event)


def _start(turn: Turn) -> None:
    if not turn.state.running:
        turn.set(phase=Phase.STARTING, stop=None, asked_balance=False, obstacles=())
        turn.say(Started(resumed=False))
    elif turn.state.stop is StopMode.AFTER_CYCLE:
        turn.set(stop=None)
        turn.say(Started(resumed=True))


def _begin_cycle(turn: Turn, available: Quote) -> None:
    state, ctx = turn.state, turn.ctx
    if state.phase is not Phase.STARTING or not state.asked_balance:
        return
    turn.set(asked_balance=False)
    if state.stop is not None:
        return
    limit = Quote(ctx.params.saldo_limite) if ctx.params.saldo_limite else available
    needed = ctx.ladder.amount(0, state.increment)
    if ctx.params.saldo_limite:
        needed = min(needed, limit)
    if available < needed:
        before = state.obstacle(Leg.ENTRY)
        if before is None or before.reason is not RefusalReason.NO_FUNDS:
            turn.say(NotEnough(needed, available))
        turn.hinder(Obstacle(Leg.ENTRY, ctx.now + RETRY_MS, 1, RefusalReason.NO_FUNDS, told=True))
        return
    turn.clear(Leg.ENTRY)
    turn.set(
        phase=Phase.ENTERING,
        cycle=state.cycle + 1,
        limit=limit,
        k=0,
        last_buy=None,
        rung_bought=Base.zero(),
    )
    turn.place(Leg.ENTRY, 0, amount=ctx.rules.quote_down(needed))


def _taken(turn: Turn, order_id: str) -> None:
    order = turn.state.order(order_id)
    if order is None:
        return
    if order.status is OrderStatus.INTENDED:
        turn.state = turn.state.with_order(replace(order, status=OrderStatus.LIVE))
    obstacle = turn.state.obstacle(order.leg)
    if obstacle is not None and obstacle.reason is not None:
        turn.clear(order.leg)


def _book(turn: Turn, fill: Fill) -> None:
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
        turn.set(rung_bought=state.rung_bought + fill.quantity)
    turn.clear(order.leg)
    if order.complete:
        _finish_order(turn, order, CloseReason.FILLED)


def _closed(turn: Turn, order_id: str, filled: Base, reason: CloseReason) -> None:
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
        case Leg.EXIT:
            if whole and turn.state.phase in {Phase.HOLDING, Phase.STOPPING}:
                _book_profit(turn, by_hand=False)
                if turn.state.phase is Phase.HOLDING:
                    turn.set(phase=Phase.FINISHING)
            elif not whole and order.status is not OrderStatus.CANCELLING:
                _vanished(turn, order)
        case Leg.SALE:
            if not whole:
                _strike(turn, order, RefusalReason.OTHER, "the market order did not fill whole")
        case _:
            assert_never(order.leg)


def _entered(turn: Turn, order: OwnOrder, reason: CloseReason) -> None:
    if not order.filled:
        _strike(turn, order, RefusalReason.OTHER, f"the market buy ended unfilled ({reason.value})")
        _back_to_start(turn)
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


def _back_to_start(turn: Turn) -> None:
    """The cycle has not begun after all; its number is given to the next try."""
    turn.set(phase=Phase.STARTING, asked_balance=False, cycle=turn.state.cycle - 1)


def _rebought(turn: Turn, order: OwnOrder, reason: CloseReason, *, whole: bool) -> None:
    if not whole and not rung_is_whole(turn.state, turn.ctx):
        if order.status is not OrderStatus.CANCELLING:
            _vanished(turn, order, rejected=reason is CloseReason.REJECTED)
        return
    before = turn.state.live(Leg.EXIT)
    quantity = turn.state.rung_bought
    turn.set(k=order.k, last_buy=order.price, rung_bought=Base.zero())
    holding = turn.state.holding
    exit_order, rebuy = wanted_exit(turn.state, turn.ctx), wanted_rebuy(turn.state, turn.ctx)
    turn.say(
        RebuyFilled(
            cycle=turn.state.cycle,
            k=order.k,
            limit=turn.ctx.ladder.max_rebuys,
            price=turn.state.last_buy or holding.spent.per(holding.bought),
            quantity=quantity,
            spent=order.value,
            average=holding.spent.per(holding.bought),
            exit_before=before.price if before else None,
            exit_price=exit_order.price if exit_order else None,
            next_rebuy=rebuy.price if rebuy else None,
        )
    )


def _vanished(turn: Turn, order: OwnOrder, *, rejected: bool = False) -> None:
    """Closed at the exchange without our asking: the cycle puts it back, with patience, and says so."""
    if turn.state.phase is not Phase.HOLDING:
        return
    before = turn.state.obstacle(order.leg)
    strikes = (before.strikes if before else 0) + 1
    if rejected or strikes >= PATIENCE:
        _strike(turn, order, None, "the exchange closed the order")
        return
    turn.hinder(Obstacle(order.leg, turn.ctx.now, strikes))
    turn.say(PutBack(order.leg, order.k, order.price))


def _strike(turn: Turn, order: OwnOrder, reason: RefusalReason | None, message: str) -> None:
    """Something stands in the way of this leg: try again later; tell once."""
    before = turn.state.obstacle(order.leg)
    strikes = (before.strikes if before else 0) + 1
    told = before.told if before else False
    first_try_soon = strikes == 1 and reason in {RefusalReason.RULES, RefusalReason.OTHER}
    wait = SOON_MS if first_try_soon else RETRY_MS
    tell = not told and not first_try_soon
    if tell:
        turn.say(Refused(order.leg, order.k, reason or RefusalReason.OTHER, message))
    turn.hinder(Obstacle(order.leg, turn.ctx.now + wait, strikes, reason, told=told or tell))


def _refused(turn: Turn, event: OrderRefused) -> None:
    order = turn.state.order(event.order_id)
    if order is None:
        return
    turn.state = turn.state.without_order(order.order_id)
    _strike(turn, order, event.reason, event.message)
    if event.reason is RefusalReason.RULES:
        turn.want(ReloadRules())
    if order.leg is Leg.ENTRY:
        _back_to_start(turn)


def _absent(turn: Turn, order_id: str) -> None:
    order = turn.state.order(order_id)
    if order is None:
        return
    turn.state = turn.state.without_order(order.order_id)
    if turn.state.obstacle(order.leg) is None:
        turn.hinder(Obstacle(order.leg, turn.ctx.now, 1))
    else:
        _strike(turn, order, None, "the order never reached the exchange")
    if order.leg is Leg.ENTRY:
        _back_to_start(turn)


def _book_profit(turn: Turn, *, by_hand: bool) -> None:
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


def _settle(turn: Turn) -> None:
    """Go on as far as the facts allow."""
    before = None
    while before is not turn.state.phase:
        before = turn.state.phase
        match before:
            case Phase.HOLDING:
                _hold(turn)
            case Phase.FINISHING:
                _finish(turn)
            case Phase.STOPPING:
                _stop_now(turn)
            case Phase.STARTING:
                _ask_balance(turn)
            case Phase.IDLE | Phase.ENTERING:
                pass
            case _:
                assert_never(before)


def _hold(turn: Turn) -> None:
    state = turn.state
    if state.stop in {StopMode.KEEP_COINS, StopMode.SELL_NOW}:
        turn.set(phase=Phase.STOPPING)
        return
    want = wanted_exit(state, turn.ctx)
    unsellable = want is None or not turn.ctx.rules.sellable(want.quantity, want.price)
    if state.holding.sold and unsellable and state.live(Leg.EXIT) is None:
        _book_profit(turn, by_hand=False)
        turn.set(phase=Phase.FINISHING)
        return
    rest_orders(turn)


def _finish(turn: Turn) -> None:
    if _close_orders(turn):
        turn.set(phase=Phase.STARTING, asked_balance=False, k=0, last_buy=None, rung_bought=Base.zero())


def _close_orders(turn: Turn) -> bool:
    """Ask for the cancel of whatever rests; True once nothing does."""
    for order in turn.state.orders:
        cancel(turn, order)
    return not turn.state.orders


def _ask_balance(turn: Turn) -> None:
    state = turn.state
    if state.stop is not None:
        turn.set(phase=Phase.STOPPING)
    elif not state.asked_balance and turn.free_to_try(Leg.ENTRY):
        turn.set(asked_balance=True)
        turn.want(ReadBalance())


def _stop_now(turn: Turn) -> None:
    state = turn.state
    sale = state.live(Leg.SALE)
    if sale is not None or not _close_orders(turn):
        return
    quantity = turn.ctx.rules.lot_down(state.holding.held)
    if state.stop is StopMode.SELL_NOW and _may_sell(turn, quantity):
        if turn.free_to_try(Leg.SALE):
            turn.place(Leg.SALE, state.k, quantity=quantity)
        return
    if state.holding.sold:
        _book_profit(turn, by_hand=True)
    _go_idle(turn)


def _may_sell(turn: Turn, quantity: Base) -> bool:
    """Whether a sale is worth trying: enough coins, and not refused before."""
    obstacle = turn.state.obstacle(Leg.SALE)
    refused = obstacle is not None and (
        obstacle.reason is RefusalReason.RULES or obstacle.strikes >= PATIENCE
    )
    reference = turn.state.last_buy
    worth = reference is None or turn.ctx.rules.sellable(quantity, reference)
    return bool(quantity) and worth and not refused


def _go_idle(turn: Turn) -> None:
    state = turn.state
    mode = state.stop or StopMode.AFTER_CYCLE
    dust = not turn.ctx.rules.lot_down(state.holding.held)
    kept = state.holding.rest()
    turn.say(Stopped(mode, kept.carried, kept.carried_cost, state.total_profit))
    turn.set(
        phase=Phase.IDLE,
        stop=None,
        asked_balance=False,
        k=0,
        last_buy=None,
        rung_bought=Base.zero(),
        obstacles=(),
        holding=kept if dust and mode is not StopMode.KEEP_COINS else Holding(),
    )


def _check(state: State) -> None:
    legs = [order.leg for order in state.orders]
    if len(set(legs)) != len(legs):
        raise InvariantBroken("two orders of one leg")
    if state.holding.held.value < 0:
        raise InvariantBroken("more was sold than was bought")
    offered = Base.zero()
    for order in state.orders:
        if order.leg.side is Side.SELL:
            offered += order.remaining
    if offered > state.holding.held:
        raise InvariantBroken("the orders sell more than is held")
