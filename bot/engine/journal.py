"""What one strategy knows, saved before it is acted on: decisions in, whole transactions out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.commands import Announce, Command, Place, WakeAt
from bot.domain.cycle import decide
from bot.domain.events import Event, FillBooked, ParamsTaken
from bot.domain.notices import CycleClosed, Notice
from bot.domain.state import State
from bot.domain.turn import Context, Decision
from bot.ports import RunStatus, Saved, Step, StrategyStore


@dataclass(slots=True)
class Arrival:
    """An event on its way to the decision; `done` is told once it is saved, or cancelled when it never will be."""

    event: Event
    done: asyncio.Future[None] | None = field(default=None)

    def tell(self) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_result(None)

    def refuse(self) -> None:
        if self.done is not None:
            self.done.cancel()


@dataclass(frozen=True, slots=True)
class Decided:
    """An event with the state that it met (`before`) and what follows from it, `at` a moment (ms UTC)."""

    arrival: Arrival
    before: State
    decision: Decision
    at: int

    @property
    def moves(self) -> bool:
        """Whether there is anything to save; a wish to be woken is none, other parameters are something."""
        if isinstance(self.arrival.event, ParamsTaken):
            return True
        quiet = all(isinstance(command, WakeAt) for command in self.decision.commands)
        return not quiet or self.decision.state != self.before


class Journal:
    """The only writer of one strategy's state."""

    def __init__(
        self, *, strategy_id: int, saved: Saved, known_fills: frozenset[str], store: StrategyStore
    ) -> None:
        self.state = saved.state
        self.sequence = saved.sequence
        self._strategy_id = strategy_id
        self._known_fills = set(known_fills)
        self._store = store
        self._moved = asyncio.Condition()

    def knows_fill(self, exec_id: str) -> bool:
        return exec_id in self._known_fills

    def decide(self, arrival: Arrival, ctx: Context, after: Sequence[Decided]) -> Decided | None:
        """Decide on the state that the decisions in `after` leave, none of them saved yet; None for a known fill."""
        event = arrival.event
        if isinstance(event, FillBooked) and (
            self.knows_fill(event.fill.exec_id) or event.fill.exec_id in _fills(after)
        ):
            arrival.tell()
            return None
        before = after[-1].decision.state if after else self.state
        return Decided(arrival, before, decide(before, event, ctx), ctx.now)

    async def save(self, decided: Sequence[Decided]) -> bool:
        """All of them in one transaction, and then they are the state.

        False, and nothing saved, when one of their fills was booked before (a single one is known from then on).
        """
        steps: list[Step] = []
        for one in decided:
            if one.moves:
                steps.append(self._step(one, self.sequence + len(steps)))
        if steps and not await self._store.commit(*steps):
            if len(decided) == 1:
                self._known_fills |= _fills(decided)
            return False
        self._known_fills |= _fills(decided)
        if steps:
            self.sequence += len(steps)
            async with self._moved:
                self.state = decided[-1].decision.state
                self._moved.notify_all()
        return True

    def _step(self, decided: Decided, sequence: int) -> Step:
        event, state, commands = decided.arrival.event, decided.decision.state, decided.decision.commands
        notices: list[Notice] = [c.notice for c in commands if isinstance(c, Announce)]
        after = {order.order_id for order in state.orders}
        return Step(
            strategy_id=self._strategy_id,
            expected_sequence=sequence,
            at=decided.at,
            event=event,
            state=state,
            status=RunStatus.RUNNING if state.running else RunStatus.IDLE,
            placed=tuple(c.order for c in commands if isinstance(c, Place)),
            closed=tuple(o.order_id for o in decided.before.orders if o.order_id not in after),
            fill=event.fill if isinstance(event, FillBooked) else None,
            cycle=next((n for n in notices if isinstance(n, CycleClosed)), None),
            notices=tuple(notices),
        )

    # --- waiting for the state --------------------------------------------------------------------------------

    async def settled(self, order_id: str, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether the order leaves the state within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout), self._moved:
                await self._moved.wait_for(lambda: self.state.order(order_id) is None)
        except TimeoutError:
            return False
        return True

    async def closings_booked(self) -> None:
        """Until no order is known to be closed whose fills are still missing."""
        async with self._moved:
            await self._moved.wait_for(lambda: all(o.closed_at is None for o in self.state.orders))


def commands_of(decided: Sequence[Decided]) -> list[Command]:
    return [command for one in decided for command in one.decision.commands]


def _fills(decided: Sequence[Decided]) -> set[str]:
    events = (one.arrival.event for one in decided)
    return {event.fill.exec_id for event in events if isinstance(event, FillBooked)}
