"""What a cycle holds, what it cost, and what its sale earned."""

from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.market import Side, Symbol
from bot.domain.money import EXACT, Base, Quote
from bot.domain.orders import Fill

_NO_BASE = Base(Decimal(0))
_NO_QUOTE = Quote(Decimal(0))


@dataclass(frozen=True, slots=True)
class Holding:
    """The coins of one cycle, gross, so that nothing is ever rounded away.

    `bought` and `spent` are the cycle's buys without fees; `base_fees` came out of the coins; `buy_fees` were
    taken in another coin (in quote, at the fill). `carried` and `carried_cost` came from earlier cycles.
    """

    bought: Base = _NO_BASE
    spent: Quote = _NO_QUOTE
    base_fees: Base = _NO_BASE
    base_fees_value: Quote = _NO_QUOTE
    buy_fees: Quote = _NO_QUOTE
    carried: Base = _NO_BASE
    carried_cost: Quote = _NO_QUOTE
    sold: Base = _NO_BASE
    received: Quote = _NO_QUOTE
    sell_fees: Quote = _NO_QUOTE

    @property
    def owned(self) -> Base:
        """Everything the cycle came to own, sold or not."""
        return self.bought - self.base_fees + self.carried

    @property
    def held(self) -> Base:
        return self.owned - self.sold

    @property
    def cost(self) -> Quote:
        """The cost of all that the cycle came to own."""
        return self.spent + self.buy_fees + self.carried_cost

    @property
    def held_cost(self) -> Quote:
        """The cost of what is still held, by its share of all that was owned."""
        if not self.held:
            return _NO_QUOTE
        return Quote(EXACT.divide(EXACT.multiply(self.cost.value, self.held.value), self.owned.value))

    @property
    def net_profit(self) -> Quote:
        """Quote received - sell fees - cost * sold / owned."""
        return self.received - self.sell_fees - (self.cost - self.held_cost)

    def with_fill(self, fill: Fill, symbol: Symbol) -> "Holding":
        """The holding after one of its own fills.

        A buy's fee in base comes out of the coins. A sell's (BNBUSDT with fees in BNB) cannot come out of the
        coins on sale, which are locked: other coins of the person pay it, so it counts as a quote cost.
        A rebate in base (a negative fee) adds coins either way.
        """
        of_coins = fill.fee_coin == symbol.base and (fill.side is Side.BUY or fill.fee < 0)
        fee_base = Base(fill.fee) if of_coins else _NO_BASE
        fee_quote = _NO_QUOTE if of_coins else fill.fee_value
        if fill.side is Side.BUY:
            return replace(
                self,
                bought=self.bought + fill.quantity,
                spent=self.spent + fill.value,
                base_fees=self.base_fees + fee_base,
                base_fees_value=self.base_fees_value + (fill.fee_value if fee_base else _NO_QUOTE),
                buy_fees=self.buy_fees + fee_quote,
            )
        return replace(
            self,
            sold=self.sold + fill.quantity,
            received=self.received + fill.value,
            base_fees=self.base_fees + fee_base,
            base_fees_value=self.base_fees_value + (fill.fee_value if fee_base else _NO_QUOTE),
            sell_fees=self.sell_fees + fee_quote,
        )

    def with_stray(self, fill: Fill, symbol: Symbol) -> "Holding":
        """A fill of an earlier cycle's order: its coins and their cost are carried, outside this cycle's average."""
        fee_base = Base(fill.fee) if fill.fee_coin == symbol.base else _NO_BASE
        fee_quote = _NO_QUOTE if fill.fee_coin == symbol.base else fill.fee_value
        if fill.side is Side.SELL:
            return self.with_fill(fill, symbol)
        return replace(
            self,
            carried=self.carried + fill.quantity - fee_base,
            carried_cost=self.carried_cost + fill.value + fee_quote,
        )

    def rest(self) -> "Holding":
        """What the next cycle starts with: the unsold coins and their cost."""
        return Holding(carried=self.held, carried_cost=self.held_cost)
