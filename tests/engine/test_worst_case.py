"""Strategies that share a purse: what they may need together, and who runs dry first."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Leg, OrderStatus, OwnOrder
from bot.domain.params import StrategyParams
from bot.domain.state import Phase, State
from bot.ports import Environment, RunStatus, Strategy
from bot.service.worst_case import Player, shortage

BTC = Symbol("BTCUSDT", "BTC", "USDT")
RULES = MarketRules(BTC, Decimal("0.01"), Decimal("0.000001"), Decimal("0.000001"), Quote.of(5))
EVEN = StrategyParams(
    qty_inicial=Decimal(100),
    multiplicador_qty=Decimal(1),
    recompra_queda_inicial=Decimal("0.01"),
    limite_recompras=3,
    saldo_limite=Decimal(1000),
)


def player(name: str, params: StrategyParams = EVEN, state: State | None = None) -> Player:
    strategy = Strategy(1, 1, name, Environment.SANDBOX_BYBIT, BTC, params, RunStatus.RUNNING, None, 0)
    return Player(strategy, state or State(token="a1"), RULES, Price.of(100))


def test_enough_for_all_is_no_shortage_and_a_cent_less_is_one() -> None:
    both = [player("a"), player("b", replace(EVEN, recompra_queda_inicial=Decimal("0.02")))]
    assert shortage(Quote.of(800), both) is None
    short = shortage(Quote.of("799.99"), both)
    assert short is not None
    assert short.together == Quote.of(800)
    # a buys at -1, -2 and -3 %, b at -2, -4 and -6 %: the last buy is b's
    assert (short.first.name, short.first.k) == ("b", 3)
    assert Decimal("0.058") < short.first.fall < Decimal("0.06")


def test_the_first_buy_without_money_is_named_by_how_far_prices_fall() -> None:
    both = [player("deep", replace(EVEN, recompra_queda_inicial=Decimal("0.02"))), player("near")]
    short = shortage(Quote.of(250), both)
    assert short is not None
    assert (short.first.name, short.first.k) == ("near", 1)
    assert short.first.fall == Decimal("0.01")


def test_a_running_cycle_counts_only_what_is_still_to_be_paid() -> None:
    resting = OwnOrder("x", Leg.REBUY, 2, OrderStatus.LIVE, price=Price.of(98), quantity=Base.of("1.02"))
    state = State(
        token="a1",
        phase=Phase.HOLDING,
        k=1,
        limit=Quote.of(1000),
        last_buy=Price.of(99),
        orders=(resting,),
    )
    running = player("runs", state=state)
    short = shortage(Quote.of(0), [running])
    assert short is not None
    # re-buy 2 is locked at the exchange but for four cents, re-buy 3 is still to be paid
    assert short.together == Quote.of("100.04")
    assert shortage(Quote.of("100.04"), [running]) is None


def test_the_limit_cuts_a_ladder_short() -> None:
    assert shortage(Quote.of(300), [player("a", replace(EVEN, saldo_limite=Decimal(399)))]) is None


def test_one_without_a_limit_takes_what_the_others_leave() -> None:
    free = player("all", replace(EVEN, saldo_limite=Decimal(0)))
    assert shortage(Quote.of(600), [player("a"), free]) is None
    short = shortage(Quote.of(450), [player("a"), free])
    assert short is not None  # fifty are left, its first buy takes a hundred
    assert dict(short.needed)["all"] == Quote.of(100)


def test_the_first_buy_itself_may_be_what_waits() -> None:
    short = shortage(Quote.of(99), [player("a")])
    assert short is not None
    assert (short.first.k, short.first.fall) == (0, Decimal(0))
