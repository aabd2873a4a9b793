"""Every REST call, by the real pybit over a real socket."""

import asyncio
from decimal import Decimal
from itertools import pairwise

import aiohttp
import pytest

from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from tests.sandbox_exchange.client import pybit_session, real_candles, until

SPOT = {"category": "spot", "symbol": "BTCUSDT"}


async def call(method, **params):
    return (await asyncio.to_thread(method, **params))["result"]


async def rows(method, **params):
    return (await call(method, **params))["list"]


async def closed(session, link):
    """The order once it is closed: acknowledgements come before effects."""
    while True:
        row = (await rows(session.get_open_orders, **SPOT, orderLinkId=link))[0]
        if row["orderStatus"] not in {"New", "PartiallyFilled"}:
            return row
        await asyncio.sleep(0.002)


async def limit(session, side, price, link, qty="0.01"):
    return await call(
        session.place_order, **SPOT, side=side, orderType="Limit", qty=qty, price=price, orderLinkId=link
    )


async def test_public_calls_answer_without_a_key(exchange, session):
    assert int((await call(session.get_server_time))["timeSecond"]) > 0
    assert (await call(session.get_system_status))["list"] == []
    pair = (await rows(session.get_instruments_info, category="spot"))[0]
    assert (pair["symbol"], pair["baseCoin"], pair["quoteCoin"], pair["status"]) == (
        "BTCUSDT",
        "BTC",
        "USDT",
        "Trading",
    )
    assert pair["priceFilter"]["tickSize"] == "0.01"
    assert pair["lotSizeFilter"]["basePrecision"] == "0.000001"
    ticker = (await rows(session.get_tickers, **SPOT))[0]
    assert ticker["lastPrice"] == "60000.00"


async def test_every_answer_carries_the_limit_headers(exchange):
    async with aiohttp.ClientSession() as client, client.get(f"{exchange.rest_url}/v5/market/time") as answer:
        assert {"X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp"} <= set(answer.headers)


async def test_a_limit_order_is_placed_found_and_cancelled(exchange, session):
    ids = await limit(session, "Buy", "59000", "mine-1")
    assert ids == {"orderId": ids["orderId"], "orderLinkId": "mine-1"}
    found = (await rows(session.get_open_orders, **SPOT))[0]
    assert (found["orderStatus"], found["price"], found["qty"]) == ("New", "59000.00", "0.010000")
    assert (found["leavesValue"], found["avgPrice"]) == ("590.00000000", "")
    assert await rows(session.get_order_history, **SPOT) == []
    assert await call(session.cancel_order, **SPOT, orderId=ids["orderId"]) == ids
    row = await closed(session, "mine-1")
    assert (row["orderStatus"], row["cancelType"], row["rejectReason"]) == (
        "Cancelled",
        "CancelByUser",
        "EC_PerCancelRequest",
    )
    assert await rows(session.get_open_orders, **SPOT) == []
    assert [one["orderLinkId"] for one in await rows(session.get_order_history, **SPOT)] == ["mine-1"]
    assert [one["orderLinkId"] for one in await rows(session.get_open_orders, **SPOT, openOnly=1)] == [
        "mine-1"
    ]


async def test_an_order_without_a_client_id_gets_one_made_up(session):
    ids = await call(session.place_order, **SPOT, side="Buy", orderType="Limit", qty="0.01", price="59000")
    assert int(ids["orderLinkId"]) == int(ids["orderId"]) + 1


async def test_a_quote_sized_market_buy_shows_its_unspent_rest(exchange, session):
    await call(session.place_order, **SPOT, side="Buy", orderType="Market", qty="100.01", orderLinkId="m-1")
    row = await closed(session, "m-1")
    assert row["orderStatus"] == "PartiallyFilledCanceled"
    assert row["rejectReason"] == "EC_CancelForNoFullFill"
    assert (row["qty"], row["cumExecQty"], row["leavesQty"]) == ("100.010000", "0.001666", "0.000000")
    assert (row["cumExecValue"], row["leavesValue"]) == ("99.96000000", "0.05000000")
    assert row["cumFeeDetail"] == {"BTC": "0.000001666"}
    fill = (await rows(session.get_executions, **SPOT, orderLinkId="m-1"))[0]
    assert (fill["execQty"], fill["execFee"], fill["feeCurrency"], fill["orderQty"], fill["orderPrice"]) == (
        "0.001666",
        "0.000001666",
        "BTC",
        "0.000000",
        "0",
    )


