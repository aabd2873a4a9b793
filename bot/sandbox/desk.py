"""The bookkeeping of the stand-in exchange: accounts, orders, executions, and money that moves exactly."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from bot.sandbox.account import Account
from bot.sandbox.book import Book
from bot.sandbox.orders import (
    EXACT,
    ZERO,
    Batch,
    End,
    Execution,
    Filters,
    Kind,
    Order,
    OrderRequest,
    Reason,
    Refusal,
    Side,
    Status,
    TimeInForce,
)

_FIRST_ORDER_ID = 2_000_000_000_000_000_000
_FIRST_EXEC_ID = 2_260_000_000_000_000_000

Listener = Callable[[Batch], None]


@dataclass(frozen=True, slots=True)
class CoreRules:
    """How the stand-in behaves. `partial_seed`: fills come in 2 to 4 parts, cut by this seed; None fills whole."""

    fee_rate: Decimal = Decimal("0.001")
    partial_seed: int | None = None
    backtest_rules: bool = False


@dataclass(slots=True)
class _Change:
    """What an operation has done so far, in order."""

    orders: list[Order] = field(default_factory=list)
    silent: list[Order] = field(default_factory=list)
    echoes: list[Order] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    coins: list[str] = field(default_factory=list)


class Desk:
    """State of the whole exchange and the few operations that move money; listeners hear of every change."""

    def __init__(
        self, filters: Iterable[Filters], *, clock: Callable[[], int], rules: CoreRules | None = None
    ) -> None:
        self.rules = rules or CoreRules()
        self.books = {one.symbol: Book(one) for one in filters}
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.open_orders: dict[str, dict[str, Order]] = {}
        self.executions: dict[str, list[Execution]] = {}
        self.listeners: list[Listener] = []
        self.seq = 0
        self._clock = clock
        self._by_link: dict[tuple[str, str], str] = {}
        self._cancelling: set[str] = set()
        self._change = _Change()

    # Accounts and look-ups

    def add_account(self, account: Account) -> None:
        self.accounts[account.name] = account
        self.executions.setdefault(account.name, [])
        self.open_orders.setdefault(account.name, {})

    def orders_of(self, account: str) -> list[Order]:
        """The account's orders, oldest first."""
        return [order for order in self.orders.values() if order.account == account]

    def find(self, account: str, *, order_id: str = "", link_id: str = "", symbol: str = "") -> Order:
        """The order by id, else by the client's id; refused as not found where it is not this account's."""
        wanted = order_id or self._by_link.get((account, link_id), "")
        order = self.orders.get(wanted)
        if order is None or order.account != account or symbol not in {"", order.symbol}:
            raise Refusal(Reason.NOT_FOUND, order_id or link_id)
        return order

    def restore(self, orders: Iterable[Order], executions: Iterable[Execution], seq: int) -> None:
        """Take up the state of an earlier life; accounts must be in place. Orders on their way arrive later."""
        for order in orders:
            self.orders[order.order_id] = order
            self._by_link[order.account, order.link_id] = order.order_id
            if order.is_open:
                self.open_orders[order.account][order.order_id] = order
            if order.is_open and not order.arriving:
                self.books[order.symbol].resting[order.order_id] = order
        for execution in executions:
            self.executions[execution.account].append(execution)
        self.seq = seq

    @contextmanager
    def _operation(self, account: str) -> Iterator[Account]:
        """One change of one account, told to the listeners when it is whole; nested use is not meant."""
        change = self._change = _Change()
        with localcontext(EXACT):
            yield self.accounts[account]
        if not (change.orders or change.silent or change.echoes or change.coins):
            return
        self.seq += 1
        last = {order.order_id: order for order in change.orders}
        batch = Batch(
            account=account,
            at_ms=self._clock(),
            seq=self.seq,
            orders=tuple(order.copy() for order in last.values()),
            silent=tuple(order.copy() for order in change.silent if order.order_id not in last),
            echoes=tuple(order.copy() for order in change.echoes),
            executions=tuple(change.executions),
            coins=tuple(dict.fromkeys(change.coins)),
        )
        for listener in self.listeners:
            listener(batch)

    def _new_order(self, account: str, request: OrderRequest, last: Decimal, locked: Decimal) -> Order:
        self.seq += 1
        now = self._clock()
        number = _FIRST_ORDER_ID + 256 * self.seq
        order = Order(
            order_id=str(number),
            link_id=request.link_id or str(number + 1),
            account=account,
            symbol=request.symbol,
            side=request.side,
            kind=request.kind,
            tif=request.tif if request.kind is Kind.LIMIT else TimeInForce.IOC,
            qty=request.qty,
            price=request.price,
            quote_sized=request.quote_sized,
            created_ms=now,
            updated_ms=now,
            seq=self.seq,
            last_price=last,
            locked=locked,
        )
        self.orders[order.order_id] = order
        self.open_orders[account][order.order_id] = order
        self._by_link[account, order.link_id] = order.order_id
        return order

    def _fill(self, order: Order, book: Book, price: Decimal, qty: Decimal, *, is_maker: bool) -> None:
        filters, owner = book.filters, self.accounts[order.account]
        value, rate = price * qty, self.rules.fee_rate
        if order.side is Side.BUY:
            released = min(order.locked, value if order.price is None else order.price * qty)
            owner.unlock(filters.quote, released)
            owner.move(filters.quote, -value)
            fee, fee_coin = qty * rate, filters.base
            owner.move(filters.base, qty - fee)
        else:
            released = qty
            owner.unlock(filters.base, released)
            owner.move(filters.base, -qty)
            fee, fee_coin = value * rate, filters.quote
            owner.move(filters.quote, value - fee)
            book.sold_in_candle.add(order.account)
        order.locked -= released
        order.filled += qty
        order.value += value
        order.fees[fee_coin] = order.fees.get(fee_coin, ZERO) + fee
        order.status = Status.PARTIALLY_FILLED
        order.updated_ms = self._clock()
        self._record(order, price, qty, fee, fee_coin, is_maker=is_maker)
        self._change.orders.append(order)
        self._change.coins += [filters.base, filters.quote]
        if not order.quote_sized and order.filled == order.qty:
            self._finish(order, End.NONE)

    def _record(
        self, order: Order, price: Decimal, qty: Decimal, fee: Decimal, fee_coin: str, *, is_maker: bool
    ) -> None:
        self.seq += 1
        execution = Execution(
            exec_id=str(_FIRST_EXEC_ID + self.seq),
            seq=self.seq,
            order_id=order.order_id,
            link_id=order.link_id,
            account=order.account,
            symbol=order.symbol,
            side=order.side,
            kind=order.kind,
            price=price,
            qty=qty,
            value=price * qty,
            fee=fee,
            fee_coin=fee_coin,
            fee_rate=self.rules.fee_rate,
            is_maker=is_maker,
            leaves=order.leaves,
            order_price=order.price,
            order_qty=order.qty,
            quote_sized=order.quote_sized,
            at_ms=order.updated_ms,
            candle_ms=self.books[order.symbol].candle_ms,
        )
        self.executions[order.account].append(execution)
        self._change.executions.append(execution)

    def _finish(self, order: Order, end: End) -> None:
        """Close the order: filled whole (End.NONE), or ended with what it has; free what it still locks."""
        book = self.books[order.symbol]
        coin = book.filters.quote if order.side is Side.BUY else book.filters.base
        self.accounts[order.account].unlock(coin, order.locked)
        order.locked = ZERO
        if end is End.NONE:
            order.status = Status.FILLED
        else:
            order.status = Status.PARTIALLY_FILLED_CANCELED if order.filled else Status.CANCELLED
        order.end, order.arriving = end, False
        order.updated_ms = self._clock()
        book.resting.pop(order.order_id, None)
        del self.open_orders[order.account][order.order_id]
        self._change.orders.append(order)
        self._change.coins.append(coin)
