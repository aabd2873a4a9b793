"""In which language a command speaks: the one asked for, else the terminal's."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bot.domain.literal import FILE
from bot.errors import InvalidInput

_Command = TypeVar("_Command", bound=Callable[..., Any])
_KEPT_AS = "trader-automata.language"
_FILE = "in_file"
_NAMES = ("LC_ALL", "LC_MESSAGES", "LANG")


def language_option(command: _Command) -> _Command:
    """Adds `--language`; without it a terminal in any Portuguese is spoken to in pt_BR, every other in English."""
    option = click.option(
        "--language",
        type=click.Choice(["en", "pt_BR"]),
        default=spoken_here,
        show_default="the terminal's",
        help="Of what is told.",
        is_eager=True,
        callback=_kept,
    )
    return option(command)


def spoken_here(environment: Mapping[str, str] | None = None) -> str:
    """`en` or `pt_BR`, by the first of LC_ALL, LC_MESSAGES and LANG that is set."""
    given = os.environ if environment is None else environment
    said = next((given[name] for name in _NAMES if given.get(name)), "")
    return "pt_BR" if said.lower().startswith("pt") else "en"


def _kept(ctx: click.Context, _param: click.Parameter, value: str) -> str:
    ctx.meta[_KEPT_AS] = value
    return value


def in_file(file: Path, wrong: InvalidInput) -> InvalidInput:
    """The same fault, told with the file that it is in."""
    values = {**wrong.values, _FILE: file.name}
    return InvalidInput(wrong.field, wrong.reason, key=wrong.key, values=values)


def refusal(wrong: InvalidInput, ctx: click.Context) -> str:
    """What is wrong, for the command's `--language` as far as the chat has words for it; else in English."""
    file = wrong.values.get(_FILE)
    said = reason(wrong, ctx.meta.get(_KEPT_AS, "en"))
    places = [file, None if file and wrong.field == FILE else wrong.field]
    return ": ".join([*filter(None, places), said])


def reason(wrong: InvalidInput, language: str) -> str:
    """The error's reason in a language, or in English where no words are kept for it."""
    if language == "en" or not wrong.key:
        return wrong.reason
    from handlers.form_faults import place_text, shown_values  # noqa: PLC0415 - catalogues, where they are needed
    from handlers.texts import texts_for  # noqa: PLC0415 - the same

    texts, key = texts_for(language), f"error.{wrong.key}"
    if key not in texts:
        return wrong.reason
    place, said = place_text(texts, wrong), texts.plain(key, **shown_values(texts, wrong))
    return f"{place}: {said}" if place else said
