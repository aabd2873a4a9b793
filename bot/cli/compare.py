"""`compare A.js B.js`: two strategies on the same candles, side by side."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bot.backtest.model import BacktestRun
from bot.cli.history_words import of_candles
from bot.cli.language import language_option
from bot.cli.market_options import (
    Asked,
    Market,
    engine_option,
    market_options,
    open_market,
    ran,
    read_strategy,
)
from bot.cli.run_json import run_as_json, warnings
from bot.errors import InvalidInput


@click.command()
@click.argument("a", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("b", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@market_options
@engine_option
@language_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def compare(
    *,
    a: Path,
    b: Path,
    engine: str,
    language: str,
    as_json: bool,
    **asked: Any,  # noqa: ANN401 - the options
) -> None:
    """Run two strategy files over the same candles, side by side."""
    files = (a, b)
    strategies = [read_strategy(file) for file in files]
    typed = Asked(**asked)
    if typed.symbol is None and strategies[0].par != strategies[1].par:
        pairs = " and ".join(strategy.par for strategy in strategies)
        raise InvalidInput("symbol", f"--symbol with the pair to compare on: the files are for {pairs}")
    market = open_market(typed, strategies[0].par)
    runs = [ran(strategy.params, market, engine) for strategy in strategies]
    for warning in of_candles(market, language):
        click.echo(f"! {warning}", err=True)
    for file, run in zip(files, runs, strict=True):
        for warning in warnings(run, market.history, language):
            click.echo(f"! {file.name}: {warning}", err=True)
    names = [strategy.nome for strategy in strategies]
    if not as_json:
        _print(runs, names, market, language)
        return
    told = [
        {"file": str(file), "name": name, **run_as_json(run, market.load_s)}
        for file, name, run in zip(files, names, runs, strict=True)
    ]
    click.echo(json.dumps({"runs": told}))


def _print(runs: Sequence[BacktestRun], names: Sequence[str], market: Market, language: str) -> None:
    from bot.backtest import statements  # noqa: PLC0415 - babel and calendars, which JSON needs none of
    from bot.backtest.figures import figures  # noqa: PLC0415 - the same
    from bot.backtest.words import Words  # noqa: PLC0415 - the same
    from bot.cli import run_words  # noqa: PLC0415 - the same

    words = Words(language)
    found = [figures(run, market.history) for run in runs]
    for letter, name in zip("AB", names, strict=True):
        click.echo(f"{letter}: {name}")
    click.echo(run_words.period(words, found[0]))
    told = [run_words.sections(words, run, one) for run, one in zip(runs, found, strict=True)]
    for line in run_words.pages(words, told):
        click.echo(line)
    assumed = [list(statements.assumptions(words, run, one)) for run, one in zip(runs, found, strict=True)]
    both = [line for line in assumed[0] if line in assumed[1]]
    click.echo(f"\n{words('assumptions')}")
    for line in (*both, run_words.whose(words, market.whose)):
        click.echo("\n".join(run_words.filled(line, "  - ")))
    for letter, lines in zip("AB", assumed, strict=True):
        for line in lines:
            if line not in both:
                click.echo("\n".join(run_words.filled(line, f"  {letter}: ")))
    click.echo("\n" + "\n".join(run_words.filled(words("not.forecast"))))