@pytest.mark.parametrize(
    ("side", "unit", "qty", "filled"),
    [
        ("Buy", "baseCoin", "0.001", "0.001000"),
        ("Sell", None, "0.002", "0.002000"),
        ("Sell", "quoteCoin", "60", "0.001000"),
    ],
)
async def test_market_orders_by_base_and_by_quote(side, unit, qty, filled):
    options = ExchangeOptions(paused=True, balances={"USDT": Decimal(1000), "BTC": Decimal(1)})
    async with SandboxExchange(options) as exchange:
        with pybit_session(exchange) as session:
            extra = {"marketUnit": unit} if unit else {}
            await call(
                session.place_order, **SPOT, side=side, orderType="Market", qty=qty, orderLinkId="m", **extra
            )
            row = await closed(session, "m")
            assert (row["orderStatus"], row["cumExecQty"]) == ("Filled", filled)


async def test_an_order_is_amended_in_price_and_quantity(exchange, session):
    await limit(session, "Buy", "59000", "a")
    await call(session.amend_order, **SPOT, orderLinkId="a", price="58000", qty="0.02")
    row = (await rows(session.get_open_orders, **SPOT))[0]
    assert (row["price"], row["qty"]) == ("58000.00", "0.020000")
    wallet = (await rows(session.get_wallet_balance, accountType="UNIFIED", coin="USDT"))[0]["coin"][0]
    assert wallet["locked"] == "1160"


async def test_cancel_all_cancels_what_is_open(exchange, session):
    for number in range(3):
        await limit(session, "Buy", "59000", f"c-{number}", qty="0.001")
    answer = await call(session.cancel_all_orders, **SPOT)
    assert answer["success"] == "1"
    assert len(answer["list"]) == 3
    for number in range(3):
        assert (await closed(session, f"c-{number}"))["orderStatus"] == "Cancelled"


async def test_the_wallet_leaves_out_empty_coins_unless_they_are_named(session):
    coins = (await rows(session.get_wallet_balance, accountType="UNIFIED"))[0]["coin"]
    assert [coin["coin"] for coin in coins] == ["USDT"]
    named = (await rows(session.get_wallet_balance, accountType="UNIFIED", coin="USDT,BTC"))[0]["coin"]
    assert [(coin["coin"], coin["walletBalance"]) for coin in named] == [("USDT", "10000"), ("BTC", "0")]
    assert named[0]["availableToWithdraw"] == ""


async def test_account_fee_settings_and_key(exchange, session):
    assert (await call(session.get_account_info))["unifiedMarginStatus"] == 6
    fees = (await rows(session.get_fee_rates, **SPOT))[0]
    assert (fees["takerFeeRate"], fees["makerFeeRate"]) == ("0.001", "0.001")
    assert (await call(session.get_user_setting_config))["smsef"] is False
    key = await call(session.get_api_key_information)
    assert (key["apiKey"], key["readOnly"], key["permissions"]["Spot"]) == (
        exchange.api_key,
        0,
        ["SpotTrade"],
    )


async def test_executions_and_history_are_paged_by_cursor_newest_first(exchange, session):
    for number in range(5):
        await call(
            session.place_order, **SPOT, side="Buy", orderType="Market", qty="60", orderLinkId=f"p-{number}"
        )
        await closed(session, f"p-{number}")
    for method in (session.get_executions, session.get_order_history):
        seen, cursor = [], None
        for _ in range(10):
            page = await call(method, **SPOT, limit=2, **({"cursor": cursor} if cursor else {}))
            seen += [row["orderLinkId"] for row in page["list"]]
            cursor = page["nextPageCursor"]
            if not cursor:
                break
        assert seen == ["p-4", "p-3", "p-2", "p-1", "p-0"]
        assert page["list"] == [], "as captured, the last page that holds a row still gives a cursor"


async def test_klines_come_newest_first_from_the_candles_seen_so_far():
    path = real_candles("binance_BTCUSDT_5m_202208-202309.csv.gz")
    async with SandboxExchange(ExchangeOptions(candles=path, paused=True, offset=10)) as exchange:
        with pybit_session(exchange) as session:
            await exchange.market.step()
            five = await rows(session.get_kline, **SPOT, interval=5)
            assert len(five) == 11
            stamps = [int(row[0]) for row in five]
            assert stamps == sorted(stamps, reverse=True)
            assert five[-1][:6] == [
                "1659312000000",
                "23296.36",
                "23317.72",
                "23262.27",
                "23277.42",
                "651.57251",
            ]
            quarter = await rows(session.get_kline, **SPOT, interval=15, limit=2)
            assert [row[0] for row in quarter] == ["1659314700000", "1659313800000"]
            assert Decimal(quarter[1][2]) == max(Decimal(row[2]) for row in five[2:5])
            first = await rows(session.get_kline, **SPOT, interval=5, end=1659312000000)
            assert [row[0] for row in first] == ["1659312000000"]


