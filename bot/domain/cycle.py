"""decide(state, event, context) -> decision: the heart, and the only place where money is risked by choice.

docs/strategy.md, "The cycle", is its definition.
"""

from dataclasses import replace
from typing import assert_never

from bot.domain.booking import book, book_profit, close
from bot.domain.commands import Cancel, Command, FetchFills, ReadBalance, WakeAt
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
    ParamsTaken,
    RebuysPaused,
    RebuysResumed,
    StartAsked,
    StopAsked,
    StopMode,
    Tick,
)
from bot.domain.market import Side
from bot.domain.money import Base, Quote
from bot.domain.orders import Leg, OrderStatus
from bot.domain.pausing import hold_rebuys
from bot.domain.resting import EXIT_PAUSE_MS, left_of_rung, rest_orders, wants
from bot.domain.setbacks import give_up_entry, lose, refuse
from bot.domain.starting import ask_balance, begin_cycle, start
from bot.domain.state import BETWEEN_CYCLES, Phase, State
from bot.domain.stopping import close_orders, stop_now
from bot.domain.turn import Context, Decision, Turn
from bot.errors import InvariantBroken


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
    if state.phase is Phase.HOLDING and state.rung_bought:
        commands.append(WakeAt(state.exit_moved_at + EXIT_PAUSE_MS))
    return tuple(commands)


def _apply(turn: Turn, event: Event) -> None:
    match event:
        case StartAsked():
            start(turn)
        case BalanceRead(available=available):
            begin_cycle(turn, available)
        case OrderTaken(order_id=order_id):
            _taken(turn, order_id)
        case FillBooked(fill=fill):
            book(turn, fill)
        case OrderClosed(order_id=order_id, filled=filled, reason=reason):
            close(turn, order_id, filled, reason)
        case OrderRefused():
            refuse(turn, event)
        case OrderAbsent(order_id=order_id):
            order = turn.state.order(order_id)
            if order is not None and order.filled:
                close(turn, order_id, order.filled, CloseReason.CANCELLED)
            else:
                lose(turn, order_id)
        case CancelFailed(order_id=order_id):
            order = turn.state.order(order_id)
            if order is not None and order.status is OrderStatus.CANCELLING and order.closed_at is None:
                turn.state = turn.state.with_order(replace(order, status=OrderStatus.LIVE))
        case ParamsTaken():
            if turn.state.phase not in BETWEEN_CYCLES:
                raise InvariantBroken("parameters change between two cycles only")
        case StopAsked(mode=mode):
            too_late = turn.state.phase is Phase.STOPPING and mode is StopMode.AFTER_CYCLE
            if turn.state.running and not too_late:
                turn.set(stop=mode)
        case RebuysPaused():
            hold_rebuys(turn, paused=True)
        case RebuysResumed():
            hold_rebuys(turn, paused=False)
        case Tick():
            pass
        case _:
            assert_never(event)


def _taken(turn: Turn, order_id: str) -> None:
    order = turn.state.order(order_id)
    if order is None:
        return
    if order.status is OrderStatus.INTENDED:
        turn.state = turn.state.with_order(replace(order, status=OrderStatus.LIVE))
    obstacle = turn.state.obstacle(order.leg)
    if obstacle is not None and obstacle.reason is not None:
        turn.clear(order.leg)


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
                stop_now(turn)
            case Phase.STARTING:
                ask_balance(turn)
            case Phase.IDLE | Phase.ENTERING:
                pass
            case _:
                assert_never(before)


def _hold(turn: Turn) -> None:
    state = turn.state
    if state.stop in {StopMode.KEEP_COINS, StopMode.SELL_NOW}:
        turn.set(phase=Phase.STOPPING)
        return
    if state.live(Leg.EXIT) is None and not wants(state, turn.ctx, Leg.EXIT):
        if state.holding.sold:
            book_profit(turn, by_hand=False)
            turn.set(phase=Phase.FINISHING)
            return
        if not state.orders and left_of_rung(state, turn.ctx) is None:
            give_up_entry(turn)
            return
    rest_orders(turn)


def _finish(turn: Turn) -> None:
    if close_orders(turn):
        turn.set(
            phase=Phase.STARTING,
            asked_balance=False,
            k=0,
            last_buy=None,
            rung_bought=Base.zero(),
            rung_spent=Quote.zero(),
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
