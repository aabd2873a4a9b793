"""Rows as Bybit V5 spot writes them: every number a string, the field sets of its samples and captures."""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any

from bot.sandbox.account import Account
from bot.sandbox.matching import Matching
from bot.sandbox.orders import ZERO, End, Execution, Filters, Kind, Order, Status

Row = dict[str, Any]

_REJECT_REASONS = {
    End.NONE: "EC_NoError",
    End.BY_USER: "EC_PerCancelRequest",
    End.POST_ONLY_WOULD_TAKE: "EC_PostOnlyWillTakeLiquidity",
    End.NOT_FILLED_AT_ONCE: "EC_NoImmediateQtyToFill",
    End.NOT_WHOLE_AT_ONCE: "EC_NoEnoughQtyToFill",
    End.REST_NOT_FILLED: "EC_CancelForNoFullFill",
}


def plain(value: Decimal, step: Decimal | None = None) -> str:
    """The exact number without exponent; at least as many decimals as `step` has, never rounded."""
    least = _decimals(step) if step is not None else 0
    text = format(value, "f")
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole


@cache
def _decimals(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))


def average(order: Order) -> str:
    """Average fill price to 8 decimals as the captures show it; "" while nothing has filled."""
    if not order.filled:
        return ""
    return plain((order.value / order.filled).quantize(Decimal("0.00000001")))


def fee_coin(order: Order, filters: Filters) -> str:
    """The coin of the order's fees: base for buys, quote for sells."""
    return next(iter(order.fees), filters.base if order.side.value == "Buy" else filters.quote)


def _order_core(order: Order, filters: Filters) -> Row:
    price = order.price or ZERO
    unspent = ZERO if order.is_open else order.qty - order.value
    left = unspent if order.quote_sized else order.leaves * price
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "blockTradeId": "",
        "side": order.side.value,
        "positionIdx": 0,
        "orderStatus": order.status.value,
        "cancelType": "CancelByUser" if order.end is End.BY_USER else "UNKNOWN",
        "rejectReason": _REJECT_REASONS[order.end],
        "timeInForce": order.tif.value,
        "isLeverage": "0",
        "price": plain(price, filters.tick) if price else "0",
        "qty": plain(order.qty, filters.lot),
        "avgPrice": average(order),
        "leavesQty": plain(order.leaves, filters.lot),
        "leavesValue": plain(left, filters.quote_step),
        "cumExecQty": plain(order.filled, filters.lot),
        "cumExecValue": plain(order.value, filters.quote_step),
        "cumExecFee": plain(sum(order.fees.values(), ZERO)),
        "cumFeeDetail": {coin: plain(amount) for coin, amount in order.fees.items()},
        "orderType": order.kind.value,
        "stopOrderType": "",
        "orderIv": "",
        "triggerPrice": "0.00",
        "takeProfit": "0.00",
        "stopLoss": "0.00",
        "tpslMode": "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "triggerBy": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": 0,
        "placeType": "",
        "lastPriceOnCreated": plain(order.last_price, filters.tick),
        "closeOnTrigger": False,
        "reduceOnly": False,
        "smpGroup": 0,
        "smpType": "None",
        "smpOrderId": "",
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }


def order_row(order: Order, filters: Filters) -> Row:
    """A row of /v5/order/realtime and /v5/order/history."""
    unit = "" if order.kind is Kind.LIMIT else "quoteCoin" if order.quote_sized else "baseCoin"
    return {
        **_order_core(order, filters),
        "basePrice": plain(order.last_price, filters.tick),
        "marketUnit": unit,
        "slippageToleranceType": "UNKNOWN",
        "slippageTolerance": "",
        "extraFees": "",
    }


def order_message(order: Order, filters: Filters, *, cancel_lost: bool = False) -> Row:
    """A row of the `order` topic. `cancel_lost`: the repeat Bybit sends when a cancel came after the fill."""
    row = {
        "category": "spot",
        **_order_core(order, filters),
        "feeCurrency": fee_coin(order, filters),
        "closedPnl": "0",
    }
    if cancel_lost and order.status is Status.FILLED:
        row |= {"cancelType": "CancelByUser", "rejectReason": "EC_OrigClOrdIDDoesNotExist"}
    return row


