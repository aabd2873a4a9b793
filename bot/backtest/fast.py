"""The fast path of one backtest, and the choice between it and the exact one."""

from dataclasses import replace
from time import perf_counter

from bot.backtest.exact import run_exact
from bot.backtest.history import History
from bot.backtest.index import Tree, grow
from bot.backtest.kernel_plain import LeftToExact, PlainRun
from bot.backtest.ledger import keep_books
from bot.backtest.model import BacktestRun, Engine, Terms
from bot.domain.params import StrategyParams


def tree_of(history: History) -> Tree:
    """The tree that runs over the same candles share, for any pair's rules: a few milliseconds for a year."""
    return grow(history.lows, history.highs)


def run(
    params: StrategyParams,
    terms: Terms,
    history: History,
    engine: Engine = Engine.FAST,
    tree: Tree | None = None,
) -> BacktestRun:
    """Run a strategy whose `params` are valid over candles, 1 or more.

    The fast engine gives the fills of the exact one; where it cannot, the exact one runs and `fell_back` says why.
    """
    if engine is Engine.EXACT:
        return run_exact(params, terms, history)
    try:
        return run_fast(params, terms, history, tree)
    except LeftToExact as why:
        return replace(run_exact(params, terms, history), fell_back=str(why))


def run_fast(params: StrategyParams, terms: Terms, history: History, tree: Tree | None = None) -> BacktestRun:
    """The run by the fast engine alone; LeftToExact where only the exact one can. `tree` is tree_of(history)."""
    began = perf_counter()
    walk = PlainRun(params, terms, history, tree or tree_of(history))
    walk.to_the_end()
    books = keep_books(walk.fills, params, history)
    return BacktestRun(
        params=params,
        terms=terms,
        fills=tuple(walk.fills),
        cycles=books.cycles,
        net_profit=books.net_profit,
        open=books.open,
        engine=Engine.FAST,
        seconds={"run": perf_counter() - began},
    )
