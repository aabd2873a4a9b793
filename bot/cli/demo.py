"""`demo`: the whole program on stand-ins, offline, on loopback; nothing of it leaves this machine."""

import asyncio
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import click
import structlog
from pydantic import SecretStr

from bot.cli.private import keep_memory_private
from bot.cli.sandbox import say
from bot.errors import ConfigError
from bot.logs import configure
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange, parse_speed
from bot.sandbox.lockstep import LockstepTimes
from bot.sandbox.telegram_server import SandboxTelegram
from bot.settings import Settings, on_a_dyno

log = structlog.get_logger()
OWNER = 1
PORT = 8787
PAST_DAYS = 180
FAST = LockstepTimes(quiet_ms=60, first_ms=1500, max_ms=5000)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`port` None takes 8787, or a free one where that is taken. `skip` None makes half of the candles the past."""

    port: int | None
    candles: Path | None
    skip: int | None
    speed: float
    data_dir: Path
    as_json: bool


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help=f"Of the chat page; {PORT} where it is free.")
@click.option(
    "--candles", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="csv or csv.gz."
)
@click.option(
    "--skip", type=click.IntRange(min=0), help="Candles of the file that are past already; else half of them."
)
@click.option("--speed", default="5", show_default=True, help='Candles a second, or "max".')
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("data/demo"))
@click.option("--json", "as_json", is_flag=True, help="The first two lines are the stand-ins' addresses.")
def demo(
    *,
    port: int | None,
    candles: Path | None,
    skip: int | None,
    speed: str,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Everything offline: a chat page, an exchange with play money, and the real bot between them."""
    if on_a_dyno(os.environ) or os.environ.get("PORT"):
        raise ConfigError(["the demo is for your own machine: it has no login; use `run` on a host"])
    configure(json_lines=False, level="INFO")
    keep_memory_private()
    asyncio.run(_demo(DemoOptions(port, candles, skip, parse_speed(speed), data_dir, as_json)))


async def _demo(options: DemoOptions) -> None:
    from bot.app.program import App  # noqa: PLC0415 - the SDKs are heavy, and `--help` need not wait for them

    options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    exchange = SandboxExchange(
        ExchangeOptions(
            candles=options.candles,
            offset=options.skip if options.candles else 0,
            past_days=PAST_DAYS,
            speed=options.speed,
            lockstep=FAST,
            state_file=options.data_dir / "exchange.sqlite",
        )
    )
    telegram = SandboxTelegram(port=_port(options.port), path=options.data_dir / "telegram.sqlite")
    async with exchange, telegram:
        app = App(_settings(options, exchange, telegram), offline=True)
        await app.start()
        try:
            await app.polling()
            _tell(options, exchange, telegram)
            await app.wait()
        finally:
            await app.close()


def _settings(options: DemoOptions, exchange: SandboxExchange, telegram: SandboxTelegram) -> Settings:
    return Settings.model_validate(
        {
            "telegram_bot_token": SecretStr(telegram.token),
            "telegram_owner_id": OWNER,
            "telegram_api_url": telegram.url,
            "data_dir": options.data_dir,
            "data_is_durable": True,
            "vault_master_keys": None,
            "secrets_in_chat": True,
            "web_host": "127.0.0.1",
            "web_port": 0,
            "web_public_url": None,
            "default_pair": exchange.market.symbol,
            "sandbox_bybit_rest": exchange.rest_url,
            "sandbox_bybit_ws_private": exchange.ws_private_url,
            "sandbox_bybit_key": SecretStr(exchange.api_key),
            "sandbox_bybit_secret": SecretStr(exchange.api_secret),
        }
    )


def _port(wanted: int | None) -> int:
    """The wanted port, so that the link lasts over restarts; a free one where nobody chose and ours is taken."""
    if wanted is not None:
        return wanted
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            return 0
    return PORT


def _tell(options: DemoOptions, exchange: SandboxExchange, telegram: SandboxTelegram) -> None:
    if options.as_json:
        say(exchange.announcement())
        say(json.dumps(telegram.address()))
        return
    prices = options.candles.name if options.candles else "made-up prices (--candles FILE for real ones)"
    say("")
    say("  Trader Automata, offline demo: play money, nothing leaves this machine.")
    say(f"  Prices: {prices}, {options.speed or 'as many as possible'} candles a second.")
    say("")
    say(f"  Open the chat:  {telegram.chat_url}")
    say("")
    say(f"  Its memory is in {options.data_dir}; kill it, start it again, and it goes on. Ctrl-C ends it.")
    say("")
