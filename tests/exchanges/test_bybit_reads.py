"""What is read from Bybit: rules, prices, orders and fills, as answers come in odd shapes."""

import asyncio
import time
from decimal import Decimal

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.domain.market import Symbol
from bot.domain.money import Base, Quote
from bot.errors import (
    InvalidInput,
    Unavailable,
)
from tests.exchanges.rows import execution, instrument, order_row
from tests.exchanges.scripted import cut, envelope, html
from tests.exchanges.stage import BTCUSDT


async def test_the_demo_that_offers_no_fee_rate_gives_none(scripted, exchange):
    for refusal in (envelope(code=10001, message=""), html(404)):
        scripted.answers["/v5/account/fee-rate"] = refusal
        assert await exchange.fee_rate("BTCUSDT") is None
    scripted.answers["/v5/account/fee-rate"] = cut
    with pytest.raises(Unavailable):
        await exchange.fee_rate("BTCUSDT")


async def test_rules_are_kept_reloaded_on_demand_and_ignore_the_deprecated_minimum(scripted, exchange):
    scripted.answers["/v5/market/instruments-info"] = instrument()
    rules = await exchange.rules("BTCUSDT")
    assert rules.min_quantity == Base.zero()
    assert rules.max_quantity == Base.of("41.5")
    scripted.answers["/v5/market/instruments-info"] = instrument(minOrderAmt="7")
    assert (await exchange.rules("BTCUSDT")).min_notional == Quote.of("5")
    assert (await exchange.rules("BTCUSDT", fresh=True)).min_notional == Quote.of("7")
    assert len(scripted.asked("/v5/market/instruments-info")) == 2
    assert scripted.asked("/v5/market/instruments-info")[0].query["category"] == "spot"


async def test_rules_expire(scripted, exchange, monkeypatch):
    scripted.answers["/v5/market/instruments-info"] = instrument()
    await exchange.rules("BTCUSDT")
    monkeypatch.setattr("bot.exchanges.bybit_market.RULES_KEPT_SECONDS", 0.0)
    await exchange.rules("BTCUSDT")
    assert len(scripted.asked("/v5/market/instruments-info")) == 2


@pytest.mark.parametrize(
    "answer", [envelope({"list": []}), envelope(code=10001, message="Not supported symbols")]
)
async def test_a_pair_that_vanished_from_the_list_is_not_traded(scripted, exchange, answer):
    scripted.answers["/v5/market/instruments-info"] = answer
    with pytest.raises(InvalidInput, match="bybit-demo"):
        await exchange.rules("GONEUSDT")


async def test_fills_come_from_every_page_once_and_oldest_first(scripted, exchange):
    first = envelope(
        {
            "list": [
                # one millisecond, unordered, and the ids say the contrary of what happened
                execution(3, execTime="1000", leavesQty="0"),
                execution(4, execTime="1000", leavesQty="0.001"),
            ],
            "nextPageCursor": "p2%3A1%2C2",
        }
    )
    second = envelope(
        {
            "list": [
                execution(4, execTime="1000", leavesQty="0.001"),
                execution(1, execTime="900"),
                execution(9, execType="CorporateAction"),
                execution(8, orderLinkId="ta-other-1-e0-1"),
            ],
            "nextPageCursor": "",
        }
    )
    scripted.answers["/v5/execution/list"] = [first, second]
    fills = await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert [fill.exec_id for fill in fills] == ["e1", "e4", "e3"]
    asked = scripted.asked("/v5/execution/list")
    assert asked[1].query["cursor"] == "p2:1,2"  # decoded once by the server, as it was sent encoded