async def test_klines_of_any_time_that_the_market_has_passed_can_be_asked_and_none_of_its_future():
    path = real_candles("binance_BTCUSDT_5m_202208-202309.csv.gz")
    first, minute, passed = 1659312000000, 60_000, 6000
    present = first + passed * 5 * minute
    async with SandboxExchange(ExchangeOptions(candles=path, paused=True, offset=passed)) as exchange:
        with pybit_session(exchange) as session:

            async def stamps(**query):
                return [int(row[0]) for row in await rows(session.get_kline, **SPOT, **query)]

            page = {"start": first, "end": first + 999 * 5 * minute, "limit": 1000}
            assert await stamps(interval=5, **page) == list(range(page["end"], first - 1, -5 * minute))
            assert await stamps(interval=5, start=first, limit=2) == [first + 5 * minute, first]
            assert await stamps(interval=5, start=first, end=present, limit=2) == [
                present,
                present - 5 * minute,
            ]
            assert await stamps(interval=5, start=present + 1, end=2 * present) == []
            assert await stamps(interval=5, start=first - 1000, end=first - 1) == []
            hours = await rows(session.get_kline, **SPOT, interval=60, start=first, end=present, limit=1000)
            assert len(hours) == passed // 12 + 1
            five = await rows(session.get_kline, **SPOT, interval=5, start=first, end=first + 55 * minute)
            volumes = sum(Decimal(row[5]) for row in five)
            assert hours[-1][:6] == [
                str(first),
                five[-1][1],
                *highest_and_lowest(five),
                five[0][4],
                str(volumes),
            ]
            days = await stamps(interval="D", start=0, end=present, limit=1000)
            assert days[-1] == first
            assert len(days) == 21


def highest_and_lowest(found):
    return max((row[2] for row in found), key=Decimal), min((row[3] for row in found), key=Decimal)


async def test_made_up_prices_may_have_a_made_up_past():
    async with SandboxExchange(ExchangeOptions(paused=True, past_days=2)) as exchange:
        with pybit_session(exchange) as session:
            found = await rows(session.get_kline, **SPOT, interval=5, limit=1000)
            assert len(found) == 2 * 24 * 12 + 1
            assert (found[0][1], found[1][4]) == ("60000.00", "60000.00")
            for newer, older in pairwise(found):
                assert newer[1] == older[4]
                assert int(newer[0]) - int(older[0]) == 300_000


async def test_an_open_candle_shows_only_what_has_been_walked(exchange, session):
    row = (await rows(session.get_kline, **SPOT, interval=5))[0]
    assert row[1:5] == ["60000.00"] * 4


async def test_two_people_have_their_own_keys_balances_and_orders(exchange, session):
    key, secret = exchange.add_account("bia", balances={"USDT": Decimal(50)})
    await limit(session, "Buy", "59000", "same-id")
    with pybit_session(exchange, key, secret) as other:
        assert await rows(other.get_open_orders, **SPOT) == []
        await limit(other, "Buy", "59000", "same-id", qty="0.0005")
        assert len(await rows(other.get_open_orders, **SPOT)) == 1
    assert len(await rows(session.get_open_orders, **SPOT)) == 1


async def test_what_is_not_implemented_answers_404_and_says_so(exchange):
    async with aiohttp.ClientSession() as client:
        for method, path in (
            ("GET", "/v5/position/list"),
            ("POST", "/v5/order/create-batch"),
            ("GET", "/v5/order/create"),
        ):
            async with client.request(method, exchange.rest_url + path) as answer:
                assert answer.status == 404
                assert f"does not implement {method} {path}" in await answer.text()


async def test_a_get_with_a_body_is_forbidden(exchange):
    async with (
        aiohttp.ClientSession() as client,
        client.request("GET", f"{exchange.rest_url}/v5/market/time", json={}) as answer,
    ):
        assert answer.status == 403


async def test_acknowledgements_come_before_effects(exchange, session):
    exchange.effects.delay_ms = 100
    await call(session.place_order, **SPOT, side="Buy", orderType="Market", qty="60", orderLinkId="slow")
    assert (await rows(session.get_open_orders, **SPOT, orderLinkId="slow"))[0]["orderStatus"] == "New"
    await until(lambda: exchange.core.executions["demo"], "the fill")
