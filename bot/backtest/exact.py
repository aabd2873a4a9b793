"""The exact path: the pure `decide` driven over candles, in decimals. What it fills is what a backtest means.

docs/strategy.md, "Backtest rules", is the definition. The core is asked at every fill and at nothing else.
"""

from time import perf_counter

from bot.backtest.history import History
from bot.backtest.ledger import keep_books
from bot.backtest.model import BacktestRun, Engine, Terms
from bot.domain.params import StrategyParams
from bot.errors import InvariantBroken


def run_exact(params: StrategyParams, terms: Terms, history: History) -> BacktestRun:
    """Run a strategy whose `params` are valid over candles, 1 or more; `seconds` gets "run".

    Where the free quote does not pay for a re-buy the ladder ends there, and where it does not pay for a first buy
    so does the run: nothing but its own fills ever changes the balance. A first buy that would buy less than a lot
    waits for an open low enough. InvariantBroken where the books here and those of `decide` differ.
    """
    from bot.backtest.candle_path import Walk  # noqa: PLC0415 - the core is a tenth of a cold start that seldom asks it
    from bot.backtest.desk import Desk  # noqa: PLC0415 - the same

    began = perf_counter()
    desk = Desk(params, terms)
    Walk(desk, history).to_the_end()
    books = keep_books(desk.fills, params, history)
    if [cycle.net_profit for cycle in books.cycles] != desk.booked:
        raise InvariantBroken("the books of the fills are not those that were kept while they happened")
    return BacktestRun(
        params=params,
        terms=terms,
        fills=tuple(desk.fills),
        cycles=books.cycles,
        net_profit=books.net_profit,
        open=books.open,
        engine=Engine.EXACT,
        seconds={"run": perf_counter() - began},
    )
