"""The SDK's client as we have trimmed it: the same requests, through the environment's proxy, in less time."""

import socket
import threading

import pytest
from pybit.unified_trading import HTTP

from bot.exchanges.bybit_errors import NoAnswer
from bot.exchanges.bybit_http import BybitHttp, _SignedHTTP
from bot.ports import Credentials, Secret

KEYS = Credentials(Secret("key-of-18-letters"), Secret("secret"))
STAMP = 1_790_000_000_000


def client_for(rest: str) -> _SignedHTTP:
    return _SignedHTTP(rest, KEYS, lambda: STAMP, 2.0)


@pytest.mark.parametrize(
    ("method", "payload"),
    [("GET", "category=spot&symbol=BTCUSDT"), ("GET", ""), ("POST", '{"symbol": "BTCUSDT"}')],
)
def test_a_request_is_what_the_sdk_would_make_of_it(method: str, payload: str) -> None:
    client = client_for("http://127.0.0.1:1")
    client.client.cookies.set("route", "7")
    path, headers = f"{client.endpoint}/v5/order/cancel", client._prepare_headers(payload, 5000)
    ours = client._prepare_request(method, path, payload, headers)
    theirs = HTTP._prepare_request(client, method, path, payload, headers)
    assert (ours.method, ours.url, ours.body or None) == (theirs.method, theirs.url, theirs.body or None)
    assert dict(ours.headers) == dict(theirs.headers)


def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        heard: list[bytes] = []

        def answer() -> None:
            line, _ = proxy.accept()
            with line:
                heard.append(line.recv(4096))

        listener = threading.Thread(target=answer)
        listener.start()
        client = BybitHttp("http://exchange.test", KEYS, stamp=lambda: STAMP, timeout=30.0)
        assert isinstance(client.request("get_server_time", {}), NoAnswer)
        listener.join(30)
        client.close()
    assert heard[0].startswith(b"GET http://exchange.test/v5/market/time")


def test_loopback_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert not client_for("http://127.0.0.1:2").client.proxies


def test_the_environments_certificates_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert client_for("https://exchange.test").client.verify is True
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/ours.pem")
    assert client_for("https://exchange.test").client.verify == "/etc/ssl/ours.pem"
