"""Recorded payloads of Bybit's, each read as the house reads it."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.events import CloseReason
from bot.domain.market import Side, Symbol
from bot.domain.money import Base, Price, Quote
from bot.errors import Unavailable
from bot.exchanges import bybit_translate as translate

FOLDER = Path(os.environ.get("TRADER_AUTOMATA_SAMPLES", Path(__file__).parents[3] / "shared" / "samples"))
BTCUSDT = Symbol("BTCUSDT", "BTC", "USDT")
EXECUTION = {
    "orderLinkId": "ta-t-1-e0-1",
    "side": "Buy",
    "execId": "e1",
    "execType": "Trade",
    "execPrice": "100",
    "execQty": "2",
    "execValue": "200",
    "execFee": "0.002",
    "execTime": "7",
}
ORDER = {
    "orderLinkId": "ta-t-1-r1-1",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "orderStatus": "New",
    "qty": "2",
    "cumExecQty": "0",
    "cumExecValue": "0",
    "updatedTime": "5",
}


def samples(name: str) -> list[dict]:
    path = FOLDER / "bybit" / f"{name}.json"
    if not path.exists():
        pytest.skip("no samples beside the checkout")
    return json.loads(path.read_text())["samples"]


def payloads(name: str) -> list:
    return [sample["payload"] for sample in samples(name)]


def rows_in(payload: dict) -> list[dict]:
    """The rows of an envelope, of a stream message, or the payload itself where it is one row."""
    if "result" in payload:
        return list(translate.rows_of(payload["result"]))
    if isinstance(payload.get("data"), list):
        return payload["data"]
    return [payload] if "symbol" in payload else []


def coins_of(symbol: str) -> Symbol:
    for quote in ("USDT", "PERP"):
        if symbol.endswith(quote):
            return Symbol(symbol, symbol.removesuffix(quote), "USDT")
    raise AssertionError(symbol)


def test_every_recorded_order_is_read():
    statuses = set()
    for name in ("order_realtime", "order_history", "ws_order"):
        for payload in payloads(name):
            for row in rows_in(payload):
                view = translate.order_view(row)
                statuses.add(row["orderStatus"])
                assert (view.order_id, view.symbol) == (row["orderLinkId"], row["symbol"])
                assert view.filled.value == Decimal(row["cumExecQty"])
                assert (view.closed is None) == (row["orderStatus"] in {"New", "PartiallyFilled"})
    assert {"New", "Filled", "PartiallyFilledCanceled", "Cancelled"} <= statuses


def test_every_recorded_execution_is_read():
    count = 0
    for name in ("execution_list", "ws_execution"):
        for payload in payloads(name):
            for row in rows_in(payload):
                symbol = coins_of(row["symbol"])
                fill = translate.fill_of(row, symbol, {})
                count += 1
                assert fill.exec_id == row["execId"]
                assert fill.value.value == Decimal(row["execValue"])
                assert fill.price.value * fill.quantity.value == pytest.approx(fill.value.value)
                assert fill.fee_coin in {symbol.base, symbol.quote}
    assert count >= 6


def test_the_captured_buy_of_ten_usdt_ends_partially_filled_and_is_a_success():
    (row,) = next(
        payload["data"]
        for payload in payloads("ws_order")
        if payload.get("data") and payload["data"][0]["cumExecQty"] == "0.000306"
    )
    view = translate.order_view(row)
    assert row["orderStatus"] == "PartiallyFilledCanceled"
    assert (view.closed, view.filled, view.value) == (
        CloseReason.CANCELLED,
        Base.of("0.000306"),
        Quote.of("9.98631"),
    )


def test_the_captured_fill_without_a_fee_coin_paid_in_base():
    (row,) = next(
        payload["data"]
        for payload in payloads("ws_execution")
        if payload.get("data") and payload["data"][0]["execId"] == "2100000000047469164"
    )
    assert "feeCurrency" not in row
    fill = translate.fill_of(row, BTCUSDT, {})
    assert (fill.fee_coin, fill.fee) == ("BTC", Decimal("0.000000306"))
    assert fill.fee_value == Quote.of("0.00998631")
    assert (fill.side, fill.at, fill.maker) == (Side.BUY, 1699764599837, False)


def test_the_captured_maker_fill_of_2023_paid_in_base():
    row = next(payload for payload in payloads("execution_list") if payload.get("symbol") == "QNTUSDT")
    fill = translate.fill_of(row, coins_of("QNTUSDT"), {})
    assert (fill.fee_coin, fill.fee, fill.maker) == ("QNT", Decimal("0.0000025"), True)


def test_the_recorded_rules_wallet_key_rate_ticker_and_time_are_read():
    for payload in payloads("instruments_info_spot"):
        for row in rows_in(payload):
            rules = translate.market_rules(row)
            assert rules.tick > 0 < rules.lot_step
            assert rules.max_quantity.value > 0
            assert rules.min_notional.value == Decimal(row["lotSizeFilter"]["minOrderAmt"])
    envelope, entry = payloads("wallet_balance")
    assert translate.balances(envelope["result"], ["BTC", "XYZ"])["BTC"].free == 0
    held = translate.balances({"list": [{"coin": [entry]}]}, ["USDT"])["USDT"]
    assert (held.total, held.locked, held.free) == (
        Decimal("3322.25896609"),
        Decimal(42),
        Decimal("3280.25896609"),
    )
    facts = translate.key_facts(payloads("api_key_info")[0]["result"])
    assert (facts.read_only, facts.can_trade, facts.can_withdraw) == (True, False, False)
    assert (facts.ip_bound, facts.expires_at) == (True, None)
    assert {"Wallet: AccountTransfer, SubMemberTransfer", "ContractTrade: Order, Position"} <= set(
        facts.needless
    )
    assert not any(right.startswith(("Spot", "Exchange", "Options")) for right in facts.needless)
    assert translate.taker_rate(rows_in(payloads("fee_rate")[0])[0]) == Decimal("0.0006")
    assert translate.last_price(rows_in(payloads("tickers_spot")[0])[0]) == Price.of("20533.13")
    assert translate.server_time(payloads("server_time")[0]["result"]) == pytest.approx(1688639403423.2)


@pytest.mark.parametrize(
    ("fields", "closed", "filled"),
    [
        ({"orderStatus": "New"}, None, "0"),
        ({"orderStatus": "PartiallyFilled", "cumExecQty": "1"}, None, "1"),
        ({"orderStatus": "Untriggered"}, None, "0"),
        ({"orderStatus": "Filled", "cumExecQty": "2"}, CloseReason.FILLED, "2"),
        ({"orderStatus": "Cancelled"}, CloseReason.CANCELLED, "0"),
        ({"orderStatus": "Cancelled", "cumExecQty": "1"}, CloseReason.CANCELLED, "1"),
        ({"orderStatus": "Deactivated"}, CloseReason.CANCELLED, "0"),
        ({"orderStatus": "Rejected"}, CloseReason.REJECTED, "0"),
        ({"orderStatus": "PartiallyFilledCanceled", "cumExecQty": "1"}, CloseReason.CANCELLED, "1"),
        ({"orderStatus": "PartiallyFilledCanceled", "cumExecQty": "2"}, CloseReason.FILLED, "2"),
        # the second "Filled" of a cancel that lost the race
        (
            {"orderStatus": "Filled", "cumExecQty": "2", "cancelType": "CancelByUser"},
            CloseReason.FILLED,
            "2",
        ),
        # qty of a market buy is quote: 2 of it says nothing about the base that was bought
        (
            {"orderStatus": "PartiallyFilledCanceled", "cumExecQty": "3", "orderType": "Market"},
            CloseReason.CANCELLED,
            "3",
        ),
        ({"orderStatus": "New", "cumExecQty": "", "cumExecValue": "", "avgPrice": ""}, None, "0"),
    ],
)
def test_the_closed_states(fields, closed, filled):
    view = translate.order_view({**ORDER, **fields})
    assert (view.closed, view.filled) == (closed, Base.of(filled))


@pytest.mark.parametrize(
    ("fields", "coin", "fee", "value"),
    [
        ({}, "BTC", "0.002", "0.2"),
        ({"side": "Sell"}, "USDT", "0.002", "0.002"),
        ({"feeCurrency": ""}, "BTC", "0.002", "0.2"),
        ({"feeCurrency": "USDT"}, "USDT", "0.002", "0.002"),
        ({"feeCurrency": "MNT", "execFee": "3"}, "MNT", "3", "1.5"),
        # a maker's rebate comes in the other coin
        ({"execFee": "-0.01", "isMaker": True}, "USDT", "-0.01", "-0.01"),
        ({"execFee": "-0.01", "isMaker": True, "side": "Sell"}, "BTC", "-0.01", "-1"),
        ({"execFee": "", "feeCurrency": ""}, "BTC", "0", "0"),
        # taxes
        ({"extraFees": [{"feeCoin": "BTC", "fee": "0.001"}]}, "BTC", "0.003", "0.3"),
        ({"extraFees": '[{"feeCoin": "USDT", "fee": "0.5"}]'}, "BTC", "0.002", "0.7"),
        ({"extraFees": ""}, "BTC", "0.002", "0.2"),
    ],
)
def test_what_a_fill_cost(fields, coin, fee, value):
    row = {**EXECUTION, **fields}
    fill = translate.fill_of(row, BTCUSDT, {"MNT": Decimal("0.5")})
    assert (fill.fee_coin, fill.fee, fill.fee_value) == (coin, Decimal(fee), Quote.of(value))
    assert translate.foreign_coins(row, BTCUSDT) == {coin} - {"BTC", "USDT"}


def test_a_fee_in_a_coin_without_a_price_is_not_valued_at_nothing():
    with pytest.raises(Unavailable):
        translate.fill_of({**EXECUTION, "feeCurrency": "MNT"}, BTCUSDT, {})


@pytest.mark.parametrize("wrong", [0.5, 2, None, "", "NaN", "1e400000000", "two", True, []])
def test_a_price_that_is_no_decimal_text_is_refused(wrong):
    with pytest.raises(Unavailable):
        translate.fill_of({**EXECUTION, "execPrice": wrong}, BTCUSDT, {})


def test_amounts_keep_every_digit():
    digits = "0.123456789012345678"
    fill = translate.fill_of({**EXECUTION, "execQty": digits, "execFee": digits}, BTCUSDT, {})
    assert (str(fill.quantity), str(fill.fee)) == (digits, digits)


@pytest.mark.parametrize(
    ("fields", "expires_at"),
    [
        ({"expiredAt": "1970-01-01T00:00:00Z"}, None),
        ({"expiredAt": "2027-01-31T12:00:00Z"}, 1801396800000),
        ({}, None),
    ],
)
def test_when_a_key_expires(fields, expires_at):
    facts = translate.key_facts({"readOnly": 0, "permissions": {"Spot": ["SpotTrade"]}, **fields})
    assert (facts.expires_at, facts.needless) == (expires_at, ())
    assert facts.can_trade
    assert not facts.ip_bound


def test_a_key_bound_to_every_address_is_not_bound():
    facts = translate.key_facts({"readOnly": 0, "permissions": {"Wallet": ["Withdraw"]}, "ips": ["*"]})
    assert (facts.ip_bound, facts.can_trade, facts.can_withdraw) == (False, False, True)


@pytest.mark.parametrize("result", [{}, {"list": []}, {"list": [{}, {}]}, {"list": [{"coin": [{}]}]}])
def test_a_wallet_that_cannot_be_read_is_not_an_empty_one(result):
    with pytest.raises(Unavailable):
        translate.balances(result, ["USDT"])
