"""The price that cards share: asked for once in a few seconds for each pair and environment."""

import asyncio

from bot.domain.market import Symbol
from bot.domain.money import Price
from bot.palette import palette
from bot.ports import Environment
from bot.service.prices import FRESH_SECONDS, RecentPrices
from handlers.chart import new_figure
from handlers.formats import UTC
from handlers.status_picture import _prices
from handlers.texts import texts_for
from tests.handlers.test_status_live import move
from tests.handlers.test_trading_chat import running

BTC = Symbol("BTCUSDT", "BTC", "USDT")
ETH = Symbol("ETHUSDT", "ETH", "USDT")
HERE = Environment.SANDBOX_BYBIT


class Venue:
    def __init__(self, *prices):
        self.asked = []
        self.now = 0.0
        self.prices = list(prices)
        self.recent = RecentPrices(self.ask, now=lambda: int(self.now * 1000), clock=lambda: self.now)

    async def ask(self, environment, symbol):
        self.asked.append((environment, symbol.name))
        await asyncio.sleep(0)
        return self.prices[min(len(self.asked), len(self.prices)) - 1]


async def test_a_hundred_cards_at_once_make_one_call():
    venue = Venue(Price.of("60000"))
    found = await asyncio.gather(*(venue.recent.of(HERE, BTC) for _ in range(100)))
    assert found == [Price.of("60000")] * 100
    assert venue.asked == [(HERE, "BTCUSDT")]


async def test_pairs_and_environments_have_prices_of_their_own():
    venue = Venue(Price.of("1"), Price.of("2"), Price.of("3"))
    asked = [(HERE, BTC), (HERE, ETH), (Environment.BYBIT_DEMO, BTC), (HERE, BTC)]
    found = [(await venue.recent.of(*one)).value for one in asked]
    assert found == [1, 2, 3, 1]


async def test_a_price_is_asked_for_again_when_it_is_no_longer_fresh_and_so_is_a_missing_one():
    venue = Venue(None, Price.of("2"))
    assert await venue.recent.of(HERE, BTC) is None
    venue.now = FRESH_SECONDS - 0.1
    assert await venue.recent.of(HERE, BTC) is None
    venue.now = FRESH_SECONDS
    assert await venue.recent.of(HERE, BTC) == Price.of("2")


async def test_many_strategies_of_one_pair_are_shown_with_one_question_to_the_exchange(household):
    await household.ready()
    person, service = await household.person(), household.app.service
    service.prices.fresh_seconds = FRESH_SECONDS
    service.prices._clock = lambda: 0.0
    strategies = [await household.strategy(f"n{n}") for n in range(20)]
    asked, real = [], service.prices._ask

    async def counted(environment, symbol):
        asked.append(symbol.name)
        return await real(environment, symbol)

    service.prices._ask = counted
    cards = [await service.status_card(person, strategy) for strategy in strategies]
    assert {card.status.last_price for card in cards} == {cards[0].status.last_price} != {None}
    assert asked == ["BTCUSDT"]


async def test_the_prices_that_were_seen_are_remembered_with_their_moments():
    venue = Venue(Price.of("1"), None, Price.of("3"))
    for venue.now in (10.0, 20.0, 30.0):
        await venue.recent.of(HERE, BTC)
    assert venue.recent.seen(HERE, BTC, 0) == ((10_000, Price.of("1")), (30_000, Price.of("3")))
    assert venue.recent.seen(HERE, BTC, 10_001) == ((30_000, Price.of("3")),)
    assert venue.recent.seen(HERE, ETH, 0) == ()


async def test_the_status_picture_has_a_price_line_where_the_exchange_plays_another_year(household):
    await running(household)
    for price in ("60100", "60200", "59900"):
        move(household, price)
        await household.app.service.status(await household.person())
    strategy = (await household.app.service.strategies(await household.person()))[0]
    past = await household.app.reports.past(await household.person(), strategy)
    assert past.candles == ()
    assert [float(price.value) for _, price in past.prices][-4:] == [60100, 60200, 59900, 59900]
    figure = new_figure(palette(dark=False))
    axes = figure.add_subplot()
    _prices(axes, texts_for("en"), past, UTC, palette(dark=False))
    drawn = [float(y) for y in axes.lines[0].get_ydata()]
    assert drawn[-5:] == [60100, 60200, 59900, 59900, 59900]
