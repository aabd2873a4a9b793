"""The quote coins that a running cycle may still need, kept back from its neighbours on the same account."""

from decimal import Decimal

from bot.domain.money import Quote
from bot.domain.orders import Leg, OrderStatus
from bot.domain.resting import invested
from bot.domain.state import Phase, State
from bot.domain.turn import Context

_AT_WORK = {Phase.ENTERING, Phase.HOLDING}


def reserved(state: State, ctx: Context) -> Quote:
    """What the rest of this cycle's ladder may spend, less what the exchange holds locked for it already.

    The exchange's free balance leaves out the coins of resting orders; an order that may not have arrived yet
    counts as not locked, so that the mistake is on the safe side.
    """
    if state.phase not in _AT_WORK:
        return Quote.zero()
    total, cost = Quote.zero(), invested(state, ctx)
    entry = state.live(Leg.ENTRY)
    if entry is not None and entry.amount is not None:
        total += max(entry.amount - entry.value, Quote.zero())
        cost += entry.amount - entry.value
    if state.rung_bought:
        cost -= cost_of_part(state)
    for k in range(state.k + 1, ctx.ladder.max_rebuys + 1):
        amount = ctx.ladder.amount(k, state.increment)
        if cost + amount > state.limit:
            break
        total += amount
        cost += amount
    total -= min(total, locked(state) + cost_of_part(state))
    return total


def cost_of_part(state: State) -> Quote:
    """What the re-buy under way has cost so far."""
    rebuy = state.live(Leg.REBUY)
    return rebuy.value if rebuy is not None else Quote(Decimal(0))


def locked(state: State) -> Quote:
    """What the exchange surely holds locked for this strategy's resting buy."""
    rebuy = state.live(Leg.REBUY)
    if rebuy is None or rebuy.price is None or rebuy.status is OrderStatus.INTENDED:
        return Quote(Decimal(0))
    return rebuy.remaining.at(rebuy.price)
