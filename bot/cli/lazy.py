"""A group whose commands are loaded when they are called, and no sooner: most of them bring an SDK with them."""

import gc
import os
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import click


class LazyGroup(click.Group):
    """The command `x` is the attribute `x` of the module `package.x`; `lines` says each one's line of help.

    The help of the group is written from `lines` alone. What is `unlisted` is called like any other.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - what click.Group takes
        package: str = "",
        lines: Mapping[str, str] | None = None,
        unlisted: frozenset[str] = frozenset(),
        **kwargs: Any,  # noqa: ANN401 - the same
    ) -> None:
        super().__init__(*args, **kwargs)
        self._package = package
        self._lines = dict(lines or {})
        self._unlisted = unlisted

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self._lines]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lines and cmd_name not in self._unlisted:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(_loaded(f"{self._package}.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(self._lines.items()))


def _loaded(module: str) -> ModuleType:
    """The module, without what would only hold up a command's first moments.

    Those are looks for garbage among what has come to stay, and the threads, one for each core, that numpy starts for
    a linear algebra of which nothing here makes use.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()
