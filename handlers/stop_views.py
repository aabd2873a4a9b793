"""What stopping says: one strategy's pause beside the three ways, and everything at once. Pure."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from bot.domain.events import StopMode
from bot.domain.market import Symbol
from bot.domain.money import EXACT, Quote, total_quote
from bot.domain.orders import Leg, OwnOrder
from bot.service import StopOutcome
from bot.service.stopping import Halt, Halted
from handlers.cards import header, stop_confirmation, stop_question
from handlers.failures import explain
from handlers.formats import Formats
from handlers.texts import Texts


def stop_card(texts: Texts, outcome: StopOutcome, *, locked: bool) -> str:
    """The three ways of stopping, and pausing re-buys alone, each with its amount; and what cannot be done now."""
    parts = [stop_question(texts, outcome)]
    if outcome.wish is not None:
        parts.append(texts(f"stop.wished_{outcome.wish.value}"))
    elif locked:
        parts.append(texts("panic.locked"))
    if outcome.state.stop is StopMode.AFTER_CYCLE:
        parts.append(texts("stop.stops_after_cycle"))
    parts.append(_pause_way(texts, outcome))
    return "\n\n".join(parts)


def stop_sure(texts: Texts, outcome: StopOutcome, mode: StopMode, *, locked: bool) -> str:
    """The second look at stopping one strategy."""
    parts = [stop_confirmation(texts, outcome, mode)]
    return "\n\n".join([*parts, texts("panic.locked")] if locked else parts)


def stop_done(texts: Texts, halted: Halted, mode: StopMode) -> str:
    """What became of stopping one strategy: begun, or kept for later, with what still rests at the exchange."""
    if halted.halt is Halt.STOPPING:
        return texts(f"stop.done_{mode.value}", name=halted.strategy.name)
    if mode is StopMode.AFTER_CYCLE and halted.halt is Halt.NOTED:
        return texts("stop.noted_after_cycle", name=halted.strategy.name)
    parts = [_result(texts, halted, mode)]
    if halted.rests and mode is not StopMode.AFTER_CYCLE:
        parts.append(texts("panic.by_hand"))
    return "\n\n".join([*parts, texts("stop.then")])


def _pause_way(texts: Texts, outcome: StopOutcome) -> str:
    if outcome.state.rebuys_paused:
        return texts("stop.rebuys_are_paused")
    rebuy = outcome.state.live(Leg.REBUY)
    if rebuy is None or rebuy.price is None:
        return texts("stop.pause_rebuys_none")
    formats = Formats(texts.locale)
    amount = formats.quote(rebuy.remaining.at(rebuy.price), outcome.strategy.symbol)
    return texts("stop.pause_rebuys", amount=amount, price=formats.price(rebuy.price))


def panic_question(texts: Texts, outcomes: Sequence[StopOutcome], *, locked: bool) -> str:
    """Every strategy with what it holds, and what either way of stopping all of them means in money."""
    lines = [texts("panic.head")]
    lines += [_line(texts, outcome) for outcome in outcomes]
    lines += [texts("panic.keep_coins", cost=_sum(texts, outcomes, _cost)), _sell(texts, outcomes)]
    if locked:
        lines.append(texts("panic.locked"))
    return "\n\n".join(lines)


def panic_sure(texts: Texts, outcomes: Sequence[StopOutcome], mode: StopMode, *, locked: bool) -> str:
    """The second look."""
    money = (
        _sell(texts, outcomes)
        if mode is StopMode.SELL_NOW
        else texts("panic.keep_coins", cost=_sum(texts, outcomes, _cost))
    )
    parts = [texts.count(f"panic.sure_{mode.value}", len(outcomes)), money]
    if locked:
        parts.append(texts("panic.locked"))
    return "\n\n".join([*parts, texts("run.valid")])


def panic_done(texts: Texts, halted: Sequence[Halted], mode: StopMode) -> str:
    """What was done for each, what was not, and how to help oneself."""
    parts = [texts("panic.done_head")]
    parts += [_result(texts, one, mode) for one in halted]
    if any(one.rests for one in halted):
        parts.append(texts("panic.by_hand"))
    if any(one.halt is not Halt.FAILED for one in halted):
        parts.append(texts("panic.then"))
    return "\n\n".join(parts)


def _line(texts: Texts, outcome: StopOutcome) -> str:
    formats, symbol, holding = Formats(texts.locale), outcome.strategy.symbol, outcome.state.holding
    head = header(texts, outcome.strategy)
    if not holding.held:
        return f"{head}\n{texts('panic.line_nothing_held')}"
    values = {
        "quantity": formats.base(holding.held, symbol),
        "cost": formats.quote(holding.held_cost, symbol),
    }
    worth = _worth(outcome)
    if worth is None:
        return f"{head}\n{texts('panic.line_blind', **values)}"
    result = formats.quote(worth - holding.held_cost, symbol, signed=True)
    return f"{head}\n{texts('panic.line', **values, worth=formats.quote(worth, symbol), result=result)}"


def _sell(texts: Texts, outcomes: Sequence[StopOutcome]) -> str:
    if any(_worth(outcome) is None for outcome in outcomes):
        return texts("panic.sell_now_blind")
    gains = _sum(texts, outcomes, lambda o: (_worth(o) or Quote.zero()) - _cost(o), signed=True)
    worth = _sum(texts, outcomes, lambda o: _worth(o) or Quote.zero())
    return texts("panic.sell_now", worth=worth, result=gains)


def _worth(outcome: StopOutcome) -> Quote | None:
    """What a sale now would bring, less its fee; None while the price is unknown."""
    held = outcome.state.holding.held
    if not held:
        return Quote.zero()
    if outcome.last_price is None:
        return None
    return held.at(outcome.last_price).times(EXACT.subtract(Decimal(1), outcome.strategy.params.taxa))


def _cost(outcome: StopOutcome) -> Quote:
    return outcome.state.holding.held_cost


def _sum(
    texts: Texts,
    outcomes: Sequence[StopOutcome],
    of: Callable[[StopOutcome], Quote],
    *,
    signed: bool = False,
) -> str:
    """Sums by coin: amounts of different coins are not added."""
    formats, by_coin = Formats(texts.locale), dict[str, list[Quote]]()
    for outcome in outcomes:
        by_coin.setdefault(outcome.strategy.symbol.quote, []).append(of(outcome))
    return " + ".join(
        formats.quote(total_quote(amounts), Symbol("", "", coin), signed=signed)
        for coin, amounts in by_coin.items()
    )


def _result(texts: Texts, one: Halted, mode: StopMode) -> str:
    name = one.strategy.name
    match one.halt:
        case Halt.STOPPING:
            line = texts(f"panic.stopping_{mode.value}", name=name)
        case Halt.FAILED:
            reason = explain(texts, one.why) if one.why is not None else None
            line = texts("panic.failed", name=name, reason="") + (reason or "")
        case Halt.NOTED | Halt.LATER:
            line = texts(f"panic.{one.halt.value}", name=name)
    return "\n".join([line, *(_order(texts, one, order) for order in one.rests)])


def _order(texts: Texts, one: Halted, order: OwnOrder) -> str:
    formats, symbol = Formats(texts.locale), one.strategy.symbol
    label = texts.plain(f"order.{order.leg.name.lower()}", k=order.k)
    quantity = formats.base(order.remaining, symbol) if order.quantity is not None else symbol.base
    price = formats.price(order.price) if order.price is not None else "-"
    return texts("panic.rests", order=label, quantity=quantity, price=price)
