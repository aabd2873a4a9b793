"""The backtest rules read aloud: a slow walk along every candle's path, for checking the quick ways."""

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from itertools import pairwise

import numpy as np

from bot.backtest.history import History
from bot.backtest.model import BacktestCycle, BacktestFill, BacktestRun, Engine, OpenPosition, Terms
from bot.domain.ladder import build_ladder
from bot.domain.market import MarketRules, Side, Symbol
from bot.domain.money import EXACT, Base, Price, Quote
from bot.domain.params import StrategyParams

D = Decimal
BTC = Symbol("BTCUSDT", "BTC", "USDT")
RULES = MarketRules(BTC, D("0.01"), D("0.000001"), D(0), Quote.of(5))
_ZERO = D(0)


def history_of(rows, *, scale=2, step_ms=60_000, start=1_700_000_000_000, times=None) -> History:
    """Rows of (open, high, low, close) in quote."""
    table = np.array([[int(D(str(x)).scaleb(scale)) for x in row] for row in rows], dtype=np.int64)
    at = np.array(
        times if times is not None else [start + i * step_ms for i in range(len(rows))], dtype=np.int64
    )
    return History("rows", BTC.name, step_ms, scale, at, *(np.ascontiguousarray(table[:, i]) for i in range(4)))  # fmt: skip


@dataclass
class Walk:
    """`losses` at each candle's low and `equities` at its close are the oracle for the figures."""

    params: StrategyParams
    terms: Terms
    history: History
    fills: list = field(default_factory=list)
    cycles: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    equities: list = field(default_factory=list)
    cycle: int = 0
    k: int = -1
    bought: Decimal = _ZERO
    spent: Decimal = _ZERO
    dust: Decimal = _ZERO
    dust_cost: Decimal = _ZERO
    increment: Decimal = _ZERO
    realised: Decimal = _ZERO
    started: int = 0
    last: Decimal = _ZERO

    def __post_init__(self):
        self.ladder = build_ladder(self.params)
        self.wallet = self.terms.opening_balance(self.params).value
        self.limit = self.params.saldo_limite

    @property
    def held(self) -> Decimal:
        return self.bought * (1 - self.params.taxa) + self.dust

    @property
    def cost(self) -> Decimal:
        return self.spent + self.dust_cost

    def exit_price(self) -> Decimal:
        return self.ladder.exit_price(self.k, Quote(self.spent), Base(self.bought), self.terms.rules).value

    def rebuy(self):
        if self.k >= self.params.limite_recompras:
            return None
        amount = self.ladder.amounts[self.k + 1] + self.increment
        price = self.ladder.rebuy_price(self.k + 1, Price(self.last), self.terms.rules)
        value = self.terms.rules.lot_down(Quote(amount).buys_at(price)).at(price).value
        if self.spent + amount > self.limit or value > self.wallet:
            return None
        return amount, price.value

    def run(self) -> "Walk":
        unit = D(1).scaleb(-self.history.scale)
        columns = (self.history.opens, self.history.highs, self.history.lows, self.history.closes)
        with_exit = -1
        for i, row in enumerate(zip(*(map(int, column) for column in columns), strict=True)):
            first, high, low, last = (x * unit for x in row)
            amount = min(self.ladder.amounts[0] + self.increment, self.params.saldo_limite or D("1e99"))
            if self.k < 0 and with_exit != i and amount <= self.wallet:
                price = self.terms.rules.tick_up(Price(first * (1 + self.terms.slippage))).value
                self.cycle, self.started, self.k = self.cycle + 1, int(self.history.times[i]), 0
                self.limit = self.params.saldo_limite or self.wallet
                self.buy(i, price, amount)
            rising = last >= first
            path = (first, first, low, high, last) if rising else (first, first, high, low, last)
            for n, (a, b) in enumerate(pairwise(path)):
                while self.k >= 0 and b <= a and (order := self.rebuy()) and order[1] >= b:
                    self.k += 1
                    self.buy(i, order[1], order[0])
                if self.k >= 0 and b >= a and self.exit_price() <= b:
                    self.sell(i, self.exit_price())
                    with_exit = i
                if n == (1 if rising else 2):
                    self.losses.append(self.cost - self.held * low * (1 - self.params.taxa))
            self.equities.append(self.realised + self.held * last * (1 - self.params.taxa) - self.cost)
        return self

    def buy(self, i: int, price: Decimal, amount: Decimal) -> None:
        quantity = self.terms.rules.lot_down(Quote(amount).buys_at(Price(price))).value
        self.bought, self.spent, self.last = self.bought + quantity, self.spent + quantity * price, price
        self.wallet -= quantity * price
        self.note(i, Side.BUY, price, quantity)

    def sell(self, i: int, price: Decimal) -> None:
        held, cost = self.held, self.cost
        sold = self.terms.rules.lot_down(Base(held)).value
        fee = sold * price * self.params.taxa
        profit = sold * price - fee - (cost - EXACT.divide(EXACT.multiply(cost, held - sold), held))
        self.wallet += sold * price - fee
        self.note(i, Side.SELL, price, sold)
        self.cycles.append(
            BacktestCycle(
                self.started, int(self.history.times[i]), self.k, Quote(self.spent), Quote(profit),
                Quote(self.spent * self.params.taxa), Quote(fee),
            )
        )  # fmt: skip
        self.realised = EXACT.add(self.realised, profit)
        if self.params.lucro_reaplicar and profit > 0:
            self.increment += EXACT.divide(profit, D(self.params.limite_recompras + 1))
        self.dust, self.dust_cost = held - sold, EXACT.divide(EXACT.multiply(cost, held - sold), held)
        self.bought = self.spent = D(0)
        self.k = -1

    def note(self, i: int, side: Side, price: Decimal, quantity: Decimal) -> None:
        self.fills.append(
            BacktestFill(
                int(self.history.times[i]), i, self.cycle, side, self.k, Price(price), Base(quantity)
            )
        )

    def result(self) -> BacktestRun:
        with localcontext(EXACT):
            return self._result()

    def _result(self) -> BacktestRun:
        still = None
        if self.k >= 0:
            close = self.history.price(int(self.history.closes[-1])).value
            value = self.held * close * (1 - self.params.taxa)
            still = OpenPosition(
                Base(self.held),
                Quote(self.cost),
                self.k,
                Quote(value),
                Quote(value - self.cost),
                self.started,
            )
        return BacktestRun(
            self.params, self.terms, tuple(self.fills), tuple(self.cycles), Quote(self.realised), still, Engine.EXACT
        )  # fmt: skip


def walk(params: StrategyParams, history: History, terms: Terms | None = None) -> Walk:
    """The walk, done; decimals are kept to the house's 60 digits."""
    with localcontext(EXACT):
        return Walk(params, terms or Terms(RULES), history).run()
