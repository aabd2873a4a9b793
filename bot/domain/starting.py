"""The beginning of a cycle: the balance is read, the first buy is sent."""

from bot.domain.accounting import Holding
from bot.domain.commands import ReadBalance
from bot.domain.events import RefusalReason, StopMode
from bot.domain.money import Base, Quote
from bot.domain.notices import NotEnough, Started
from bot.domain.orders import Leg
from bot.domain.resting import invested, wants
from bot.domain.setbacks import RETRY_MS
from bot.domain.state import Obstacle, Phase
from bot.domain.turn import Turn


def start(turn: Turn) -> None:
    if not turn.state.running:
        turn.set(phase=Phase.STARTING, stop=None, asked_balance=False, obstacles=())
        turn.say(Started(resumed=False))
    elif turn.state.stop is StopMode.AFTER_CYCLE:
        turn.set(stop=None)
        turn.say(Started(resumed=True))


def ask_balance(turn: Turn) -> None:
    state = turn.state
    if state.stop is not None:
        turn.set(phase=Phase.STOPPING)
    elif not state.asked_balance and turn.free_to_try(Leg.ENTRY):
        turn.set(asked_balance=True)
        turn.want(ReadBalance())


def begin_cycle(turn: Turn, available: Quote) -> None:
    """Send the first buy; carried coins that are more than dust take their part of the limit."""
    state, ctx = turn.state, turn.ctx
    if state.phase is not Phase.STARTING or not state.asked_balance:
        return
    turn.set(asked_balance=False)
    capped, carried = bool(ctx.params.saldo_limite), invested(state, ctx)
    limit = Quote(ctx.params.saldo_limite) if capped else available + carried
    needed = ctx.ladder.amount(0, state.increment)
    if capped and needed > limit - carried:
        needed = limit - carried
        if carried and needed < ctx.rules.min_notional:
            _go_on_with_carried(turn, limit, needed)
            return
    if available < needed:
        _await_money(turn, needed, available)
        return
    _new_cycle(turn, Phase.ENTERING, limit)
    turn.place(Leg.ENTRY, 0, amount=ctx.rules.quote_down(needed))


def _await_money(turn: Turn, needed: Quote, available: Quote) -> None:
    before = turn.state.obstacle(Leg.ENTRY)
    if before is None or before.reason is not RefusalReason.NO_FUNDS:
        turn.say(NotEnough(needed, available))
    turn.hinder(Obstacle(Leg.ENTRY, turn.ctx.now + RETRY_MS, 1, RefusalReason.NO_FUNDS, told=True))


def _go_on_with_carried(turn: Turn, limit: Quote, room: Quote) -> None:
    """The carried coins leave no room for a first buy under the limit: they are this cycle's first buy."""
    holding = turn.state.holding
    taken_over = Holding(bought=holding.carried, spent=holding.carried_cost)
    _new_cycle(turn, Phase.HOLDING, limit)
    turn.set(holding=taken_over, last_buy=taken_over.spent.per(taken_over.bought))
    if not wants(turn.state, turn.ctx, Leg.EXIT):
        turn.set(phase=Phase.STARTING, cycle=turn.state.cycle - 1, holding=holding, last_buy=None)
        _await_money(turn, turn.ctx.rules.min_notional, room)


def _new_cycle(turn: Turn, phase: Phase, limit: Quote) -> None:
    turn.set(
        phase=phase,
        cycle=turn.state.cycle + 1,
        limit=limit,
        k=0,
        last_buy=None,
        rung_bought=Base.zero(),
        rung_spent=Quote.zero(),
    )
