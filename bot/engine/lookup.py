"""Asks the exchange what became of our orders, and posts the answers as events."""

from collections.abc import Sequence
from enum import Enum, auto

from bot.domain.money import Base
from bot.domain.orders import Fill, OrderId, OrderStatus, OwnOrder
from bot.engine.desk import Desk
from bot.errors import InvariantBroken, OrderGone
from bot.ports import OrderView


class Seen(Enum):
    """What the exchange knows of an order."""

    NOTHING = auto()
    OPEN = auto()
    CLOSED = auto()


class Lookup:
    """Reads only, but for orders of this strategy that its state knows to be closed: those are cancelled."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lost: dict[str, int] = {}

    async def observe(self, order_id: str) -> Seen:
        """Post what the exchange says of one order."""
        view = await self._find(order_id)
        if view is None:
            return Seen.NOTHING
        await self._post([view])
        return Seen.OPEN if view.closed is None else Seen.CLOSED

    async def post_fills(self, order_id: str) -> None:
        """Post every execution of an order that is not booked yet."""
        desk = self._desk
        for fill in await desk.exchange.fills_of(symbol=desk.strategy.symbol, order_id=order_id):
            if not desk.knows_fill(fill.exec_id):
                desk.see_fill(fill)

    async def compare(self, busy: set[str]) -> list[str]:
        """Hold every order of the state against the exchange; the ids of those whose arrival is unknown.

        `busy` are orders whose request or look-up is under way: they are left alone.
        """
        desk = self._desk
        open_views = {v.order_id: v for v in await desk.exchange.open_orders(desk.strategy.symbol)}
        unknown: list[str] = []
        seen: list[OrderView] = []
        for order in desk.state.orders:
            if order.order_id in busy:
                continue
            view = open_views.get(order.order_id) or await self._find(order.order_id)
            if view is not None:
                seen.append(view)
                self._lost.pop(order.order_id, None)
            elif order.status is OrderStatus.INTENDED:
                unknown.append(order.order_id)
            else:
                self._missing(order)
        await self._post(seen)
        for view in open_views.values():
            await self._check_stranger(view, busy)
        return unknown

    async def _find(self, order_id: str) -> OrderView | None:
        return await self._desk.exchange.find_order(symbol=self._desk.strategy.symbol, order_id=order_id)

    async def _post(self, views: Sequence[OrderView]) -> None:
        """What happened while nobody listened, in the order in which it happened: fills by time, then closings."""
        desk = self._desk
        fills: list[Fill] = []
        for view in views:
            order = desk.state.order(view.order_id)
            if order is not None and view.filled > order.filled:
                fills += await desk.exchange.fills_of(symbol=desk.strategy.symbol, order_id=view.order_id)
        for fill in sorted(fills, key=lambda f: f.at):
            if not desk.knows_fill(fill.exec_id):
                desk.see_fill(fill)
        for view in views:
            desk.see_order(view)

    def _missing(self, order: OwnOrder) -> None:
        """An order that was acknowledged and that the exchange knows nothing of any more (a testnet wipe)."""
        seen = self._lost.get(order.order_id, 0) + 1
        self._lost[order.order_id] = seen
        self._desk.log.warning("order_lost", order=order.order_id, looks=seen)
        if seen >= 3:
            self._desk.freeze(f"the exchange no longer knows the order {order.order_id}")

    async def _check_stranger(self, view: OrderView, busy: set[str]) -> None:
        """An open order with our token that the state does not hold: a leftover is cancelled, the future is not ours."""
        desk = self._desk
        identity = OrderId.parse(view.order_id)
        if identity is None or identity.token != desk.state.token or view.order_id in busy:
            return
        if desk.state.order(view.order_id) is not None:
            return
        if identity.seq > desk.state.sequence:
            raise InvariantBroken(f"the exchange has {view.order_id}, which this database never sent")
        again = await self._find(view.order_id)
        if again is None or again.closed is not None:
            return
        desk.log.warning("leftover_cancelled", order=view.order_id, filled=str(Base(again.filled.value)))
        try:
            await desk.exchange.cancel(symbol=desk.strategy.symbol, order_id=view.order_id)
        except OrderGone:
            return
