"""Commands for people at a prompt: each translates options, calls, and prints.

A command is loaded when it is called: one line here, and the module of its name beside this one.
"""

import sys
from typing import Any

import click

from bot.cli.language import refusal
from bot.cli.lazy import LazyGroup
from bot.errors import BotError, ConfigError, InvalidInput

SAID = 2
COMMANDS = {
    "run": "Run the bot on real Telegram, with the settings of the environment or .env.",
    "demo": "Everything offline: a chat page, an exchange with play money, and the real bot between them.",
    "plan": "Print the plan of a strategy FILE at an entry price.",
    "backtest": "Run a strategy FILE over candles: what it would have done.",
    "compare": "Run two strategy files over the same candles, side by side.",
    "history": "Public candles for backtests: get them, list them, check them.",
    "survival": "Start a strategy FILE at every hour of the candles: how often it ran out, how long it took, what it lost.",
    "sweep": "Run variations of a strategy FILE over candles.",
    "doctor": "Check settings, database, clock and reachability.",
    "keys": "Add, list or remove exchange keys while the bot is not running.",
    "sandbox": "Offline stand-ins that speak the real protocols, on loopback only.",
}
UNLISTED = frozenset({"worker"})


class Polite(LazyGroup):
    """Our own errors are told in one line each; anything else keeps its traceback, in the log."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as exc:
            path = exc.ctx.command_path if exc.ctx is not None else ctx.command_path
            click.echo(f"trader-automata: {exc.format_message()} ({path} --help)", err=True)
            sys.exit(SAID)
        except ConfigError as exc:
            for problem in exc.problems:
                click.echo(f"trader-automata: {problem}", err=True)
            sys.exit(SAID)
        except InvalidInput as exc:
            click.echo(f"trader-automata: {refusal(exc, ctx)}", err=True)
            sys.exit(SAID)
        except BotError as exc:
            click.echo(f"trader-automata: {exc}", err=True)
            sys.exit(SAID)
        except KeyboardInterrupt:
            sys.exit(130)


@click.group(cls=Polite, package=__name__, lines=COMMANDS, unlisted=UNLISTED)
@click.version_option(package_name="trader-automata", prog_name="trader-automata")
def main() -> None:
    """A Telegram-controlled ladder-trading bot for spot crypto. Trading can lose money."""
