"""A person's wish made into a job: whose candles, which rules, from when to when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.backtest.jobs import Contender, Job, Kind, RealFill, Source
from bot.domain.orders import Leg
from bot.domain.params import StrategyParams
from bot.errors import NotAllowed
from bot.ports import BookStore, Environment, FillRecord, Person, RunStatus, Strategy
from bot.ports.backtests import RunBook
from bot.service.backtest_wishes import MINUTE_MS, Span, span_of
from bot.service.backtests import Backtests
from bot.service.core import Service

MOST_SETS = 300
MOST_SECONDS = 60.0
"""An optimisation in the chat ends with whichever comes first."""
SURVIVAL_PERIOD = "1y"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where histories are kept, and how much disk they may take."""

    folder: Path
    most_mb: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What a backtest is about: a saved strategy, or the form's draft (`strategy_id` None)."""

    strategy_id: int | None
    name: str
    environment: Environment
    pair: str
    params: StrategyParams

    @classmethod
    def of(cls, strategy: Strategy) -> "Subject":
        """What was chosen last counts."""
        return cls(strategy.id, strategy.name, strategy.environment, strategy.symbol.name, strategy.chosen)


class BacktestDesk:
    """Every call names the person; another's strategy is NotAllowed("no_such_strategy")."""

    def __init__(
        self,
        *,
        service: Service,
        store: BookStore,
        queue: Backtests,
        book: RunBook,
        sources: Callable[[Environment], Source],
        shelf: Shelf,
    ) -> None:
        self._service = service
        self._store = store
        self._sources = sources
        self._shelf = shelf
        self.queue = queue
        self.book = book

    async def job(
        self,
        person: Person,
        kind: Kind,
        subjects: Sequence[Subject],
        *,
        pair: str,
        period: str,
        dark: bool,
        fields: Sequence[str] = (),
    ) -> Job:
        """The first subject's exchange gives rules and candles; InvalidInput for a pair or a period that is none."""
        span = span_of(period, self._service.now(), many=kind in {Kind.SURVIVAL, Kind.OPTIMIZE})
        return await self._made(person, kind, subjects, pair=pair, span=span, dark=dark, fields=fields)

    async def against(self, person: Person, strategy: Strategy, *, dark: bool) -> Job:
        """The strategy's real fills, and the minutes they fell in; NotAllowed("backtest_no_fills") without any.

        The minutes end now, for a fill that comes while the job waits is not among these, and no candle may ask for
        it; behind a locked vault, or paused, nothing is heard of the exchange, and they end with the last fill.
        """
        now = self._service.now()
        hears = strategy.status is RunStatus.RUNNING and (await self._service.vault_state(person)).unlocked
        records = await self._store.fills(person.id, strategy.id)
        if not records:
            raise NotAllowed("backtest_no_fills")
        fills = tuple(_real(record) for record in records)
        last = now if hears else min(now, fills[-1].time + MINUTE_MS)
        span = Span(MINUTE_MS, start=_minute(fills[0].time), end=_minute(last))
        subject = Subject(
            strategy.id, strategy.name, strategy.environment, strategy.symbol.name, strategy.params
        )
        pair = strategy.symbol.name
        over = strategy.status is RunStatus.IDLE
        return await self._made(
            person, Kind.AGAINST, [subject], pair=pair, span=span, dark=dark, fills=fills, over=over
        )

    def on_disk(self, job: Job) -> bool:
        """Whether anything of the pair is kept; a sandbox's past is asked for anew each time, and costs nothing."""
        kept = self._shelf.folder / job.source.exchange / job.rules.symbol.name
        return job.source.rest is not None or next(kept.glob("*/*.parquet"), None) is not None

    async def _made(
        self,
        person: Person,
        kind: Kind,
        subjects: Sequence[Subject],
        *,
        pair: str,
        span: Span,
        dark: bool,
        fields: Sequence[str] = (),
        fills: tuple[RealFill, ...] = (),
        over: bool = False,
    ) -> Job:
        environment = subjects[0].environment
        rules = await self._service.public(environment).rules(pair)
        return Job(
            kind=kind,
            source=self._sources(environment),
            rules=rules,
            contenders=tuple(Contender(s.name, s.params) for s in subjects),
            step_ms=span.step_ms,
            start=span.start,
            end=span.end,
            length_ms=span.length_ms,
            shelf=self._shelf.folder,
            shelf_mb=self._shelf.most_mb,
            locale=person.locale or "en",
            dark=dark,
            fields=tuple(fields),
            most_sets=MOST_SETS,
            most_s=MOST_SECONDS,
            fills=fills,
            over=over,
        )


def _real(record: FillRecord) -> RealFill:
    fill = record.fill
    return RealFill(
        time=fill.at,
        cycle=record.cycle,
        leg=Leg(record.leg).value,
        k=record.k,
        side=fill.side,
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_coin=fill.fee_coin,
        exec_id=fill.exec_id,
    )


def _minute(time: int) -> int:
    return time - time % MINUTE_MS
