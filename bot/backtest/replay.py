"""A run's fills taken into the books once more, exactly: what stood after each of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.backtest.model import BacktestFill, BacktestRun, Terms
from bot.domain.accounting import Holding
from bot.domain.ladder import build_ladder
from bot.domain.market import Side
from bot.domain.money import EXACT, Base, Quote
from bot.domain.orders import Fill
from bot.domain.params import StrategyParams
from bot.domain.resting import invested, left_of_rung
from bot.domain.state import State
from bot.domain.turn import Context


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands once a fill is booked, until the next one.

    `held` and `cost` are the coins and what they cost, dust of earlier cycles included; `invested` is the quote
    paid for the open cycle's buys and for what was carried into it. `realised` is the net profit of the cycles
    closed so far. `rebuys` is None between two cycles. `exhausted`: a cycle is open and no re-buy can rest any more,
    because the last one has filled, or the next would pass saldo_limite or what is in the wallet. `fee` is this
    fill's fee in quote (a buy's is taken in base and valued at the fill's price).
    """

    fill: BacktestFill
    held: Base
    cost: Quote
    invested: Quote
    realised: Quote
    rebuys: int | None
    exhausted: bool
    fee: Quote


def budget_of(params: StrategyParams, terms: Terms) -> Quote:
    """What a run may spend: saldo_limite, or the balance given if that is less; else the ladder's full cost."""
    opening = terms.opening_balance(params)
    return min(Quote(params.saldo_limite), opening) if params.saldo_limite else opening


def replayed(run: BacktestRun) -> Iterator[Standing]:
    """One standing for each fill, in order, by the rules of docs/strategy.md ("Backtest rules")."""
    params, rules = run.params, run.terms.rules
    ctx = Context(params, build_ladder(params), rules, 0)
    wallet = run.terms.opening_balance(params)
    state = State(token="backtest")  # noqa: S106 - the name in order ids, no secret
    for fill in run.fills:
        if state.cycle != fill.cycle:
            if state.holding.bought:  # too few to be sold: given up, and carried
                state = replace(state, holding=state.holding.rest())
            limit = Quote(params.saldo_limite) if params.saldo_limite else wallet + invested(state, ctx)
            state = replace(state, cycle=fill.cycle, limit=limit, k=0)
        booked = _as_booked(fill, params.taxa, rules.symbol.base, rules.symbol.quote)
        holding = state.holding.with_fill(booked, rules.symbol)
        if fill.side is Side.BUY:
            wallet -= booked.value
            state = replace(state, holding=holding, k=fill.k, last_buy=fill.price)
            exhausted = _nothing_rests(state, ctx, wallet)
        else:
            wallet += booked.value - booked.fee_value
            state = _closed(state, holding, params)
            exhausted = False
        holding = state.holding
        yield Standing(
            fill=fill,
            held=holding.held,
            cost=holding.cost,
            invested=holding.spent + holding.carried_cost,
            realised=state.total_profit,
            rebuys=fill.k if fill.side is Side.BUY else None,
            exhausted=exhausted,
            fee=booked.fee_value,
        )


def _as_booked(fill: BacktestFill, taxa: Decimal, base: str, quote: str) -> Fill:
    """The fill with its fee, in base for a buy and in quote for a sell, unrounded."""
    value, buys = fill.quantity.at(fill.price), fill.side is Side.BUY
    return Fill(
        exec_id="",
        order_id="",
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        value=value,
        fee=fill.quantity.times(taxa).value if buys else value.times(taxa).value,
        fee_coin=base if buys else quote,
        fee_value=value.times(taxa),
        at=fill.time,
    )


def _nothing_rests(state: State, ctx: Context, wallet: Quote) -> bool:
    order = left_of_rung(state, ctx)
    return order is None or order.quantity.at(order.price) > wallet


def _closed(state: State, holding: Holding, params: StrategyParams) -> State:
    """The cycle's profit booked, its share reinvested, its dust carried on."""
    profit, increment = holding.net_profit, state.increment
    if params.lucro_reaplicar and profit.value > 0:
        increment += Quote(EXACT.divide(profit.value, Decimal(params.limite_recompras + 1)))
    return replace(
        state, holding=holding.rest(), increment=increment, total_profit=state.total_profit + profit
    )
