"""Real fills on a stand-in, laid over the stand-in's candles: the engine, the exchange and the worker over sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from bot.backtest.jobs import Job, RealFill
from bot.cli.worker_against import against_card, overlaid
from bot.cli.worker_history import candles_of
from bot.cli.worker_played import placed
from bot.domain.events import StopMode
from bot.domain.market import MarketRules, Side
from bot.domain.state import Phase
from bot.errors import InvalidInput, Unavailable
from bot.ports import Environment, Person, Strategy
from bot.processes import WorkerProcesses
from bot.sandbox.candles import Candle, random_source
from bot.sandbox.desk import CoreRules
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.orders import Execution, Kind
from bot.service.backtest_desk import BacktestDesk, Shelf, Source
from bot.service.views import VaultState
from tests.backtest.test_three_agree import SCALP, AtRest
from tests.engine.house import EngineHouse, engine_house
from tests.worker.test_studies import quiet

CANDLES = 120
BURST = 4
"""Candles that pass before a market that waits for nobody lets the engine come after."""
NOW = 1_800_000_000_000
PATH = tuple(islice(random_source(1).stream(), 2 * CANDLES))
AT = {candle.open_time_ms: number for number, candle in enumerate(PATH)}


@dataclass
class Played:
    house: EngineHouse
    strategy: Strategy
    rules: MarketRules

    async def walk(self, candles: int = CANDLES) -> None:
        """Candle by candle, as fast as the market's lockstep lets it; then wait for the books."""
        for _ in range(candles):
            await self.house.venue.market.step()
        await self.house.quiet(self.strategy)

    async def job(self, folder: Path, *, unlocked: bool = True) -> Job:
        """As the bot writes it when a person asks."""
        rest = self.house.venue.rest_url
        person = await self.house.store.person(self.strategy.person_id)
        desk = BacktestDesk(
            service=_Service(self.rules, unlocked=unlocked),  # type: ignore[arg-type]
            store=self.house.store,
            queue=None,  # type: ignore[arg-type]
            book=None,  # type: ignore[arg-type]
            sources=lambda environment: Source(environment.value, rest),
            shelf=Shelf(folder / "shelf", 50),
        )
        assert person is not None
        job = await desk.against(person, await self.house.fresh(self.strategy), dark=False)
        return replace(job, folder=folder)

    @property
    def executions(self) -> list[Execution]:
        return self.house.venue.core.executions["demo"]

    def of(self, fill: RealFill) -> Execution:
        return next(one for one in self.executions if one.exec_id == fill.exec_id)

    def with_its_first_buy(self, fill: RealFill) -> bool:
        """Whether it was made in the candle of its cycle's first buy: where in that the path stood, nobody can tell."""
        market = [one for one in self.executions if one.kind is Kind.MARKET and one.seq < self.of(fill).seq]
        return market[-1].candle_ms == self.of(fill).candle_ms

    def forget(self, *fills: RealFill) -> None:
        """As an earlier version of the stand-in stored them: without their candles."""
        ids = {fill.exec_id for fill in fills}
        self.executions[:] = [
            replace(one, candle_ms=None) if one.exec_id in ids else one for one in self.executions
        ]


class _Service:
    """What a desk asks of the service: the pair's rules, the time, and whether the vault is open."""

    def __init__(self, rules: MarketRules, *, unlocked: bool) -> None:
        self._rules = rules
        self._unlocked = unlocked

    async def vault_state(self, person: Person) -> VaultState:
        return VaultState(
            exists=True, unlocked=self._unlocked, unattended=False, can_be_unattended=False, environments=()
        )

    def public(self, environment: Environment) -> "_Service":
        return self

    async def rules(self, pair: str) -> MarketRules:
        return self._rules

    def now(self) -> int:
        return NOW


