"""Looking back at orders and fills: realtime, history, execution list, with Bybit's windows, limits and cursors."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import unquote

from bot.sandbox.bybit_call import Call, Result
from bot.sandbox.bybit_errors import parameter
from bot.sandbox.bybit_rows import Row, execution_row, order_row
from bot.sandbox.orders import Execution, Order, Refusal, Status

REALTIME = frozenset(
    {"category", "symbol", "orderId", "orderLinkId", "openOnly", "orderFilter", "limit", "cursor"}
)
HISTORY = frozenset(
    {
        "category",
        "symbol",
        "orderId",
        "orderLinkId",
        "orderFilter",
        "orderStatus",
        "startTime",
        "endTime",
        "limit",
        "cursor",
    }
)
EXECUTIONS = frozenset(
    {"category", "symbol", "orderId", "orderLinkId", "startTime", "endTime", "execType", "limit", "cursor"}
)

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
RECENT_CLOSED = 500
_CURSOR = re.compile(r"\d+:(\d+),\d+:\d+")
_Item = TypeVar("_Item", Order, Execution)


def realtime(call: Call) -> Result:
    """Open orders, newest first; openOnly=1 the last 500 closed ones; by id the order whatever its state."""
    call.only_spot()
    limit = call.integer("limit", 20, 1, 50)
    open_only = call.integer("openOnly", 0, 0, 1)
    named = _named(call)
    if named is not None:
        return _page(call, named, limit, _order_row, always_cursor=False)
    core, name = call.venue.core, call.account.name
    if open_only == 0:
        chosen = _of_symbol(call, list(core.open_orders[name].values()))
    else:
        chosen = [one for one in _of_symbol(call, core.orders_of(name)) if not one.is_open][-RECENT_CLOSED:]
    return _page(call, chosen, limit, _order_row, always_cursor=False)


def history(call: Call) -> Result:
    """Closed orders of a window of at most 7 days; after 24 h those without a fill are forgotten."""
    call.only_spot()
    limit = call.integer("limit", 20, 1, 50)
    status = call.get("orderStatus")
    if status and status not in {one.value for one in Status}:
        raise parameter(f"orderStatus is {status!r}")
    named = _named(call)
    if named is not None:
        chosen = [order for order in named if not order.is_open]
    else:
        start, end = _window(call)
        now = call.venue.clock()
        chosen = [
            order
            for order in _of_symbol(call, call.venue.core.orders_of(call.account.name))
            if not order.is_open
            and start <= order.created_ms <= end
            and status in {"", order.status.value}
            and (order.filled or now - order.created_ms <= DAY_MS)
        ]
    return _page(call, chosen, limit, _order_row, always_cursor=True)


def executions(call: Call) -> Result:
    """Fills, newest first; by order id or client id the other filters are passed over."""
    call.only_spot()
    limit = call.integer("limit", 50, 1, 100)
    if call.get("execType") not in {"", "Trade"}:
        raise parameter(f"execType is {call.get('execType')!r}, the stand-in knows Trade only")
    mine = call.venue.core.executions[call.account.name]
    order_id, link_id = call.get("orderId"), call.get("orderLinkId")
    if order_id:
        chosen = [one for one in mine if one.order_id == order_id]
    elif link_id:
        chosen = [one for one in mine if one.link_id == link_id]
    else:
        start, end = _window(call)
        chosen = [one for one in _of_symbol(call, mine) if start <= one.at_ms <= end]
    return _page(call, chosen, limit, _execution_row, always_cursor=True)


def _named(call: Call) -> list[Order] | None:
    """The order asked for by id (orderId wins), an empty list where there is none, None where no id was given."""
    order_id, link_id = call.get("orderId"), call.get("orderLinkId")
    if not (order_id or link_id):
        return None
    try:
        return [
            call.venue.core.find(
                call.account.name,
                order_id=order_id,
                link_id="" if order_id else link_id,
                symbol=call.get("symbol"),
            )
        ]
    except Refusal:
        return []


def _of_symbol(call: Call, items: Sequence[_Item]) -> list[_Item]:
    symbol = call.get("symbol")
    if symbol:
        call.filters(symbol)
    return [item for item in items if symbol in {"", item.symbol}]


def _window(call: Call) -> tuple[int, int]:
    now = call.venue.clock()
    latest = 10**15
    start = call.integer("startTime", 0, 0, latest)
    end = call.integer("endTime", 0, 0, latest)
    if start and not end:
        end = start + WEEK_MS
    elif not start:
        end = end or now + 1000
        start = end - WEEK_MS
    if not start <= end <= start + WEEK_MS:
        raise parameter("startTime to endTime must be at most 7 days")
    return start, end


def _page(
    call: Call, items: Sequence[_Item], limit: int, row: Callable[[Call, _Item], Row], *, always_cursor: bool
) -> Result:
    """One page, newest first. As captured, history and executions give a cursor with every page that holds a row."""
    newest_first = sorted(items, key=lambda item: item.seq, reverse=True)
    cursor = call.get("cursor")
    if cursor:
        found = _CURSOR.fullmatch(unquote(unquote(cursor)))
        if found is None:
            raise parameter(f"cursor is {cursor!r}")
        newest_first = [item for item in newest_first if item.seq < int(found[1])]
    page = newest_first[:limit]
    more = bool(page) and (always_cursor or len(newest_first) > limit)
    return {
        "category": "spot",
        "list": [row(call, item) for item in page],
        "nextPageCursor": _cursor(page[0], page[-1]) if more else "",
    }


def _cursor(first: Order | Execution, last: Order | Execution) -> str:
    """Percent-encoded, as the captures have it: clients hand it back as it is."""
    stamps = [one.created_ms if isinstance(one, Order) else one.at_ms for one in (first, last)]
    return f"{stamps[1]}%3A{last.seq}%2C{stamps[0]}%3A{first.seq}"


def _order_row(call: Call, order: Order) -> Row:
    return order_row(order, call.filters(order.symbol))


def _execution_row(call: Call, execution: Execution) -> Row:
    return execution_row(execution, call.filters(execution.symbol))
