"""What the commands of many runs share: where they run, how far they are, and how they are stopped."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from multiprocessing import active_children
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.backtest.compiled_code import is_compiled
from bot.backtest.sweep import Progress

if TYPE_CHECKING:
    from bot.backtest.words import Words

_Command = TypeVar("_Command", bound=Callable[..., Any])
STOPPED = 130
"""What a command that was stopped exits with, as shells expect after Ctrl-C."""
_MINUTE, _HOUR = 60, 3600


def pool_options(command: _Command) -> _Command:
    """Adds `--workers` and `--dask`."""
    at = click.option("--dask", help="Run on a Dask cluster: tcp://host:8786. Needs the extra [dask].")
    many = click.option("--workers", type=click.IntRange(1), help="Processes here; else one a processor.")
    return many(at(command))


@contextmanager
def stoppable(words: str) -> Iterator[threading.Event]:
    """An event that Ctrl-C and a polite kill set; `words` are told once. The second Ctrl-C ends at once, workers too."""
    stop = threading.Event()

    def heard(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            for child in active_children():
                child.kill()
            raise KeyboardInterrupt
        stop.set()
        click.echo(f"\n{words}", err=True)

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell_of_compiling(entry: str, words: "Words") -> None:
    """A word beforehand, on a terminal, where the first answers come late because the program is compiled first."""
    if sys.stderr.isatty() and not is_compiled(entry):
        click.echo(words("way.compiling"), err=True)


@contextmanager
def bar(what: str, words: "Words") -> Iterator[Callable[[Progress], None]]:
    """A progress bar with the time left, on standard error where that is a terminal; else nothing is shown."""
    if not sys.stderr.isatty():
        yield lambda _progress: None
        return
    line: Any = None

    def told(progress: Progress) -> None:
        nonlocal line
        if line is None:
            line = click.progressbar(
                length=progress.total, label=what, show_eta=False,
                item_show_func=partial(_left, words), file=sys.stderr,
            )  # fmt: skip
        line.update(progress.done - line.pos, progress)

    try:
        yield told
    finally:
        if line is not None:
            line.render_finish()


def _left(words: "Words", progress: Progress | None) -> str:
    """The sets, and the time left at the pace so far."""
    if progress is None:
        return ""
    counts = {"done": words.tick(progress.done), "total": words.tick(progress.total)}
    seconds = progress.seconds_left
    return (
        words("way.count", **counts)
        if seconds is None
        else words("way.left", **counts, time=span(words, seconds))
    )


def span(words: "Words", seconds: float) -> str:
    """A short time in words: 45 s, 3 min, 2.5 h."""
    number = Decimal(str(round(seconds, 3)))
    if seconds < _MINUTE:
        return words("way.seconds", n=words.number(number, most=0))
    if seconds < _HOUR:
        return words("way.minutes", n=words.number(number / _MINUTE, most=0))
    return words("way.hours", n=words.number(number / _HOUR, most=1))
