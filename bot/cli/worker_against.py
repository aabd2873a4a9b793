"""Real fills against the backtest in a worker: the figures and the named differences of one card."""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from bot.backtest.against_live import Beside, Overlay, lay_over
from bot.backtest.differences import Difference, FeesDiffer, FirstBuySlipped
from bot.backtest.history import History
from bot.backtest.jobs import Job
from bot.domain.market import Side
from bot.domain.money import Base, Price, Quote, plain
from bot.errors import InvalidInput

_MOST = 40
"""Differences on a card; it says how many there are in all."""


def overlaid(job: Job, history: History) -> Overlay:
    """InvalidInput where no fill lies within the candles. One in the candle that is not closed yet is left out."""
    end = int(history.times[-1]) + history.step_ms
    fills = [fill for fill in job.fills if fill.time < end]
    if not fills:
        raise InvalidInput("fills", "no candle of these hours is closed yet", key="too_early")
    later = job.fills[len(fills) :]
    params = job.contenders[0].params
    return lay_over(fills, params, job.rules, history, unplaced=job.unplaced, later=later, over=job.over)


def against_card(job: Job, found: Overlay) -> dict[str, Any]:
    named = [one for one in found.differences if not isinstance(one, FirstBuySlipped | FeesDiffer)]
    return {
        "name": job.contenders[0].name,
        "cycles": [_cycle(one) for one in found.cycles[-_MOST:]],
        "total": len(found.cycles),
        "same": found.same,
        "slippage": plain(found.slippage),
        "fees": plain(found.fees.value),
        "expected_fees": plain(found.expected_fees.value),
        "net_profit": plain(found.net_profit.value),
        "tested_net_profit": plain(found.tested_net_profit.value),
        "differences": [_packed(one) for one in named[:_MOST]],
        "differences_in_all": len(named),
    }


def _cycle(one: Beside) -> dict[str, Any]:
    return {
        "cycle": one.cycle,
        "rebuys": one.rebuys,
        "tested_rebuys": one.tested_rebuys,
        "net_profit": None if one.net_profit is None else plain(one.net_profit.value),
        "tested_net_profit": None if one.tested_net_profit is None else plain(one.tested_net_profit.value),
        "same": one.same,
    }


def _packed(one: Difference) -> Mapping[str, Any]:
    """Its name and its fields, amounts as decimal text."""
    packed: dict[str, Any] = {"kind": type(one).__name__}
    for field in fields(one):
        packed[field.name] = _plain(getattr(one, field.name))
    return packed


def _plain(value: object) -> object:
    match value:
        case Price() | Base() | Quote():
            return plain(value.value)
        case Decimal():
            return plain(value)
        case Side():
            return value.value
        case _:
            return value
