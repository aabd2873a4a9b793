"""The matching core of the stand-in exchange: synchronous, no sockets, no files, the clock handed in.

Orders meet a price path and not each other: the path is the rest of the market, with endless depth.

* A resting limit order fills at its limit price when the path meets it, and also where a gap passes over it.
* A limit order that is marketable when it arrives takes: a buy at the price rounded up to the tick, a sell at the
  price rounded down. Market orders likewise.
* Fees: of a buy in the base coin, of a sell in the quote coin, unrounded. Money is exact or the core stops.
* Placing is asynchronous: `place` checks, locks and acknowledges; `arrive` brings the order to the book, and only then
  the streams tell of it: New where it rests, else what has become of it.
* `backtest_rules` (strategy.md, "Backtest rules"): a market buy waits for the next candle's open, and an order that is
  marketable on arrival fills at its limit price, so that a live engine can be compared with a backtest fill for fill.
"""

import itertools
import random
from decimal import Decimal

from bot.sandbox.book import Book
from bot.sandbox.checks import check_limit, check_request
from bot.sandbox.desk import Desk
from bot.sandbox.orders import (
    ZERO,
    End,
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

MAX_OPEN_ORDERS = 500


class Matching(Desk):
    """What clients may ask for and what the market does to their orders."""

    # What clients ask for

    def place(self, account: str, request: OrderRequest) -> Order:
        """Check and lock, and acknowledge a new order; `arrive` must follow."""
        book = self.books.get(request.symbol)
        if book is None:
            raise Refusal(Reason.UNKNOWN_SYMBOL, request.symbol)
        with self._operation(account) as owner:
            check_request(request, book.filters, book.price)
            if request.link_id and (account, request.link_id) in self._by_link:
                raise Refusal(Reason.DUPLICATE_LINK, request.link_id)
            if len(self.open_orders[account]) >= MAX_OPEN_ORDERS:
                raise Refusal(Reason.TOO_MANY_ORDERS)
            coin, amount = self._lock_for(request, book)
            owner.lock(coin, amount)
            order = self._new_order(account, request, book.price, amount)
            self._change.coins.append(coin)
            self._change.silent.append(order)
        return order

    def arrive(self, order_id: str) -> None:
        """Bring an acknowledged order to the book: it takes, rests, waits for an open or is turned down."""
        order = self.orders[order_id]
        if not (order.is_open and order.arriving):
            return
        book = self.books[order.symbol]
        if self._waits_for_open(order, book):
            book.held.append(order_id)
            return
        with self._operation(order.account):
            order.arriving = False
            if order.kind is Kind.MARKET:
                self._take_market(order, book)
            else:
                self._arrive_limit(order, book)

    def request_cancel(self, order: Order) -> None:
        """Acknowledge a cancel; `cancel` must follow. Refused for a closed order or while another is on its way."""
        if order.status is Status.FILLED:
            raise Refusal(Reason.ALREADY_FILLED)
        if not order.is_open:
            raise Refusal(Reason.ALREADY_CANCELLED)
        if order.order_id in self._cancelling:
            raise Refusal(Reason.CANCEL_IN_PROCESS)
        self._cancelling.add(order.order_id)

    def is_cancelling(self, order: Order) -> bool:
        """Whether a cancel of the order is acknowledged and not yet carried out."""
        return order.order_id in self._cancelling

    def cancel(self, order_id: str) -> None:
        """Carry out an acknowledged cancel. Where a fill was faster the stream repeats the closed order."""
        order = self.orders[order_id]
        self._cancelling.discard(order_id)
        with self._operation(order.account):
            if order.is_open:
                self._finish(order, End.BY_USER)
            else:
                self._change.echoes.append(order)

    def amend(self, order: Order, *, qty: Decimal | None = None, price: Decimal | None = None) -> None:
        """Change a resting limit order's quantity or price in place; `arrive` must follow, it may now take."""
        if not order.is_open:
            filled = order.status is Status.FILLED
            raise Refusal(Reason.ALREADY_FILLED if filled else Reason.ALREADY_CANCELLED)
        if order.price is None or order.order_id in self._cancelling:
            raise Refusal(Reason.NOT_AMENDABLE)
        book = self.books[order.symbol]
        with self._operation(order.account) as owner:
            new_qty, new_price = qty or order.qty, price or order.price
            if new_qty <= order.filled:
                raise Refusal(Reason.BELOW_FILLED)
            check_limit(new_price, new_qty, book.filters)
            coin = book.filters.quote if order.side is Side.BUY else book.filters.base
            left = new_qty - order.filled
            needed = left * new_price if order.side is Side.BUY else left
            if needed > order.locked:
                owner.lock(coin, needed - order.locked)
            else:
                owner.unlock(coin, order.locked - needed)
            order.locked, order.qty, order.price = needed, new_qty, new_price
            order.arriving = True
            book.resting.pop(order.order_id, None)
            self._change.silent.append(order)
            self._change.coins.append(coin)
            order.updated_ms = self._clock()

    # What the market does

    def open_candle(self, symbol: str, price: Decimal, candle_ms: int | None = None) -> None:
        """The path jumps to a candle's open; call `advance` to that price to let it meet what it passed over."""
        self.books[symbol].open_candle(price, candle_ms)

    def leave_open(self, symbol: str) -> None:
        """The path is about to leave a candle's first point."""
        self.books[symbol].at_open = False

    def advance(self, symbol: str, target: Decimal) -> bool:
        """Go towards `target` until one order is met and filled; True once the path stands there, nothing left."""
        book = self.books[symbol]
        while book.at_open and book.held:
            order = self.orders[book.held.pop(0)]
            if order.is_open:
                with self._operation(order.account):
                    order.arriving = False
                    self._take_market(order, book)
                return False
        met = book.next_met(target) if book.resting else None
        if met is None:
            book.price = target
            return True
        order, book.price = met
        with self._operation(order.account):
            self._fill_resting(order, book)
        return False

    # Inside

    def _lock_for(self, request: OrderRequest, book: Book) -> tuple[str, Decimal]:
        filters = book.filters
        if request.side is Side.SELL:
            qty = filters.lots_for(request.qty, book.price) if request.quote_sized else request.qty
            return filters.base, qty
        if request.quote_sized:
            return filters.quote, request.qty
        price = filters.price_up(book.price) if request.price is None else request.price
        return filters.quote, price * request.qty

    def _waits_for_open(self, order: Order, book: Book) -> bool:
        if not self.rules.backtest_rules or order.kind is Kind.LIMIT or order.side is Side.SELL:
            return False
        return not book.at_open or order.account in book.sold_in_candle

    def _arrive_limit(self, order: Order, book: Book) -> None:
        order.parts = self._cut(order, order.qty - order.filled, book.filters)
        if not book.crosses(order):
            match order.tif:
                case TimeInForce.IOC:
                    self._finish(order, End.NOT_FILLED_AT_ONCE)
                case TimeInForce.FOK:
                    self._finish(order, End.NOT_WHOLE_AT_ONCE)
                case _:
                    book.resting[order.order_id] = order
                    self._change.orders.append(order)
        elif order.tif is TimeInForce.POST_ONLY:
            self._finish(order, End.POST_ONLY_WOULD_TAKE)
        else:
            price = order.price if self.rules.backtest_rules else None
            for part in order.parts:
                self._fill(order, book, price or self._taker_price(order, book), part, is_maker=False)

    def _take_market(self, order: Order, book: Book) -> None:
        price = self._taker_price(order, book)
        filters = book.filters
        wanted = filters.lots_for(order.qty, price) if order.quote_sized else order.qty
        if order.side is Side.BUY:
            free = order.locked + self.accounts[order.account].coin(filters.quote).free
            wanted = min(wanted, filters.lots_for(free, price))
        else:
            wanted = min(wanted, order.locked)
        for part in self._cut(order, wanted, filters):
            self._fill(order, book, price, part, is_maker=False)
        if order.is_open:
            whole = order.quote_sized and order.value == order.qty
            self._finish(order, End.NONE if whole else End.REST_NOT_FILLED)

    def _taker_price(self, order: Order, book: Book) -> Decimal:
        filters = book.filters
        return filters.price_up(book.price) if order.side is Side.BUY else filters.price_down(book.price)

    def _fill_resting(self, order: Order, book: Book) -> None:
        if order.price is None:
            raise ValueError("only limit orders rest")
        index = next(i for i, part in enumerate(order.parts) if part)
        part, order.parts[index] = order.parts[index], ZERO
        self._fill(order, book, order.price, part, is_maker=True)

    def _cut(self, order: Order, qty: Decimal, filters: Filters) -> list[Decimal]:
        """`qty` in one part, or in 2 to 4 that depend on the seed and the order's id alone."""
        lots = int(qty // filters.lot)
        if self.rules.partial_seed is None or lots < 2:
            return [qty] if qty else []
        chance = random.Random(f"{self.rules.partial_seed}:{order.order_id}")  # noqa: S311
        cuts = sorted(chance.sample(range(1, lots), min(chance.randint(1, 3), lots - 1)))
        edges = [0, *cuts, lots]
        return [filters.lot * (after - before) for before, after in itertools.pairwise(edges)]
