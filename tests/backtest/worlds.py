"""Random strategies, terms and candles that a strategy may run on."""

import random
from decimal import Decimal

from hypothesis import assume
from hypothesis import strategies as st

from bot.backtest.history import History
from bot.backtest.model import Terms
from bot.domain.money import Quote
from bot.domain.params import Curve, CurveChoice, StrategyParams
from bot.domain.validation import problems
from tests.backtest.candles import START, from_columns, rules_of


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False)


CURVES = st.sampled_from([Curve.LINEAR, Curve.POWER, Curve.EXPONENTIAL, Curve.LOGARITHMIC])


@st.composite
def strategies(draw: st.DrawFn, *, curved: bool = False) -> StrategyParams:
    """Valid parameters, lively enough to trade on a few candles."""
    first = draw(st.one_of(st.just(Decimal(300)), decimals("20", "2000", 2)))
    low, high = sorted([draw(decimals("10", "1000", 1)), draw(decimals("10", "1000", 1))])
    drops = sorted([draw(decimals("0.001", "0.08", 4)), draw(decimals("0.001", "0.2", 4))])
    targets = sorted([draw(decimals("0.001", "0.05", 4)), draw(decimals("0.001", "0.2", 4))])
    chosen = {}
    if curved:
        for name in ("curva_qty", "curva_lucro", "curva_recompra"):
            if draw(st.booleans()):
                chosen[name] = CurveChoice(draw(CURVES))
    params = StrategyParams(
        qty_inicial=first,
        multiplicador_qty=draw(decimals("0.5", "2.5", 2)),
        qty_minima=low,
        qty_maxima=high,
        lucro_alvo_inicial=draw(decimals("0.002", "0.1", 4)),
        multiplicador_lucro=draw(decimals("0.5", "1.5", 3)),
        lucro_alvo_minimo=targets[0],
        lucro_alvo_maximo=targets[1],
        recompra_queda_inicial=draw(decimals("0.001", "0.1", 4)),
        multiplicador_recompra=draw(decimals("0.5", "2", 3)),
        recompra_queda_minimo=drops[0],
        recompra_queda_maximo=drops[1],
        limite_recompras=draw(st.one_of(st.integers(0, 6), st.integers(0, 60))),
        taxa=draw(st.sampled_from([Decimal(0), Decimal("0.001"), Decimal("0.00075"), Decimal("0.0004")])),
        saldo_limite=draw(st.one_of(st.just(Decimal(0)), decimals("0", "20000", 2).map(lambda x: x + first))),
        lucro_reaplicar=draw(st.booleans()),
        **chosen,
    )
    assume(not problems(params))
    return params


@st.composite
def worlds(draw: st.DrawFn) -> Terms:
    """Fine and coarse rules, with and without a balance and slippage."""
    rules = rules_of(
        tick=draw(st.sampled_from(["0.01", "0.5", "0.1", "0.003", "1"])),
        lot=draw(st.sampled_from(["0.000001", "0.000001", "0.00001", "0.001", "0.1", "1"])),
        minimum=draw(st.sampled_from(["0", "5", "60"])),
        quote_step=draw(st.sampled_from(["0", "0", "0.01", "1"])),
    )
    return Terms(
        rules,
        draw(st.sampled_from([Decimal(0), Decimal("0.0005"), Decimal("0.03")])),
        draw(st.one_of(st.none(), st.none(), decimals("100", "9000", 2).map(Quote))),
    )


@st.composite
def histories(draw: st.DrawFn, most: int = 120) -> History:
    """A random path from about 100, 1,000 or 20,000, calm or wild, with jumps between candles and missing ones."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    count, scale = draw(st.integers(1, most)), draw(st.sampled_from([0, 2, 3]))
    wild = draw(st.sampled_from([20, 100, 400]))
    price = draw(st.sampled_from([100, 1000, 20000])) * 10**scale
    jumpy, gappy = draw(st.booleans()), draw(st.booleans())
    times, table, time = [], [], START
    for _ in range(count):
        moves = (chance.randint(-wild, wild) for _ in range(3))
        points = [price, *(max(2, price + price * move // 10_000) for move in moves)]
        first, last = points[0], points[1]
        table.append([first, max(points), min(points), last])
        times.append(time)
        time += 60_000 * (chance.randint(1, 4) if gappy else 1)
        price = last
        if jumpy and chance.random() < 0.2:
            price = max(2, price + price * chance.randint(-3 * wild, 3 * wild) // 10_000)
    return from_columns("random", times, table, step_ms=60_000, scale=scale)
