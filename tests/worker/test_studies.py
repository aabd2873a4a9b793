"""What a worker makes of candles: an optimisation judged on what it had not seen, and real fills laid over."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.backtest.exact import run_exact
from bot.backtest.jobs import Contender, Kind, RealFill
from bot.backtest.model import Terms
from bot.cli.worker_against import against_card, overlaid
from bot.cli.worker_optimize import axis_of, optimize_card, swept
from bot.cli.worker_survival import survival_card, survival_of
from bot.domain.market import Side
from bot.domain.params import BY_NAME, StrategyParams
from bot.domain.validation import check_field
from bot.errors import InvalidInput
from handlers.optimize_views import FIELDS
from tests.backtest.candles import real
from tests.worker.test_history import RULES, job

LIVELY = StrategyParams(
    lucro_alvo_inicial=Decimal("0.006"),
    lucro_alvo_minimo=Decimal("0.004"),
    recompra_queda_inicial=Decimal("0.003"),
    recompra_queda_minimo=Decimal("0.001"),
)


@pytest.fixture(scope="module")
def month():
    history = real("binance_BTCUSDT_5m_202208-202309")
    return history.between(None, int(history.times[0]) + 30 * 86_400_000)


def quiet(*told: object) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("name", FIELDS.values())
@pytest.mark.parametrize("params", [StrategyParams(), LIVELY], ids=["defaults", "lively"])
def test_an_axis_holds_short_values_around_the_present_one(name, params):
    axis = axis_of(params, name)
    assert 10 <= len(axis.values) <= 60, axis
    assert getattr(params, name) in axis.values
    for value in axis.values:
        check_field({}, name, value)
        assert len(str(value)) <= 7
    assert BY_NAME[name]


def test_choices_are_made_on_one_part_and_judged_on_the_other(month, tmp_path):
    fields = ("lucro_alvo_inicial", "recompra_queda_inicial")
    wish = job("", tmp_path, kind=Kind.OPTIMIZE, fields=fields, most_sets=60, most_s=60.0)
    wish = replace(wish, contenders=(Contender("a", LIVELY),))
    card = optimize_card(wish, swept(wish, month, quiet))
    assert card["sets"] <= 60
    assert card["complete"]
    assert month.times[0] < card["unseen_from"] < month.times[-1]
    best, base = card["choices"][0], card["choices"][-1]
    assert base["kind"] == "base"
    assert set(best["changes"]) == set(fields)
    assert Decimal(best["seen"]["worst"]) <= Decimal(base["seen"]["worst"]) + Decimal("0.01")
    alone = run_exact(LIVELY, Terms(RULES), month.between(card["unseen_from"], None))
    assert base["unseen"]["cycles"] == len(alone.cycles)


def test_the_time_is_kept(month, tmp_path):
    wish = job("", tmp_path, kind=Kind.OPTIMIZE, fields=("lucro_alvo_inicial",), most_sets=10**7, most_s=1.5)
    found = swept(replace(wish, contenders=(Contender("a", LIVELY),)), month, quiet)
    assert not found.sweep.complete
    assert not optimize_card(wish, found)["complete"]


def test_a_history_too_short_to_part_is_refused(month, tmp_path):
    short = month.between(None, int(month.times[1]))
    wish = job("", tmp_path, kind=Kind.OPTIMIZE, fields=("lucro_alvo_inicial",), most_sets=10, most_s=5.0)
    with pytest.raises(InvalidInput) as refused:
        swept(wish, short, quiet)
    assert refused.value.key == "too_short"


def test_survival_starts_at_every_hour(month, tmp_path):
    wish = replace(job("", tmp_path, kind=Kind.SURVIVAL), contenders=(Contender("a", LIVELY),))
    card = survival_card(wish, survival_of(wish, month, quiet))
    assert abs(card["starts"] - 30 * 24) <= 2
    for name in ("out_of_rebuys", "out_of_money", "still_open"):
        assert 0 <= Decimal(card[name]) <= 1


def real_fills(history) -> tuple[RealFill, ...]:
    """What an exchange would have reported of this very backtest, twenty seconds into each candle."""
    run = run_exact(LIVELY, Terms(RULES), history)
    found = []
    for fill in run.fills:
        buys = fill.side is Side.BUY
        leg = ("r" if fill.k else "e") if buys else "x"
        amount = fill.quantity.value * (1 if buys else fill.price.value)
        found.append(
            RealFill(
                fill.time + 20_000, fill.cycle, leg, fill.k, fill.side, fill.price, fill.quantity,
                amount * LIVELY.taxa, "BTC" if buys else "USDT",
            )
        )  # fmt: skip
    return tuple(found)


def test_fills_that_are_the_backtests_are_told_so_and_a_missing_one_is_named(month, tmp_path):
    fills = real_fills(month)
    wish = replace(job("", tmp_path, kind=Kind.AGAINST), contenders=(Contender("a", LIVELY),))
    card = against_card(wish, overlaid(replace(wish, fills=fills), month))
    assert card["same"] == card["total"] > 5
    assert card["differences"] == []
    gone = next(i for i, fill in enumerate(fills) if fill.leg == "r")
    late = (*fills[:gone], *fills[gone + 1 :])
    card = against_card(wish, overlaid(replace(wish, fills=late), month))
    assert card["same"] < card["total"]
    assert "MissedTouch" in {one["kind"] for one in card["differences"]}


def test_a_fill_in_the_minute_that_is_not_closed_is_left_out(month, tmp_path):
    fills = real_fills(month)
    after = replace(fills[-1], time=int(month.times[-1]) + month.step_ms + 1, cycle=fills[-1].cycle)
    wish = replace(job("", tmp_path, kind=Kind.AGAINST), contenders=(Contender("a", LIVELY),))
    assert overlaid(replace(wish, fills=(*fills[:-1], after)), month).cycles
    with pytest.raises(InvalidInput) as refused:
        overlaid(replace(wish, fills=(after,)), month)
    assert refused.value.key == "too_early"
