"""Re-buys paused and resumed by the person; the exit rests on."""

from bot.domain.notices import RebuysHeld
from bot.domain.orders import Leg
from bot.domain.resting import wanted_rebuy
from bot.domain.state import Phase
from bot.domain.turn import Turn


def hold_rebuys(turn: Turn, *, paused: bool) -> None:
    """Take the wish over and say it; the re-buy that rests is cancelled, or put back, when orders are settled."""
    state = turn.state
    if not state.running or state.rebuys_paused is paused:
        return
    turn.set(rebuys_paused=paused)
    exit_order = state.live(Leg.EXIT)
    rebuy = wanted_rebuy(turn.state, turn.ctx) if state.phase is Phase.HOLDING else None
    turn.say(RebuysHeld(paused, exit_order.price if exit_order else None, rebuy.price if rebuy else None))
