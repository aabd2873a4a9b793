"""The one place that knows whose public candles are asked how."""

from urllib.parse import urlsplit

from bot.errors import ConfigError, NotAllowed
from bot.exchanges.environments import ENVIRONMENTS, is_loopback
from bot.exchanges.history_patience import Manners
from bot.ports import Environment
from bot.ports.history import HistorySource

EXCHANGES = ("binance", "bybit")


def open_history(exchange: str, *, rest: str | None = None, archive: str | None = None) -> HistorySource:
    """The public data of an exchange or environment ("binance", "bybit", "sandbox-bybit", ...); close it after use.

    `rest` and `archive` replace the published addresses; a Binance given `rest` alone asks that for everything.
    A demo or testnet is asked on its main site: its candles are that site's. Build it inside a running loop.
    ConfigError where a sandbox's address is missing, NotAllowed for a name that is not known.
    """
    try:
        environment = Environment(exchange)
    except ValueError as exc:
        raise NotAllowed(f"{exchange} is not known; {', '.join(EXCHANGES)} are") from exc
    facts = ENVIRONMENTS[environment]
    if facts.endpoints is None and rest is None:
        raise ConfigError([f"{environment.value} needs the address of a running sandbox"])
    for address in (rest, archive):
        if address is not None and urlsplit(address).scheme not in {"http", "https"}:
            raise ConfigError([f"{address!r} is no address such as https://api.example.com"])
    sandbox = facts.endpoints is None
    manners = Manners(per_second=100) if rest is not None and is_loopback(rest) else Manners()
    if facts.venue == "binance":
        from bot.exchanges.history_binance import BinanceAddresses, BinanceHistory  # noqa: PLC0415 - a heavy SDK

        addresses = BinanceAddresses(rest, archive) if rest else BinanceAddresses()
        return BinanceHistory(addresses, name=environment.value if sandbox else "binance", manners=manners)
    from bot.exchanges.history_bybit import BybitHistory  # noqa: PLC0415 - a heavy SDK

    return BybitHistory(rest, environment=environment if sandbox else Environment.BYBIT, manners=manners)
