"""The ordinary cycle, by the numbers of the strategy's definition."""

from decimal import Decimal

from bot.domain.market import Side
from bot.domain.money import Base, Price, Quote
from bot.domain.notices import CycleClosed, FirstBuyFilled, NotEnough, RebuyFilled
from bot.domain.orders import Leg, OrderId
from bot.domain.state import Phase
from tests.domain.venue import FeeCoin, Venue, fine_rules
from tests.domain.world import World, params


def defaults(venue: Venue | None = None, **changes) -> World:
    world = World(params(**changes), venue or Venue(fine_rules(), "60000", taxa="0"))
    world.start()
    return world


def rests(world: World, leg: Leg) -> tuple[str, str]:
    order = world.resting(leg)
    return str(Price(order.price)), str(Base(order.quantity))


def test_the_first_buy_is_followed_by_its_exit_and_the_first_rebuy() -> None:
    world = defaults()
    assert world.placed(Leg.ENTRY)[0].amount == Quote.of(300)
    assert rests(world, Leg.EXIT) == ("62100", "0.005")
    assert rests(world, Leg.REBUY) == ("59400", "0.005151")
    (told,) = world.told(FirstBuyFilled)
    assert (told.price, told.spent, told.exit_price, told.next_rebuy) == (
        Price.of(60000),
        Quote.of(300),
        Price.of(62100),
        Price.of(59400),
    )


def test_each_rebuy_moves_the_exit_to_the_new_average_and_rests_the_next() -> None:
    world = defaults()
    world.move("59400")
    assert rests(world, Leg.EXIT) == ("61680.42", "0.010151")
    assert rests(world, Leg.REBUY) == ("58806", "0.005307")
    world.move("58806")
    assert rests(world, Leg.EXIT) == ("61266.13", "0.015458")
    first, second = world.told(RebuyFilled)
    assert (first.k, first.limit, first.exit_before, first.exit_price) == (
        1,
        20,
        Price.of(62100),
        Price.of("61680.42"),
    )
    assert first.average.value.quantize(Decimal("0.01")) == Decimal("59695.54")
    assert second.average.value.quantize(Decimal("0.01")) == Decimal("59390.14")
    assert (second.quantity, second.spent) == (Base.of("0.005307"), Quote.of("312.083442"))


def test_the_limit_of_5000_cuts_the_ladder_at_the_fourteenth_rebuy() -> None:
    world = defaults()
    world.move("40000")
    assert world.state.k == 13
    assert world.state.last_buy == Price.of("52651.22")
    assert rests(world, Leg.EXIT)[0] == "56984.44"
    assert world.state.live(Leg.REBUY) is None
    assert world.state.holding.spent.value.quantize(Decimal("0.01")) == Decimal("4791.83")


def test_a_limit_of_zero_is_the_free_balance_and_the_whole_ladder_runs() -> None:
    world = defaults(saldo_limite="0")
    world.move("40000")
    assert world.state.k == 20
    assert world.state.last_buy == Price.of("49074.34")
    assert rests(world, Leg.EXIT)[0] == "54445.65"
    assert world.state.live(Leg.REBUY) is None


def test_a_limit_of_zero_ends_the_ladder_where_the_wallet_ends() -> None:
    world = defaults(Venue(fine_rules(), "60000", taxa="0", quote="1000"), saldo_limite="0")
    assert world.state.limit == Quote.of(1000)
    world.move("40000")
    assert world.state.k == 2
    assert world.state.live(Leg.REBUY) is None


def test_the_exit_closes_the_cycle_and_the_next_begins_at_once() -> None:
    world = defaults(lucro_reaplicar=False)
    world.move("59400")
    world.move("61680.42")
    (told,) = world.told(CycleClosed)
    assert (told.cycle, told.rebuys, told.price) == (1, 1, Price.of("61680.42"))
    assert told.net_profit == Quote.of("20.1485434200")
    assert told.percent.quantize(Decimal("0.00001")) == Decimal("0.03325")
    assert (world.state.cycle, world.state.k, world.state.phase) == (2, 0, Phase.HOLDING)
    assert [str(OrderId.parse(o.order_id)) for o in world.placed(Leg.ENTRY)] == [
        "ta-abc-1-e0-1",
        "ta-abc-2-e0-6",
    ]
    assert len(world.venue.open) == 2


def test_the_worked_example_nets_3_29_with_fine_lots() -> None:
    world = defaults(
        Venue(fine_rules(tick="0.01", lot="0.000001"), "100", taxa="0.001"),
        qty_inicial="100",
        lucro_reaplicar=False,
    )
    assert rests(world, Leg.EXIT) == ("103.5", "0.999")
    world.move("103.5")
    (told,) = world.told(CycleClosed)
    assert (told.quantity, told.received) == (Base.of("0.999"), Quote.of("103.3965"))
    assert told.net_profit == Quote.of("3.2931035")


