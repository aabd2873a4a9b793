"""An exchange without I/O between the core and a candle's path: it carries out commands and answers with facts."""

from collections import deque
from dataclasses import replace
from decimal import Decimal

from bot.backtest.model import BacktestFill, Terms
from bot.domain.commands import Announce, Cancel, Command, Place, ReadBalance, WakeAt
from bot.domain.cycle import decide
from bot.domain.events import (
    BalanceRead,
    CloseReason,
    Event,
    FillBooked,
    OrderClosed,
    OrderRefused,
    OrderTaken,
    RefusalReason,
)
from bot.domain.ladder import build_ladder
from bot.domain.market import Side
from bot.domain.money import EXACT, Base, Price, Quote
from bot.domain.notices import CycleClosed
from bot.domain.orders import Fill, Leg, OwnOrder
from bot.domain.params import StrategyParams
from bot.domain.state import State
from bot.domain.turn import Context

_MOST_NUMBERED = 900_000
"""Order ids number cycles and orders with six digits: between two cycles the numbers begin again beyond this."""


class Desk:
    """One strategy, its orders and its coins. `resting` holds its limit orders, `entry` its waiting first buy.

    A balance is answered, and a wake given, at a candle's open only: a cycle begins with a candle. A strategy may
    come with a `state` that holds carried coins and reinvested profit.
    """

    def __init__(self, params: StrategyParams, terms: Terms, state: State | None = None) -> None:
        self.resting: dict[Leg, OwnOrder] = {}
        self.entry: OwnOrder | None = None
        self.balance_asked = False
        self.wakes: list[int] = []
        self.fills: list[BacktestFill] = []
        self.booked: list[Quote] = []
        self._terms, self._rules, self._taxa = terms, terms.rules, params.taxa
        self._state = state or State("bt")
        self._quote, self._base = terms.opening_balance(params).value, self._state.holding.held.value
        self._ctx = Context(params, build_ladder(params), terms.rules, 0)
        self._facts: deque[Event] = deque()
        self._candle = self._cycles_before = 0

    def stand_at(self, candle: int, time: int) -> None:
        """The path enters candle number `candle`, which opens at `time` (ms UTC)."""
        self._candle = candle
        self._ctx = replace(self._ctx, now=time)

    def tell(self, event: Event) -> None:
        """Let the core decide on a fact, and on every fact that follows from it."""
        self._facts.append(event)
        while self._facts:
            fact = self._facts.popleft()
            decision = decide(self._state, fact, self._ctx)
            self._state = decision.state
            for command in decision.commands:
                # only fills change what is free here, so what was refused for want of it is not tried again in time
                if not (isinstance(command, WakeAt) and isinstance(fact, OrderRefused | BalanceRead)):
                    self._carry_out(command)

    def wake_is_due(self) -> bool:
        """Whether a wish to be woken has come due; it is taken off."""
        due = [at for at in self.wakes if at <= self._ctx.now]
        self.wakes = [at for at in self.wakes if at > self._ctx.now]
        return bool(due)

    def answer_balance(self) -> None:
        if self.balance_asked:
            self.balance_asked = False
            self._begin_numbers_again()
            self.tell(BalanceRead(Quote(self._quote)))

    def buy_at_open(self, price: Decimal) -> None:
        """Fill the first buy that waits, if its amount buys a lot at this open."""
        if self.entry is None or self.entry.amount is None:
            return
        paid = self._rules.tick_up(Price(EXACT.multiply(price, EXACT.add(Decimal(1), self._terms.slippage))))
        quantity = self._rules.lot_down(self.entry.amount.buys_at(paid))
        if quantity:
            self.enter(paid, quantity)

    def enter(self, price: Price, quantity: Base) -> None:
        """Fill the first buy that waits, just so; nothing where none does."""
        entry, self.entry = self.entry, None
        if entry is not None:
            self._fill(entry, price, quantity)
            self.tell(OrderClosed(entry.order_id, quantity, CloseReason.FILLED))

    def highest_open_for_a_lot(self) -> Decimal:
        """No open above this lets the first buy that waits buy a lot; one below it may still miss by a tick."""
        lot = self._rules.lot_step
        if self.entry is None or self.entry.amount is None or not lot:
            return Decimal(0)
        return EXACT.divide(
            EXACT.divide(self.entry.amount.value, lot), EXACT.add(Decimal(1), self._terms.slippage)
        )

    def fill_resting(self, order: OwnOrder) -> None:
        """Fill a resting order whole at its limit price."""
        del self.resting[order.leg]
        if order.price is not None and order.quantity is not None:
            self._fill(order, order.price, order.quantity)

    def _fill(self, order: OwnOrder, price: Price, quantity: Base) -> None:
        value = quantity.at(price)
        fee_value = value.times(self._taxa)
        buys = order.leg.side is Side.BUY
        fee = EXACT.multiply(quantity.value, self._taxa) if buys else fee_value.value
        if buys:
            self._quote = EXACT.subtract(self._quote, value.value)
            self._base = EXACT.add(self._base, EXACT.subtract(quantity.value, fee))
        else:
            self._quote = EXACT.add(self._quote, EXACT.subtract(value.value, fee))
            self._base = EXACT.subtract(self._base, quantity.value)
        self.fills.append(
            BacktestFill(
                time=self._ctx.now,
                candle=self._candle,
                cycle=self._cycles_before + self._state.cycle,
                side=order.leg.side,
                k=order.k,
                price=price,
                quantity=quantity,
            )
        )
        symbol = self._rules.symbol
        fill = Fill(
            exec_id=str(len(self.fills)),
            order_id=order.order_id,
            side=order.leg.side,
            price=price,
            quantity=quantity,
            value=value,
            fee=fee,
            fee_coin=symbol.base if buys else symbol.quote,
            fee_value=fee_value,
            at=self._ctx.now,
            maker=order.leg is not Leg.ENTRY,
        )
        self.tell(FillBooked(fill))

    def _carry_out(self, command: Command) -> None:
        match command:
            case Place(order=order):
                refusal = self._refusal(order)
                if refusal is not None:
                    self._facts.append(
                        OrderRefused(order.order_id, refusal, "refused by the backtest's rules")
                    )
                    return
                if order.leg is Leg.ENTRY:
                    self.entry = order
                else:
                    self.resting[order.leg] = order
                self._facts.append(OrderTaken(order.order_id))
            case Cancel(order_id=order_id):
                leg = next(leg for leg, order in self.resting.items() if order.order_id == order_id)
                del self.resting[leg]
                self._facts.append(OrderClosed(order_id, Base.zero(), CloseReason.CANCELLED))
            case ReadBalance():
                self.balance_asked = True
            case WakeAt(at=at):
                self.wakes.append(at)
            case Announce(notice=CycleClosed(net_profit=net_profit)):
                self.booked.append(net_profit)
            case _:
                pass  # other notices have no reader here; nothing fills in parts, and the rules stay as they are

    def _refusal(self, order: OwnOrder) -> RefusalReason | None:
        """What an exchange would say against an order: a filter first, then the coins that it would lock.

        Nothing else is locked meanwhile: a cycle has one buy and one sell at most, and its buys come one by one.
        """
        needed, free = Decimal(0), self._quote
        if order.amount is not None:
            fits, needed = order.amount >= self._rules.min_notional, order.amount.value
        elif order.price is not None and order.quantity is not None:
            fits, needed = self._rules.sellable(order.quantity, order.price), order.quantity.value
            if order.leg.side is Side.BUY:
                needed = order.quantity.at(order.price).value
            else:
                free = self._base
        else:
            fits = False
        if not fits:
            return RefusalReason.RULES
        return RefusalReason.NO_FUNDS if needed > free else None

    def _begin_numbers_again(self) -> None:
        state = self._state
        if not state.orders and max(state.sequence, state.cycle) > _MOST_NUMBERED:
            self._cycles_before += state.cycle
            self._state = replace(state, sequence=0, cycle=0)
