"""Who is calling: Bybit V5's signature, clock window and key check (docs/v5/guide, "Authentication")."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from bot.sandbox.account import Account
from bot.sandbox.bybit_errors import BAD_KEY, BAD_SIGNATURE, OUTSIDE_WINDOW, PARAMETER, ApiError

DEFAULT_WINDOW_MS = 5_000
MAX_AHEAD_MS = 1_000


def sign(secret: str, text: str) -> str:
    """HMAC-SHA256 in lowercase hex, the signature of REST and of the private stream."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def authenticate(
    headers: Mapping[str, str], payload: str, accounts: Iterable[Account], now_ms: int
) -> Account:
    """The account whose key signed `payload` (query or body, exactly as sent); raises `ApiError` otherwise.

    The clock rule: now - recv_window <= timestamp < now + 1000, all in milliseconds.
    """
    key, stamp = headers.get("X-BAPI-API-KEY", ""), headers.get("X-BAPI-TIMESTAMP", "")
    signature = headers.get("X-BAPI-SIGN", "")
    if not (key and stamp and signature):
        raise ApiError(
            PARAMETER,
            f"empty value: apiTimestamp[{stamp}] apiKey[{key}] apiSignature[{signature}]: openapi sign params error!",
        )
    account = next((one for one in accounts if one.api_key == key), None)
    if account is None:
        raise ApiError(BAD_KEY, "API key is invalid.")
    window = headers.get("X-BAPI-RECV-WINDOW", "")
    _check_clock(stamp, window or str(DEFAULT_WINDOW_MS), now_ms)
    expected = sign(account.api_secret, f"{stamp}{key}{window}{payload}")
    if not hmac.compare_digest(expected, signature):
        raise ApiError(BAD_SIGNATURE, f"error sign! origin_string[{stamp}{key}{window}{payload}]")
    return account


def _check_clock(stamp: str, window: str, now_ms: int) -> None:
    if not (stamp.isascii() and stamp.isdecimal() and window.isascii() and window.isdecimal()):
        raise ApiError(PARAMETER, "Request parameter error: timestamp and recv_window are whole milliseconds")
    if not now_ms - int(window) <= int(stamp) < now_ms + MAX_AHEAD_MS:
        raise ApiError(
            OUTSIDE_WINDOW,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window}]",
        )
