"""A job's candles: as many as were asked for, kept on the shelf, and the shelf kept small."""

import asyncio
import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.backtest.jobs import Contender, Job, Kind, RealFill, Source
from bot.backtest.store import HistoryStore
from bot.cli.worker_history import _got, _make_room, candles_of
from bot.domain.market import MarketRules, Side, Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.params import Curve, CurveChoice, StrategyParams
from bot.errors import InvalidInput
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange

HOUR = 3_600_000
RULES = MarketRules(
    Symbol("BTCUSDT", "BTC", "USDT"),
    Decimal("0.01"),
    Decimal("0.000001"),
    Decimal("0.00000001"),
    Quote.of("5"),
    Base.of("0.00001"),
    Base.of("71"),
)
FILL = RealFill(5, 1, "r", 2, Side.BUY, Price.of("61680.42"), Base.of("0.005151"), Decimal("0.000005"), "BTC")


def job(rest: str, folder: Path, **more: object) -> Job:
    made = Job(
        kind=Kind.BACKTEST,
        source=Source("bybit", rest),
        rules=RULES,
        contenders=(Contender("a", StrategyParams()),),
        step_ms=300_000,
        start=None,
        end=None,
        length_ms=None,
        shelf=folder / "shelf",
        shelf_mb=100,
        locale="en",
        folder=folder,
    )
    return replace(made, **more)


@pytest.fixture
async def venue():
    async with SandboxExchange(ExchangeOptions(paused=True, past_days=40)) as made:
        yield made


async def candles(made: Job):
    return await _got(made, HistoryStore(made.shelf), lambda *told: None)


async def test_the_last_hours_of_the_exchanges_own_time(venue, tmp_path):
    found = await candles(job(venue.rest_url, tmp_path, length_ms=10 * HOUR))
    assert len(found) == 120
    again = await candles(job(venue.rest_url, tmp_path, length_ms=10 * HOUR))
    assert int(again.times[-1]) == int(found.times[-1])


async def test_what_is_longer_than_the_pairs_life_is_the_whole_of_it(venue, tmp_path):
    found = await candles(job(venue.rest_url, tmp_path, length_ms=4000 * 24 * HOUR))
    assert len(found) == 40 * 288
    assert len(await candles(job(venue.rest_url, tmp_path))) == len(found)


async def test_typed_days_before_the_first_candle_are_refused_by_name(venue, tmp_path):
    with pytest.raises(InvalidInput) as refused:
        await candles(job(venue.rest_url, tmp_path, start=1_500_000_000_000, end=1_500_100_000_000))
    assert refused.value.key == "history_before_listing"


async def test_progress_never_goes_back_and_ends_whole(venue, tmp_path):
    told: list[float] = []
    made = job(venue.rest_url, tmp_path, length_ms=15 * 24 * HOUR)
    await _got(made, HistoryStore(made.shelf), lambda stage, done, *left: told.append(done))
    assert told[0] == 0
    assert told == sorted(told)
    assert told[-1] == 1


async def test_hours_of_real_fills_without_a_closed_candle_are_asked_for_too_early(venue, tmp_path):
    under_way = venue.market.candle.open_time_ms
    hours = job(venue.rest_url, tmp_path, kind=Kind.AGAINST, start=under_way, end=under_way)
    for one in (hours, replace(hours, end=under_way + 300_000)):
        with pytest.raises(InvalidInput) as refused:
            await asyncio.to_thread(candles_of, one, lambda *told: None)
        assert refused.value.key == "too_early"
    found = await asyncio.to_thread(
        candles_of, replace(hours, start=under_way - 90_000, step_ms=60_000), lambda *told: None
    )
    assert (len(found), found.step_ms) == (1, 300_000)


def test_the_longest_unused_series_go_first_and_never_the_one_in_use(tmp_path):
    folders = [tmp_path / "bybit" / pair / "5m" for pair in ("AUSDT", "BUSDT", "CUSDT")]
    for age, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / "2022-01.parquet").write_bytes(b"x" * 1000)
        os.utime(folder, (1000 + age, 1000 + age))
    _make_room(tmp_path, 2500, spare=folders[0])
    assert [folder.exists() for folder in folders] == [True, False, True]
    _make_room(tmp_path, 10, spare=folders[0])
    assert [folder.exists() for folder in folders] == [True, False, False]


def test_a_job_is_read_as_it_was_written(tmp_path):
    params = StrategyParams(
        qty_inicial=Decimal("77.5"),
        lucro_reaplicar=False,
        curva_qty=CurveChoice(
            Curve.SPLINE, None, ((0, Decimal("77.5")), (10, Decimal(400)), (20, Decimal(600)))
        ),
    )
    made = job(
        "http://x", tmp_path, contenders=(Contender('a "b"', params),), fields=("taxa",), fills=(FILL,)
    )
    made = replace(made, unplaced=(FILL, replace(FILL, exec_id="226", k=3)), over=True)
    assert Job.unpacked(json.loads(json.dumps(made.packed()))) == made


async def test_a_line_on_the_plan_takes_what_lies_on_disk_and_asks_for_nothing(venue, tmp_path):
    line = job(venue.rest_url, tmp_path, kind=Kind.LINE, length_ms=365 * 24 * HOUR)
    line = replace(line, source=Source("bybit"))
    with pytest.raises(InvalidInput) as refused:
        candles_of(line, lambda *told: None)
    assert refused.value.key == "absent"
    kept = await candles(job(venue.rest_url, tmp_path, length_ms=50 * HOUR))
    found = candles_of(replace(line, source=Source(kept.source)), lambda *told: None)
    assert len(found) >= len(kept)  # whole months are kept
    assert int(found.times[-1]) == int(kept.times[-1])
