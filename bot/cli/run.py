"""`run`: the bot on real Telegram."""

import asyncio
import gc
import sys

import click

from bot.app.program import App
from bot.cli.private import keep_memory_private
from bot.logs import configure
from bot.settings import Settings, checked, load_settings


@click.command()
def run() -> None:
    """Run the bot on real Telegram, with the settings of the environment or .env."""
    settings = load_settings()
    json_lines = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    configure(json_lines=json_lines, level=settings.log_level)
    keep_memory_private()
    asyncio.run(_serve(checked(settings)))


async def _serve(settings: Settings) -> None:
    app = App(settings)
    await app.start()
    asyncio.get_running_loop().call_soon(_set_aside)  # once `wait` listens to signals
    try:
        await app.wait()
    finally:
        await app.close()


def _set_aside() -> None:
    """Keep the garbage collector off what stands by now and stays until the end.

    It would walk it again and again, 30 to 40 ms at a time in which nothing else happens.
    """
    gc.collect()
    gc.freeze()
