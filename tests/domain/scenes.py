"""Where the tests of a cycle begin."""

from bot.domain.events import (
    BalanceRead,
    StartAsked,
)
from bot.domain.money import Quote
from bot.domain.orders import Leg
from tests.domain.venue import Venue, fine_rules
from tests.domain.world import Table, World, params


def holding(lot: str = "0.001", **changes) -> World:
    """100 USDT bought at 100: one coin, exit at 103.5, re-buy at 99."""
    rules = fine_rules(lot=lot, minimum=changes.pop("minimum", "5"))
    world = World(params(**{"qty_inicial": "100", **changes}), Venue(rules, "100", taxa="0"))
    world.start()
    return world


def entering(**changes) -> Table:
    """The market buy stands as INTENDED; the test delivers by hand from here."""
    table = Table(
        params(**{"qty_inicial": "100", **changes}), Venue(fine_rules(lot="0.001"), "100", taxa="0")
    )
    table.send(StartAsked())
    table.send(BalanceRead(Quote.of(1000)))
    assert table.venue.take(table.state.orders[0]) is None
    return table


def only(table: Table, leg: Leg) -> str:
    order = table.state.live(leg)
    assert order is not None
    return order.order_id
