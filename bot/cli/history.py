"""`history get|list|verify`: public candles on this disk, without a key."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from bot.backtest.fetch import Progress, fetched
from bot.backtest.history import Gap, History
from bot.backtest.store import HistoryStore, Kept, Span, Verdict
from bot.cli.language import language_option
from bot.cli.moments import Moment
from bot.domain.strategy_file import pair_name
from bot.errors import InvalidInput
from bot.logs import configure
from bot.ports.history import Interval
from bot.settings import load_settings

if TYPE_CHECKING:
    from bot.backtest.words import Words

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
@language_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def get(
    *,
    exchange: str,
    symbol: str,
    interval: str,
    start: int | None,
    end: int | None,
    rest: str | None,
    archive: str | None,
    language: str,
    as_json: bool,
) -> None:
    """Fetch what is missing of a period; what is on disk is not asked again, and Ctrl-C keeps what came."""
    if start is not None and end is not None and start >= end:
        raise InvalidInput("from", "takes a day before --to: the two are turned round")
    symbol = pair_name(symbol)
    settings = load_settings()
    store, chosen = HistoryStore(settings.history), Interval(interval)
    rest = rest or (settings.sandbox_bybit_rest if exchange == "sandbox-bybit" else None)

    async def got(told: Callable[[Progress], None]) -> tuple[Span, History]:
        from bot.exchanges.history import open_history  # noqa: PLC0415 - SDKs, for those who ask an exchange

        source = open_history(exchange, rest=rest, archive=archive)
        try:
            return await fetched(
                store,
                source,
                symbol,
                chosen,
                start=start,
                end=end,
                told=told,
                aside=partial(_say_aside, language),
            )
        finally:
            await source.close()

    try:
        with _bar(f"{symbol} {interval}", quiet=as_json) as told:
            span, found = asyncio.run(got(told))
    except KeyboardInterrupt:
        click.echo(_words(language)("kept.stopped"), err=True)
        sys.exit(_STOPPED)
    market = f"{exchange} {symbol} {interval}"
    if as_json:
        click.echo(json.dumps(_got_json(market, span, found)))
    else:
        _say_got(_words(language), market, span, found)


@history.command(name="list")
@language_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def list_(*, language: str, as_json: bool) -> None:
    """What is on this disk."""
    store = HistoryStore(load_settings().history)
    kept, broken = store.kept(), store.broken()
    if as_json:
        click.echo(json.dumps([_kept_json(one) for one in kept], indent=2))
        return
    words = _words(language)
    if not kept and not broken:
        click.echo(words("kept.none", folder=load_settings().history))
    for one in kept:
        days = words("kept.days", start=words.date(one.first), end=words.date(one.until - 1))
        candles = f"{_count(words, one.rows, 'candle'):>17}"
        size = words.number(Decimal(one.size) / 1_000_000, least=1, most=1)
        click.echo(f"{one.exchange:<8} {one.symbol:<9} {one.interval:<3} {candles}  {days} {size:>5} MB")
    if broken:
        click.echo(f"! {words('kept.broken', months=_count(words, len(broken), 'month'))}")


@history.command()
@language_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def verify(*, language: str, as_json: bool) -> None:
    """Read every candle on this disk; exits with 1 where something is broken or missing."""
    verdicts = HistoryStore(load_settings().history).verify()
    if as_json:
        click.echo(json.dumps([_verdict_json(one) for one in verdicts], indent=2))
    for one in () if as_json else verdicts:
        kept, words = one.kept, _words(language)
        market = f"{kept.exchange} {kept.symbol} {kept.interval}"
        counts = {
            "candles": _count(words, kept.rows, "candle"),
            "months": _count(words, kept.months, "month"),
        }
        click.echo(words("kept.verified", market=market, **counts))
        _say_gaps(words, one.gaps)
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


def _words(language: str) -> "Words":
    from bot.backtest.words import Words  # noqa: PLC0415 - texts, which JSON needs none of

    return Words(language)


def _say_got(words: "Words", market: str, span: Span, found: History) -> None:
    candles = _count(words, len(found), "candle")
    days = {"start": words.moment(span.start), "end": words.moment(span.end)}
    click.echo(words("kept.got", market=market, candles=candles, **days))
    _say_gaps(words, found.gaps())


def _say_aside(language: str, reason: str) -> None:
    click.echo(f"! {_words(language)('kept.aside', file=reason.partition(' ')[0])}", err=True)


def _say_gaps(words: "Words", gaps: Sequence[Gap]) -> None:
    if not gaps:
        return
    missing = _count(words, sum(gap.missing for gap in gaps), "candle")
    click.echo(f"  {words('kept.missing', gaps=_count(words, len(gaps), 'gap'), candles=missing)}")
    for gap in sorted(gaps, key=lambda one: -one.missing)[:_SHOWN_GAPS]:
        click.echo(f"    {words.tick(gap.missing):>7} {words('kept.after', at=words.moment(gap.after))}")


def _count(words: "Words", number: int, noun: str) -> str:
    return words(f"kept.{noun}") if number == 1 else words(f"kept.{noun}s", n=words.tick(number))


def _got_json(market: str, span: Span, found: History) -> dict[str, Any]:
    exchange, symbol, interval = market.split()
    return {
        "exchange": exchange,
        "symbol": symbol,
        "interval": interval,
        "from": span.start,
        "to": span.end,
        "candles": len(found),
        "gaps": [_gap_json(gap) for gap in found.gaps()],
    }


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
