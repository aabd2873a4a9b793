"""An exchange's public candles and rules for a command: kept on disk, and fetched where they are missing."""

import asyncio
import sys

import click

from bot.backtest.fetch import Progress, fetch
from bot.backtest.history import History
from bot.backtest.store import HistoryStore
from bot.cli.market_options import Asked
from bot.domain.market import MarketRules
from bot.exchanges.history import open_history
from bot.logs import configure
from bot.ports.history import HistorySource, Interval
from bot.settings import load_settings

_YEAR_MS = 365 * 86_400_000


def fetched(asked: Asked, symbol: str) -> tuple[History, MarketRules | None]:
    """The candles, and the exchange's rules unless every rule was typed; progress goes to standard error."""
    configure(json_lines=False, level="WARNING")  # or questions asked again would be told on standard output
    return asyncio.run(_fetched(asked, symbol))


async def _fetched(asked: Asked, symbol: str) -> tuple[History, MarketRules | None]:
    settings = load_settings()
    store = HistoryStore(settings.history)
    exchange, interval = asked.exchange or "binance", Interval(asked.interval or "1m")
    known = settings.sandbox_bybit_rest if exchange == "sandbox-bybit" else None
    source = open_history(exchange, rest=asked.rest or known, archive=asked.archive)
    try:
        typed = (asked.tick, asked.step, asked.min_notional)
        rules = None if None not in typed else await source.rules(symbol)
        start = asked.start if asked.start is not None else await _a_year(source, symbol, interval, asked.end)
        span = await fetch(store, source, symbol, interval, start=start, end=asked.end, told=_tell)
    finally:
        await source.close()
    return store.load(source.exchange, symbol, interval, span.start, span.end), rules


async def _a_year(source: HistorySource, symbol: str, interval: Interval, end: int | None) -> int:
    """Where a year begins that ends there, or as late as can be; a younger pair begins with its listing."""
    listed, latest = await source.listed_since(symbol), await source.closed_until(symbol, interval)
    start = min(latest, end if end is not None else latest) - _YEAR_MS
    return max(start - start % interval.ms, listed)


def _tell(progress: Progress) -> None:
    if progress.whole and sys.stderr.isatty():
        end = "\n" if progress.known >= progress.whole else "\r"
        click.echo(f"candles: {100 * progress.known // progress.whole:>3} %{end}", nl=False, err=True)
