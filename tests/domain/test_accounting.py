"""The holding of a cycle: fees, dust with its cost, profit; and money that neither appears nor vanishes."""

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounting import Holding
from bot.domain.market import Side
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Fill
from tests.domain.venue import BTCUSDT


def fill(
    side: Side,
    price: str | Decimal,
    quantity: str | Decimal,
    fee: str | Decimal,
    coin: str,
    *,
    worth: str = "0",
) -> Fill:
    p, q = Decimal(price), Decimal(quantity)
    value = {"BTC": Decimal(fee) * p, "USDT": Decimal(fee)}.get(coin, Decimal(worth))
    return Fill("x", "id", side, Price(p), Base(q), Quote(p * q), Decimal(fee), coin, Quote(value), 0)


def buy(
    price: str | Decimal, quantity: str | Decimal, fee: str | Decimal = "0", coin: str = "BTC", **more
) -> Fill:
    return fill(Side.BUY, price, quantity, fee, coin, **more)


def sell(
    price: str | Decimal, quantity: str | Decimal, fee: str | Decimal = "0", coin: str = "USDT", **more
) -> Fill:
    return fill(Side.SELL, price, quantity, fee, coin, **more)


def held_after(*fills: Fill, start: Holding | None = None) -> Holding:
    holding = start or Holding()
    for one in fills:
        holding = holding.with_fill(one, BTCUSDT)
    return holding


def test_the_worked_example_of_the_strategy_comes_out() -> None:
    bought = held_after(buy("100", "1", "0.001"))
    assert bought.held == Base.of("0.999")
    assert bought.cost == Quote.of(100)
    sold = held_after(sell("103.5", "0.999", "0.1033965"), start=bought)
    assert sold.received == Quote.of("103.3965")
    assert sold.sell_fees == Quote.of("0.1033965")
    assert sold.net_profit == Quote.of("3.2931035")
    assert sold.net_profit.value.quantize(Decimal("0.0001")) == Decimal("3.2931")
    assert not sold.held


def test_a_buy_fee_in_another_coin_adds_to_the_cost_and_takes_no_coins() -> None:
    holding = held_after(buy("100", "2", "0.0003", "BNB", worth="0.2"))
    assert holding.held == Base.of(2)
    assert holding.cost == Quote.of("200.2")
    assert holding.spent == Quote.of(200)


def test_a_buy_fee_in_quote_adds_to_the_cost() -> None:
    holding = held_after(buy("100", "2", "0.2", "USDT"))
    assert (holding.held, holding.cost) == (Base.of(2), Quote.of("200.2"))


def test_a_base_fee_is_fewer_coins_for_the_same_cost_and_listed_at_its_price() -> None:
    holding = held_after(buy("100", "2", "0.002"))
    assert (holding.held, holding.cost) == (Base.of("1.998"), Quote.of(200))
    assert holding.base_fees_value == Quote.of("0.2")


def test_what_is_not_sold_is_carried_with_its_share_of_the_cost() -> None:
    holding = held_after(buy("100", "1", "0.001"), sell("110", "0.99"))
    rest = holding.rest()
    assert rest.carried == Base.of("0.009")
    assert abs(rest.carried_cost.value - Decimal("0.900900900900900900900900900901")) < Decimal("1e-29")
    assert not rest.bought
    assert not rest.received


def test_carried_dust_is_sold_with_the_next_cycle_and_its_cost_counts_then() -> None:
    start = Holding(carried=Base.of("0.5"), carried_cost=Quote.of(45))
    holding = held_after(buy("100", "1"), sell("110", "1.5"), start=start)
    assert holding.net_profit == Quote.of("20")
    assert not holding.rest().carried
    assert not holding.rest().carried_cost


def test_a_fill_of_an_older_cycle_stays_out_of_this_average() -> None:
    holding = held_after(buy("100", "1")).with_stray(buy("50", "1", "0.001"), BTCUSDT)
    assert (holding.spent, holding.bought) == (Quote.of(100), Base.of(1))
    assert holding.held == Base.of("1.999")
    assert holding.carried_cost == Quote.of(50)


def test_a_sell_fee_in_the_traded_coin_is_paid_from_outside_the_order_and_counts_in_quote() -> None:
    """BNBUSDT with fees in BNB: the coins on sale are locked, so the fee comes from the person's other coins."""
    holding = held_after(buy("100", "1"), sell("110", "1", "0.001", "BTC"))
    assert holding.held == Base.zero()
    assert holding.sell_fees == Quote.of("0.11")
    assert holding.net_profit == Quote.of("9.89")


def test_a_rebate_in_the_traded_coin_adds_coins() -> None:
    holding = held_after(buy("100", "1"), sell("110", "1", "-0.001", "BTC"))
    assert holding.held == Base.of("0.001")


prices = st.decimals("0.01", "90000", places=2)
sizes = st.decimals("0.001", "50", places=3)


@given(
    buys=st.lists(st.tuples(prices, sizes), min_size=1, max_size=12), coin=st.sampled_from(["BTC", "USDT"])
)
def test_the_average_lies_between_the_lowest_and_the_highest_price(buys, coin) -> None:
    holding = held_after(*(buy(p, q, q / 1000 if coin == "BTC" else p * q / 1000, coin) for p, q in buys))
    paid = [p for p, _ in buys]
    average = holding.spent.per(holding.bought).value
    assert min(paid) - Decimal("1e-50") <= average <= max(paid) + Decimal("1e-50")


@given(
    cycles=st.lists(
        st.tuples(st.lists(st.tuples(prices, sizes), min_size=1, max_size=5), prices, st.integers(1, 1000)),
        min_size=1,
        max_size=6,
    ),
    coin=st.sampled_from(["BTC", "USDT", "BNB"]),
)
def test_money_is_conserved_over_cycles_whatever_share_is_sold(cycles, coin) -> None:
    """received - fees - spent == profits - cost of what is still held, to 1e-40."""
    holding, flow, profits = Holding(), Decimal(0), Decimal(0)
    with localcontext(prec=90):
        for buys, exit_price, share in cycles:
            for p, q in buys:
                fee, worth = (q / 1000, "0") if coin == "BTC" else (p * q / 1000, "0.07")
                one = buy(p, q, fee, coin, worth=worth)
                holding = holding.with_fill(one, BTCUSDT)
                flow -= p * q + (Decimal(0) if coin == "BTC" else one.fee_value.value)
            part = (holding.held.value * share / 1000).quantize(Decimal("0.001"))
            part = min(part, holding.held.value)
            if part <= 0:
                continue
            fee = exit_price * part / 1000
            holding = holding.with_fill(sell(exit_price, part, fee), BTCUSDT)
            flow += exit_price * part - fee
            profits += holding.net_profit.value
            holding = holding.rest()
        assert abs(flow - (profits - holding.held_cost.value)) < Decimal("1e-40")
