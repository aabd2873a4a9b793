"""Random strategies, rules and candles, seeded: what the fast engine is held against the exact one with."""

import random
from decimal import Decimal

import numpy as np

from bot.backtest.history import History
from bot.backtest.model import Terms
from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Base, Quote
from bot.domain.params import Curve, CurveChoice, StrategyParams
from bot.domain.validation import problems

D = Decimal


def drawn(seed: str, *, calm: bool = False) -> StrategyParams:
    """A valid strategy; `calm` ones trade seldom."""
    dice = random.Random(seed)
    while True:
        params = _one(dice, calm=calm)
        if not problems(params):
            return params


def _one(dice: random.Random, *, calm: bool) -> StrategyParams:
    rungs = dice.choice((0, 1, 2, 3, 4, 5, 9, 20, 20, 20, 50, 200))
    first = _pick(dice, "10", "50", "100", "300", "1000", "333.33", "299.99")
    low, high = sorted((_pick(dice, "5", "50", "120.5", "300"), _pick(dice, "50", "600", "1000", "5000")))
    fee = _pick(dice, "0", "0", "0.001", "0.001", "0.00075", "0.002", "0.01", "0.000333")
    least = 2 * fee + fee * fee * 3 + D("0.0001")
    wide = D(dice.choice((1, 1, 2, 5))) if calm else D(dice.choice(("0.2", "0.3", "0.5", "1")))
    target = max(least, _near(dice, D("0.035") * wide))
    floor = max(least, _near(dice, D("0.006") * wide))
    drop = min(D("0.3"), _near(dice, D("0.01") * wide))
    drop_low = min(drop, _near(dice, D("0.004") * wide))
    limit = dice.choice((D(0), first, first * 3, D(5000), D(5000), D(100_000)))
    return StrategyParams(
        qty_inicial=first,
        multiplicador_qty=_pick(dice, "1", "1.02", "1.05", "1.3", "0.97", "1.0375", "2"),
        qty_minima=low,
        qty_maxima=high,
        lucro_alvo_inicial=target,
        multiplicador_lucro=_pick(dice, "1", "0.95", "0.9", "1.1", "0.973"),
        lucro_alvo_minimo=min(target, floor),
        lucro_alvo_maximo=max(target, floor) * dice.choice((1, 2)),
        recompra_queda_inicial=drop,
        multiplicador_recompra=_pick(dice, "1", "1.05", "0.9", "1.5", "1.013"),
        recompra_queda_minimo=drop_low,
        recompra_queda_maximo=min(D("0.5"), drop * dice.choice((1, 2, 3))),
        limite_recompras=rungs,
        taxa=fee,
        saldo_limite=limit if not limit or limit >= first else first,
        lucro_reaplicar=dice.random() < 0.6,
        curva_qty=_curve(dice, rungs, first, low, high, 0),
        curva_lucro=_curve(dice, rungs, target, floor, target, 0),
        curva_recompra=_curve(dice, rungs, drop, drop_low, drop * 2, 1),
    )


def _pick(dice: random.Random, *texts: str) -> Decimal:
    return D(dice.choice(texts))


def _near(dice: random.Random, around: Decimal) -> Decimal:
    """A few digits as people type them, or many."""
    digits = dice.choice((1, 2, 3, 4, 12))
    value = around * D(str(dice.uniform(0.4, 1.6)))
    return +round(value, digits - value.adjusted() - 1)


def _curve(
    dice: random.Random, rungs: int, start: Decimal, low: Decimal, high: Decimal, first_rung: int
) -> CurveChoice:
    curve = dice.choice((Curve.GEOMETRIC, Curve.GEOMETRIC, *Curve))
    if curve is Curve.GEOMETRIC:
        return CurveChoice()
    if curve is Curve.SPLINE:
        if rungs - first_rung < 2:
            return CurveChoice()
        middle = (first_rung + rungs) // 2
        return CurveChoice(curve, points=((first_rung, start), (middle, (low + high) / 2), (rungs, high)))
    return CurveChoice(curve, end=high if dice.random() < 0.5 else None)


def rules_drawn(seed: str, scale: int) -> MarketRules:
    """Ticks and lots of several pairs, some coarser than the file's prices and some no power of ten."""
    dice = random.Random(seed)
    tick = dice.choice(
        (D("0.01"), D("0.01"), D("0.1"), D("0.5"), D("0.05"), D(1), D("0.025"), D(1).scaleb(-scale))
    )
    lot = dice.choice(
        (D("0.000001"), D("0.000001"), D("0.00001"), D("0.0001"), D("0.00000001"), D("0.0000025"))
    )
    quote_step = dice.choice((D(0), D("0.01"), D("0.00000001"), D("0.1"), D("0.0000001"), D(1)))
    most = dice.choice((Base(D(0)), Base(D(0)), Base(D(0)), Base(D(1)), Base(D("0.05"))))
    return MarketRules(
        Symbol("BTCUSDT", "BTC", "USDT"),
        tick,
        lot,
        quote_step,
        Quote(dice.choice((D(0), D(1), D(5), D(10)))),
        min_quantity=Base(dice.choice((D(0), lot, D("0.0005")))),
        max_quantity=most,
    )


def terms_drawn(seed: str, scale: int) -> Terms:
    dice = random.Random(seed + "/terms")
    balance = dice.choice((None, None, None, None, Quote(D(2000)), Quote(D(400)), Quote(D(1_000_000))))
    slippage = dice.choice((D(0), D(0), D(0), D("0.0005"), D("0.003"), D("0.03")))
    return Terms(rules_drawn(seed + "/rules", scale), slippage, balance)


def window(history: History, seed: str, length: int) -> History:
    """A stretch of a history, somewhere."""
    start = random.Random(seed + "/window").randrange(max(1, len(history) - length))
    columns = (history.times, history.opens, history.highs, history.lows, history.closes)
    cut = (column[start : start + length] for column in columns)
    return History(history.source, history.symbol, history.step_ms, history.scale, *cut)


def made_up(
    seed: int, length: int, *, start: int = 6_000_000, scale: int = 2, spread: float = 0.0006
) -> History:
    """A random walk of candles, with gaps at the open and now and then a leap; all prices above 0."""
    dice = np.random.default_rng(seed)
    steps = dice.normal(0, spread, length) + np.where(
        dice.random(length) < 0.002, dice.normal(0, 0.02, length), 0
    )
    closes = np.maximum(2, np.rint(start * np.exp(np.cumsum(steps - steps.mean())))).astype(np.int64)
    before = np.concatenate(([start], closes[:-1]))
    gaps = np.where(dice.random(length) < 0.2, dice.normal(0, spread * 2, length), 0)
    opens = np.maximum(2, np.rint(before * np.exp(gaps))).astype(np.int64)
    wick = np.abs(dice.normal(0, spread, (2, length)))
    highs = np.maximum(
        np.rint(np.maximum(opens, closes) * np.exp(wick[0])).astype(np.int64), np.maximum(opens, closes)
    )
    lows = np.minimum(
        np.rint(np.minimum(opens, closes) * np.exp(-wick[1])).astype(np.int64), np.minimum(opens, closes)
    )
    times = 1_600_000_000_000 + 60_000 * np.arange(length, dtype=np.int64)
    return History("made up", "BTCUSDT", 60_000, scale, times, opens, highs, np.maximum(1, lows), closes)
