"""The end of a run: orders are closed, coins sold or handed over."""

from bot.domain.accounting import Holding
from bot.domain.booking import book_profit
from bot.domain.events import RefusalReason, StopMode
from bot.domain.money import Base, Quote
from bot.domain.notices import Stopped
from bot.domain.orders import Leg
from bot.domain.resting import cancel, offerable
from bot.domain.setbacks import PATIENCE
from bot.domain.state import Phase
from bot.domain.turn import Turn


def stop_now(turn: Turn) -> None:
    state = turn.state
    sale = state.live(Leg.SALE)
    if sale is not None or not close_orders(turn):
        return
    quantity = offerable(state, turn.ctx)
    if state.stop is StopMode.SELL_NOW and _may_sell(turn, quantity):
        if turn.free_to_try(Leg.SALE):
            turn.place(Leg.SALE, state.k, quantity=quantity)
        return
    if state.holding.sold:
        book_profit(turn, by_hand=True)
    _go_idle(turn)


def close_orders(turn: Turn) -> bool:
    """Ask for the cancel of whatever rests; True once nothing does."""
    for order in turn.state.orders:
        cancel(turn, order)
    return not turn.state.orders


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
    rest = state.holding.rest()
    stays = dust and mode is not StopMode.KEEP_COINS
    handed_over = Holding() if stays else rest
    turn.say(Stopped(mode, handed_over.carried, handed_over.carried_cost, state.total_profit))
    turn.set(
        phase=Phase.IDLE,
        stop=None,
        asked_balance=False,
        rebuys_paused=False,
        k=0,
        last_buy=None,
        rung_bought=Base.zero(),
        rung_spent=Quote.zero(),
        obstacles=(),
        holding=rest if stays else Holding(),
    )
