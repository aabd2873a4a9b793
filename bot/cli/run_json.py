"""A run as JSON, and what to warn of beside it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.backtest import run_json
from bot.backtest.history import History
from bot.backtest.model import BacktestRun
from bot.domain.market import Side
from bot.domain.money import plain
from bot.domain.plan import build_plan


def run_as_json(run: BacktestRun, load_s: float) -> dict[str, Any]:
    """As in a report's json, with the seconds that loading and running took."""
    seconds = {"load": round(load_s, 6), "run": round(run.seconds.get("run", 0.0), 6)}
    return {**run_json.run_as_json(run), "seconds": seconds}


def warnings(run: BacktestRun, history: History) -> Iterator[str]:
    """What may surprise in a run over this history that is right."""
    rules, params = run.terms.rules, run.params
    if run.fell_back is not None:
        yield f"the exact engine ran, not the fast one: {run.fell_back}"
    if run.fills:
        for problem in build_plan(params, rules, run.fills[0].price).problems:
            yield f"a strategy like this is refused at its setup: {problem}"
        last = run.fills[-1]
        if last.side is Side.SELL and last.candle < len(history) - 1:
            at = f"{datetime.fromtimestamp(last.time / 1000, UTC):%Y-%m-%d %H:%M}"
            yield f"nothing was bought after the exit of {at}: a first buy takes more than is left, or less than a lot"
        return
    first, free = params.qty_inicial, run.terms.opening_balance(params).value
    reason = f"{plain(first)} never buys a quantity step of {plain(rules.lot_step)}"
    if free < first:
        reason = f"the first buy takes {plain(first)} and the balance is {plain(free)}"
    elif first < rules.min_notional.value:
        reason = f"the first buy of {plain(first)} is under the least order of {rules.min_notional}"
    yield f"nothing was bought: {reason}"