async def test_a_cursor_that_goes_round_ends(scripted, exchange):
    scripted.answers["/v5/execution/list"] = envelope({"list": [execution(1)], "nextPageCursor": "again"})
    assert len(await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")) == 1
    assert len(scripted.asked("/v5/execution/list")) == 2


async def test_a_fee_in_a_third_coin_is_valued_at_its_price_once_a_minute(scripted, exchange):
    scripted.answers["/v5/execution/list"] = envelope(
        {"list": [execution(n, execFee="0.05", feeCurrency="MNT") for n in (1, 2)]}
    )
    scripted.answers["/v5/market/tickers"] = envelope({"list": [{"symbol": "MNTUSDT", "lastPrice": "0.8"}]})
    fills = await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert [(one.fee, one.fee_coin, one.fee_value) for one in fills] == [
        (Decimal("0.05"), "MNT", Quote.of("0.04"))
    ] * 2
    assert len(scripted.asked("/v5/market/tickers")) == 1


async def test_a_fee_coin_without_a_pair_in_that_quote_is_valued_through_usdt(scripted, exchange):
    prices = {"MNTUSDT": "0.8", "EURUSDT": "1.6"}

    async def ticker(request):
        symbol = request.query["symbol"]
        rows = [{"symbol": symbol, "lastPrice": prices[symbol]}] if symbol in prices else []
        return web.json_response(envelope({"list": rows}))

    scripted.answers["/v5/market/tickers"] = ticker
    row = execution(1, symbol="BTCEUR", execFee="2", feeCurrency="MNT")
    scripted.answers["/v5/execution/list"] = envelope({"list": [row]})
    symbol = Symbol("BTCEUR", "BTC", "EUR")
    (fill,) = await exchange.fills_of(symbol=symbol, order_id="ta-t-1-e0-1")
    assert fill.fee_value == Quote.of("1")


async def test_without_a_price_for_the_fee_coin_a_fill_is_not_made_up(scripted, exchange):
    scripted.answers["/v5/execution/list"] = envelope({"list": [execution(1, feeCurrency="MNT")]})
    scripted.answers["/v5/market/tickers"] = html(503)
    with pytest.raises(Unavailable):
        await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")


async def test_an_order_forgotten_by_realtime_is_found_in_history(scripted, exchange):
    row = order_row(orderStatus="Cancelled")
    scripted.answers["/v5/order/history"] = envelope({"list": [row]})
    view = await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert view.closed is not None
    assert scripted.asked("/v5/execution/list") == []


async def test_an_order_known_by_its_executions_alone_is_open_unless_nothing_is_left(scripted, exchange):
    scripted.answers["/v5/execution/list"] = envelope({"list": [execution(1, leavesQty="0.5")]})
    view = await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert (view.closed, view.filled, view.value) == (None, Base.of("0.001"), Quote.of("50"))
    scripted.answers["/v5/execution/list"] = envelope({"list": [execution(1, leavesQty="0.000000")]})
    view = await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert view.closed is not None


async def test_another_orders_row_is_not_taken_for_the_one_asked_for(scripted, exchange):
    scripted.answers["/v5/order/realtime"] = envelope({"list": [order_row(orderLinkId="ta-x-1-e0-1")]})
    assert await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1") is None


async def test_a_state_that_nobody_documented_is_not_guessed(scripted, exchange):
    scripted.answers["/v5/order/realtime"] = envelope({"list": [order_row(orderStatus="Frozen")]})
    with pytest.raises(Unavailable, match="Frozen"):
        await exchange.find_order(symbol=BTCUSDT, order_id="ta-t-1-e0-1")


async def test_an_amount_that_went_through_a_float_is_refused(scripted, exchange):
    scripted.answers["/v5/market/tickers"] = envelope({"list": [{"symbol": "BTCUSDT", "lastPrice": 0.1}]})
    with pytest.raises(Unavailable, match="float"):
        await exchange.last_price("BTCUSDT")


async def test_many_calls_at_once_share_the_account_without_mixing(scripted, exchange):
    async def price(request):
        symbol = request.query["symbol"]
        return web.json_response(envelope({"list": [{"symbol": symbol, "lastPrice": symbol[1:-4]}]}))

    scripted.answers["/v5/market/tickers"] = price
    prices = await asyncio.gather(*(exchange.last_price(f"A{n}USDT") for n in range(1, 41)))
    assert [one.value for one in prices] == list(range(1, 41))


async def test_a_list_that_never_ends_is_unavailable(scripted, exchange):
    pages = 0

    async def page(_request):
        nonlocal pages
        pages += 1
        return web.json_response(envelope({"list": [execution(pages)], "nextPageCursor": f"p{pages}"}))

    scripted.answers["/v5/execution/list"] = page
    with pytest.raises(Unavailable, match="does not end"):
        await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert pages == 40


async def test_an_old_price_of_the_fee_coin_is_better_than_no_fill(scripted, exchange, monkeypatch):
    scripted.answers["/v5/execution/list"] = envelope(
        {"list": [execution(1, execFee="1", feeCurrency="MNT")]}
    )
    scripted.answers["/v5/market/tickers"] = [
        envelope({"list": [{"symbol": "MNTUSDT", "lastPrice": "0.8"}]}),
        html(503),
    ]
    monkeypatch.setattr("bot.exchanges.bybit_fills._PRICE_KEPT_SECONDS", 0.0)
    for _ in range(2):
        (fill,) = await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
        assert fill.fee_value == Quote.of("0.8")
    assert len(scripted.asked("/v5/market/tickers")) == 2


async def test_a_fee_coin_that_trades_nowhere_counts_nothing_and_says_so(scripted, exchange):
    scripted.answers["/v5/execution/list"] = envelope({"list": [execution(1, feeCurrency="POINTS")]})
    with capture_logs() as logs:
        (fill,) = await exchange.fills_of(symbol=BTCUSDT, order_id="ta-t-1-e0-1")
    assert (fill.fee_coin, fill.fee_value) == ("POINTS", Quote.zero())
    assert [one["event"] for one in logs] == ["fee_coin_without_price"]


@pytest.mark.parametrize("pair", ["", "btcusdt", "BTCUSDT&category=linear", "BTC/USDT", "A" * 31])
async def test_a_pair_that_cannot_be_one_is_not_even_asked_for(scripted, exchange, pair):
    with pytest.raises(InvalidInput):
        await exchange.rules(pair)
    assert scripted.seen == []


async def test_old_trades_are_asked_a_day_at_a_time_without_a_gap_and_without_an_id(scripted, exchange):
    now = int(time.time() * 1000)
    since = now - 60 * 3_600_000

    async def trades(request):
        rows = [
            execution(1, execTime=str(since)),
            execution(2, orderLinkId="ta-t-1-x0-9", execTime=str(since)),
        ]
        inside = [
            row for row in rows if int(request.query["startTime"]) <= since <= int(request.query["endTime"])
        ]
        return web.json_response(envelope({"list": inside}))

    scripted.answers["/v5/execution/list"] = trades
    fills = await exchange.fills_since(symbol=BTCUSDT, order_ids={"ta-t-1-e0-1"}, since=since)
    assert [fill.exec_id for fill in fills] == ["e1"]
    asked = [one.query for one in scripted.asked("/v5/execution/list")]
    starts, ends = ([int(query[name]) for query in asked] for name in ("startTime", "endTime"))
    assert starts == [since, *(end + 1 for end in ends[:-1])]
    assert all(0 < end - start <= 24 * 3_600_000 for start, end in zip(starts, ends, strict=True))
    assert ends[-1] >= now
    assert not any("orderLinkId" in query for query in asked)
