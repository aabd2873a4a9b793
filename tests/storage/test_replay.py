"""The journal alone gives the saved state again: the projection is nothing but its sum."""

from decimal import Decimal

import pytest

from bot.domain.commands import Announce, Place
from bot.domain.cycle import decide
from bot.domain.events import BalanceRead, CloseReason, FillBooked, OrderClosed, OrderTaken, StartAsked, Tick
from bot.domain.ladder import build_ladder
from bot.domain.market import MarketRules, Side
from bot.domain.money import Base, Quote
from bot.domain.state import Phase, State
from bot.domain.turn import Context
from bot.ports import RunStatus, Step
from tests.storage.samples import BTC, NOW, fill, person_of, strategy_of

RULES = MarketRules(BTC, Decimal("0.01"), Decimal("0.0001"), Decimal("0.01"), Quote.of(5))


def context(strategy, now):
    return Context(strategy.params, build_ladder(strategy.params), RULES, now)


class Runner:
    """As little of an engine as decides and saves."""

    def __init__(self, store, strategy):
        self.store, self.strategy, self.state, self.sequence = store, strategy, State("a1"), 0

    async def hear(self, event):
        at = NOW + self.sequence
        decision = decide(self.state, event, context(self.strategy, at))
        placed = tuple(c.order for c in decision.commands if isinstance(c, Place))
        gone = {o.order_id for o in self.state.orders} - {o.order_id for o in decision.state.orders}
        notices = tuple(c.notice for c in decision.commands if isinstance(c, Announce))
        step = Step(
            strategy_id=self.strategy.id,
            expected_sequence=self.sequence,
            at=at,
            event=event,
            state=decision.state,
            status=RunStatus.RUNNING,
            placed=placed,
            closed=tuple(gone),
            fill=event.fill if isinstance(event, FillBooked) else None,
            cycle=next((n for n in notices if n.kind == "cycle_closed"), None),
            notices=notices,
        )
        assert await self.store.commit(step)
        self.state, self.sequence = decision.state, self.sequence + 1
        return placed


async def one_cycle(runner):
    await runner.hear(StartAsked())
    (buy,) = await runner.hear(BalanceRead(Quote.of(5000)))
    await runner.hear(OrderTaken(buy.order_id))
    await runner.hear(FillBooked(fill(order_id=buy.order_id)))
    placed = await runner.hear(OrderClosed(buy.order_id, Base.of("0.015"), CloseReason.FILLED))
    exits = [o for o in placed if o.leg.side is Side.SELL]
    await runner.hear(Tick())
    (sale,) = exits
    sold = fill(
        "x-2",
        sale.order_id,
        side=Side.SELL,
        price=sale.price,
        quantity=sale.quantity,
        value=sale.quantity.at(sale.price),
        fee=Decimal("0.31"),
        fee_coin="USDT",
        fee_value=Quote.of("0.31"),
    )
    await runner.hear(FillBooked(sold))


@pytest.fixture
async def runner(store):
    return Runner(store, await strategy_of(store, await person_of(store)))


async def test_the_journal_replayed_is_the_saved_state(store, runner):
    await one_cycle(runner)
    state = State("a1")
    for entry in await store.journal(runner.strategy.id):
        state = decide(state, entry.event, context(runner.strategy, entry.at)).state
    saved = await store.load(runner.strategy.id)
    assert saved.state == state
    assert state.phase in {Phase.FINISHING, Phase.STARTING}
    assert len(await store.cycles(runner.strategy.person_id, runner.strategy.id)) == 1


async def test_the_fills_add_up_to_the_state(store, runner):
    await one_cycle(runner)
    saved = await store.load(runner.strategy.id)
    totals = await store.totals(runner.strategy.person_id, runner.strategy.id)
    assert totals.base_delta == saved.state.holding.held
    assert saved.state.holding.held.value > 0  # dust is carried
    carried = saved.state.holding.carried_cost
    off = totals.quote_delta - (saved.state.total_profit - carried)
    assert abs(off.value) < Decimal("1e-50")  # the dust's share of the cost is a division


async def test_open_orders_are_those_of_the_state(store, database, runner):
    await one_cycle(runner)
    query = "SELECT order_id FROM orders WHERE status = 'open'"
    found = await database.run(lambda db: {row[0] for row in db.execute(query)})
    assert found == {o.order_id for o in runner.state.orders}
