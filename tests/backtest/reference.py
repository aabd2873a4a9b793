"""A backtest written a second time, straight from docs/strategy.md: fractions, every candle, no core and no search.

Nothing of the program computes here: progressions, roundings, money and books are this file's own, but for curves
that no fraction can hold (e, ln, a spline), which the core's ladder gives.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from bot.backtest.history import History
from bot.backtest.model import Terms
from bot.domain import ladder
from bot.domain.params import Curve, StrategyParams

F = Fraction


class Unspecified(Exception):  # noqa: N818
    """The definition leaves this open (a first buy that can never be sold): no example of the rules."""


def clamp(x: F, low: F, high: F) -> F:
    return max(low, min(high, x))


def progression(p: StrategyParams, choice, names: tuple[str, ...], count: int, given) -> list[F]:
    start, factor, low, high, end = (F(getattr(p, name)) for name in names)
    if choice.curve is Curve.GEOMETRIC:
        values = [start]
        while len(values) < count:
            values.append(clamp(values[-1] * factor, low, high))
        return values[:count]
    whole_power = choice.curve is Curve.POWER and factor.denominator == 1
    if choice.curve is Curve.LINEAR or whole_power:
        end = F(choice.end) if choice.end is not None else end
        shares = [F(i, max(count - 1, 1)) ** (int(factor) if whole_power else 1) for i in range(count)]
        return [start, *(clamp(start + (end - start) * x, low, high) for x in shares[1:])][:count]
    return [F(value) for value in given(p)]


@dataclass
class Reference:
    """Runs at once; `fills` are (candle, side, k, price, quantity), `profits` and the rest in fractions of quote."""

    params: StrategyParams
    terms: Terms
    history: History
    fills: list[tuple[int, str, int, F, F]] = field(default_factory=list)
    profits: list[F] = field(default_factory=list)
    holding: bool = False
    waiting_for_money: bool = False

    def __post_init__(self):
        self.increment = self.dust = self.dust_cost = F(0)
        p, rules = self.params, self.terms.rules
        n = p.limite_recompras
        self.q = progression(
            p,
            p.curva_qty,
            ("qty_inicial", "multiplicador_qty", "qty_minima", "qty_maxima", "qty_maxima"),
            n + 1,
            ladder.amounts,
        )
        self.p = progression(
            p,
            p.curva_lucro,
            (
                "lucro_alvo_inicial",
                "multiplicador_lucro",
                "lucro_alvo_minimo",
                "lucro_alvo_maximo",
                "lucro_alvo_minimo",
            ),
            n + 1,
            ladder.targets,
        )
        self.d = progression(
            p,
            p.curva_recompra,
            (
                "recompra_queda_inicial",
                "multiplicador_recompra",
                "recompra_queda_minimo",
                "recompra_queda_maximo",
                "recompra_queda_maximo",
            ),
            n,
            ladder.drops,
        )
        self.tick, self.lot, self.least = F(rules.tick), F(rules.lot_step), F(rules.min_notional.value)
        self.taxa = F(p.taxa)
        given = self.terms.balance
        self.cash = F(given.value) if given is not None else F(p.saldo_limite) or sum(self.q)
        self._go()

    def _lot_down(self, x: F) -> F:
        return floor(x / self.lot) * self.lot

    def _go(self):
        unit = F(1, 10**self.history.scale)
        columns = (self.history.opens, self.history.highs, self.history.lows, self.history.closes)
        for candle, cells in enumerate(zip(*columns, strict=True)):
            self.candle = candle
            first, high, low, last = (int(cell) * unit for cell in cells)
            if not self.holding:
                self._first_buy(first)
            points = [first, low, high, last] if last >= first else [first, high, low, last]
            for point in points if self.holding else []:
                self._stand_at(point)
                if not self.holding:
                    break

    def _stand_at(self, point: F):
        """A segment is straight, so what its far end does not touch, nothing on the way does."""
        while self.buy is not None and point <= self.buy[0]:
            price, quantity = self.buy
            self.k += 1
            self._book_buy(price, quantity)
        if self.sell is not None and point >= self.sell[0]:
            self._exit(*self.sell)

    def _first_buy(self, first: F):
        if self.waiting_for_money:
            return
        capped = F(self.params.saldo_limite)
        limit, wanted = capped or self.cash, self.q[0] + self.increment
        amount = wanted = min(wanted, capped) if capped else wanted
        if step := F(self.terms.rules.quote_step):
            amount = floor(amount / step) * step
        if self.cash < wanted or amount < self.least:
            self.waiting_for_money = True
            return
        price = ceil(first * (1 + F(self.terms.slippage)) / self.tick) * self.tick
        quantity = self._lot_down(amount / price)
        if not quantity:
            return
        self.holding, self.limit, self.k, self.bought, self.spent = True, limit, 0, F(0), F(0)
        self._book_buy(price, quantity)
        if self.buy is None and self.sell is None:
            raise Unspecified

    def _book_buy(self, price: F, quantity: F):
        self.fills.append((self.candle, "buy", self.k, price, quantity))
        self.bought += quantity
        self.spent += price * quantity
        self.cash -= price * quantity
        self.buy = self._rebuy_below(price)
        held = self.bought * (1 - self.taxa) + self.dust
        target = self.spent / self.bought * (1 + self.p[self.k])
        exit_price, offered = ceil(target / self.tick) * self.tick, self._lot_down(held)
        self.sell = (exit_price, offered) if offered and exit_price * offered >= self.least else None

    def _rebuy_below(self, last: F) -> tuple[F, F] | None:
        if self.k >= self.params.limite_recompras:
            return None
        price = floor(last * (1 - self.d[self.k]) / self.tick) * self.tick
        amount = self.q[self.k + 1] + self.increment
        if price <= 0 or self.spent + amount > self.limit:
            return None
        quantity = self._lot_down(amount / price)
        if not quantity or quantity * price < self.least or quantity * price > self.cash:
            return None
        return price, quantity

    def _exit(self, price: F, quantity: F):
        self.fills.append((self.candle, "sell", self.k, price, quantity))
        received = price * quantity * (1 - self.taxa)
        held, cost = self.held, self.cost
        profit = received - cost * quantity / held
        self.profits.append(profit)
        self.cash += received
        self.dust, self.dust_cost = held - quantity, cost * (held - quantity) / held
        self.holding = False
        if self.params.lucro_reaplicar and profit > 0:
            self.increment += profit / (self.params.limite_recompras + 1)

    @property
    def held(self) -> F:
        return self.bought * (1 - self.taxa) + self.dust

    @property
    def cost(self) -> F:
        return self.spent + self.dust_cost
