"""A canary in the key pair: no repr, log, exception or traceback may sing."""

import logging
import pickle
import traceback

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.domain.market import Side
from bot.domain.money import Base, Price
from bot.errors import BotError
from bot.exchanges.bybit import BybitExchange
from bot.exchanges.bybit_http import BybitHttp, _SignedHTTP, scrubbed
from bot.ports import Credentials, Environment, OrderRequest, Secret, StreamDown, StreamUp, SystemClock
from tests.exchanges.kit import FAST
from tests.exchanges.scripted import cut, envelope, hang, html, say_nothing
from tests.exchanges.stage import BTCUSDT

KEY, SECRET = "CANARYkey7f3a", "CANARYsecret9b1e"
KEYS = Credentials(Secret(KEY), Secret(SECRET))


def mute(text: str) -> bool:
    return "CANARY" not in text


@pytest.fixture
async def exchange(scripted, pool):
    exchange = BybitExchange(
        Environment.BYBIT,
        KEYS,
        scripted.endpoints,
        pool=pool,
        clock=SystemClock(),
        timeout=0.3,
        timings=FAST,
    )
    yield exchange
    await exchange.close()


def everything_about(error: BaseException) -> str:
    """Text, attributes and the locals of every frame but the test's, of an error and of all that it carries."""
    parts, todo, seen = [], [error], set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        parts += [repr(one), str(one), repr(vars(one)), repr(one.args)]
        frames = [frame for frame, _ in traceback.walk_tb(one.__traceback__)]
        parts += [repr(frame.f_locals) for frame in frames if frame.f_code.co_filename != __file__]
        todo += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
    return "\n".join(parts)


LEAKY = envelope(code=10004, message=f"error sign! origin_string[1700000000000{KEY}5000category=spot]")
"""Bybit's own habit: 10004 echoes the signed text, the key in it."""


async def echo(_request):
    return web.Response(status=500, text=f"stack trace: {KEY} {SECRET}")


async def test_no_failure_of_a_request_carries_the_key(scripted, exchange, caplog):
    caplog.set_level(logging.DEBUG)
    order = OrderRequest("ta-t-1-e0-1", BTCUSDT, Side.BUY, price=Price.of("1"), quantity=Base.of("10"))
    sung = []
    with capture_logs() as logs:
        for trouble in (hang, cut, html(502), html(200), echo, LEAKY, envelope(code=10001, message=SECRET)):
            scripted.answers["/v5/order/create"] = scripted.answers["/v5/account/wallet-balance"] = trouble
            for attempt in (exchange.place(order), exchange.balances(["USDT"])):
                with pytest.raises(BotError) as caught:
                    await attempt
                sung.append(everything_about(caught.value))
    assert len(sung) == 14
    assert all(mute(text) for text in sung)
    assert mute(caplog.text)
    assert mute(repr(logs))
    # the canary was alive: it did leave in the headers
    assert any(KEY in one.headers.get("X-BAPI-API-KEY", "") for one in scripted.seen)


async def test_a_key_that_is_no_header_text_is_not_quoted_back(scripted, pool):
    exchange = BybitExchange(
        Environment.BYBIT,
        Credentials(Secret(KEY + "\n"), Secret(SECRET)),
        scripted.endpoints,
        pool=pool,
        clock=SystemClock(),
    )
    with pytest.raises(BotError) as caught:
        await exchange.balances(["USDT"])
    assert mute(everything_about(caught.value))
    await exchange.close()


async def test_the_stream_keeps_the_key_out_of_logs_and_reasons(scripted, exchange, caplog):
    caplog.set_level(logging.DEBUG)

    async def talk(socket, number):
        if number == 1:
            await socket.close(code=4000, message=f"bye {KEY}".encode())
        await say_nothing(socket)

    scripted.talk = talk
    with capture_logs() as logs:
        stream = exchange.stream()
        assert isinstance(await anext(stream), StreamUp)
        down = await anext(stream)
        assert isinstance(await anext(stream), StreamUp)
    assert isinstance(down, StreamDown)
    assert mute(down.reason)
    assert "bye" in down.reason
    assert mute(caplog.text + repr(logs))


async def test_a_refused_login_does_not_quote_the_key(scripted, exchange):
    scripted.polite = False

    async def talk(socket, number):
        await socket.receive()
        await socket.send_json(
            {"success": False, "op": "auth", "retCode": 10003, "ret_msg": f"no such key {KEY}"}
        )

    scripted.talk = talk
    with pytest.raises(BotError) as caught:
        await anext(exchange.stream())
    assert mute(str(caught.value))


async def test_no_object_of_the_adapter_shows_the_key(scripted, exchange):
    http = _SignedHTTP(scripted.endpoints.rest, KEYS, lambda: 1, 1.0)
    calls = BybitHttp(scripted.endpoints.rest, KEYS, stamp=lambda: 1, timeout=1.0)
    for one in (http, calls, exchange, exchange.stream(), KEYS, KEYS.secret, exchange._calls):
        assert mute(repr(one))
        assert mute(str(one))
        assert mute(f"{one}")
        assert mute(repr(getattr(one, "__dict__", "")))
    with pytest.raises(TypeError):
        pickle.dumps(KEYS)
    http.client.close()


async def test_pybit_adds_no_handler_of_its_own(scripted, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    before = list(logging.getLogger("pybit._http_manager").handlers)
    http = _SignedHTTP(scripted.endpoints.rest, KEYS, lambda: 1, 1.0)
    assert logging.getLogger("pybit._http_manager").handlers == before
    http.client.close()


def test_a_strangers_text_becomes_one_short_line():
    text = scrubbed(f"a\nb\x1b[31m{SECRET}" + "x" * 500, KEYS)
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) == 200
    assert mute(text)