def execution_row(execution: Execution, filters: Filters) -> Row:
    """A row of /v5/execution/list; quote-sized orders show orderQty 0 as captured."""
    qty = ZERO if execution.quote_sized else execution.order_qty
    return {
        "symbol": execution.symbol,
        "orderType": execution.kind.value,
        "underlyingPrice": "",
        "orderLinkId": execution.link_id,
        "side": execution.side.value,
        "indexPrice": "",
        "orderId": execution.order_id,
        "stopOrderType": "",
        "leavesQty": plain(execution.leaves, filters.lot),
        "execTime": str(execution.at_ms),
        "feeCurrency": execution.fee_coin,
        "isMaker": execution.is_maker,
        "execFee": plain(execution.fee),
        "feeRate": plain(execution.fee_rate),
        "execId": execution.exec_id,
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": "",
        "execPrice": plain(execution.price, filters.tick),
        "markIv": "",
        "orderQty": plain(qty, filters.lot),
        "orderPrice": plain(execution.order_price, filters.tick) if execution.order_price else "0",
        "execValue": plain(execution.value, filters.quote_step),
        "execType": "Trade",
        "execQty": plain(execution.qty, filters.lot),
        "closedSize": "",
        "extraFees": "",
        "seq": execution.seq,
        "marketUnit": "",
    }


def execution_message(execution: Execution, filters: Filters) -> Row:
    """A row of the `execution` topic."""
    return {
        "category": "spot",
        **execution_row(execution, filters),
        "isLeverage": "0",
        "execPnl": "0",
        "createType": "CreateByUser",
    }


def wallet_row(account: Account, core: Matching, coins: Iterable[str]) -> Row:
    """One UNIFIED wallet with the named coins, as wallet-balance and the `wallet` topic write it."""
    total = sum((_in_usd(coin, held.total, core) for coin, held in account.balances.items()), ZERO)
    free = sum((_in_usd(coin, held.free, core) for coin, held in account.balances.items()), ZERO)
    zeros = dict.fromkeys(
        (
            "accountIMRate", "accountIMRateByMp", "accountMMRate", "accountMMRateByMp", "totalPerpUPL",
            "totalInitialMargin", "totalInitialMarginByMp", "totalMaintenanceMargin",
            "totalMaintenanceMarginByMp", "accountLTV",
        ),
        "0",
    )  # fmt: skip
    return {
        **zeros,
        "totalEquity": plain(total),
        "totalWalletBalance": plain(total),
        "totalMarginBalance": plain(total),
        "totalAvailableBalance": plain(free),
        "accountType": "UNIFIED",
        "coin": [_coin_row(account, core, coin) for coin in coins],
    }


def _coin_row(account: Account, core: Matching, coin: str) -> Row:
    held = account.coin(coin)
    zeros = dict.fromkeys(
        (
            "borrowAmount", "accruedInterest", "totalOrderIM", "totalPositionIM", "totalPositionMM",
            "unrealisedPnl", "cumRealisedPnl", "bonus", "spotHedgingQty", "spotBorrow",
        ),
        "0",
    )  # fmt: skip
    return {
        **zeros,
        "coin": coin,
        "equity": plain(held.total),
        "usdValue": plain(_in_usd(coin, held.total, core)),
        "walletBalance": plain(held.total),
        "locked": plain(held.locked),
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "collateralSwitch": True,
        "marginCollateral": True,
    }


def _in_usd(coin: str, amount: Decimal, core: Matching) -> Decimal:
    """Value for show only, at the last price, to 8 decimals; coins without a market count nothing."""
    for book in core.books.values():
        if coin == book.filters.quote:
            return amount
        if coin == book.filters.base:
            return (amount * book.price).quantize(Decimal("0.00000001"))
    return ZERO
