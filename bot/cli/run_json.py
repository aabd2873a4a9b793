"""A run as JSON, and what to warn of beside it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bot.backtest import run_json
from bot.backtest.history import History
from bot.backtest.model import BacktestRun
from bot.backtest.words import Words
from bot.cli.language import reason
from bot.domain.market import Side
from bot.domain.plan import build_plan
from bot.errors import InvalidInput


def run_as_json(run: BacktestRun, load_s: float) -> dict[str, Any]:
    """As in a report's json, with the seconds that loading and running took."""
    seconds = {"load": round(load_s, 6), "run": round(run.seconds.get("run", 0.0), 6)}
    return {**run_json.run_as_json(run), "seconds": seconds}


def warnings(run: BacktestRun, history: History, language: str) -> Iterator[str]:
    """What may surprise in a run over this history that is right, in "en" or "pt_BR"."""
    words = Words(language)
    for told in _surprises(run, history):
        yield told(words)


def _surprises(run: BacktestRun, history: History) -> Iterator[Callable[[Words], str]]:
    rules, params, why = run.terms.rules, run.params, run.fell_back
    if why is not None:
        yield lambda words: words("warn.fell_back", reason=words.reason(why))
    if not run.fills:
        yield lambda words: words("warn.nothing", reason=_nothing_bought(words, run))
        return
    for problem in build_plan(params, rules, run.fills[0].price).problems:
        yield partial(_refused_at_setup, problem)
    last = run.fills[-1]
    if last.side is Side.SELL and last.candle < len(history) - 1:
        yield lambda words: words("warn.ended", at=words.moment(last.time))


def _refused_at_setup(problem: InvalidInput, words: Words) -> str:
    told = f"{problem.field}: {reason(problem, words.language)}"
    return words("warn.setup", problem=told)


def _nothing_bought(words: Words, run: BacktestRun) -> str:
    params, rules = run.params, run.terms.rules
    free, first = run.terms.opening_balance(params).value, words.number(params.qty_inicial, most=18)
    if free < params.qty_inicial:
        return words("warn.nothing.balance", first=first, free=words.number(free, most=18))
    if params.qty_inicial < rules.min_notional.value:
        return words("warn.nothing.least", first=first, least=words.number(rules.min_notional.value, most=18))
    return words("warn.nothing.lot", first=first, lot=words.number(rules.lot_step, most=18))
