"""The printed plan (item 7): the whole ladder from one entry price, before anything is bought."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import accumulate
from typing import Any

from bot.domain.accounting import Holding
from bot.domain.faults import fault, shown
from bot.domain.ladder import Ladder, build_ladder
from bot.domain.market import MarketRules
from bot.domain.money import EXACT, Base, Price, Quote, plain
from bot.domain.params import MAX_AMOUNT, Limits, StrategyParams
from bot.domain.plan_checks import PlannedBuy, broken_rules
from bot.errors import InvalidInput

_ONE = Decimal(1)
_PRINTED = Context(prec=28)
_PRICES = Limits(Decimal("1e-18"), MAX_AMOUNT)


@dataclass(frozen=True, slots=True)
class Rung:
    """One row of the plan: what stands once the k-th buy has filled.

    `amount` is what the rung may spend, `quantity` what it buys at `price`, `cumulative_cost` what the buys
    0 .. k cost without fees. `drop` is the fall from the entry, `required_rise` the way up from `price` to
    `exit_price`, both fractions. `net_profit` is what that exit earns after every fee, with buy fees taken in
    the coins bought. `placed` is False from the first rung that saldo_limite does not allow.
    """

    k: int
    amount: Quote
    price: Price
    quantity: Base
    cumulative_cost: Quote
    average: Price
    target: Decimal
    exit_price: Price
    drop: Decimal
    required_rise: Decimal
    net_profit: Quote
    placed: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The ladder as it would be placed from `entry`.

    `limit` is what may be invested: saldo_limite, or the free balance where that is 0, or None where neither
    is known. `cut_by_limit_at` is the first k that the limit does not allow. The totals are of the placed
    rungs only: `total_cost` in quote without fees, `total_with_fees` the same with the fee of each buy valued
    in quote, `deepest_drop` the fall from the entry to the last of them. `problems` holds what the exchange
    would refuse of the placed rungs, each with the value that would pass.
    """

    params: StrategyParams
    rules: MarketRules
    entry: Price
    rungs: tuple[Rung, ...]
    limit: Quote | None
    free: Quote | None
    cut_by_limit_at: int | None
    problems: tuple[InvalidInput, ...]

    @property
    def placed(self) -> tuple[Rung, ...]:
        return tuple(r for r in self.rungs if r.placed)

    @property
    def total_cost(self) -> Quote:
        return self.placed[-1].cumulative_cost if self.placed else Quote.zero()

    @property
    def total_with_fees(self) -> Quote:
        return self.total_cost.times(EXACT.add(_ONE, self.params.taxa))

    @property
    def deepest_drop(self) -> Decimal:
        return self.placed[-1].drop if self.placed else Decimal(0)

    @property
    def first_buy_covered(self) -> bool | None:
        """Whether the free balance pays for the first buy; None if it is not known."""
        return None if self.free is None else self.free.value >= self.params.qty_inicial

    @property
    def covered(self) -> bool | None:
        """Whether the free balance pays for every placed rung; None if it is not known."""
        if self.free is None:
            return None
        return bool(self.first_buy_covered) and self.free >= self.total_cost


def build_plan(params: StrategyParams, rules: MarketRules, entry: Price, free: Quote | None = None) -> Plan:
    """The plan of valid `params` on a pair with `rules`, bought first at `entry`.

    `free` is the free quote balance, if known. No profit has been reinvested yet. InvalidInput("price") for an
    entry that is no price; everything else that is wrong stands in `problems`. A ladder whose price
    rounds to nothing ends there.
    """
    if not _PRICES.hold(entry.value):
        raise fault("bad_price", "price", value=shown(str(entry.value)), range=str(_PRICES))
    ladder = build_ladder(params)
    limit = Quote(params.saldo_limite) if params.saldo_limite else free
    buys = tuple(_buys(ladder, rules, entry))
    cut = _cut(buys, limit)
    rungs = tuple(_rungs(params, ladder, rules, buys, cut))
    placed = buys if cut is None else buys[:cut]
    problems = tuple(broken_rules(params, rules, placed, tuple(r.exit_price for r in rungs), cut is None))
    return Plan(params, rules, entry, rungs, limit, free, cut, problems)


