"""A run as JSON: decimals as strings without exponent, times in ms UTC. Apart from the figures, which load much more.

Fills are exact; what comes from divisions (profits of cycles, costs) is rounded to 28 significant digits.
"""

from decimal import Context
from typing import Any

from bot.backtest.model import BacktestRun, OpenPosition
from bot.domain.money import Quote, plain

_PRINTED = Context(prec=28)


def run_as_json(run: BacktestRun) -> dict[str, Any]:
    """Fills, closed cycles, net profit and the open position (None if there is none), as `backtest --json` has them."""
    return {
        "fills": [
            {
                "time": fill.time,
                "side": fill.side.value,
                "k": fill.k,
                "price": str(fill.price),
                "quantity": str(fill.quantity),
            }
            for fill in run.fills
        ],
        "cycles": [
            {
                "start": cycle.start,
                "end": cycle.end,
                "rebuys": cycle.rebuys,
                "net_profit": _text(cycle.net_profit),
            }
            for cycle in run.cycles
        ],
        "net_profit": _text(run.net_profit),
        "open": _open(run.open),
        "engine": run.engine.value,
        "seconds": run.seconds,
    }


def _open(position: OpenPosition | None) -> dict[str, Any] | None:
    if position is None:
        return None
    return {
        "held": plain(_PRINTED.plus(position.held.value)),
        "cost": _text(position.cost),
        "rebuys": position.rebuys,
        "value": _text(position.value),
        "unrealised": _text(position.unrealised),
    }


def _text(value: Quote) -> str:
    return plain(_PRINTED.plus(value.value))
