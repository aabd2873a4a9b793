"""Order endpoints of Bybit V5 spot: create, amend, cancel, cancel-all."""

import re
from decimal import Decimal, InvalidOperation

from bot.sandbox.bybit_call import Call, Result
from bot.sandbox.bybit_errors import ApiError, empty, invalid, parameter
from bot.sandbox.orders import Kind, Order, OrderRequest, Side, TimeInForce

CREATE = frozenset(
    {
        "category",
        "symbol",
        "side",
        "orderType",
        "qty",
        "price",
        "timeInForce",
        "marketUnit",
        "orderLinkId",
        "isLeverage",
        "orderFilter",
    }
)
AMEND = frozenset({"category", "symbol", "orderId", "orderLinkId", "qty", "price"})
CANCEL = frozenset({"category", "symbol", "orderId", "orderLinkId", "orderFilter"})
CANCEL_ALL = frozenset({"category", "symbol", "orderFilter"})

_LINK_ID = re.compile(r"[0-9A-Za-z\-_]{1,36}")
_PLAIN_NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?")


def create(call: Call) -> Result:
    """Check, lock and acknowledge; the order reaches the book after the answer."""
    call.only_spot()
    order = call.venue.core.place(call.account.name, _request(call))
    call.venue.effects.after_ack(call.account.name, lambda: call.venue.core.arrive(order.order_id))
    return _ids(order)


def amend(call: Call) -> Result:
    """Change quantity or price of an open limit order."""
    call.only_spot()
    order = _named(call)
    changes = {name: _number(call, name) for name in ("qty", "price") if call.has(name)}
    if not changes:
        raise parameter("qty or price is wanted")
    if Decimal(0) in changes.values():
        raise invalid(next(name for name, value in changes.items() if not value))
    call.venue.core.amend(order, **changes)
    call.venue.effects.after_ack(call.account.name, lambda: call.venue.core.arrive(order.order_id))
    return _ids(order)


def cancel(call: Call) -> Result:
    """Acknowledge a cancel; it is carried out after the answer, and a fill may be faster."""
    call.only_spot()
    _check_filter(call)
    order = _named(call)
    _cancel(call, order)
    return _ids(order)


def cancel_all(call: Call) -> Result:
    """Cancel every open order of the account, of one symbol where it is given."""
    call.only_spot()
    _check_filter(call)
    symbol = call.get("symbol")
    if symbol:
        call.filters(symbol)
    chosen = [
        order
        for order in call.venue.core.open_orders[call.account.name].values()
        if symbol in {"", order.symbol} and not call.venue.core.is_cancelling(order)
    ]
    for order in chosen:
        _cancel(call, order)
    return {"list": [_ids(order) for order in chosen], "success": "1"}


def _cancel(call: Call, order: Order) -> None:
    core = call.venue.core
    core.request_cancel(order)
    call.venue.effects.after_ack(call.account.name, lambda: core.cancel(order.order_id))


def _ids(order: Order) -> Result:
    return {"orderId": order.order_id, "orderLinkId": order.link_id}


def _named(call: Call) -> Order:
    """The order that the request names; orderId wins over orderLinkId."""
    if not call.get("symbol"):
        raise empty("symbol")
    order_id, link_id = call.get("orderId"), call.get("orderLinkId")
    if not (order_id or link_id):
        raise parameter("orderId or orderLinkId is wanted")
    call.filters(call.get("symbol"))
    link_id = "" if order_id else link_id
    return call.venue.core.find(
        call.account.name, order_id=order_id, link_id=link_id, symbol=call.get("symbol")
    )


def _request(call: Call) -> OrderRequest:
    for name in ("symbol", "side", "orderType", "qty"):
        if not call.get(name):
            raise empty(name)
    _check_filter(call)
    if call.get("isLeverage") not in {"", "0"}:
        raise parameter("isLeverage: the stand-in trades without leverage, 0 is wanted")
    side, kind = _choice(call, "side", 170117), _choice(call, "orderType", 170116)
    link_id = call.get("orderLinkId")
    if link_id and not _LINK_ID.fullmatch(link_id):
        raise invalid("orderLinkId")
    quote_sized = False
    if kind == Kind.MARKET:
        default = "quoteCoin" if side == Side.BUY else "baseCoin"
        unit = call.get("marketUnit") or default
        if unit not in {"quoteCoin", "baseCoin"}:
            raise invalid("marketUnit")
        quote_sized = unit == "quoteCoin"
    elif not call.get("price"):
        raise empty("price")
    return OrderRequest(
        symbol=call.get("symbol"),
        side=Side(side),
        kind=Kind(kind),
        qty=_number(call, "qty"),
        price=_number(call, "price") if kind == Kind.LIMIT else None,
        tif=TimeInForce(_choice(call, "timeInForce", 170115)) if call.has("timeInForce") else TimeInForce.GTC,
        quote_sized=quote_sized,
        link_id=link_id,
    )


_CHOICES: dict[str, tuple[type[Side | Kind | TimeInForce], str]] = {
    "side": (Side, "Invalid side."),
    "orderType": (Kind, "Invalid orderType."),
    "timeInForce": (TimeInForce, "Invalid timeInForce."),
}


def _choice(call: Call, name: str, code: int) -> str:
    words, text = _CHOICES[name]
    if call.get(name) not in {word.value for word in words}:
        raise ApiError(code, text)
    return call.get(name)


def _check_filter(call: Call) -> None:
    if call.get("orderFilter") not in {"", "Order"}:
        raise ApiError(170201, "Invalid orderFilter parameter")


def _number(call: Call, name: str) -> Decimal:
    """A plain decimal sent as a string: exponents, signs and JSON numbers are refused."""
    raw = call.params.get(name)
    if not isinstance(raw, str) or not _PLAIN_NUMBER.fullmatch(raw):
        raise invalid(name)
    try:
        return Decimal(raw)
    except InvalidOperation as exc:
        raise invalid(name) from exc
