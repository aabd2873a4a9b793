"""Money is conserved to the last digit, whatever is placed, cancelled, amended and met by the path."""

from decimal import localcontext

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.desk import CoreRules
from bot.sandbox.orders import EXACT, ZERO, Refusal, Side, TimeInForce
from tests.sandbox_exchange.core import SYMBOL, D, core_at, order

prices = st.integers(8_000, 12_000).map(lambda ticks: D(ticks) / 100)
lots = st.integers(1, 2_000_000).map(lambda n: D(n) / 1_000_000)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("limit"), st.sampled_from(Side), lots, prices, st.sampled_from(TimeInForce)),
        st.tuples(st.just("market"), st.sampled_from(Side), lots, st.booleans()),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("amend"), st.integers(0, 30), lots, prices),
        st.tuples(st.just("walk"), prices),
        st.tuples(st.just("gap"), prices),
    ),
    max_size=40,
)


def needed(one):
    """What an open order must lock: a limit order's rest; a market order waiting for an open, what it may spend."""
    if one.price is None:
        return one.locked
    return one.price * one.leaves if one.side is Side.BUY else one.leaves


def check(core):
    """Balances follow from the executions alone, and locks from the open orders alone."""
    with localcontext(EXACT):
        usdt, btc = D(10000), D(1)
        for fill in core.executions["ana"]:
            sign = 1 if fill.side is Side.BUY else -1
            usdt -= sign * fill.value + (fill.fee if fill.fee_coin == "USDT" else ZERO)
            btc += sign * fill.qty - (fill.fee if fill.fee_coin == "BTC" else ZERO)
        held = core.accounts["ana"].balances
        assert held["USDT"].total == usdt
        assert held["BTC"].total == btc
        mine = [one for one in core.orders.values() if one.is_open]
        assert held["USDT"].locked == sum((needed(one) for one in mine if one.side is Side.BUY), ZERO)
        assert held["BTC"].locked == sum((needed(one) for one in mine if one.side is Side.SELL), ZERO)
        assert all(balance.free >= 0 and balance.locked >= 0 for balance in held.values())
        for one in core.orders.values():
            fills = [fill for fill in core.executions["ana"] if fill.order_id == one.order_id]
            assert one.filled == sum((fill.qty for fill in fills), ZERO)
            assert one.value == sum((fill.value for fill in fills), ZERO)
            assert sum(one.fees.values(), ZERO) == sum((fill.fee for fill in fills), ZERO)


def do(core, action):
    match action:
        case ("limit", side, qty, price, tif):
            order(core, side, str(qty), str(price), tif=tif)
        case ("market", side, qty, quote):
            order(core, side, str(qty * 100 if quote else qty), quote=quote)
        case ("cancel", number):
            chosen = list(core.orders.values())[number]
            core.request_cancel(chosen)
            core.cancel(chosen.order_id)
        case ("amend", number, qty, price):
            chosen = list(core.orders.values())[number]
            core.amend(chosen, qty=qty, price=price)
            core.arrive(chosen.order_id)
        case (way, price):
            if way == "gap":
                core.open_candle(SYMBOL, price)
            while not core.advance(SYMBOL, price):
                check(core)


@settings(max_examples=150, deadline=None)
@given(actions=actions, seed=st.one_of(st.none(), st.integers(0, 5)), backtest=st.booleans())
def test_balances_are_what_the_executions_say_and_locks_what_the_open_orders_say(actions, seed, backtest):
    core = core_at("100", rules=CoreRules(partial_seed=seed, backtest_rules=backtest))
    for action in actions:
        try:
            do(core, action)
        except (Refusal, IndexError):
            continue
        check(core)
