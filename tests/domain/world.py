"""A strategy and its exchange in one hand: executes what decide wishes, and delivers what happened.

It does the runner's share only: commands are carried out after the state is taken over, a fill is booked once.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from bot.domain.commands import Announce, Cancel, Command, FetchFills, Place, ReadBalance, ReloadRules, WakeAt
from bot.domain.cycle import decide
from bot.domain.events import (
    BalanceRead,
    CloseReason,
    Event,
    FillBooked,
    OrderClosed,
    OrderRefused,
    OrderTaken,
    StartAsked,
    StopAsked,
    StopMode,
    Tick,
)
from bot.domain.ladder import build_ladder
from bot.domain.market import Side
from bot.domain.money import EXACT, Base, Quote
from bot.domain.notices import Notice, Stopped
from bot.domain.orders import Leg, OwnOrder
from bot.domain.params import StrategyParams
from bot.domain.state import State
from bot.domain.turn import Context
from tests.domain.venue import BTCUSDT, Venue, VenueOrder


class Table:
    """The decisions of one strategy, one event after the other, with everything noted down."""

    def __init__(self, params: StrategyParams, venue: Venue, state: State | None = None) -> None:
        self.params = params
        self.venue = venue
        self.ladder = build_ladder(params)
        self.state = state or State(token="abc")
        self.first_state = self.state
        self.booked: set[str] = set()
        self.journal: list[tuple[Event, int]] = []
        self.commands: list[Command] = []
        self.just_wished: tuple[Command, ...] = ()
        self.notices: list[Notice] = []
        self.given_base = Decimal(0)
        self.given_cost = Decimal(0)
        self.flow = Decimal(0)
        self.prices: list[Decimal] = []

    def context(self, now: int | None = None) -> Context:
        return Context(self.params, self.ladder, self.venue.rules, self.venue.now if now is None else now)

    def send(self, event: Event) -> list[Command]:
        """Decide, take the state over, and hand back the wishes; a fill that is booked already vanishes."""
        if isinstance(event, FillBooked):
            if event.fill.exec_id in self.booked:
                return []
            self.booked.add(event.fill.exec_id)
        before = self.state
        decision = decide(before, event, self.context())
        self.state = decision.state
        self._account(before, event)
        self.journal.append((event, self.venue.now))
        self.commands += decision.commands
        self.just_wished = decision.commands
        told = [c.notice for c in decision.commands if isinstance(c, Announce)]
        self.notices += told
        for notice in told:
            if isinstance(notice, Stopped) and not self.state.holding.carried:
                self.given_base = EXACT.add(self.given_base, notice.kept.value)
                self.given_cost = EXACT.add(self.given_cost, notice.kept_cost.value)
        return list(decision.commands)

    def _account(self, before: State, event: Event) -> None:
        """Keep our own books beside the strategy's: quote in and out, and the prices of this cycle's buys."""
        held, now = before.holding, self.state.holding
        if isinstance(event, FillBooked):
            fill = event.fill
            sign = 1 if fill.side is Side.SELL else -1
            fee = Decimal(0) if fill.fee_coin == BTCUSDT.base else fill.fee_value.value
            self.flow = EXACT.add(self.flow, sign * fill.value.value - fee)
            if now.bought > held.bought:
                self.prices.append(fill.price.value)
        if not now.bought:
            self.prices.clear()

    def replayed(self) -> State:
        state = self.first_state
        for event, at in self.journal:
            state = decide(state, event, self.context(at)).state
        return state

    def told(self, kind: type) -> list:
        return [n for n in self.notices if isinstance(n, kind)]

    def placed(self, leg: Leg) -> list[OwnOrder]:
        return [c.order for c in self.commands if isinstance(c, Place) and c.order.leg is leg]


class World(Table):
    """A calm day: every wish is granted at once and every fact arrives at once, in order."""

    def __init__(self, params: StrategyParams, venue: Venue, state: State | None = None) -> None:
        super().__init__(params, venue, state)
        self.wakes: list[int] = []
        self.inbox: list[Event] = []

    def feed(self, *events: Event) -> None:
        """Deliver these, then everything that follows from them."""
        self.inbox += events
        self._drain()

    def _drain(self) -> None:
        for _ in range(10_000):
            self.inbox += self.venue.happened
            self.venue.happened.clear()
            if not self.inbox:
                return
            self.carry_out(self.send(self.inbox.pop(0)))
        raise AssertionError("the strategy does not come to rest")

    def carry_out(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Place(order=order):
                    self._place(order)
                case Cancel(order_id=order_id):
                    self.venue.close(self.venue.orders[order_id], CloseReason.CANCELLED)
                case FetchFills(order_id=order_id):
                    self.inbox += [FillBooked(f) for f in self.venue.orders[order_id].fills]
                case ReadBalance():
                    self.inbox.append(BalanceRead(Quote(self.venue.free_quote)))
                case WakeAt(at=at):
                    self.wakes.append(at)
                case ReloadRules():
                    self.inbox.append(Tick())
                case Announce():
                    pass

    def _place(self, order: OwnOrder) -> None:
        refusal = self.venue.take(order)
        if refusal is not None:
            self.inbox.append(OrderRefused(order.order_id, refusal, "refused"))
            return
        self.inbox.append(OrderTaken(order.order_id))
        mine = self.venue.orders[order.order_id]
        if order.leg in {Leg.ENTRY, Leg.SALE} or self.venue.crosses(mine):
            self.venue.execute(mine)

    # what a test says

    def start(self) -> None:
        self.feed(StartAsked())

    def stop(self, mode: StopMode) -> None:
        self.feed(StopAsked(mode))

    def move(self, price: str | Decimal) -> None:
        """The market goes there; what it meets fills whole, at its limit."""
        self.venue.price = Decimal(price)
        while met := [o for o in self.venue.open if self.venue.crosses(o)]:
            self.venue.execute(met[0])
            self._drain()

    def fill(self, leg: Leg, quantity: str | Decimal) -> None:
        """A part of the resting order fills."""
        self.venue.execute(self.resting(leg), Decimal(quantity))
        self._drain()

    def cancel_by_hand(self, leg: Leg) -> None:
        self.venue.close(self.resting(leg), CloseReason.CANCELLED)
        self._drain()

    def wait(self, milliseconds: int) -> None:
        """Time passes; the wakes asked for come."""
        until = self.venue.now + milliseconds
        while due := [at for at in self.wakes if at <= until]:
            self.venue.now = max(self.venue.now, min(due))
            self.wakes = [at for at in self.wakes if at > self.venue.now]
            self.feed(Tick())
        self.venue.now = until

    def resting(self, leg: Leg) -> VenueOrder:
        order = self.state.live(leg)
        if order is None:
            raise AssertionError(f"no {leg.name} rests")
        return self.venue.orders[order.order_id]


def closed(order_id: str, venue: Venue, reason: CloseReason = CloseReason.CANCELLED) -> OrderClosed:
    return OrderClosed(order_id, Base(venue.orders[order_id].filled), reason)


def params(**changes: object) -> StrategyParams:
    """The defaults, with these changed; numbers may be given as text."""
    texts = {
        name: Decimal(value) if isinstance(value, str) and name != "lucro_reaplicar" else value
        for name, value in changes.items()
    }
    return replace(StrategyParams(), **texts)
