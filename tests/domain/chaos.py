"""A seeded bad day: everything that may happen between a strategy and its exchange, in any order.

Acks late, doubled or lost; fills before acks and after closings; part fills; refusals, asynchronous rejects and
orders that never arrive; cancels lost or overtaken; hands that cancel; crashes that forget all but the state.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.commands import Announce, Cancel, Command, FetchFills, Place, ReadBalance, ReloadRules, WakeAt
from bot.domain.cycle import pending
from bot.domain.events import (
    BalanceRead,
    CancelFailed,
    CloseReason,
    Event,
    FillBooked,
    OrderAbsent,
    OrderClosed,
    OrderRefused,
    OrderTaken,
    RebuysPaused,
    RebuysResumed,
    RefusalReason,
    StartAsked,
    StopAsked,
    StopMode,
    Tick,
)
from bot.domain.market import Side
from bot.domain.money import Base, Quote
from bot.domain.orders import OrderStatus, OwnOrder
from bot.domain.params import StrategyParams
from bot.domain.state import Phase
from tests.domain.venue import Venue, VenueOrder
from tests.domain.world import Table


@dataclass(frozen=True)
class Weather:
    """Probabilities of one run."""

    refuse: float = 0.03
    lose_order: float = 0.03
    lose_answer: float = 0.06
    reject_late: float = 0.03
    lose_cancel: float = 0.1
    drop: float = 0.06
    double: float = 0.1
    part: float = 0.5
    unfilled_market: float = 0.08
    by_hand: float = 0.03
    crash: float = 0.01
    stop: float = 0.01
    pause: float = 0.02
    delay: int = 3_000


@dataclass
class _Parcel:
    due: int
    act: Callable[[], None]
    ours: bool
    """Whether it is lost when our process dies."""


class Chaos(Table):
    """Runs a strategy through the weather; `watch` is called after every single event."""

    def __init__(
        self,
        seed: int,
        params: StrategyParams,
        venue: Venue,
        weather: Weather,
        watch: Callable[["Chaos"], None],
    ) -> None:
        super().__init__(params, venue)
        self.rng = random.Random(seed)
        self.weather = weather
        self.watch = watch
        self.calm = False
        self.parcels: list[_Parcel] = []
        self.sent_ids: list[OwnOrder] = []
        self.busy = 0

    def happens(self, probability: float) -> bool:
        return not self.calm and self.rng.random() < probability

    # time and its parcels

    def later(self, act: Callable[[], None], *, ours: bool = True, delay: int | None = None) -> None:
        wait = self.rng.randint(0, 0 if self.calm else self.weather.delay) if delay is None else delay
        self.parcels.append(_Parcel(self.venue.now + wait, act, ours))

    def pass_time(self, milliseconds: int) -> None:
        until = self.venue.now + milliseconds
        while due := [p for p in self.parcels if p.due <= until]:
            parcel = min(due, key=lambda p: p.due)
            self.parcels.remove(parcel)
            self.venue.now = max(self.venue.now, parcel.due)
            parcel.act()
            self._post()
        self.venue.now = until

    def deliver(self, event: Event) -> None:
        known = self.state
        commands = self.send(event)
        if self.state != known or commands:
            self.busy += 1
        self.watch(self)
        if self.happens(self.weather.crash):
            commands = commands[: self.rng.randint(0, len(commands))]
            self._carry_out(commands)
            self._crash()
        else:
            self._carry_out(commands)
        self._post()

    def _post(self) -> None:
        """Put what just happened at the exchange on its way, some of it twice, some of it never."""
        facts, self.venue.happened = self.venue.happened, []
        for event in facts:
            if not self.happens(self.weather.drop):
                self.later(lambda e=event: self.deliver(e))
            if self.happens(self.weather.double):
                self.later(lambda e=event: self.deliver(e))
        if facts:
            self.watch(self)

    def _crash(self) -> None:
        self.parcels = [p for p in self.parcels if not p.ours]
        self.later(self._boot)

    def _boot(self) -> None:
        self._carry_out(pending(self.state))
        self.reconcile()

    # our wishes

    def _carry_out(self, commands: list[Command] | tuple[Command, ...]) -> None:
        for command in commands:
            match command:
                case Place(order=order):
                    self._place(order)
                case Cancel(order_id=order_id):
                    self._cancel(order_id)
                case FetchFills(order_id=order_id):
                    self.later(lambda i=order_id: self._fetch(i))
                case ReadBalance():
                    self.later(lambda: self.deliver(BalanceRead(Quote(self.venue.free_quote))))
                case WakeAt(at=at):
                    self.later(lambda: self.deliver(Tick()), delay=max(0, at - self.venue.now))
                case ReloadRules():
                    self.later(lambda: self.deliver(Tick()))
                case Announce():
                    pass

    def _place(self, order: OwnOrder) -> None:
        self.sent_ids.append(order)
        order_id = order.order_id
        if self.happens(self.weather.lose_order):
            self.later(lambda: self.look_up(order_id), delay=self.rng.randint(3_000, 30_000))
            return
        refusal = self.venue.take(order)
        if refusal is None and self.happens(self.weather.refuse):
            self.venue.forget(order_id)
            refusal = self.rng.choice(list(RefusalReason))
        if refusal is not None:
            reason = refusal
            self.later(lambda: self.deliver(OrderRefused(order_id, reason, "no")))
            return
        if self.happens(self.weather.lose_answer):
            self.later(lambda: self.look_up(order_id), delay=self.rng.randint(3_000, 30_000))
        else:
            self.later(lambda: self.deliver(OrderTaken(order_id)))
        mine = self.venue.orders[order_id]
        if self.happens(self.weather.reject_late):
            self.later(lambda: self._reject(mine), ours=False)
        elif order.price is None:
            self._market(mine)
        elif self.venue.crosses(mine):
            self._trade(mine, at=self.venue.price)

    def _reject(self, order: VenueOrder) -> None:
        if not order.filled:
            self.venue.close(order, CloseReason.REJECTED)

    def _market(self, order: VenueOrder) -> None:
        if not self.happens(self.weather.unfilled_market):
            self._trade(order)
            if order.closed is None and self.calm:
                self.venue.execute(order)
        self.venue.close(order, CloseReason.CANCELLED)

    def _trade(self, order: VenueOrder, at: Decimal | None = None) -> None:
        """One or several executions; the order may rest on with what is left."""
        while order.closed is None:
            whole = self.venue.wants(order, at or order.price or self.venue.price)
            part = None
            if self.happens(self.weather.part):
                lots = int(whole / self.venue.rules.lot_step)
                part = self.rng.randint(1, max(1, lots)) * self.venue.rules.lot_step
            if self.venue.execute(order, part, at) is None:
                break
            if part is not None and self.happens(0.5):
                break

    def _cancel(self, order_id: str) -> None:
        if self.happens(self.weather.lose_cancel):
            self.later(lambda: self.look_up(order_id), delay=self.rng.randint(3_000, 10_000))
            return
        self.later(lambda: self._cancel_arrives(order_id), ours=False)

    def _cancel_arrives(self, order_id: str) -> None:
        order = self.venue.orders[order_id]
        if order.closed is None:
            self.venue.close(order, CloseReason.CANCELLED)
        else:
            self.later(lambda: self.look_up(order_id))

    def _fetch(self, order_id: str) -> None:
        for fill in self.venue.orders[order_id].fills:
            self.deliver(FillBooked(fill))

    def look_up(self, order_id: str) -> None:
        """Ask the exchange for this order; its answer of now is delivered now or later."""
        order, own = self.venue.orders.get(order_id), self.state.order(order_id)
        if own is None:
            return
        if order is None:
            answer: Event = OrderAbsent(order_id)
        elif order.closed is not None:
            answer = OrderClosed(order_id, Base(order.filled), order.closed)
        elif own.status is OrderStatus.CANCELLING:
            answer = CancelFailed(order_id)
        else:
            answer = OrderTaken(order_id)
        self.deliver(answer) if self.happens(0.5) else self.later(lambda: self.deliver(answer))

    def reconcile(self) -> None:
        """Bring every difference: what changed of our orders, and fills that are not booked."""
        for order in self.state.orders:
            theirs = self.venue.orders.get(order.order_id)
            if theirs is None or theirs.closed or order.status is not OrderStatus.LIVE:
                self.look_up(order.order_id)
        for fill in self.venue.fills:
            if fill.exec_id not in self.booked:
                self.deliver(FillBooked(fill))

    # a day

    def run(self, steps: int, stride: float) -> None:
        """The day itself; `stride` is the fraction by which the price may move in a step."""
        self.deliver(StartAsked())
        for _ in range(steps):
            self._step(stride)

    def _step(self, stride: float) -> None:
        move = self.rng.uniform(-stride, stride) * (6 if self.happens(0.05) else 1)
        price = self.venue.price * (1 + Decimal(repr(move)))
        self.venue.price = max(price // self.venue.rules.tick, Decimal(1)) * self.venue.rules.tick
        for order in list(self.venue.open):
            if order.price is not None and self.venue.crosses(order):
                self._trade(order)
        self._post()
        if self.venue.open and self.happens(self.weather.by_hand):
            self.venue.close(self.rng.choice(self.venue.open), CloseReason.CANCELLED)
            self._post()
        if self.happens(self.weather.stop):
            self.deliver(StopAsked(self.rng.choice(list(StopMode))))
        if self.happens(self.weather.pause):
            self.deliver(self.rng.choice([RebuysPaused(), RebuysResumed(), RebuysResumed()]))
        if self.state.phase is Phase.IDLE or self.happens(0.01):
            self.deliver(StartAsked())
        if self.happens(0.05):
            self.reconcile()
        self.pass_time(self.rng.choice([100, 1_000, 4_000, 4_000, 20_000, 70_000]))

    def _nibble(self) -> None:
        """Two parts of the resting re-buy a second apart: the exit has to follow, and not at once."""
        for _ in range(2):
            self._post()
            self.pass_time(1_000)
            for order in self.venue.open:
                if order.side is Side.BUY and order.price is not None:
                    self.venue.execute(order, self.venue.rules.lot_step)

    def quiesce(self) -> None:
        """A healthy exchange and time enough: all must come to rest."""
        self.calm = True
        self._nibble()
        for _ in range(60):
            self.busy = 0
            for order in list(self.venue.open):
                if order.price is not None and self.venue.crosses(order):
                    self.venue.execute(order)
            self._post()
            self.pass_time(120_000)
            self.reconcile()
            self.pass_time(1_000)
            if not self.busy:
                return
        if not any(o.reason is RefusalReason.NO_FUNDS for o in self.state.obstacles):
            raise AssertionError("it does not come to rest")
