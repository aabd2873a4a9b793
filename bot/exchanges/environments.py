"""The environments a person may choose: where each is, whose it is, and whether real money moves there.

Addresses as Bybit (docs "guide", "wss-authentication", "demo") and Binance (spot API docs, "testnet" and
"demo-mode" general information) publish them. The sandbox's come from the settings at run time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from bot.ports import Environment

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base addresses without a trailing slash."""

    rest: str
    ws_private: str


@dataclass(frozen=True, slots=True)
class EnvironmentFacts:
    """One environment. `endpoints` is None where they are known only at run time (the sandbox)."""

    venue: str
    real_money: bool
    endpoints: Endpoints | None = None


ENVIRONMENTS: Mapping[Environment, EnvironmentFacts] = MappingProxyType(
    {
        Environment.BYBIT: EnvironmentFacts(
            "bybit",
            real_money=True,
            endpoints=Endpoints("https://api.bybit.com", "wss://stream.bybit.com/v5/private"),
        ),
        Environment.BYBIT_DEMO: EnvironmentFacts(
            "bybit",
            real_money=False,
            endpoints=Endpoints("https://api-demo.bybit.com", "wss://stream-demo.bybit.com/v5/private"),
        ),
        Environment.BYBIT_TESTNET: EnvironmentFacts(
            "bybit",
            real_money=False,
            endpoints=Endpoints("https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com/v5/private"),
        ),
        Environment.BINANCE: EnvironmentFacts(
            "binance",
            real_money=True,
            endpoints=Endpoints("https://api.binance.com", "wss://ws-api.binance.com:443/ws-api/v3"),
        ),
        Environment.BINANCE_TESTNET: EnvironmentFacts(
            "binance",
            real_money=False,
            endpoints=Endpoints(
                "https://testnet.binance.vision", "wss://ws-api.testnet.binance.vision/ws-api/v3"
            ),
        ),
        Environment.BINANCE_DEMO: EnvironmentFacts(
            "binance",
            real_money=False,
            endpoints=Endpoints("https://demo-api.binance.com", "wss://demo-ws-api.binance.com/ws-api/v3"),
        ),
        Environment.SANDBOX_BYBIT: EnvironmentFacts("bybit", real_money=False),
        Environment.SANDBOX_BINANCE: EnvironmentFacts("binance", real_money=False),
    }
)


def is_loopback(address: str) -> bool:
    """Whether an address points at this machine, where no proxy is to be used."""
    return urlsplit(address).hostname in _LOOPBACK
