"""The ladder that is measured, its neighbours, and a sweep worker's work: light, for a worker's memory is measured."""

import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from bot.backtest.model import Terms
from bot.backtest.prepared import Prepared
from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Quote
from bot.domain.params import StrategyParams

D = Decimal
TERMS = Terms(MarketRules(Symbol("BTCUSDT", "BTC", "USDT"), D("0.01"), D("0.000001"), D("0.01"), Quote(D(5))))
LADDER = replace(
    StrategyParams(),
    saldo_limite=D(0),
    lucro_alvo_inicial=D("0.008"),
    recompra_queda_inicial=D("0.0225"),
    multiplicador_recompra=D("1.05"),
    recompra_queda_maximo=D("0.08"),
)
"""The default ladder of 20 re-buys, wider, so that it trades all through 2018 (841 fills): the peers' too."""


def sets_of(count: int, seed: int = 1) -> list[StrategyParams]:
    """Neighbours of the ladder, five parameters drawn anew for each, no two alike."""
    dice = random.Random(seed)
    return [
        replace(
            LADDER,
            lucro_alvo_inicial=D(dice.randrange(700, 1000)).scaleb(-5),
            multiplicador_lucro=D(dice.randrange(9000, 10000)).scaleb(-4),
            recompra_queda_inicial=D(dice.randrange(2150, 2450)).scaleb(-5),
            multiplicador_recompra=D(dice.randrange(10350, 10600)).scaleb(-4),
            qty_inicial=D(dice.randrange(200, 400)),
        )
        for _ in range(count)
    ]


def work(job: tuple[Prepared, int, int]) -> tuple[int, float]:
    """One batch: how many sets were not proven, and the most memory so far in MB."""
    from bot.backtest import batch

    prepared, seed, count = job
    answer = batch.evaluate(prepared, TERMS, sets_of(count, seed))
    return int((answer["proven"] == 0).sum()), peak_mb()


def peak_mb(pid: int | str = "self") -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0) / 1024
