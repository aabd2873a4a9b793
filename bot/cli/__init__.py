"""Commands for people at a prompt: each translates options, calls, and prints."""

import asyncio
import sys
from typing import Any

import click

from bot.cli.demo import demo
from bot.cli.doctor import doctor
from bot.cli.keys import keys
from bot.cli.plan import plan
from bot.cli.sandbox import sandbox
from bot.cli.worker import worker
from bot.errors import BotError, ConfigError
from bot.logs import configure
from bot.settings import Settings, checked, load_settings

SAID = 2


class Polite(click.Group):
    """Our own errors are told in one line each; anything else keeps its traceback, in the log."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        try:
            return super().invoke(ctx)
        except ConfigError as exc:
            for problem in exc.problems:
                click.echo(f"trader-automata: {problem}", err=True)
            sys.exit(SAID)
        except BotError as exc:
            click.echo(f"trader-automata: {exc}", err=True)
            sys.exit(SAID)
        except KeyboardInterrupt:
            sys.exit(130)


@click.group(cls=Polite)
@click.version_option(package_name="trader-automata", prog_name="trader-automata")
def main() -> None:
    """A Telegram-controlled ladder-trading bot for spot crypto. Trading can lose money."""


@main.command()
def run() -> None:
    """Run the bot on real Telegram, with the settings of the environment or .env."""
    settings = load_settings()
    json_lines = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    configure(json_lines=json_lines, level=settings.log_level)
    asyncio.run(_serve(checked(settings)))


async def _serve(settings: Settings) -> None:
    from bot.app import App  # noqa: PLC0415 - the SDKs are heavy, and `--help` need not wait for them

    app = App(settings)
    await app.start()
    try:
        await app.wait()
    finally:
        await app.close()


for _command in (demo, sandbox, keys, doctor, plan, worker):
    main.add_command(_command)
