"""`backtest FILE.js`: what a strategy file would have done on real candles."""

import json
from pathlib import Path
from typing import Any

import click

from bot.cli.market_options import Asked, engine_option, market_options, open_market, ran, read_strategy
from bot.cli.run_json import run_as_json, warnings


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@market_options
@engine_option
@click.option("--json", "as_json", is_flag=True)
def backtest(*, file: Path, engine: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - the options
    """Run a strategy FILE over candles: what it would have done."""
    strategy = read_strategy(file)
    market = open_market(Asked(**asked), strategy.par)
    run = ran(strategy.params, market, engine)
    for warning in warnings(run):
        click.echo(f"! {warning}", err=True)
    if as_json:
        click.echo(json.dumps(run_as_json(run, market.load_s)))
        return
    from bot.backtest.figures import figures  # noqa: PLC0415 - JSON needs none
    from bot.cli import run_words as words  # noqa: PLC0415 - the same

    told = figures(run, market.history)
    click.echo(f"{strategy.nome} on {run.terms.rules.symbol} ({market.history.source})\n")
    for line in words.table([list(words.rows_of(run, told))]):
        click.echo(line)
    click.echo("\nassumed:")
    for line in words.assumptions(run, market.notes):
        click.echo(f"  {line}")
    click.echo("\nHistory, not a forecast.")
