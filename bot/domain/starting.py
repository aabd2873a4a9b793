"""The beginning of a cycle: the balance is read, the first buy is sent."""

from bot.domain.commands import ReadBalance
from bot.domain.events import RefusalReason, StopMode
from bot.domain.money import Base, Quote
from bot.domain.notices import NotEnough, Started
from bot.domain.orders import Leg
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
    turn.set(
        phase=Phase.ENTERING,
        cycle=state.cycle + 1,
        limit=limit,
        k=0,
        last_buy=None,
        rung_bought=Base.zero(),
        rung_spent=Quote.zero(),
    )
    turn.place(Leg.ENTRY, 0, amount=ctx.rules.quote_down(needed))
