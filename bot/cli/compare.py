"""`compare A.js B.js`: two strategies on the same candles, side by side."""

import json
from pathlib import Path
from typing import Any

import click

from bot.cli.market_options import Asked, engine_option, market_options, open_market, ran, read_strategy
from bot.cli.run_json import run_as_json, warnings
from bot.errors import InvalidInput


@click.command()
@click.argument("a", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("b", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@market_options
@engine_option
@click.option("--json", "as_json", is_flag=True)
def compare(*, a: Path, b: Path, engine: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - the options
    """Run two strategy files over the same candles, side by side."""
    files = (a, b)
    strategies = [read_strategy(file) for file in files]
    typed = Asked(**asked)
    if typed.symbol is None and strategies[0].par != strategies[1].par:
        pairs = " and ".join(strategy.par for strategy in strategies)
        raise InvalidInput("symbol", f"--symbol with the pair to compare on: the files are for {pairs}")
    market = open_market(typed, strategies[0].par)
    runs = [ran(strategy.params, market, engine) for strategy in strategies]
    for file, run in zip(files, runs, strict=True):
        for warning in warnings(run):
            click.echo(f"! {file.name}: {warning}", err=True)
    if as_json:
        named = [
            {"file": str(file), "name": strategy.nome, **run_as_json(run, market.load_s)}
            for file, strategy, run in zip(files, strategies, runs, strict=True)
        ]
        click.echo(json.dumps({"runs": named}))
        return
    from bot.backtest.figures import figures  # noqa: PLC0415 - JSON needs none
    from bot.cli import run_words as words  # noqa: PLC0415 - the same

    columns = [
        [("", f"{letter}: {strategy.nome}"), *words.rows_of(run, figures(run, market.history))]
        for letter, strategy, run in zip("AB", strategies, runs, strict=True)
    ]
    for line in words.table(columns):
        click.echo(line)
    for letter, run in zip("AB", runs, strict=True):
        click.echo(f"\nassumed of {letter}:")
        for line in words.assumptions(run, market.notes):
            click.echo(f"  {line}")
    click.echo("\nHistory, not a forecast.")
