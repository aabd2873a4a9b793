"""A run as JSON, and what to warn of beside it."""

from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Any

from bot.backtest.model import BacktestRun
from bot.domain.money import plain
from bot.domain.plan import build_plan

_PRINTED = Context(prec=28)


def run_as_json(run: BacktestRun, load_s: float) -> dict[str, Any]:
    """Decimals as strings without exponent, times in ms UTC.

    Prices and quantities are exact; what comes from a division (profits, costs) is rounded to 28 digits.
    """
    held = run.open
    return {
        "fills": [
            {
                "time": fill.time,
                "side": fill.side.value,
                "k": fill.k,
                "price": plain(fill.price.value),
                "quantity": plain(fill.quantity.value),
            }
            for fill in run.fills
        ],
        "cycles": [
            {
                "start": cycle.start,
                "end": cycle.end,
                "rebuys": cycle.rebuys,
                "net_profit": _rounded(cycle.net_profit.value),
            }
            for cycle in run.cycles
        ],
        "net_profit": _rounded(run.net_profit.value),
        "open": None
        if held is None
        else {
            "held": _rounded(held.held.value),
            "cost": _rounded(held.cost.value),
            "rebuys": held.rebuys,
            "value": _rounded(held.value.value),
            "unrealised": _rounded(held.unrealised.value),
        },
        "engine": run.engine.value,
        "seconds": {"load": round(load_s, 6), "run": round(run.seconds.get("run", 0.0), 6)},
    }


def warnings(run: BacktestRun) -> Iterator[str]:
    """What may surprise in a run that is right."""
    rules, params = run.terms.rules, run.params
    if run.fell_back is not None:
        yield f"the exact engine ran, not the fast one: {run.fell_back}"
    if run.fills:
        for problem in build_plan(params, rules, run.fills[0].price).problems:
            yield f"a strategy like this is refused at its setup: {problem}"
        return
    first, free = params.qty_inicial, run.terms.opening_balance(params).value
    reason = f"{plain(first)} never buys a quantity step of {plain(rules.lot_step)}"
    if free < first:
        reason = f"the first buy takes {plain(first)} and the balance is {plain(free)}"
    elif first < rules.min_notional.value:
        reason = f"the first buy of {plain(first)} is under the least order of {rules.min_notional}"
    yield f"nothing was bought: {reason}"


def _rounded(value: Decimal) -> str:
    return plain(_PRINTED.plus(value))
