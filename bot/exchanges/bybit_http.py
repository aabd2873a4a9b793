"""pybit's HTTP client, fenced.

It blocks, its requests.Session is not safe across threads, its repr prints the key pair, its exceptions carry
the signed headers, and its own retries re-send orders. So: each worker thread borrows a client of its own, the
key pair is never given to pybit, retries are off, and no exception of the SDK leaves the worker: what comes out
is an answer or a `Fault` in plain values.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import requests
import urllib3
from pybit import exceptions
from pybit._http_manager import generate_signature
from pybit.unified_trading import HTTP

from bot.exchanges.bybit_errors import Failed, Fault, NoAnswer, Refused
from bot.exchanges.environments import is_loopback
from bot.ports import Credentials

_SDK_LOG = logging.getLogger("pybit._http_manager")
_SDK_LOG.setLevel(logging.INFO)  # at DEBUG pybit writes whole answers, which may quote the key back

RECV_WINDOW_MS = 5000
_NEVER_A_CODE = -1234567
"""pybit re-sends on its retry codes; an empty set falls back to its defaults, so it gets a code that never comes."""

Call = Literal[
    "get_server_time",
    "get_instruments_info",
    "get_kline",
    "get_tickers",
    "get_wallet_balance",
    "get_open_orders",
    "get_order_history",
    "get_executions",
    "get_api_key_information",
    "get_fee_rates",
    "place_order",
    "cancel_order",
]


@dataclass(frozen=True, slots=True)
class Answer:
    """`result` of an envelope with retCode 0; `time` is the server's, ms UTC, 0 when it gave none."""

    result: Mapping[str, Any]
    time: int


class _SignedHTTP(HTTP):  # type: ignore[misc]
    """pybit's client with our clock and our key: both are asked for at each request and kept nowhere."""

    def __init__(self, rest: str, credentials: Credentials, stamp: Callable[[], int], timeout: float) -> None:
        handlers = list(_SDK_LOG.handlers)
        super().__init__(
            timeout=timeout, recv_window=RECV_WINDOW_MS, force_retry=False, retry_codes={_NEVER_A_CODE}
        )
        _SDK_LOG.handlers[:] = handlers  # pybit adds one of its own where the root logger has none yet
        self.endpoint = rest
        self._credentials = credentials
        self._stamp = stamp
        # A redirected request would carry the signed headers elsewhere and could send an order twice.
        self.client.max_redirects = 0
        self._take_environment()

    def __repr__(self) -> str:
        return f"<pybit HTTP for {self.endpoint}>"

    def _take_environment(self) -> None:
        """Proxies and certificates of the environment, read once; loopback has neither, ~/.netrc is never read.

        requests reads them anew for each request, which takes longer than all the rest of preparing it.
        """
        self.client.trust_env = not is_loopback(self.endpoint)
        found = self.client.merge_environment_settings(self.endpoint, {}, None, None, None)
        self.client.proxies, self.client.verify = found["proxies"], found["verify"]
        self.client.trust_env = False

    def _prepare_request(
        self, method: str, path: str, params: str, headers: dict[str, str]
    ) -> requests.PreparedRequest:
        """What pybit and its session make of it, without merging settings that never change: in half the time."""
        request = requests.PreparedRequest()
        read = method == "GET"
        request.prepare(
            method=method,
            url=f"{path}?{params}" if read and params else path,
            headers={**self.client.headers, **headers},
            data=None if read else params,
            cookies=self.client.cookies,
        )
        return request

    def _prepare_headers(
        self, payload: str, recv_window: int, content_type: str = "application/json"
    ) -> dict[str, str]:
        stamp, key = str(self._stamp()), self._credentials.key.reveal()
        signed = f"{stamp}{key}{recv_window}{payload}"
        return {
            "Content-Type": content_type,
            "X-BAPI-API-KEY": key,
            "X-BAPI-SIGN": generate_signature(False, self._credentials.secret.reveal(), signed),
            "X-BAPI-SIGN-TYPE": "2",
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": str(recv_window),
        }


def scrubbed(text: object, credentials: Credentials) -> str:
    """A stranger's text, fit for a log: without the key pair (Bybit echoes it in 10004), on one short line."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    for secret in (credentials.secret, credentials.key):
        if secret.reveal():
            line = line.replace(secret.reveal(), "***")
    return line[:200]


class BybitHttp:
    """Blocking requests for one account; `request` may be called from many threads at once."""

    def __init__(
        self, rest: str, credentials: Credentials, *, stamp: Callable[[], int], timeout: float
    ) -> None:
        self._rest = rest
        self._credentials = credentials
        self._stamp = stamp
        self._timeout = timeout
        self._idle: deque[_SignedHTTP] = deque()
        self._closed = False

    def request(self, call: Call, query: Mapping[str, str | int]) -> Answer | Fault:
        """One request, sent at most once."""
        client = self._borrow()
        try:
            return self._send(client, call, query)
        finally:
            self._give_back(client)

    def _borrow(self) -> _SignedHTTP:
        try:
            return self._idle.pop()
        except IndexError:
            return _SignedHTTP(self._rest, self._credentials, self._stamp, self._timeout)

    def _give_back(self, client: _SignedHTTP) -> None:
        self._idle.append(client)
        if self._closed:
            self.close()

    def _send(self, client: _SignedHTTP, call: Call, query: Mapping[str, str | int]) -> Answer | Fault:
        try:
            envelope = getattr(client, call)(**query)
            result, moment = envelope.get("result"), envelope.get("time")
        except exceptions.InvalidRequestError as exc:
            return self._refused(exc)
        except exceptions.FailedRequestError as exc:
            # pybit reports a body that is no JSON as status 409, without headers.
            return Failed(exc.status_code) if exc.resp_headers is not None else NoAnswer("unreadable body")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            return NoAnswer(type(exc).__name__)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as exc:
            return NoAnswer(f"unreadable body: {type(exc).__name__}")
        if not isinstance(result, Mapping):
            return NoAnswer("unreadable body: no result")
        return Answer(result, moment if isinstance(moment, int) else 0)

    def _refused(self, exc: exceptions.InvalidRequestError) -> Fault:
        if not isinstance(exc.status_code, int):
            return NoAnswer("unreadable retCode")
        return Refused(
            exc.status_code, scrubbed(exc.message, self._credentials), self._wait(exc.resp_headers)
        )

    def _wait(self, headers: Mapping[str, str] | None) -> float | None:
        reset = (headers or {}).get("X-Bapi-Limit-Reset-Timestamp", "")
        if not reset.isdecimal():
            return None
        # A moment already past (or a clock that differs) would give a wait below zero.
        return min(max((int(reset) - self._stamp()) / 1000, 0.1), 60.0)

    def close(self) -> None:
        """Closes what is idle now, and the rest as it comes back."""
        self._closed = True
        while self._idle:
            try:
                self._idle.pop().client.close()
            except IndexError:
                return