def test_dust_waits_with_its_cost_until_it_makes_a_lot() -> None:
    world = defaults(
        Venue(fine_rules(lot="0.01"), "100", taxa="0.001"), qty_inicial="100", lucro_reaplicar=False
    )
    assert rests(world, Leg.EXIT) == ("103.5", "0.99")
    world.move("103.5")
    carried = world.state.holding
    assert carried.carried == Base.of("0.009")
    assert abs(carried.carried_cost.value - Decimal("0.9009009009")) < Decimal("1e-9")
    bought = carried.bought.value
    assert bought == Decimal("0.96")
    assert rests(world, Leg.EXIT)[1] == "0.96"
    assert world.state.holding.held.value == Decimal("0.009") + bought * Decimal("0.999")


def test_profit_is_shared_over_the_next_buys() -> None:
    """10 USDT with 20 re-buys adds 10 / 21 = 0.476 to each buy, after the clamp."""
    world = defaults(
        qty_inicial="1000", qty_maxima="1000", lucro_alvo_inicial="0.01", multiplicador_qty="1.02"
    )
    world.move("60600")
    (told,) = world.told(CycleClosed)
    assert told.net_profit.value.quantize(Decimal("0.1")) == Decimal("10.0")
    share = told.net_profit.value / 21
    assert abs(world.state.increment.value - share) < Decimal("1e-25")
    assert world.placed(Leg.ENTRY)[1].amount == Quote.of("1000.47")
    rebuy = world.resting(Leg.REBUY)
    assert abs(rebuy.quantity * rebuy.price - Decimal("1000.476")) < Decimal("0.07")


def test_a_loss_leaves_the_increment_as_it_is() -> None:
    world = defaults(
        Venue(fine_rules(), "100", taxa="0.02", fee_coin=FeeCoin.QUOTE),
        qty_inicial="100",
        lucro_alvo_inicial="0.005",
    )
    world.move("100.5")
    (told,) = world.told(CycleClosed)
    assert told.net_profit.value < 0
    assert not world.state.increment


def test_without_reinvestment_nothing_is_added() -> None:
    world = defaults(lucro_reaplicar=False)
    world.move("62100")
    assert world.placed(Leg.ENTRY)[1].amount == Quote.of(300)


def test_without_rebuys_only_the_exit_rests() -> None:
    world = defaults(limite_recompras=0)
    assert [o.side for o in world.venue.open] == [Side.SELL]
    world.move("62100")
    assert world.state.cycles_done == 1
    assert world.state.increment.value == world.state.total_profit.value


def test_too_little_money_is_told_once_and_looked_at_again() -> None:
    venue = Venue(fine_rules(), "60000", quote="299.99")
    world = defaults(venue)
    assert not venue.orders
    assert world.told(NotEnough) == [NotEnough(Quote.of(300), Quote.of("299.99"))]
    world.wait(10 * 60_000)
    assert len(world.told(NotEnough)) == 1
    assert not venue.orders
    venue.quote += 1000
    world.wait(60_000)
    assert world.state.phase is Phase.HOLDING


def test_the_first_buy_spends_at_most_the_limit() -> None:
    world = defaults(saldo_limite="300", lucro_reaplicar=True)
    world.move("62100")
    assert world.state.increment
    assert world.placed(Leg.ENTRY)[1].amount == Quote.of(300)
    assert world.state.live(Leg.REBUY) is None


def test_fees_in_a_third_coin_leave_all_coins_to_sell_and_lower_the_profit() -> None:
    world = defaults(
        Venue(fine_rules(), "100", taxa="0.001", fee_coin=FeeCoin.THIRD),
        qty_inicial="100",
        lucro_reaplicar=False,
    )
    assert rests(world, Leg.EXIT) == ("103.5", "1")
    world.move("103.5")
    assert world.told(CycleClosed)[0].net_profit == Quote.of("3.2965")


def test_fees_in_quote_leave_all_coins_to_sell_and_lower_the_profit() -> None:
    world = defaults(
        Venue(fine_rules(), "100", taxa="0.001", fee_coin=FeeCoin.QUOTE),
        qty_inicial="100",
        lucro_reaplicar=False,
    )
    assert rests(world, Leg.EXIT) == ("103.5", "1")
    world.move("103.5")
    assert world.told(CycleClosed)[0].net_profit == Quote.of("3.2965")


def test_an_exit_through_the_whole_ladder_leaves_wallet_and_books_equal() -> None:
    world = defaults(Venue(fine_rules(), "60000", taxa="0.001", base="0.7"))
    for price in ["58000", "61900", "56000", "63000", "55000"]:
        world.move(price)
    assert world.state.cycles_done > 0
    venue, state = world.venue, world.state
    assert venue.base - venue.first_base == state.holding.held.value
    assert world.replayed() == state