def _buys(ladder: Ladder, rules: MarketRules, entry: Price) -> Iterator[PlannedBuy]:
    price = entry
    for k in range(ladder.max_rebuys + 1):
        price = ladder.rebuy_price(k, price, rules) if k else entry
        if not price:
            return
        amount = ladder.amount(k, Quote.zero())
        yield PlannedBuy(k, amount, price, rules.lot_down(amount.buys_at(price)))


def _cut(buys: tuple[PlannedBuy, ...], limit: Quote | None) -> int | None:
    """The first k whose amount does not fit beside what the buys before it cost."""
    if limit is None:
        return None
    spent = Quote.zero()
    for buy in buys:
        if spent + buy.amount > limit:
            return buy.k
        spent += buy.cost
    return None


def _rungs(
    params: StrategyParams, ladder: Ladder, rules: MarketRules, buys: tuple[PlannedBuy, ...], cut: int | None
) -> Iterator[Rung]:
    costs = accumulate((buy.cost for buy in buys), Quote.__add__)
    bought = accumulate((buy.quantity for buy in buys), Base.__add__)
    entry = buys[0].price
    for buy, cost, quantity in zip(buys, costs, bought, strict=True):
        # a first buy that rounds to nothing has no average: the row shows what it was meant to be
        average, exit_price = entry, rules.tick_up(entry.times(EXACT.add(_ONE, ladder.targets[buy.k])))
        if quantity:
            average, exit_price = cost.per(quantity), ladder.exit_price(buy.k, cost, quantity, rules)
        yield Rung(
            k=buy.k,
            amount=buy.amount,
            price=buy.price,
            quantity=buy.quantity,
            cumulative_cost=cost,
            average=average,
            target=ladder.targets[buy.k],
            exit_price=exit_price,
            drop=EXACT.subtract(_ONE, buy.price.over(entry)),
            required_rise=EXACT.subtract(exit_price.over(buy.price), _ONE),
            net_profit=_profit(params, rules, cost, quantity, exit_price),
            placed=cut is None or buy.k < cut,
        )


def _profit(
    params: StrategyParams, rules: MarketRules, cost: Quote, bought: Base, exit_price: Price
) -> Quote:
    """What selling lot_down(held) earns, held being what was bought less its fee; the rest stays as dust."""
    fees = bought.times(params.taxa)
    sold = rules.lot_down(bought - fees)
    received = sold.at(exit_price)
    return Holding(
        bought=bought,
        spent=cost,
        base_fees=fees,
        sold=sold,
        received=received,
        sell_fees=received.times(params.taxa),
    ).net_profit


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The plan as `plan --json` prints it: decimals as strings without exponent, k and the cut as integers.

    Amounts, prices, quantities, costs and targets are exact; average, drop, required_rise and net_profit come
    from divisions and are rounded to 28 significant digits.
    """
    return {
        "rungs": [_rung_as_json(rung) for rung in plan.rungs],
        "total_cost": str(plan.total_cost),
        "total_with_fees": str(plan.total_with_fees),
        "deepest_drop": _rounded(plan.deepest_drop),
        "cut_by_limit_at": plan.cut_by_limit_at,
    }


def _rung_as_json(rung: Rung) -> dict[str, Any]:
    return {
        "k": rung.k,
        "amount": str(rung.amount),
        "price": str(rung.price),
        "quantity": str(rung.quantity),
        "cumulative_cost": str(rung.cumulative_cost),
        "average": _rounded(rung.average.value),
        "target": plain(rung.target),
        "exit_price": str(rung.exit_price),
        "drop": _rounded(rung.drop),
        "required_rise": _rounded(rung.required_rise),
        "net_profit": _rounded(rung.net_profit.value),
        "placed": rung.placed,
    }


def _rounded(value: Decimal) -> str:
    return plain(_PRINTED.plus(value))
