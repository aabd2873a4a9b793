"""`sandbox`: the stand-ins on their own, each in its own process."""

import asyncio
import sys
from pathlib import Path

import click

from bot.logs import configure
from bot.sandbox.binance import BinanceOptions, serve_binance
from bot.sandbox.exchange import ExchangeOptions, parse_speed, serve_bybit
from bot.sandbox.lockstep import LockstepTimes
from bot.sandbox.telegram_server import serve_telegram


def say(line: str) -> None:
    """One line of output that a script may wait for."""
    sys.stdout.write(line.rstrip("\n") + "\n")
    sys.stdout.flush()


@click.group()
def sandbox() -> None:
    """Offline stand-ins that speak the real protocols, on loopback only."""


@sandbox.command()
@click.option(
    "--venue",
    type=click.Choice(["bybit", "binance"]),
    default="bybit",
    show_default=True,
    help="Binance: public market data alone, all candles in the past.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
@click.option(
    "--candles", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="csv or csv.gz."
)
@click.option("--speed", default="1", show_default=True, help='Candles a second, or "max".')
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Of the made-up prices without --candles."
)
@click.option("--lockstep/--no-lockstep", default=True, help="Wait for the client after each fill.")
@click.option("--paused", is_flag=True, help="Stand on the first price until told to go.")
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="A file that survives restarts."
)
def exchange(
    *,
    venue: str,
    port: int,
    candles: Path | None,
    speed: str,
    seed: int,
    lockstep: bool,
    paused: bool,
    state: Path | None,
) -> None:
    """An exchange over a candle file or made-up prices; the first line tells its addresses and a key."""
    configure(json_lines=False)
    if venue == "binance":
        asyncio.run(serve_binance(BinanceOptions(port=port, candles=candles, seed=seed), say))
        return
    options = ExchangeOptions(
        port=port,
        candles=candles,
        speed=parse_speed(speed),
        seed=seed,
        lockstep=LockstepTimes() if lockstep else None,
        paused=paused,
        state_file=state,
    )
    asyncio.run(serve_bybit(options, say))


@sandbox.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="A file that survives restarts."
)
def telegram(*, port: int, state: Path | None) -> None:
    """A Telegram with a chat page; the first line tells its addresses, token and key."""
    configure(json_lines=False)
    asyncio.run(serve_telegram(port, path=state or ":memory:"))
