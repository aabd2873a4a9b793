"""What a person asks of the past and the present: profit, log, digest, pictures, and why nothing happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, available_timezones

from bot.domain.market import Side
from bot.domain.money import Price, Quote
from bot.domain.notices import CycleClosed, Digest, Earned
from bot.domain.orders import Fill
from bot.domain.state import Phase, State
from bot.engine.supervisor import Supervisor
from bot.errors import ExchangeError, InvalidInput
from bot.ports import BookStore, Candle, Clock, CycleRecord, Person, Strategy
from bot.ports.preferences import Choice, PreferenceStore, Taste, Told
from bot.service.core import Service
from bot.service.views import StatusCard

_DEFAULT_ZONES = {"pt_BR": "America/Sao_Paulo"}
_CANDLE_MINUTES = (5, 15, 60, 240)
_CANDLES = 200
_LATE_MS = 3_600_000
_LONGEST_DIGEST_DAYS = 7


class Period(StrEnum):
    """Up to now: since midnight, seven days with today, since the first of the month, always."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Sale:
    """A closed cycle and whose it was; `at` in ms UTC."""

    strategy: Strategy
    closed: CycleClosed
    at: int


@dataclass(frozen=True, slots=True)
class Profits:
    """What was sold in a period, oldest first; `start` None for always. Times in ms UTC, days in `zone`."""

    period: Period
    zone: ZoneInfo
    start: int | None
    end: int
    sales: tuple[Sale, ...]

    def groups(self) -> Mapping[tuple[bool, str], tuple[Sale, ...]]:
        """By real money or not and by coin, which are never added up; real money first."""
        keys = sorted({_group(s.strategy) for s in self.sales}, key=lambda key: (not key[0], key[1]))
        return {key: tuple(s for s in self.sales if _group(s.strategy) == key) for key in keys}

    def day(self, sale: Sale) -> date:
        return datetime.fromtimestamp(sale.at / 1000, self.zone).date()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log; `strategy` None for what concerns none."""

    told: Told
    strategy: Strategy | None


@dataclass(frozen=True, slots=True)
class Reason:
    """All that the next action of a strategy follows from."""

    card: StatusCard
    state: State


@dataclass(frozen=True, slots=True)
class Past:
    """A strategy with the market's recent prices and the fills of its cycle.

    No `candles` where none can be had: then `prices` are those that this program saw itself (ms UTC), oldest first.
    """

    reason: Reason
    candles: tuple[Candle, ...]
    fills: tuple[Fill, ...]
    prices: tuple[tuple[int, Price], ...] = ()


class Reports:
    """Reads much and writes little; every call names the person it acts for."""

    def __init__(
        self,
        *,
        store: BookStore,
        preferences: PreferenceStore,
        service: Service,
        supervisor: Supervisor,
        clock: Clock,
    ) -> None:
        self._store = store
        self._service = service
        self._supervisor = supervisor
        self._clock = clock
        self.preferences = preferences

    # --- settings -----------------------------------------------------------------------------------------------

    async def zone(self, person: Person) -> ZoneInfo:
        """The person's own time zone, or the one that goes with the language."""
        taste = await self.preferences.taste(person.id)
        return _zone(taste, person)

    async def set_zone(self, person: Person, name: str) -> ZoneInfo:
        """InvalidInput("fuso") for a name that is no time zone; upper and lower case do not matter."""
        wanted = name.strip().replace(" ", "_").lower()
        found = next((z for z in available_timezones() if z.lower() == wanted), None)
        if found is None:
            raise InvalidInput("fuso", "a time zone like America/Sao_Paulo", key="zone")
        await self._change(person, zone=found)
        return ZoneInfo(found)

    async def set_digest(self, person: Person, hour: int | None) -> None:
        """From the next time that this hour comes."""
        if hour is not None and hour not in range(24):
            raise InvalidInput("hora", "an hour from 0 to 23", key="hour")
        local = datetime.fromtimestamp(self._clock.now() / 1000, await self.zone(person))
        due = hour is not None and local.hour >= hour
        day = local.date() if due else local.date() - timedelta(days=1)
        await self._change(person, digest_hour=hour, digest_day=day.isoformat())

    async def set_dark(self, person: Person, *, dark: bool) -> None:
        await self._change(person, dark=dark)

    async def _change(self, person: Person, **changes: object) -> None:
        taste = await self.preferences.taste(person.id)
        await self.preferences.keep_taste(person.id, replace(taste, **changes))  # type: ignore[arg-type]

    async def choices(self, person: Person) -> Mapping[str, Choice]:
        return await self.preferences.choices(person.id)

    # --- the past -----------------------------------------------------------------------------------------------

    async def profits(self, person: Person, period: Period) -> Profits:
        zone, now = await self.zone(person), self._clock.now()
        start = _start_of(period, now, zone)
        sales = [
            Sale(strategy, record.closed, record.at)
            for strategy, record in await self._cycles(person)
            if start is None or record.at >= start
        ]
        return Profits(period, zone, start, now, tuple(sorted(sales, key=lambda sale: sale.at)))

    async def _cycles(self, person: Person) -> Sequence[tuple[Strategy, CycleRecord]]:
        found = []
        for strategy in await self._store.all_strategies(person.id):
            found += [(strategy, record) for record in await self._store.cycles(person.id, strategy.id)]
        return found

    async def log(self, person: Person, limit: int) -> Sequence[Entry]:
        """The last events, oldest first, told or not."""
        known = {s.id: s for s in await self._store.all_strategies(person.id)}
        told = await self.preferences.told(person.id, limit)
        return [Entry(one, known.get(one.strategy_id or 0)) for one in told]

    # --- the digest ---------------------------------------------------------------------------------------------

    async def announce_digests(self) -> None:
        """Put each digest that is due in the outbox, once a day and person; nothing where nothing happened."""
        for person_id in await self.preferences.digest_people():
            person = await self._store.person(person_id)
            if person is not None:
                await self._digest(person, await self.preferences.taste(person_id))

    async def _digest(self, person: Person, taste: Taste) -> None:
        zone, now = _zone(taste, person), self._clock.now()
        today = datetime.fromtimestamp(now / 1000, zone).date()
        hour = taste.digest_hour or 0
        if now < _moment(today, hour, zone) or (taste.digest_day or "") >= today.isoformat():
            return
        oldest = today - timedelta(days=_LONGEST_DIGEST_DAYS)
        before = today - timedelta(days=1)
        if taste.digest_day is not None:
            before = max(oldest, date.fromisoformat(taste.digest_day))
        span = (_moment(before, hour, zone), _moment(today, hour, zone))
        earned = await self._earned(person, *span)
        if earned:
            notice = Digest(today.isoformat(), earned)
            await self._store.announce(person.id, notice, key=f"digest:{today.isoformat()}")
        # after the announcement: a kill between the two repeats it under the same key
        await self._change(person, digest_day=today.isoformat())

    async def _earned(self, person: Person, start: int, end: int) -> tuple[Earned, ...]:
        sums: dict[tuple[bool, str], Earned] = {}
        for strategy in await self._store.all_strategies(person.id):
            cycles = [
                c.closed for c in await self._store.cycles(person.id, strategy.id) if start <= c.at < end
            ]
            fills = [f.fill for f in await self._store.fills(person.id, strategy.id)]
            bought = {f.order_id for f in fills if f.side is Side.BUY and start <= f.at < end}
            if not cycles and not bought:
                continue
            real, coin = _group(strategy)
            before = sums.get((real, coin), Earned(coin, real, Quote.zero(), 0, 0))
            sums[real, coin] = replace(
                before,
                profit=sum((c.net_profit for c in cycles), before.profit),
                cycles=before.cycles + len(cycles),
                buys=before.buys + len(bought),
            )
        return tuple(sums[key] for key in sorted(sums, key=lambda key: (not key[0], key[1])))

    async def running(self) -> Sequence[Strategy]:
        """Everybody's strategies that run or are paused."""
        return await self._store.running()

    # --- the present --------------------------------------------------------------------------------------------

    async def card(self, person: Person, strategy: Strategy) -> StatusCard:
        return await self._service.status_card(person, strategy)

    async def reason(self, person: Person, strategy: Strategy) -> Reason:
        card = await self._service.status_card(person, strategy)
        return Reason(card, await self._supervisor.state(strategy.id))

    async def past(self, person: Person, strategy: Strategy) -> Past:
        """For the status picture. The fills are those of the running cycle, or of the last one that had any."""
        records = await self._store.fills(person.id, strategy.id)
        reason = await self.reason(person, strategy)
        running = reason.state.phase not in {Phase.IDLE, Phase.STARTING}
        cycle = reason.state.cycle if running else max((r.cycle for r in records), default=0)
        fills = tuple(record.fill for record in records if record.cycle == cycle)
        since = fills[0].at if fills else self._clock.now()
        prices = self._service.prices.seen(strategy.environment, strategy.symbol, since)
        return Past(reason, await self._candles(strategy, since), fills, prices)

    async def _candles(self, strategy: Strategy, since: int) -> tuple[Candle, ...]:
        """From somewhat before `since` until now; none where the exchange does not give them."""
        span = (self._clock.now() - since) / 60_000 * 1.2
        minutes = next((m for m in _CANDLE_MINUTES if m * _CANDLES >= span), _CANDLE_MINUTES[-1])
        count = int(min(_CANDLES, max(60, span // minutes)))
        try:
            exchange = self._service.public(strategy.environment)
            found = await exchange.candles(strategy.symbol.name, minutes=minutes, limit=count)
        except (ExchangeError, InvalidInput):
            return ()
        # a sandbox plays candles of another year: fills of today would stand beside them
        current = bool(found) and abs(self._clock.now() - found[-1].at) < 2 * minutes * 60_000 + _LATE_MS
        return tuple(found) if current else ()


def _group(strategy: Strategy) -> tuple[bool, str]:
    return strategy.environment.real_money, strategy.symbol.quote


def _zone(taste: Taste, person: Person) -> ZoneInfo:
    return ZoneInfo(taste.zone or _DEFAULT_ZONES.get(person.locale, "UTC"))


def _moment(day: date, hour: int, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(hour), zone).astimezone(UTC).timestamp() * 1000)


def _start_of(period: Period, now: int, zone: ZoneInfo) -> int | None:
    today = datetime.fromtimestamp(now / 1000, zone).date()
    match period:
        case Period.DAY:
            return _moment(today, 0, zone)
        case Period.WEEK:
            return _moment(today - timedelta(days=6), 0, zone)
        case Period.MONTH:
            return _moment(today.replace(day=1), 0, zone)
        case Period.ALL:
            return None
