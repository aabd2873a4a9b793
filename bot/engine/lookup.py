"""Asks the exchange what became of our orders, and posts the answers as events."""

from enum import Enum, auto

from bot.domain.events import CloseReason, OrderClosed
from bot.domain.money import Base, total_base
from bot.domain.orders import Fill, OrderId, OrderStatus, OwnOrder
from bot.engine.desk import Desk
from bot.errors import InvariantBroken, OrderGone
from bot.ports import OrderView

LOOKS = 3
FORGOTTEN_AFTER_MS = 25 * 3_600_000


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
        desk = self._desk
        view = await desk.exchange.find_order(symbol=desk.strategy.symbol, order_id=order_id)
        if view is None:
            return Seen.NOTHING
        await self._post(view)
        return Seen.OPEN if view.closed is None else Seen.CLOSED

    async def post_fills(self, order_id: str) -> None:
        """Post every execution of an order that is not booked yet."""
        for fill in await self._new_fills(order_id):
            self._desk.see_fill(fill)

    async def _new_fills(self, order_id: str) -> list[Fill]:
        desk = self._desk
        fills = await desk.exchange.fills_of(symbol=desk.strategy.symbol, order_id=order_id)
        return [fill for fill in fills if not desk.knows_fill(fill.exec_id)]

    async def compare(self, busy: set[str]) -> list[str]:
        """Hold every order of the state against the exchange; the ids of those whose arrival is unknown.

        `busy` are orders whose request or look-up is under way: they are left alone.
        """
        desk = self._desk
        open_views = {v.order_id: v for v in await desk.exchange.open_orders(desk.strategy.symbol)}
        unknown: list[str] = []
        views: list[OrderView] = []
        for order in desk.state.orders:
            if order.order_id in busy:
                continue
            view = open_views.get(order.order_id) or await desk.exchange.find_order(
                symbol=desk.strategy.symbol, order_id=order.order_id
            )
            if view is not None:
                self._lost.pop(order.order_id, None)
                views.append(view)
            elif order.status is OrderStatus.INTENDED:
                unknown.append(order.order_id)
            else:
                await self._missing(order)
        await self._post(*views)
        for view in open_views.values():
            await self._check_stranger(view, busy)
        return unknown

    async def _post(self, *views: OrderView) -> None:
        """What became of these orders: their fills in the order of time, as if each had been heard, then their ends.

        A re-buy and an exit that both filled while nobody listened make another story the other way round.
        """
        desk = self._desk
        known = [(view, order) for view in views if (order := desk.state.order(view.order_id)) is not None]
        behind = [view.order_id for view, order in known if view.filled > order.filled]
        fills = [fill for order_id in behind for fill in await self._new_fills(order_id)]
        for fill in sorted(fills, key=lambda one: one.at):
            desk.see_fill(fill)
        for view, _ in known:
            desk.see_order(view)

    async def _missing(self, order: OwnOrder) -> None:
        """An order that was acknowledged and that the exchange knows nothing of any more."""
        seen = self._lost.get(order.order_id, 0) + 1
        self._lost[order.order_id] = seen
        self._desk.log.warning("order_lost", order=order.order_id, looks=seen)
        if seen < LOOKS:
            return
        if await self._ended_by_its_trades(order):
            self._lost.pop(order.order_id, None)
        else:
            self._desk.freeze(f"the exchange no longer knows the order {order.order_id}")

    async def _ended_by_its_trades(self, order: OwnOrder) -> bool:
        """Whether it is old enough to be forgotten, and the account's trades since its placing tell what it filled.

        Bybit forgets an order that ended unfilled after 24 h (docs "order/order-list"), but no trade for two years.
        A fill of ours from before the order must be among those trades: or it was they that were wiped.
        """
        desk, placing = self._desk, await self._desk.placing(order.order_id)
        if placing is None or desk.clock.now() - placing.at < FORGOTTEN_AFTER_MS:
            return False
        before = placing.fill
        trades = await desk.exchange.fills_since(
            symbol=desk.strategy.symbol,
            order_ids={order.order_id, before.order_id},
            since=min(before.at, placing.at),
        )
        if before.exec_id not in {fill.exec_id for fill in trades if fill.order_id == before.order_id}:
            return False
        own = [fill for fill in trades if fill.order_id == order.order_id]
        desk.log.warning("order_forgotten", order=order.order_id, fills=len(own))
        for fill in own:
            desk.see_fill(fill)
        desk.post(OrderClosed(order.order_id, total_base(f.quantity for f in own), CloseReason.CANCELLED))
        return True

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
        again = await desk.exchange.find_order(symbol=desk.strategy.symbol, order_id=view.order_id)
        if again is None or again.closed is not None:
            return
        desk.log.warning("leftover_cancelled", order=view.order_id, filled=str(Base(again.filled.value)))
        try:
            await desk.exchange.cancel(symbol=desk.strategy.symbol, order_id=view.order_id)
        except OrderGone:
            return