@asynccontextmanager
async def playing(*, backtest_rules: bool = False, lockstep: bool = True) -> AsyncIterator[Played]:
    """The engine's first buy is done or waits; the market stands."""
    async with engine_house(rules=CoreRules(backtest_rules=backtest_rules), lockstep=None) as house:
        person = await house.person()
        strategy = await house.strategy(person, SCALP)
        exchange = house.build(Environment.SANDBOX_BYBIT, house.vault.keys[person.id])
        rules = await exchange.rules("BTCUSDT")
        await exchange.close()
        await house.supervisor.run(strategy)
        if lockstep:
            at_rest = house.venue.market._lockstep = AtRest(house, strategy)
            house.venue.core.listeners.append(lambda batch: at_rest.executed(batch.account))
        await house.until(strategy, lambda s: s.phase in {Phase.ENTERING, Phase.HOLDING})
        yield Played(house, strategy, rules)


async def laid(job: Job) -> dict[str, Any]:
    """What the worker does, without its process."""

    def worked() -> dict[str, Any]:
        ready = placed(job)
        history = candles_of(ready, quiet)
        return {**against_card(ready, overlaid(ready, history)), "start": ready.start, "end": ready.end}

    return await asyncio.to_thread(worked)


async def refused(job: Job) -> str | None:
    with pytest.raises(InvalidInput) as why:
        await laid(job)
    return why.value.key


async def test_on_backtest_rules_all_is_the_same_and_the_process_says_so(tmp_path):
    async with playing(backtest_rules=True) as played:
        await played.walk()
        job = await played.job(tmp_path)
        async with aclosing(WorkerProcesses().run(job.packed())) as lines:
            said = [line async for line in lines]
    card = said[-1]["done"]["card"]
    assert card["same"] == card["total"] > 5
    assert card["differences"] == []
    assert card["slippage"] == "0"
    assert card["fees"] == card["expected_fees"]
    assert card["net_profit"] == card["tested_net_profit"] != "0"
    assert (card["source"], card["step_ms"]) == ("sandbox", 300_000)
    assert card["start"] == PATH[0].open_time_ms


async def test_at_the_market_only_first_buys_differ_and_by_what_is_measured(tmp_path):
    async with playing() as played:
        await played.walk()
        card = await laid(await played.job(tmp_path))
        paid = [one for one in played.executions if one.kind is Kind.MARKET]
    assert card["same"] == card["total"] > 5
    assert card["differences"] == []
    # at the market the next buy comes at its exit's very point, and a backtest's with the next candle
    opens = [PATH[AT[one.candle_ms] + bool(number)].open for number, one in enumerate(paid)]
    expected = sum(one.value for one in paid) / sum(
        one.qty * price for one, price in zip(paid, opens, strict=True)
    )
    assert Decimal(card["slippage"]) == pytest.approx(expected - 1, abs=Decimal("1e-20"))
    assert expected != 1


async def test_a_fill_that_never_came_is_named_with_the_candle_that_touched_it(tmp_path):
    async with playing() as played:
        await played.walk()
        job = await played.job(tmp_path)
        lost = next(fill for fill in job.fills if fill.leg == "r" and not played.with_its_first_buy(fill))
        card = await laid(replace(job, fills=tuple(fill for fill in job.fills if fill is not lost)))
        made = played.of(lost)
    missed = next(one for one in card["differences"] if one["kind"] == "MissedTouch")
    assert (missed["cycle"], missed["side"], missed["k"]) == (lost.cycle, "buy", lost.k)
    assert (missed["time"], missed["price"]) == (made.candle_ms, str(made.price))
    assert card["same"] < card["total"]


