"""Hundreds of strategies through hundreds of bad days (seeded): nothing is lost, doubled, oversold or stuck."""

import random
from decimal import Decimal

import pytest

from bot.domain.notices import PutBack, RebuyFilled, Refused, Stopped
from bot.domain.params import StrategyParams
from tests.domain.chaos import Chaos, Weather
from tests.domain.invariants import after_every_event, when_all_is_quiet
from tests.domain.venue import FeeCoin, Venue, fine_rules

_MARKETS = [
    ("60000", fine_rules()),
    ("100", fine_rules(lot="0.001")),
    ("0.5", fine_rules(tick="0.0001", lot="0.1", quote="0.0001")),
    ("2000", fine_rules(tick="1", lot="0.001", minimum="10")),
]


def one_day(seed: int, steps: int = 200) -> Chaos:
    """A random strategy on a random market in random weather; every invariant is checked on the way."""
    rng = random.Random(f"day {seed}")
    price, rules = rng.choice(_MARKETS)
    params = _strategy(rng)
    venue = Venue(
        rules,
        price,
        taxa=rng.choice(["0", "0.001", "0.00075"]),
        fee_coin=rng.choice([FeeCoin.RECEIVED, FeeCoin.RECEIVED, FeeCoin.QUOTE, FeeCoin.THIRD]),
        base=rng.choice(["0", "0.7"]),
        quote=rng.choice(["100000", "100000", "100000", "900"]),
    )
    weather = rng.choice(
        [
            Weather(),
            Weather(crash=0.05, drop=0.2),
            Weather(part=0.9, by_hand=0.08),
            Weather(delay=30_000, lose_cancel=0.3),
            Weather(refuse=0.15, reject_late=0.1, lose_order=0.1),
            Weather(unfilled_market=0.4, part=0.95),
        ]
    )
    day = Chaos(seed, params, venue, weather, after_every_event)
    day.run(steps, stride=float(params.recompra_queda_inicial) * rng.choice([0.8, 2]))
    day.quiesce()
    when_all_is_quiet(day)
    return day


def _strategy(rng: random.Random) -> StrategyParams:
    def ratio(low: float, high: float) -> Decimal:
        return Decimal(str(round(rng.uniform(low, high), 4)))

    first = Decimal(rng.choice([20, 60, 100, 300]))
    drop = ratio(0.004, 0.03)
    return StrategyParams(
        qty_inicial=first,
        multiplicador_qty=ratio(0.8, 1.6),
        qty_minima=Decimal(20),
        qty_maxima=Decimal(rng.choice([100, 600])),
        lucro_alvo_inicial=ratio(0.004, 0.04),
        multiplicador_lucro=ratio(0.8, 1.1),
        lucro_alvo_minimo=Decimal("0.003"),
        lucro_alvo_maximo=Decimal("0.05"),
        recompra_queda_inicial=drop,
        multiplicador_recompra=ratio(0.9, 1.3),
        recompra_queda_minimo=Decimal("0.003"),
        recompra_queda_maximo=Decimal("0.05"),
        limite_recompras=rng.choice([0, 1, 2, 4, 8]),
        saldo_limite=rng.choice([Decimal(0), first, first * 2, first * 5, Decimal(5000)]),
        lucro_reaplicar=rng.choice([True, False]),
    )


def sweep(seeds: range) -> None:
    for seed in seeds:
        try:
            one_day(seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


@pytest.mark.parametrize("block", range(8))
def test_no_bad_day_breaks_a_strategy(block: int) -> None:
    sweep(range(block * 12, block * 12 + 12))


def test_the_days_are_bad_enough_to_mean_something() -> None:
    days = [one_day(seed) for seed in range(1000, 1010)]
    assert sum(d.state.cycles_done for d in days) > 20
    assert sum(len(d.told(RebuyFilled)) for d in days) > 20
    for notice in [PutBack, Refused, Stopped]:
        assert any(d.told(notice) for d in days)


def test_a_seed_gives_the_same_day_again() -> None:
    first, second = one_day(7), one_day(7)
    assert first.journal == second.journal
    assert first.state == second.state


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("block", range(40))
def test_no_bad_day_of_thousands_breaks_a_strategy(block: int) -> None:
    start = 10_000 + block * 250
    sweep(range(start, start + 250))
