"""Files and folders that a command is to write: refused before the work where they cannot be, not after it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bot.errors import BotError


class NewFile(click.ParamType[Path]):
    """A file to write, in a folder that is there; one of the same name is replaced."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ANN401
        path = Path(value)
        if path.is_dir():
            self.fail(f"{value} is a folder: a file's name is wanted", param, ctx)
        _refuse_unwritable(self, path.parent, param, ctx)
        if path.exists() and not os.access(path, os.W_OK):
            self.fail(f"{value} cannot be written", param, ctx)
        return path


class NewFolder(click.ParamType[Path]):
    """A folder to write into; it is made, with those above it."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ANN401
        path = Path(value)
        there = next(one for one in (path, *path.absolute().parents) if one.exists())
        _refuse_unwritable(self, there, param, ctx)
        return path


def _refuse_unwritable(
    kind: click.ParamType[Path], folder: Path, param: click.Parameter | None, ctx: click.Context | None
) -> None:
    if not folder.is_dir():
        why = "is no folder" if folder.exists() else "is not there: make that folder first"
        kind.fail(f"{folder} {why}", param, ctx)
    if not os.access(folder, os.W_OK | os.X_OK):
        kind.fail(f"{folder} is a folder that cannot be written", param, ctx)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around the writing of `path`: BotError where the disk does not take it after all."""
    try:
        yield
    except OSError as exc:
        raise BotError(f"{exc.filename or path}: cannot be written ({exc.strerror or exc})") from exc
