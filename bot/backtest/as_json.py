"""A run and its figures as JSON: decimals as strings without exponent, times in ms UTC, ratios as fractions.

Fills are exact; what comes from divisions (profits of cycles, costs, shares) is rounded to 28 significant digits.
"""

from decimal import Context, Decimal
from typing import Any

from bot.backtest.figures import Figures
from bot.backtest.model import BacktestRun
from bot.backtest.run_json import run_as_json
from bot.domain.market import MarketRules
from bot.domain.money import Quote, plain
from bot.domain.params import CurveChoice, StrategyParams, as_answers

_PRINTED = Context(prec=28)


def report_as_json(run: BacktestRun, found: Figures) -> dict[str, Any]:
    """The run, and beside it what it ran on, its figures, its months and its days."""
    history = found.timeline.history
    return {
        **run_as_json(run),
        "fell_back": run.fell_back,
        "open_since": None if run.open is None else run.open.start,
        "symbol": run.terms.rules.symbol.name,
        "source": history.source,
        "start": found.start,
        "end": found.end,
        "step_ms": history.step_ms,
        "candles": found.candles,
        "gaps": found.assumptions.gaps,
        "missing": found.assumptions.missing,
        "params": _params(run.params),
        "terms": _terms(run),
        "figures": figures_as_json(found),
        "months": [
            {
                "month": f"{month.year}-{month.month:02d}",
                "cycles": month.cycles,
                "lost": month.lost,
                "net_profit": _text(month.net_profit),
                "result": _text(month.result),
                "rebuys": month.rebuys,
                "fees": _text(month.fees),
                "worst_loss": _text(month.worst),
                "most_invested": _text(month.most_invested),
                "price_change": _text(month.price_change),
            }
            for month in found.months
        ],
        "days": [
            {"start": day.start, "equity": _text(day.equity), "invested": _text(day.invested)}
            for day in found.days
        ],
    }


def figures_as_json(found: Figures) -> dict[str, Any]:
    """Every figure by its name; the definitions stand in docs/backtests.md."""
    return {
        **_money(found),
        "cycles": found.cycles,
        "won": found.won,
        "lost": found.lost,
        "rebuys_used": list(found.rebuys_used),
        "longest_cycle_ms": found.longest_cycle_ms,
        "median_cycle_ms": found.median_cycle_ms,
        "exhausted_share": _text(found.exhausted_share),
        "exhausted_longest_ms": found.exhausted_longest_ms,
        "worst_loss": {
            "amount": _text(found.worst.amount),
            "of_budget": _text(found.worst.of_budget),
            "at": found.worst.at,
        },
        "under_water": {
            "length_ms": found.under_water.length_ms,
            "start": found.under_water.start,
            "end": found.under_water.end,
            "ended": found.under_water.ended,
        },
        "drawdown": {"amount": _text(found.drawdown.amount), "at": found.drawdown.at},
        "hold": {
            "bought": str(found.hold.bought),
            "cost": _text(found.hold.cost),
            "value": _text(found.hold.value),
            "net": _text(found.hold.net),
            "of_budget": _text(found.hold.of_budget),
            "worst_loss": _text(found.hold.worst),
        },
    }


def _money(found: Figures) -> dict[str, Any]:
    return {
        "budget": _text(found.budget),
        "net_profit": _text(found.net_profit),
        "unrealised": _text(found.unrealised),
        "result": _text(found.result),
        "most_invested": _text(found.most_invested),
        "mean_invested": _text(found.mean_invested),
        "on_invested": _text(found.on_invested),
        "on_budget": _text(found.on_budget),
        "on_invested_a_year": _text_or_none(found.on_invested_a_year),
        "on_budget_a_year": _text_or_none(found.on_budget_a_year),
        "result_of_budget": _text(found.result_of_budget),
        "fees": {
            "buys": _text(found.fees.buys),
            "sells": _text(found.fees.sells),
            "total": _text(found.fees.total),
        },
    }


def _terms(run: BacktestRun) -> dict[str, Any]:
    rules: MarketRules = run.terms.rules
    return {
        "tick": plain(rules.tick),
        "lot_step": plain(rules.lot_step),
        "quote_step": plain(rules.quote_step),
        "min_notional": str(rules.min_notional),
        "min_quantity": str(rules.min_quantity),
        "max_quantity": str(rules.max_quantity),
        "slippage": plain(run.terms.slippage),
        "balance": str(run.terms.opening_balance(run.params)),
    }


def _params(params: StrategyParams) -> dict[str, Any]:
    return {
        name: _curve(value) if isinstance(value, CurveChoice) else _answer(value)
        for name, value in as_answers(params).items()
    }


def _answer(value: Decimal | int | bool) -> Any:  # noqa: ANN401 - what JSON has for it
    return plain(value) if isinstance(value, Decimal) else value


def _curve(choice: CurveChoice) -> dict[str, Any]:
    return {
        "curve": choice.curve.value,
        "end": None if choice.end is None else plain(choice.end),
        "points": [[rung, plain(value)] for rung, value in choice.points],
    }


def _text(value: Quote | Decimal) -> str:
    return plain(_PRINTED.plus(value.value if isinstance(value, Quote) else value))


def _text_or_none(value: Decimal | None) -> str | None:
    return None if value is None else _text(value)
