"""What must hold after every event, and what must hold once all is quiet, computed apart from the code under test."""

import math
import re
from decimal import Decimal, localcontext
from fractions import Fraction

from bot.domain.commands import Place
from bot.domain.events import RefusalReason
from bot.domain.market import Side
from bot.domain.notices import CycleClosed, FirstBuyFilled, RebuyFilled
from bot.domain.orders import Leg, OrderStatus
from bot.domain.params import StrategyParams
from bot.domain.state import Phase
from tests.domain.chaos import Chaos

_HAIR = Decimal("1e-40")
_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")


def require(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def amounts(p: StrategyParams) -> list[Fraction]:
    out = [Fraction(p.qty_inicial)]
    for _ in range(p.limite_recompras):
        out.append(_clamp(out[-1] * Fraction(p.multiplicador_qty), p.qty_minima, p.qty_maxima))
    return out


def targets(p: StrategyParams) -> list[Fraction]:
    out = [Fraction(p.lucro_alvo_inicial)]
    for _ in range(p.limite_recompras):
        out.append(
            _clamp(out[-1] * Fraction(p.multiplicador_lucro), p.lucro_alvo_minimo, p.lucro_alvo_maximo)
        )
    return out


def drops(p: StrategyParams) -> list[Fraction]:
    """d(1) stands at index 0."""
    out = [Fraction(p.recompra_queda_inicial)]
    for _ in range(p.limite_recompras - 1):
        out.append(
            _clamp(
                out[-1] * Fraction(p.multiplicador_recompra), p.recompra_queda_minimo, p.recompra_queda_maximo
            )
        )
    return out


def _clamp(value: Fraction, low: Decimal, high: Decimal) -> Fraction:
    return max(Fraction(low), min(Fraction(high), value))


def down(value: Fraction, step: Decimal) -> Fraction:
    return math.floor(value / Fraction(step)) * Fraction(step)


def up(value: Fraction, step: Decimal) -> Fraction:
    return math.ceil(value / Fraction(step)) * Fraction(step)


def after_every_event(day: Chaos) -> None:
    _one_of_each(day)
    _within_the_limit(day)
    _sells_only_its_own(day)
    _paused_means_paused(day)
    state = day.state
    require(0 <= state.k <= day.params.limite_recompras, "more re-buys than configured")
    if day.prices:
        average = Fraction(state.holding.spent.value) / Fraction(state.holding.bought.value)
        require(
            Fraction(min(day.prices)) <= average <= Fraction(max(day.prices)), "the average left its extremes"
        )
    _money_is_conserved(day)


def _one_of_each(day: Chaos) -> None:
    """S1, S2: at the exchange, whatever is on its way."""
    sides = [o.side for o in day.venue.open]
    require(sides.count(Side.SELL) <= 1, "two sells are open")
    require(sides.count(Side.BUY) <= 1, "two buys are open")


def _paused_means_paused(day: Chaos) -> None:
    """No decision of a paused ladder sends a re-buy."""
    if day.state.rebuys_paused:
        sent = [c for c in day.just_wished if isinstance(c, Place) and c.order.leg is Leg.REBUY]
        require(not sent, "a re-buy of a paused ladder")


def _within_the_limit(day: Chaos) -> None:
    """S3, with carried coins counted once they are more than dust; fees are not part of the limit."""
    limit = day.params.saldo_limite
    if not limit:
        return
    holding = day.state.holding
    cost = holding.spent.value
    if holding.carried.value >= day.venue.rules.lot_step:
        cost += holding.carried_cost.value
    if len(day.booked) < len(day.venue.fills):
        cost += sum(
            f.value.value for f in day.venue.fills if f.side is Side.BUY and f.exec_id not in day.booked
        )
    cost += sum(o.locked_quote for o in day.venue.open)
    allowance = day.venue.spent_on_fees
    require(cost <= limit + allowance, f"invested {cost} of {limit}")


def _sells_only_its_own(day: Chaos) -> None:
    """S6: the person's other coins are never offered."""
    own = day.venue.base - day.venue.first_base - day.given_base
    offered = sum((o.locked_base for o in day.venue.open), Decimal(0))
    require(offered <= own, f"offers {offered}, owns {own}")


def _money_is_conserved(day: Chaos) -> None:
    """received - fees - spent = profit booked and under way - cost of what is held or was handed over."""
    state, holding = day.state, day.state.holding
    with localcontext(prec=90):
        kept = holding.held_cost.value + day.given_cost
        expected = state.total_profit.value + holding.net_profit.value - kept
        require(abs(day.flow - expected) < _HAIR, f"money: {day.flow} against {expected}")


def when_all_is_quiet(day: Chaos) -> None:
    state, venue = day.state, day.venue
    require({f.exec_id for f in venue.fills} == day.booked, "the ledger lacks fills")
    require(venue.base - venue.first_base == state.holding.held.value + day.given_base, "base coins differ")
    for order in state.orders:
        require(order.status is OrderStatus.LIVE and order.closed_at is None, f"unsettled: {order}")
    ours = {(o.order_id, o.remaining.value) for o in state.orders}
    require(ours == {(o.order_id, o.remaining) for o in venue.open}, "live orders differ")
    _phase_is_a_resting_place(day)
    if state.phase is Phase.HOLDING:
        _exit_stands(day)
        _rebuy_stands(day)
    _rungs_were_climbed(day)
    _ids_are_good(day)
    _profits_add_up(day)
    require(day.replayed() == state, "replay gives another state")


def _phase_is_a_resting_place(day: Chaos) -> None:
    state = day.state
    if state.phase is Phase.STARTING:
        poor = state.obstacle(Leg.ENTRY)
        require(poor is not None and poor.reason is RefusalReason.NO_FUNDS, "a start that never comes")
        room = day.params.saldo_limite - state.holding.carried_cost.value
        full = day.params.saldo_limite > 0 and room < day.venue.rules.min_notional.value
        poor_wallet = day.venue.free_quote < day.params.qty_inicial + state.increment.value
        require(full or poor_wallet, "the money is there")
    else:
        require(state.phase in {Phase.HOLDING, Phase.IDLE}, f"stuck in {state.phase}")
    require(state.phase is not Phase.IDLE or not day.venue.open, "idle with open orders")


def _exit_stands(day: Chaos) -> None:
    """Q4: exactly one exit, lot_down(held) at S(k), for every holding above the minimum."""
    state, rules = day.state, day.venue.rules
    target = targets(day.params)[state.k]
    average = Fraction(state.holding.spent.value) / Fraction(state.holding.bought.value)
    price = up(average * (1 + target), rules.tick)
    quantity = down(Fraction(state.holding.held.value), rules.lot_step)
    order = state.live(Leg.EXIT)
    if quantity * price < Fraction(rules.min_notional.value) or quantity == 0:
        rebuy = state.live(Leg.REBUY) is not None or state.rebuys_paused
        busy = order is not None or rebuy or state.obstacles
        require(bool(busy), "too little to sell, and nothing goes on")
        return
    if order is None or order.price is None:
        raise AssertionError(f"no exit for {quantity} at {price}: {state}")
    require(Fraction(order.price.value) == price, f"the exit stands at {order.price}, not at {float(price)}")
    require(Fraction(order.remaining.value) == quantity, "the exit sells another quantity")


def _rebuy_stands(day: Chaos) -> None:
    """The next re-buy rests, at P(k + 1), whole or what is left of it, unless ladder or limit or money end."""
    state, rules, p = day.state, day.venue.rules, day.params
    order = state.live(Leg.REBUY)
    if state.rebuys_paused:
        require(order is None, "a re-buy of a paused ladder rests")
        return
    if state.k >= p.limite_recompras:
        require(order is None, "a re-buy past the last")
        return
    if state.last_buy is None:
        raise AssertionError("coins without a last buy")
    price = down(Fraction(state.last_buy.value) * (1 - drops(p)[state.k]), rules.tick)
    amount = amounts(p)[state.k + 1] + Fraction(state.increment.value)
    whole = down(amount / price, rules.lot_step)
    left = whole - Fraction(state.rung_bought.value)
    cost = Fraction(state.holding.spent.value)
    if state.holding.carried.value >= rules.lot_step:
        cost += Fraction(state.holding.carried_cost.value)
    over = not state.rung_bought and cost + amount > Fraction(state.limit.value)
    poor = state.obstacle(Leg.REBUY)
    if poor is not None and poor.reason is RefusalReason.NO_FUNDS and order is None:
        require(Fraction(day.venue.free_quote) < left * price, "the money for the re-buy is there")
        return
    if over:
        require(order is None, "a re-buy over the limit")
        return
    if order is None and left * price < Fraction(rules.min_notional.value):
        return
    if order is None or order.price is None:
        raise AssertionError(f"no re-buy {state.k + 1} at {float(price)}: {state}")
    require(order.k == state.k + 1, "a re-buy of another rung")
    require(Fraction(order.price.value) == price, f"re-buy at {order.price}, not {float(price)}")
    require(Fraction(order.remaining.value) == left, "the re-buy buys another quantity")


def _rungs_were_climbed(day: Chaos) -> None:
    """Every re-buy told stood at P(k) under the one before it, and had bought q(k) whole, save what no order could buy."""
    rules, p = day.venue.rules, day.params
    last, k, increment = None, 0, Fraction(0)
    for told in day.notices:
        match told:
            case FirstBuyFilled(price=price):
                last, k = Fraction(price.value), 0
            case RebuyFilled(k=now_k, price=price, quantity=quantity) if last is not None:
                require(now_k == k + 1, "a rung was skipped")
                due = down(last * (1 - drops(p)[k]), rules.tick)
                require(Fraction(price.value) == due, f"re-buy {now_k} at {price}, due at {float(due)}")
                whole = down((amounts(p)[now_k] + increment) / due, rules.lot_step)
                left = whole - Fraction(quantity.value)
                require(
                    0 <= left * due < Fraction(rules.min_notional.value),
                    "a rung was counted before it was whole",
                )
                last, k = due, now_k
            case CycleClosed(net_profit=profit) if p.lucro_reaplicar and profit.value > 0:
                increment += Fraction(profit.value) / (p.limite_recompras + 1)


def _ids_are_good(day: Chaos) -> None:
    ids = [o.order_id for o in day.sent_ids]
    require(len(set(ids)) == len(ids), "an id was used twice")
    for text in ids:
        require(bool(_ID.fullmatch(text)), f"the exchange would not take {text}")


def _profits_add_up(day: Chaos) -> None:
    done = day.told(CycleClosed)
    shares = day.params.limite_recompras + 1
    with localcontext(prec=90):
        total = sum((n.net_profit.value for n in done), Decimal(0))
        gained = sum((n.net_profit.value for n in done if n.net_profit.value > 0), Decimal(0))
        require(abs(total - day.state.total_profit.value) < _HAIR, "profits do not add up")
        due = gained / shares if day.params.lucro_reaplicar else Decimal(0)
        require(abs(due - day.state.increment.value) < _HAIR, "another increment is reinvested")
    require(len(done) == day.state.cycles_done, "cycles were miscounted")
