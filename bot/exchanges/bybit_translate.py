"""Bybit's payloads in the house's words. Pure; Unavailable for anything that cannot be read.

Rows are those of docs "order/open-order", "order/execution", "market/instrument", "account/wallet-balance" and
"user/apikey-info"; the private stream's rows are the same. An amount that is a JSON number is refused: it has
been through a float.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from bot.domain.events import CloseReason
from bot.domain.market import MarketRules, Side, Symbol
from bot.domain.money import EXACT, Base, Price, Quote, exact, total_base, total_quote
from bot.domain.orders import PREFIX, Fill
from bot.errors import Unavailable
from bot.ports import Balance, Candle, KeyFacts, OrderView

Row = Mapping[str, Any]

_SIDES = MappingProxyType({"Buy": Side.BUY, "Sell": Side.SELL})
_OPEN = frozenset({"New", "PartiallyFilled", "Untriggered", "Created"})
_CLOSED = MappingProxyType(
    {
        "Filled": CloseReason.FILLED,
        "PartiallyFilledCanceled": CloseReason.CANCELLED,
        "Cancelled": CloseReason.CANCELLED,
        "Deactivated": CloseReason.CANCELLED,
        # A fired trigger lives on as an order of its own.
        "Triggered": CloseReason.CANCELLED,
        "Rejected": CloseReason.REJECTED,
    }
)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever is wrong with a payload becomes Unavailable: nothing was learnt from it."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as exc:
        raise Unavailable(f"unreadable {what}: {type(exc).__name__} {exc}") from exc


def _amount(text: object) -> Decimal:
    """A decimal string; "" and None, with which Bybit says "none", are zero."""
    if text is None or text == "":
        return Decimal(0)
    if not isinstance(text, str):
        raise TypeError(f"an amount is a string, not a {type(text).__name__}")
    return exact(text)


def _required(row: Row, name: str) -> Decimal:
    if row[name] in {"", None}:
        raise ValueError(f"{name} is empty")
    return _amount(row[name])


def rows_of(result: Row) -> Sequence[Row]:
    """`list` of a result: a list of objects, or nothing was learnt."""
    with reading("list"):
        rows = result["list"]
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise TypeError("not a list of objects")
        return rows


def market_rules(row: Row) -> MarketRules:
    """A pair's rules.

    minOrderQty is deprecated since October 2025 ("check minOrderAmt instead"): a lot step is the least.
    The smaller of the two maxima is kept, as one quantity may become a limit or a market order.
    """
    with reading("instrument"):
        lot = row["lotSizeFilter"]
        maxima = [_amount(lot.get(name)) for name in ("maxLimitOrderQty", "maxMarketOrderQty")]
        maxima = [one for one in maxima if one > 0] or [_amount(lot.get("maxOrderQty"))]
        return MarketRules(
            symbol=Symbol(str(row["symbol"]), str(row["baseCoin"]), str(row["quoteCoin"])),
            tick=_required(row["priceFilter"], "tickSize"),
            lot_step=_required(lot, "basePrecision"),
            quote_step=_required(lot, "quotePrecision"),
            min_notional=Quote(_required(lot, "minOrderAmt")),
            max_quantity=Base(min(maxima)),
        )


def last_price(row: Row) -> Price:
    with reading("ticker"):
        price = Price(_required(row, "lastPrice"))
        if price.value <= 0:
            raise ValueError("a price is positive")
        return price


def candles(result: Row) -> Sequence[Candle]:
    """Bybit sends the newest first, as rows of text: start, open, high, low, close, volume, turnover."""
    with reading("candles"):
        found = [
            Candle(int(at), Price.of(first), Price.of(high), Price.of(low), Price.of(last))
            for at, first, high, low, last, *_ in result["list"]
        ]
        return sorted(found, key=lambda candle: candle.at)


def balances(result: Row, coins: Iterable[str]) -> Mapping[str, Balance]:
    """Of a unified account. Free is walletBalance - locked: `free` and `availableToWithdraw` are deprecated."""
    (account,) = _single(result)
    with reading("wallet"):
        seen = {
            str(coin["coin"]): Balance(_required(coin, "walletBalance"), _amount(coin.get("locked")))
            for coin in account["coin"]
        }
    nothing = Balance(Decimal(0), Decimal(0))
    return {coin: seen.get(coin, nothing) for coin in coins}


def _single(result: Row) -> tuple[Row]:
    rows = rows_of(result)
    if len(rows) != 1:
        raise Unavailable(f"unreadable wallet: {len(rows)} accounts instead of one")
    return (rows[0],)


def is_ours(row: Row) -> bool:
    """Whether a row belongs to an order that this program placed."""
    return str(row.get("orderLinkId") or "").startswith(PREFIX)


def order_view(row: Row) -> OrderView:
    """An order row.

    Judge a market buy by `filled`: one sized in quote normally ends PartiallyFilledCanceled with everything
    bought, because the last cents buy no lot step. Such an order is CANCELLED here, with what it filled.
    """
    with reading("order"):
        status = row["orderStatus"]
        if status not in _OPEN and status not in _CLOSED:
            raise ValueError(f"unknown status {status!r}")
        filled = _amount(row.get("cumExecQty"))
        closed = _CLOSED.get(status)
        if closed is CloseReason.CANCELLED and _whole(row, filled):
            closed = CloseReason.FILLED
        return OrderView(
            order_id=str(row["orderLinkId"]),
            symbol=str(row["symbol"]),
            side=_SIDES[row["side"]],
            filled=Base(filled),
            value=Quote(_amount(row.get("cumExecValue"))),
            closed=closed,
            at=int(row["updatedTime"]),
        )


def _whole(row: Row, filled: Decimal) -> bool:
    """`qty` of a market buy may be an amount of quote, which says nothing about base."""
    in_base = row.get("orderType") == "Limit" or row["side"] == "Sell"
    return in_base and filled > 0 and filled >= _amount(row.get("qty"))


def is_trade(row: Row) -> bool:
    """Executions are also funding, settlements and corporate actions; only trades move an order."""
    return row.get("execType") == "Trade"


def fees_of(row: Row, symbol: Symbol) -> Sequence[tuple[str, Decimal]]:
    """(coin, amount) of what an execution cost, the trading fee first, then taxes; positive when paid.

    Rows before 2025-09-18 name no coin. Rule (docs "Spot Fee Currency Instruction"): a buy pays in base and a
    sell in quote; a maker's rebate (a negative fee) comes in the other coin.
    """
    with reading("execution fee"):
        fee = _amount(row.get("execFee"))
        coin = row.get("feeCurrency") or _usual_fee_coin(row, symbol, rebate=fee < 0)
        extra = row.get("extraFees") or []
        taxes = json.loads(extra) if isinstance(extra, str) else extra
        return [(str(coin), fee), *((str(tax["feeCoin"]), _amount(tax["fee"])) for tax in taxes)]


def _usual_fee_coin(row: Row, symbol: Symbol, *, rebate: bool) -> str:
    in_base = (_SIDES[row["side"]] is Side.BUY) is not rebate
    return symbol.base if in_base else symbol.quote


def foreign_coins(row: Row, symbol: Symbol) -> set[str]:
    """Fee coins that are neither of the pair's (MNT), whose price must be asked for."""
    return {coin for coin, fee in fees_of(row, symbol) if fee} - {symbol.base, symbol.quote}


