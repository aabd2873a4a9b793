"""The filters a request must pass, in one place; every failure is a `Refusal` and changes nothing."""

from decimal import Decimal

from bot.sandbox.orders import ZERO, Filters, Kind, OrderRequest, Reason, Refusal


def check_request(request: OrderRequest, filters: Filters, last: Decimal) -> None:
    """Raise the refusal that the exchange would give for `request` while the price stands at `last`."""
    if request.qty <= ZERO:
        raise Refusal(Reason.BAD_QTY, str(request.qty))
    if request.kind is Kind.LIMIT:
        check_limit(request.price, request.qty, filters)
    elif request.quote_sized:
        _check_amount(request.qty, filters, last)
    else:
        _check_lots(request.qty, filters)
        if request.qty > filters.max_market_qty:
            raise Refusal(Reason.MARKET_QTY_TOO_LARGE)
        if request.qty * last < filters.min_amount:
            raise Refusal(Reason.VALUE_TOO_LOW)


def check_limit(price: Decimal | None, qty: Decimal, filters: Filters) -> None:
    """The rules of a limit order, new or amended."""
    if price is None or price <= ZERO:
        raise Refusal(Reason.BAD_PRICE, str(price))
    if price % filters.tick != ZERO:
        raise Refusal(Reason.PRICE_DECIMALS, f"{price} on a tick of {filters.tick}")
    _check_lots(qty, filters)
    if qty > filters.max_limit_qty:
        raise Refusal(Reason.LIMIT_QTY_TOO_LARGE)
    if price * qty < filters.min_amount:
        raise Refusal(Reason.VALUE_TOO_LOW)


def _check_lots(qty: Decimal, filters: Filters) -> None:
    if qty % filters.lot != ZERO:
        raise Refusal(Reason.QTY_DECIMALS, f"{qty} on a step of {filters.lot}")


def _check_amount(amount: Decimal, filters: Filters, last: Decimal) -> None:
    if amount % filters.quote_step != ZERO:
        raise Refusal(Reason.AMOUNT_DECIMALS, f"{amount} on a step of {filters.quote_step}")
    if amount < filters.min_amount:
        raise Refusal(Reason.VALUE_TOO_LOW)
    if filters.lots_for(amount, last) > filters.max_market_qty:
        raise Refusal(Reason.MARKET_QTY_TOO_LARGE)
