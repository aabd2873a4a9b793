"""`backtest FILE.js`: what a strategy file would have done on real candles."""

import json
from pathlib import Path
from typing import Any

import click

from bot.backtest.history import History
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
from bot.cli.outputs import NewFolder, writing
from bot.cli.run_json import run_as_json, warnings


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@market_options
@engine_option
@click.option("--report", type=NewFolder(), help="A folder for a page, pictures and csv.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def backtest(
    *,
    file: Path,
    engine: str,
    report: Path | None,
    language: str,
    as_json: bool,
    **asked: Any,  # noqa: ANN401 - the options
) -> None:
    """Run a strategy FILE over candles: what it would have done."""
    strategy = read_strategy(file)
    market = open_market(Asked(**asked), strategy.par)
    run = ran(strategy.params, market, engine)
    for warning in (*of_candles(market, language), *warnings(run, market.history, language)):
        click.echo(f"! {warning}", err=True)
    if as_json:
        click.echo(json.dumps(run_as_json(run, market.load_s)))
    if report is not None:
        with writing(report):
            _write(run, market.history, report, language, strategy.nome)
    if not as_json:
        _print(run, market, language, strategy.nome)


def _print(run: BacktestRun, market: Market, language: str, name: str) -> None:
    from bot.backtest import statements  # noqa: PLC0415 - babel and calendars, which JSON needs none of
    from bot.backtest.figures import figures  # noqa: PLC0415 - the same
    from bot.backtest.words import Words  # noqa: PLC0415 - the same
    from bot.cli import run_words  # noqa: PLC0415 - the same

    words, found = Words(language), figures(run, market.history)
    click.echo(words("title.named", name=name, pair=run.terms.rules.symbol))
    click.echo(run_words.period(words, found))
    for line in run_words.pages(words, [run_words.sections(words, run, found)]):
        click.echo(line)
    click.echo(f"\n{words('assumptions')}")
    for line in (*statements.assumptions(words, run, found), run_words.whose(words, market.whose)):
        click.echo("\n".join(run_words.filled(line, "  - ")))
    click.echo("\n" + "\n".join(run_words.filled(words("not.forecast"))))


def _write(run: BacktestRun, history: History, folder: Path, language: str, name: str) -> None:
    """The page, json and csv files, and each picture on its own."""
    from bot.backtest import charts, charts_months, files  # noqa: PLC0415 - matplotlib
    from bot.backtest.figures import figures  # noqa: PLC0415 - with it

    found = figures(run, history)
    written = files.write(run, found, folder, language, name)
    pictures = {
        "price": charts.price_png,
        "equity": charts.equity_png,
        "rebuys": charts.rebuys_png,
        "months": charts_months.months_png,
    }
    for picture, draw in pictures.items():
        path = folder / f"{written[0].stem}-{picture}.png"
        path.write_bytes(draw(run, found, language))
        written.append(path)
    for path in written:
        click.echo(path, err=True)
