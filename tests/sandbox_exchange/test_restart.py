"""With a state file the stand-in survives: keys, balances, orders, executions and the market's place."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.sandbox.desk import CoreRules
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.sandbox.exchange_control import Control
from bot.sandbox.market import Position
from tests.sandbox_exchange.client import pybit_session, until

ROOT = Path(__file__).resolve().parents[2]
SPOT = {"category": "spot", "symbol": "BTCUSDT"}

SERVER = """
import asyncio, sys
from pathlib import Path
from bot.sandbox.exchange import ExchangeOptions, serve_bybit

def write(line):
    sys.stdout.write(line)
    sys.stdout.flush()

options = ExchangeOptions(speed=float(sys.argv[2]), state_file=Path(sys.argv[1]), seed=3)
asyncio.run(serve_bybit(options, write))
"""


def everything(exchange):
    return Control(exchange.venue, exchange.private, "", exchange.add_account).state()["accounts"]


async def place(session, **order):
    await asyncio.to_thread(session.place_order, **{**SPOT, **order})


async def trade(exchange, session):
    """Some of each: a fill, a resting order, a part-filled one, a cancelled one, another person."""
    await place(session, side="Buy", orderType="Market", qty="600", orderLinkId="bought")
    await until(lambda: exchange.core.executions["demo"], "the fill")
    await place(session, side="Buy", orderType="Limit", qty="0.01", price="58000", orderLinkId="rests")
    low = exchange.market.seen[-1].low
    await place(session, side="Buy", orderType="Limit", qty="0.01", price=str(low), orderLinkId="part")
    await place(session, side="Sell", orderType="Limit", qty="0.001", price="70000", orderLinkId="gone")
    await asyncio.to_thread(session.cancel_order, **SPOT, orderLinkId="gone")
    exchange.add_account("bia", balances={"USDT": Decimal("1.5")}, read_only=True)
    await exchange.market.step()
    await until(lambda: len(exchange.core.open_orders["demo"]) == 2, "the cancel")


@pytest.fixture
def options(tmp_path):
    return ExchangeOptions(
        paused=True, seed=3, state_file=tmp_path / "exchange.db", rules=CoreRules(partial_seed=2)
    )


async def test_everything_is_found_again(options):
    async with SandboxExchange(options) as exchange:
        with pybit_session(exchange) as session:
            await trade(exchange, session)
        before, place_before, key = everything(exchange), exchange.market.position, exchange.api_key
        assert {row["orderStatus"] for row in before["demo"]["orders"]} >= {
            "New",
            "PartiallyFilled",
            "Cancelled",
        }
    async with SandboxExchange(options) as again:
        assert everything(again) == before
        assert again.market.position == place_before
        assert again.api_key == key
        with pybit_session(again) as session:
            found = await asyncio.to_thread(session.get_open_orders, **SPOT)
            assert {row["orderLinkId"] for row in found["result"]["list"]} == {"rests", "part"}
            with pytest.raises(Exception, match="170141"):
                await place(session, side="Buy", orderType="Market", qty="60", orderLinkId="bought")
            await place(session, side="Buy", orderType="Market", qty="60", orderLinkId="new")
            ids = [order.order_id for order in again.core.orders.values()]
            assert len(ids) == len(set(ids))


async def test_a_part_filled_order_goes_on_filling(options):
    async with SandboxExchange(options) as exchange:
        with pybit_session(exchange) as session:
            await trade(exchange, session)
    async with SandboxExchange(options) as again:
        part = next(one for one in again.core.orders.values() if one.link_id == "part")
        filled = part.filled
        while part.is_open:
            assert await again.market.step()
        assert part.filled == Decimal("0.01") > filled


async def test_an_order_acknowledged_and_not_yet_at_the_book_arrives_in_the_next_life(options):
    held = replace(options, ack_lead_ms=60_000)
    exchange = SandboxExchange(held)
    await exchange.start()
    with pybit_session(exchange) as session:
        await place(session, side="Buy", orderType="Market", qty="600", orderLinkId="way")
    assert not exchange.core.executions["demo"]
    for handle in exchange.effects._waiting:
        handle.cancel()
    exchange.effects._waiting.clear()
    await exchange.stop()
    async with SandboxExchange(options) as again:
        assert [fill.link_id for fill in again.core.executions["demo"]]
        assert not again.core.open_orders["demo"]


async def test_other_candles_begin_at_their_start_with_the_old_balances(options):
    async with SandboxExchange(options) as exchange:
        with pybit_session(exchange) as session:
            await trade(exchange, session)
        await exchange.market.step()
        before = everything(exchange)["demo"]["balances"]
    async with SandboxExchange(replace(options, seed=4)) as again:
        assert again.market.position == Position(0, 0, Decimal(60000))
        assert everything(again)["demo"]["balances"] == before


async def served(state: Path, speed: float):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVER, str(state), str(speed)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    return process, json.loads(line)


class Address:
    """Where a stand-in in another process listens, as pybit_session wants it."""

    def __init__(self, announced):
        self.rest_url = announced["rest"]
        self.api_key, self.api_secret = announced["api_key"], announced["api_secret"]


async def test_a_killed_process_is_taken_up_where_it_was(tmp_path):
    state = tmp_path / "exchange.db"
    process, announced = await served(state, 200)
    assert set(announced) == {"rest", "ws_private", "ws_public", "api_key", "api_secret"}
    links = []
    try:
        with pybit_session(Address(announced)) as session:
            for number in range(20):
                links.append(f"k-{number}")
                await place(session, side="Buy", orderType="Market", qty="60", orderLinkId=links[-1])
    finally:
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        process._transport.close()
    process, again = await served(state, 1)
    try:
        assert again["api_key"] == announced["api_key"]
        with pybit_session(Address(again)) as session:
            found = await asyncio.to_thread(session.get_executions, **SPOT, limit=100)
            fills = found["result"]["list"]
            assert sorted(row["orderLinkId"] for row in fills) == sorted(links)
            wallet = await asyncio.to_thread(
                session.get_wallet_balance, accountType="UNIFIED", coin="USDT,BTC"
            )
            coins = {one["coin"]: one for one in wallet["result"]["list"][0]["coin"]}
            spent = sum(Decimal(row["execValue"]) for row in fills)
            got = sum(Decimal(row["execQty"]) - Decimal(row["execFee"]) for row in fills)
            assert Decimal(coins["USDT"]["walletBalance"]) == 10000 - spent
            assert Decimal(coins["BTC"]["walletBalance"]) == got
            assert coins["USDT"]["locked"] == "0"
    finally:
        process.terminate()
        await process.wait()
        process._transport.close()
