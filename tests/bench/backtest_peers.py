"""The same ladder in other people's engines, and in a plain loop as the control: run by the bench in a venv of its own.

`python tests/bench/backtest_peers.py vectorbt|loop|backtesting FILE`, with .venv-bench's Python: prints one line of
json. The peers get an easier task: doubles for decimals, no ticks, no lots, no limit, no reinvestment, no dust, and (vectorbt)
at most one fill a candle.
"""

import gzip
import json
import sys
import time

import numpy as np

REBUYS, FEE = 20, 0.001


def read(path):
    with gzip.open(path) as stream:
        return np.loadtxt(stream, delimiter=",", skiprows=1, usecols=(0, 1, 2, 3, 4)).T


def ladder():
    """Amounts and targets of rungs 0 to REBUYS, drops of re-buys 1 to REBUYS and one that is never reached."""
    rungs = np.arange(REBUYS + 1)
    amounts = np.minimum(300.0 * 1.02**rungs, 600.0)
    targets = np.maximum(0.008 * 0.95**rungs, 0.005)
    drops = np.minimum(0.0225 * 1.05**rungs, 0.08)
    drops[-1] = 2.0
    return amounts, targets, drops


def plain_loop(opens, highs, lows, closes, amounts, targets, drops, fee):
    """Every candle is looked at, in doubles; the path inside it as in docs/strategy.md."""
    fills, k, bought, spent, profit = 0, -1, 0.0, 0.0, 0.0
    buy, sell, waiting = 0.0, 0.0, True
    for i in range(len(opens)):
        if waiting:
            waiting = False
            k, bought, spent = 0, amounts[0] / opens[i], amounts[0]
            buy, sell = opens[i] * (1 - drops[0]), spent / bought * (1 + targets[0])
            fills += 1
        if lows[i] > buy and highs[i] < sell:
            continue
        rising = closes[i] >= opens[i]
        if rising and opens[i] >= sell:
            waiting = True
        if not rising:
            while opens[i] <= buy:
                k += 1
                spent, bought = spent + amounts[k], bought + amounts[k] / buy
                buy, sell = buy * (1 - drops[k]), spent / bought * (1 + targets[k])
                fills += 1
            waiting = highs[i] >= sell
        if not waiting:
            while lows[i] <= buy:
                k += 1
                spent, bought = spent + amounts[k], bought + amounts[k] / buy
                buy, sell = buy * (1 - drops[k]), spent / bought * (1 + targets[k])
                fills += 1
            waiting = (highs[i] if rising else closes[i]) >= sell
        if waiting:
            profit += bought * (1 - fee) * sell * (1 - fee) - spent
            fills += 1
    return fills, profit


def best(repeat, function, *args):
    """The least processor seconds of several calls, and the last answer."""
    least, answer = float("inf"), None
    for _ in range(repeat):
        began = time.process_time()
        answer = function(*args)
        least = min(least, time.process_time() - began)
    return least, answer


def loop(path):
    from numba import njit

    _, opens, highs, lows, closes = read(path)
    args = (opens, highs, lows, closes, *ladder(), FEE)
    began = time.process_time()
    compiled = njit(plain_loop)
    compiled(*args)
    compiling = time.process_time() - began
    seconds, (fills, _) = best(30, compiled, *args)
    return {"run": seconds, "compile": compiling, "fills": int(fills)}


def vectorbt(path):
    import pandas as pd
    import vectorbt as vbt
    from numba import njit
    from vectorbt.portfolio import nb
    from vectorbt.portfolio.enums import NoOrder

    times, opens, highs, lows, closes = read(path)
    amounts, targets, drops = ladder()

    @njit
    def order(c, opens, highs, lows, amounts, targets, drops, fee, state):
        """State: k, bought, spent, buy, sell; k is -1 between cycles."""
        i = c.i
        if state[0] < 0:
            state[0], state[1], state[2] = 0, amounts[0] / opens[i], amounts[0]
            state[3], state[4] = opens[i] * (1 - drops[0]), opens[i] * (1 + targets[0])
            return nb.order_nb(size=state[1], price=opens[i], fees=fee)
        if lows[i] <= state[3]:
            k, price = int(state[0]) + 1, state[3]
            size = amounts[k] / price
            state[0], state[1], state[2] = k, state[1] + size, state[2] + amounts[k]
            state[3] = price * (1 - drops[k])
            state[4] = state[2] / state[1] * (1 + targets[k])
            return nb.order_nb(size=size, price=price, fees=fee)
        if highs[i] >= state[4]:
            size = state[1]
            state[0] = -1
            return nb.order_nb(size=-size, price=state[4], fees=fee)
        return NoOrder

    index = pd.to_datetime(times.astype("int64"), unit="ms")
    close = pd.Series(closes, index=index)

    def once():
        state = np.full(5, -1.0)
        portfolio = vbt.Portfolio.from_order_func(
            close, order, opens, highs, lows, amounts, targets, drops, FEE, state, init_cash=1e9, freq="1min"
        )
        return len(portfolio.order_records), portfolio.final_value()

    began = time.process_time()
    once()
    compiling = time.process_time() - began
    seconds, (fills, _) = best(5, once)
    return {"run": seconds, "compile": compiling, "fills": fills}


def backtesting(path):
    import warnings

    import pandas as pd
    from backtesting import Strategy
    from backtesting.lib import FractionalBacktest

    warnings.simplefilter("ignore")
    table = pd.read_csv(path)
    table.columns = ["time", "Open", "High", "Low", "Close", "Volume"]
    table.index = pd.to_datetime(table.pop("time"), unit="ms")
    amounts, targets, drops = ladder()
    lot = 1e-6

    class Ladder(Strategy):
        def init(self):
            self.k = -1

        def next(self):
            held = len(self.trades)
            if not held:
                if not self.orders:
                    self.k = -1
                    self.buy(size=round(amounts[0] / self.data.Close[-1]))
                elif self.k >= 0:
                    for order in self.orders:
                        order.cancel()
                    self.k = -1
                return
            if held - 1 == self.k:
                return
            self.k = held - 1
            for order in self.orders:
                order.cancel()
            # prices are those of a lot here
            bought = sum(trade.size for trade in self.trades)
            average = sum(trade.size * trade.entry_price for trade in self.trades) / bought
            self.sell(size=bought, limit=average * (1 + targets[self.k]))
            if self.k < REBUYS:
                price = self.trades[-1].entry_price * (1 - drops[self.k])
                self.buy(size=round(amounts[self.k + 1] / price), limit=price)

    began = time.process_time()
    test = FractionalBacktest(table, Ladder, cash=1e9, commission=FEE, fractional_unit=lot)
    stats = test.run()
    trades = stats["_trades"]
    return {"run": time.process_time() - began, "fills": len(trades) + trades["ExitBar"].nunique()}


if __name__ == "__main__":
    print(
        json.dumps({"loop": loop, "vectorbt": vectorbt, "backtesting": backtesting}[sys.argv[1]](sys.argv[2]))
    )
