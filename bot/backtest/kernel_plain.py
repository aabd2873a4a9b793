"""One run in plain Python, in the very decimals of the exact path but without its objects: for a single run from cold.

Importing numba costs more than this takes. Every sum is the one that the core does (bot.domain), in its order and
with its 60 digits, so there is nothing to prove; what the ladder does not say by itself is left to the exact path.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from bot.backtest.history import History
from bot.backtest.index import Tree, next_touch
from bot.backtest.model import BacktestFill, Terms
from bot.domain.ladder import build_ladder
from bot.domain.market import Side
from bot.domain.money import EXACT, Base, Price
from bot.domain.params import StrategyParams
from bot.errors import BotError

_ZERO, _ONE = Decimal(0), Decimal(1)
_NEVER = (1 << 63) - 1
_add, _subtract, _multiply, _divide = EXACT.add, EXACT.subtract, EXACT.multiply, EXACT.divide


class LeftToExact(BotError):  # noqa: N818 - it reads as the reason that it is
    """Something that the ladder alone does not decide; the words say what."""


class PlainRun:
    """A run over candles with their tree; `fills` grows. LeftToExact where the exact path must do it."""

    def __init__(self, params: StrategyParams, terms: Terms, history: History, tree: Tree) -> None:
        rules = terms.rules
        if not rules.tick or not rules.lot_step:
            raise LeftToExact("the pair has no tick or no lot step")
        self.fills: list[BacktestFill] = []
        self._params, self._rules, self._history = params, rules, history
        self._ladder = build_ladder(params)
        self._sells = [_add(_ONE, target) for target in self._ladder.targets]
        self._keeps = [_ONE, *(_subtract(_ONE, drop) for drop in self._ladder.drops)]
        self._slipped = _add(_ONE, terms.slippage)
        self._lows, self._highs = tree.lows.data, tree.highs.data
        self._levels = tree.levels.tolist()
        self._opens, self._closes = history.opens.data, history.closes.data
        self._times = history.times.data
        self._quote = terms.opening_balance(params).value
        self._increment = self._carried = self._carried_cost = _ZERO
        self._cycle = self._k = 0
        self._limit = self._spent = self._bought = self._fees = self._last = self._sell = self._buy = _ZERO
        self._sell_lots = self._buy_lots = _ZERO
        self._sell_at, self._buy_at = _NEVER, -1

    def to_the_end(self) -> None:
        candle, end = 0, len(self._history)
        while candle < end and self._begin(candle):
            at = candle
            while True:
                at = next_touch(self._lows, self._highs, self._levels, at, self._buy_at, self._sell_at)
                if at < 0:
                    return
                if self._exits_in(at):
                    break
                at += 1
            self._sold(at)
            candle = at + 1

    def _exits_in(self, at: int) -> bool:
        """Along the candle's path; the exit is the last that can fill on it."""
        opened, close = self._opens[at], self._closes[at]
        if close >= opened:
            if opened >= self._sell_at:
                return True
            self._rebuys_down_to(self._lows[at], at)
            return self._highs[at] >= self._sell_at
        self._rebuys_down_to(opened, at)
        if self._highs[at] >= self._sell_at:
            return True
        self._rebuys_down_to(self._lows[at], at)
        return close >= self._sell_at

    def _rebuys_down_to(self, mantissa: int, at: int) -> None:
        while self._buy_at >= mantissa:
            self._k += 1
            self._bought_at(self._buy, self._buy_lots, at)

    def _begin(self, candle: int) -> bool:
        """The first buy of a cycle; False where the balance or the rules do not allow it, now and ever after."""
        saldo = self._params.saldo_limite
        self._limit = saldo or self._quote
        needed = _add(self._ladder.amounts[0], self._increment)
        if saldo and needed > saldo:
            needed = saldo
        if self._quote < needed:
            return False
        rules = self._rules
        amount = _down(needed, rules.quote_step) if rules.quote_step else needed
        if amount < rules.min_notional.value:
            return False
        raw = Decimal(self._opens[candle]).scaleb(-self._history.scale, EXACT)
        price = _up(_multiply(raw, self._slipped), rules.tick)
        lots = _down(_divide(amount, price), rules.lot_step)
        if not lots:
            raise LeftToExact("a first buy is less than a lot")
        self._cycle += 1
        self._k = 0
        self._spent = self._bought = self._fees = _ZERO
        self._bought_at(price, lots, candle)
        return True

    def _bought_at(self, price: Decimal, lots: Decimal, candle: int) -> None:
        value = _multiply(lots, price)
        self._quote = _subtract(self._quote, value)
        self._spent = _add(self._spent, value)
        self._bought = _add(self._bought, lots)
        self._fees = _add(self._fees, _multiply(lots, self._params.taxa))
        self._last = price
        self._note(Side.BUY, price, lots, candle)
        self._rest_exit()
        self._rest_rebuy()

    def _rest_exit(self) -> None:
        rules = self._rules
        held = _add(_subtract(self._bought, self._fees), self._carried)
        average = _divide(_multiply(self._spent, self._sells[self._k]), self._bought)
        price = _up(average, rules.tick)
        lots = _down(held, rules.lot_step)
        if rules.max_quantity and held > rules.max_quantity.value:
            raise LeftToExact("an exit is over the exchange's largest order")
        if not self._sellable(lots, price):
            raise LeftToExact("an exit is under the exchange's minimum order")
        self._sell, self._sell_lots = price, lots
        self._sell_at = _mantissa(price, self._history.scale, ROUND_CEILING)

    def _rest_rebuy(self) -> None:
        self._buy_at = -1
        k = self._k + 1
        if k > self._params.limite_recompras:
            return
        rules = self._rules
        price = _down(_multiply(self._last, self._keeps[k]), rules.tick)
        if price <= 0:
            return
        amount = _add(self._ladder.amounts[k], self._increment)
        if _add(self._spent, amount) > self._limit:
            return
        lots = _down(_divide(amount, price), rules.lot_step)
        if not self._sellable(lots, price) or _multiply(lots, price) > self._quote:
            return
        self._buy, self._buy_lots = price, lots
        self._buy_at = _mantissa(price, self._history.scale, ROUND_FLOOR)

    def _sold(self, candle: int) -> None:
        """The exit is booked, as Holding does (bot.domain.accounting)."""
        received = _multiply(self._sell_lots, self._sell)
        fee = _multiply(received, self._params.taxa)
        owned = _add(_subtract(self._bought, self._fees), self._carried)
        left = _subtract(owned, self._sell_lots)
        cost = _add(self._spent, self._carried_cost)
        left_cost = _divide(_multiply(cost, left), owned) if left else _ZERO
        profit = _subtract(_subtract(received, fee), _subtract(cost, left_cost))
        self._quote = _add(self._quote, _subtract(received, fee))
        self._carried, self._carried_cost = left, left_cost
        if self._params.lucro_reaplicar and profit > 0:
            share = _divide(profit, Decimal(self._params.limite_recompras + 1))
            self._increment = _add(self._increment, share)
        self._note(Side.SELL, self._sell, self._sell_lots, candle)

    def _sellable(self, lots: Decimal, price: Decimal) -> bool:
        """MarketRules.sellable."""
        rules = self._rules
        return (
            lots > 0
            and lots >= rules.min_quantity.value
            and (not rules.max_quantity or lots <= rules.max_quantity.value)
            and _multiply(lots, price) >= rules.min_notional.value
        )

    def _note(self, side: Side, price: Decimal, lots: Decimal, candle: int) -> None:
        time = self._times[candle]
        self.fills.append(BacktestFill(time, candle, self._cycle, side, self._k, Price(price), Base(lots)))


def _down(value: Decimal, step: Decimal) -> Decimal:
    return _multiply(_divide(value, step).to_integral_value(ROUND_FLOOR), step)


def _up(value: Decimal, step: Decimal) -> Decimal:
    return _multiply(_divide(value, step).to_integral_value(ROUND_CEILING), step)


def _mantissa(price: Decimal, scale: int, rounding: str) -> int:
    return int(price.scaleb(scale, EXACT).to_integral_value(rounding))