async def test_what_a_market_that_waits_for_nobody_does_to_fills_is_told_truly(tmp_path):
    """Each difference held against the candles and the exchange's own books, whatever it may be this time."""
    async with playing(lockstep=False) as played:
        for _ in range(CANDLES // BURST):
            await played.walk(BURST)
        job = await played.job(tmp_path)
        card = await laid(job)
        made = {fill.exec_id: played.of(fill) for fill in job.fills}
    kinds = Counter(one["kind"] for one in card["differences"])
    print(f"\n{card['same']} of {card['total']} cycles the same; {dict(kinds)}")
    assert card["total"] > 3
    assert kinds
    for one in card["differences"]:
        mine = [f for f in job.fills if (f.cycle, f.side.value) == (one["cycle"], one.get("side"))]
        own = [made[f.exec_id] for f in mine if f.k == one["k"]]
        if one["kind"] == "MissedTouch":
            assert not own
            assert reaches(PATH[AT[one["time"]]], one["side"], one["price"])
        elif one["kind"] in {"ExtraFill", "OtherPrice"}:
            assert sum(e.value for e in own) / sum(e.qty for e in own) == Decimal(one["price"])
            assert one["time"] in {e.candle_ms for e in own}
        elif one["kind"] == "OtherTime":
            assert one["time"] in {e.candle_ms for e in own}
            assert abs(one["time"] - one["tested"]) > 300_000
        else:
            assert one["kind"] == "OtherQuantity", one
            assert sum(e.qty for e in own) == Decimal(one["quantity"])


def reaches(candle: Candle, side: str, price: str) -> bool:
    return candle.low <= Decimal(price) if side == Side.BUY.value else candle.high >= Decimal(price)


async def test_the_hours_end_before_a_fill_that_the_job_has_not_heard_of(tmp_path):
    """The market goes on while a worker starts; what it touches then was not missed."""
    async with playing() as played:
        await played.walk()
        job = await played.job(tmp_path)
        for known in range(len(job.fills) // 3, len(job.fills), 3):
            heard = replace(job, fills=job.fills[:known])
            after = played.of(job.fills[known]).candle_ms
            if played.of(heard.fills[0]).candle_ms == after:
                continue
            card = await laid(heard)
            assert card["differences"] == []
            assert card["end"] == after
        whole = await laid(job)
        assert whole["end"] == played.house.venue.market.candle.open_time_ms


async def test_cycles_without_their_candles_are_left_out_and_still_carry_what_they_left(tmp_path):
    async with playing() as played:
        await played.walk()
        job = await played.job(tmp_path)
        whole = await laid(job)
        played.forget(job.fills[0], next(fill for fill in job.fills if fill.cycle == 2))
        card = await laid(job)
        assert card["total"] == card["same"] == whole["total"] - 2
        assert card["cycles"] == whole["cycles"][2:]
        played.forget(*job.fills)
        assert await refused(job) == "sandbox_clock"


async def test_a_stand_in_that_lost_its_memory_knows_nothing_of_these_fills(tmp_path):
    """It numbers fills as before: the same ids, of other times."""
    async with playing() as played:
        await played.walk(20)
        job = await played.job(tmp_path)
        older = replace(job, fills=tuple(replace(fill, time=fill.time - 1) for fill in job.fills))
        assert await refused(older) == "sandbox_clock"
    async with SandboxExchange(ExchangeOptions(paused=True)) as other:
        elsewhere = replace(job, source=replace(job.source, rest=other.rest_url))
        assert await refused(elsewhere) == "sandbox_clock"
    with pytest.raises(Unavailable):
        await laid(elsewhere)


async def test_fills_of_the_candle_under_way_are_asked_for_too_early(tmp_path):
    async with playing() as played:
        await played.house.quiet(played.strategy)
        job = await played.job(tmp_path)
        assert len(job.fills) == 1
        assert await refused(job) == "too_early"


async def test_the_hours_end_now_and_with_the_last_fill_where_nothing_more_is_heard(tmp_path):
    """On an exchange of the real world the bot's own clock tells; behind a locked vault fills go by unheard."""
    async with playing() as played:
        await played.walk(20)
        hearing, deaf = await played.job(tmp_path), await played.job(tmp_path, unlocked=False)
        await played.house.supervisor.stop(await played.house.fresh(played.strategy), StopMode.KEEP_COINS)
        await played.house.until(played.strategy, lambda s: s.phase is Phase.IDLE)
        stopped = await played.job(tmp_path)
    last = hearing.fills[-1].time
    assert hearing.end == NOW
    assert deaf.end == stopped.end == last - last % 60_000 + 60_000
    assert [job.over for job in (hearing, deaf, stopped)] == [False, False, True]
