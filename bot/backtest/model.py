"""What a backtest is given, and what it gives back."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bot.domain.ladder import amounts
from bot.domain.market import MarketRules, Side
from bot.domain.money import Base, Price, Quote, total_quote
from bot.domain.params import StrategyParams


class Engine(StrEnum):
    FAST = "fast"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Terms:
    """The world of a run beside the candles.

    `slippage` is a fraction on top of each first buy's price. `balance` is the free quote at the beginning;
    None stands for saldo_limite, or for the ladder's full cost where saldo_limite is 0.
    """

    rules: MarketRules
    slippage: Decimal = Decimal(0)
    balance: Quote | None = None

    def opening_balance(self, params: StrategyParams) -> Quote:
        """The free quote at the beginning: what is given, else saldo_limite, else all the amounts of the ladder."""
        if self.balance is not None:
            return self.balance
        return Quote(params.saldo_limite) if params.saldo_limite else total_quote(map(Quote, amounts(params)))


@dataclass(frozen=True, slots=True)
class BacktestFill:
    """A whole order filled. `time` is the open time (ms UTC) of candle number `candle`; `cycle` counts from 1.

    `k` is 0 for a first buy, the rung for a re-buy, and the re-buys that had filled for an exit.
    """

    time: int
    candle: int
    cycle: int
    side: Side
    k: int
    price: Price
    quantity: Base


@dataclass(frozen=True, slots=True)
class BacktestCycle:
    """A cycle that was closed by its exit; `start` and `end` are its first and last fill's times.

    `spent` is what its buys cost; `base_fees_value` lists the buy fees taken in coins, valued at their fills.
    """

    start: int
    end: int
    rebuys: int
    spent: Quote
    net_profit: Quote
    base_fees_value: Quote
    sell_fees: Quote


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """What is held when the history ends: `value` is at the last close less taxa, `unrealised` that less the cost."""

    held: Base
    cost: Quote
    rebuys: int
    value: Quote
    unrealised: Quote
    start: int


@dataclass(frozen=True, slots=True)
class BacktestRun:
    """One run. `fell_back` says why the fast engine was asked for and the exact one ran, None otherwise."""

    params: StrategyParams
    terms: Terms
    fills: tuple[BacktestFill, ...]
    cycles: tuple[BacktestCycle, ...]
    net_profit: Quote
    open: OpenPosition | None
    engine: Engine
    fell_back: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