def fill_of(row: Row, symbol: Symbol, worth: Mapping[str, Decimal]) -> Fill:
    """An execution row as a fill; `worth` is the price in quote of each of its foreign coins.

    Taxes in the fee's own coin are added to the fee; in another coin they count in `fee_value` alone.
    """
    fees = fees_of(row, symbol)
    with reading("execution"):
        price = Price(_required(row, "execPrice"))
        prices = {**worth, symbol.base: price.value, symbol.quote: Decimal(1)}
        coin = fees[0][0]
        paid = value = Decimal(0)
        for other, fee in fees:
            if fee:
                value = EXACT.add(value, EXACT.multiply(fee, prices[other]))
                paid = EXACT.add(paid, fee) if other == coin else paid
        return Fill(
            exec_id=str(row["execId"]),
            order_id=str(row["orderLinkId"]),
            side=_SIDES[row["side"]],
            price=price,
            quantity=Base(_required(row, "execQty")),
            value=Quote(_required(row, "execValue")),
            fee=paid,
            fee_coin=coin,
            fee_value=Quote(value),
            at=int(row["execTime"]),
            maker=bool(row.get("isMaker")),
        )


def view_of_executions(
    order_id: str, symbol: Symbol, rows: Sequence[Row], fills: Sequence[Fill]
) -> OrderView:
    """An order known by its executions alone, the order lists being behind; at least one fill.

    It is closed only where an execution left nothing open: one that may still be open is never called closed.
    """
    with reading("execution"):
        limit = all(row.get("orderType") == "Limit" for row in rows)
        nothing_left = any(_required(row, "leavesQty") == 0 for row in rows)
    whole = CloseReason.FILLED if limit else CloseReason.CANCELLED
    return OrderView(
        order_id=order_id,
        symbol=symbol.name,
        side=fills[0].side,
        filled=total_base(fill.quantity for fill in fills),
        value=total_quote(fill.value for fill in fills),
        closed=whole if nothing_left else None,
        at=fills[-1].at,
    )


_NEEDED = frozenset({"SpotTrade", "ExchangeHistory"})


def key_facts(result: Row) -> KeyFacts:
    """Of a key; `expiredAt` at the epoch means that it does not expire."""
    with reading("API key"):
        permissions = result["permissions"]
        read_only = int(result["readOnly"]) != 0
        expires = datetime.fromisoformat(result["expiredAt"]) if result.get("expiredAt") else None
        expires_at = int(expires.timestamp() * 1000) if expires else 0
        return KeyFacts(
            can_trade=not read_only and "SpotTrade" in (permissions.get("Spot") or ()),
            can_withdraw="Withdraw" in (permissions.get("Wallet") or ()),
            ip_bound=any(ip != "*" for ip in result.get("ips") or ()),
            expires_at=expires_at if expires_at > 0 else None,
            read_only=read_only,
            needless=_needless(permissions),
        )


def _needless(permissions: Row) -> tuple[str, ...]:
    """`Wallet: AccountTransfer`; history is only read."""
    rights = {
        group: [right for right in found or () if right not in _NEEDED]
        for group, found in permissions.items()
    }
    return tuple(f"{group}: {', '.join(found)}" for group, found in sorted(rights.items()) if found)


def taker_rate(row: Row) -> Decimal:
    with reading("fee rate"):
        return _required(row, "takerFeeRate")


def server_time(result: Row) -> float:
    """Milliseconds, with the fraction that `timeNano` gives."""
    with reading("server time"):
        return int(result["timeNano"]) / 1_000_000
