"""`history get|list|verify`: public candles on this disk, without a key."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from bot.backtest.fetch import Progress, fetch
from bot.backtest.history import Gap
from bot.backtest.store import HistoryStore, Kept, Span, Verdict
from bot.cli.moments import Moment
from bot.errors import InvalidInput
from bot.logs import configure
from bot.ports.history import Interval
from bot.settings import load_settings

_EXCHANGES = ("binance", "bybit", "sandbox-binance", "sandbox-bybit")
_SHOWN_GAPS = 20
_BROKEN = 1
_STOPPED = 130


@click.group()
def history() -> None:
    """Public candles for backtests: get them, list them, check them."""
    configure(json_lines=False, level="WARNING")


@history.command()
@click.option("--exchange", type=click.Choice(_EXCHANGES), default="binance", show_default=True)
@click.option("--symbol", required=True, help="The pair, such as BTCUSDT.")
@click.option(
    "--interval", type=click.Choice([one.value for one in Interval]), default="1m", show_default=True
)
@click.option(
    "--from", "start", type=Moment(), help="First day (UTC), such as 2023-03-01; else the pair's first."
)
@click.option("--to", "end", type=Moment(last=True), help="Last day, whole (UTC); else as far as there is.")
@click.option("--rest", help="Another address of the exchange's public data, such as a sandbox's.")
@click.option(
    "--archive", help="Another address of Binance's monthly archives; with --rest alone, none are asked."
)
@click.option("--json", "as_json", is_flag=True)
def get(
    *,
    exchange: str,
    symbol: str,
    interval: str,
    start: int | None,
    end: int | None,
    rest: str | None,
    archive: str | None,
    as_json: bool,
) -> None:
    """Fetch what is missing of a period; what is on disk is not asked again, and Ctrl-C keeps what came."""
    if start is not None and end is not None and start >= end:
        raise InvalidInput("from", "a day before --to: the two are turned round")
    settings = load_settings()
    store, chosen = HistoryStore(settings.history), Interval(interval)
    rest = rest or (settings.sandbox_bybit_rest if exchange == "sandbox-bybit" else None)

    async def got(told: Callable[[Progress], None]) -> Span:
        from bot.exchanges.history import open_history  # noqa: PLC0415 - SDKs, for those who ask an exchange

        source = open_history(exchange, rest=rest, archive=archive)
        try:
            return await fetch(store, source, symbol, chosen, start=start, end=end, told=told)
        finally:
            await source.close()

    try:
        with _bar(f"{symbol} {interval}", quiet=as_json) as told:
            span = asyncio.run(got(told))
    except KeyboardInterrupt:
        click.echo("stopped; what came is kept, and the same command goes on from there", err=True)
        sys.exit(_STOPPED)
    found = store.load(exchange, symbol, chosen, span.start, span.end)
    if as_json:
        body = {
            "exchange": exchange,
            "symbol": symbol,
            "interval": interval,
            "from": span.start,
            "to": span.end,
        }
        click.echo(
            json.dumps({**body, "candles": len(found), "gaps": [_gap_json(gap) for gap in found.gaps()]})
        )
        return
    gaps = found.gaps()
    click.echo(
        f"{exchange} {symbol} {interval}: {len(found):,} candles from {_moment(span.start)} to {_moment(span.end)}"
    )
    _say_gaps(gaps)


@history.command(name="list")
@click.option("--json", "as_json", is_flag=True)
def list_(*, as_json: bool) -> None:
    """What is on this disk."""
    kept = HistoryStore(load_settings().history).kept()
    if as_json:
        click.echo(json.dumps([_kept_json(one) for one in kept], indent=2))
        return
    if not kept:
        click.echo(
            f"nothing yet in {load_settings().history}: history get --symbol BTCUSDT --from 2024-01-01"
        )
    for one in kept:
        click.echo(
            f"{one.exchange:<16} {one.symbol:<12} {one.interval:<4} {one.rows:>10,} candles "
            f"{_moment(one.first)} to {_moment(one.until)}  {one.size / 1e6:>7.1f} MB"
        )


@history.command()
@click.option("--json", "as_json", is_flag=True)
def verify(*, as_json: bool) -> None:
    """Read every candle on this disk; exits with 1 where something is broken or missing."""
    verdicts = HistoryStore(load_settings().history).verify()
    if as_json:
        click.echo(json.dumps([_verdict_json(one) for one in verdicts], indent=2))
    for one in () if as_json else verdicts:
        kept = one.kept
        click.echo(
            f"{kept.exchange} {kept.symbol} {kept.interval}: {_count(kept.rows, 'candle')}, {_count(kept.months, 'month')}"
        )
        _say_gaps(one.gaps)
        for problem in one.problems:
            click.echo(f"  ! {problem}")
    if any(one.problems for one in verdicts):
        sys.exit(_BROKEN)


@contextmanager
def _bar(label: str, *, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar with the time left on standard error; where that is no terminal, a line now and then."""
    if quiet or not sys.stderr.isatty():
        yield _lines(label) if not quiet else lambda _: None
        return
    with click.progressbar(length=1000, label=label, file=sys.stderr, show_eta=True) as bar:

        def told(progress: Progress) -> None:
            bar.update(1000 * progress.known // max(1, progress.whole) - bar.pos)

        yield told


def _lines(label: str) -> Callable[[Progress], None]:
    last = time.monotonic()

    def told(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last > 10:
            last = time.monotonic()
            click.echo(f"{label}: {100 * progress.known // max(1, progress.whole)} %", err=True)

    return told


def _say_gaps(gaps: Sequence[Gap]) -> None:
    if not gaps:
        return
    missing = sum(gap.missing for gap in gaps)
    click.echo(
        f"  {_count(len(gaps), 'gap')}, {_count(missing, 'candle')} in all, left as they are; the longest:"
    )
    for gap in sorted(gaps, key=lambda one: -one.missing)[:_SHOWN_GAPS]:
        click.echo(f"    {gap.missing:>6,} after {_moment(gap.after)}")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _gap_json(gap: Gap) -> dict[str, int]:
    return {"after": gap.after, "before": gap.before, "missing": gap.missing}


def _kept_json(kept: Kept) -> dict[str, Any]:
    return {
        "exchange": kept.exchange,
        "symbol": kept.symbol,
        "interval": kept.interval.value,
        "first": kept.first,
        "last": kept.last,
        "known_until": kept.until,
        "candles": kept.rows,
        "months": kept.months,
        "bytes": kept.size,
    }


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    gaps = [_gap_json(gap) for gap in verdict.gaps]
    return {**_kept_json(verdict.kept), "gaps": gaps, "problems": list(verdict.problems)}


def _moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"
