"""Several strategies on one purse: what they may still need if prices keep falling, and who runs dry first. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.ladder import Ladder, build_ladder
from bot.domain.market import MarketRules
from bot.domain.money import EXACT, Price, Quote, total_quote
from bot.domain.orders import Leg
from bot.domain.reserve import locked
from bot.domain.resting import invested
from bot.domain.state import Phase, State
from bot.domain.turn import Context
from bot.ports import Strategy

_AT_WORK = frozenset({Phase.ENTERING, Phase.HOLDING})


@dataclass(frozen=True, slots=True)
class NextBuy:
    """A buy to come: `fall` is how far the price must fall from now (fraction), `amount` what it takes from the purse.

    `k` 0 is the first buy of a cycle.
    """

    name: str
    k: int
    fall: Decimal
    amount: Quote


@dataclass(frozen=True, slots=True)
class Shortage:
    """`needed` by each strategy if all prices fall alike through every ladder, and the first buy without money."""

    free: Quote
    needed: tuple[tuple[str, Quote], ...]
    first: NextBuy

    @property
    def together(self) -> Quote:
        return total_quote(amount for _, amount in self.needed)


@dataclass(frozen=True, slots=True)
class Player:
    """A strategy that runs or is about to, with its state and its pair's rules and price now."""

    strategy: Strategy
    state: State
    rules: MarketRules
    price: Price


def shortage(free: Quote, players: Sequence[Player]) -> Shortage | None:
    """None when `free` (what no order has locked) carries every ladder to its end."""
    by_name = [(p.strategy.name, tuple(_buys(p))) for p in players if p.strategy.chosen.saldo_limite]
    fixed = total_quote(buy.amount for _, buys in by_name for buy in buys)
    for player in players:  # without a limit of its own, a ladder ends where the others' money begins
        if not player.strategy.chosen.saldo_limite:
            rest = max(free - fixed, Quote.zero())
            by_name.append((player.strategy.name, tuple(_within(rest, player))))
    first = _first_unpaid(free, [buy for _, buys in by_name for buy in buys])
    if first is None:
        return None
    needed = tuple((name, total_quote(buy.amount for buy in buys)) for name, buys in by_name)
    return Shortage(free, needed, first)


def _first_unpaid(free: Quote, buys: Iterable[NextBuy]) -> NextBuy | None:
    left = free
    for buy in sorted(buys, key=lambda b: b.fall):
        if buy.amount > left:
            return buy
        left -= buy.amount
    return None


def _within(rest: Quote, player: Player) -> Iterable[NextBuy]:
    """Its first buy in any case: it is what waits for money. The rest as far as the money goes."""
    for buy in _buys(player):
        if buy.k and buy.amount > rest:
            return
        rest = max(rest - buy.amount, Quote.zero())
        yield buy


def _buys(player: Player) -> Iterable[NextBuy]:
    if player.state.phase in _AT_WORK:
        yield from _rest_of_cycle(player)
    else:
        yield from _whole_ladder(player)


def _whole_ladder(player: Player) -> Iterable[NextBuy]:
    params, state = player.strategy.chosen, player.state
    ladder = build_ladder(params)
    limit = Quote(params.saldo_limite) if params.saldo_limite else None
    first = ladder.amount(0, state.increment)
    if limit is not None:
        first = min(first, limit)
    yield NextBuy(player.strategy.name, 0, Decimal(0), first)
    yield from _rebuys(player, ladder, player.price, first, limit)


def _rest_of_cycle(player: Player) -> Iterable[NextBuy]:
    state, params = player.state, player.strategy.params
    ladder = build_ladder(params)
    cost = invested(state, Context(params, ladder, player.rules, 0)) - state.rung_spent
    entry = state.live(Leg.ENTRY)
    if entry is not None and entry.amount is not None:
        on_its_way = max(entry.amount - entry.value, Quote.zero())
        cost += on_its_way
        yield NextBuy(player.strategy.name, 0, Decimal(0), on_its_way)
    yield from _rebuys(player, ladder, state.last_buy or player.price, cost, state.limit)


def _rebuys(
    player: Player, ladder: Ladder, last: Price, cost: Quote, limit: Quote | None
) -> Iterable[NextBuy]:
    """The re-buys to come; what the exchange has locked for the resting one is out of the purse already."""
    state = player.state
    paid = locked(state) + state.rung_spent
    for k in range(state.k + 1, ladder.max_rebuys + 1):
        amount = ladder.amount(k, state.increment)
        last = ladder.rebuy_price(k, last, player.rules)
        if last.value <= 0 or (limit is not None and cost + amount > limit):
            return
        cost += amount
        needed = max(amount - paid, Quote.zero())
        paid = Quote.zero()
        if needed:
            yield NextBuy(player.strategy.name, k, _fall(player.price, last), needed)


def _fall(now: Price, then: Price) -> Decimal:
    if not now.value:
        return Decimal(0)
    return max(Decimal(0), EXACT.subtract(Decimal(1), EXACT.divide(then.value, now.value)))
