"""`sweep FILE.js --vary ...`: many variations of a strategy on real candles, and whether the choice can be trusted."""

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from bot.backtest.model import Engine
from bot.backtest.optimise import Method
from bot.backtest.sweep import Sweep, Sweeper
from bot.cli.market_options import Asked, Market, engine_option, market_options, open_market, read_strategy
from bot.cli.moments import Share
from bot.cli.studies import STOPPED, bar, pool_options, stoppable
from bot.errors import InvalidInput

_STOPPING = "stopping: what is under way is finished and kept"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--vary",
    multiple=True,
    help="name=from:to:step, name=a,b,c, or name=from:to to draw from. Again for more.",
)
@click.option(
    "--random", "draws", type=click.IntRange(1), help="Draw this many sets instead of the whole grid."
)
@click.option(
    "--optimize", "--optimise", "tries", type=click.IntRange(1), help="Let Optuna look, for this many sets."
)
@click.option(
    "--method",
    type=click.Choice([one.value for one in Method]),
    default=Method.NSGA.value,
    show_default=True,
    help="Of --optimize.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of --random and --optimize.")
@click.option(
    "--walk",
    type=click.IntRange(2),
    help="Cut the period into so many windows; choose on one, judge on the next.",
)
@click.option(
    "--max-loss", type=Share(), help="Worst paper loss allowed, of the budget; else the file's own."
)
@market_options
@engine_option
@pool_options
@click.option("--fresh", is_flag=True, help="Forget what an earlier, stopped run of the same sweep has kept.")
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), help="Each set as a row.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="A png of the front.")
@click.option("--json", "as_json", is_flag=True)
def sweep(
    *,
    file: Path,
    vary: tuple[str, ...],
    draws: int | None,
    tries: int | None,
    method: str,
    seed: int,
    walk: int | None,
    max_loss: Any,  # noqa: ANN401 - a Decimal or None, as Share gives it
    engine: str,
    workers: int | None,
    dask: str | None,
    fresh: bool,
    csv_file: Path | None,
    picture: Path | None,
    as_json: bool,
    **asked: Any,  # noqa: ANN401 - the options
) -> None:
    """Run variations of a strategy FILE over candles. The same command goes on where a stopped one ended."""
    from bot.backtest.judging import Assignment  # noqa: PLC0415 - `--help` needs no numbers
    from bot.backtest.pools import open_pool  # noqa: PLC0415 - the same
    from bot.backtest.space import read_space  # noqa: PLC0415 - the same
    from bot.backtest.walk import windows_of  # noqa: PLC0415 - the same
    from bot.cli import sweep_told  # noqa: PLC0415 - the same

    if draws is not None and tries is not None:
        raise InvalidInput("random", "--random or --optimize, not both")
    strategy = read_strategy(file)
    space = read_space(strategy.params, vary)
    if draws is None and tries is None:
        _ = space.size
    pool = open_pool(workers, dask)
    market = open_market(Asked(**asked), strategy.par)
    whole = (int(market.history.times[0]), int(market.history.times[-1]) + market.history.step_ms)
    windows = windows_of(market.history, walk) if walk is not None else ()
    given = Assignment(space, market.terms, market.history, (whole, *windows), exact=engine == Engine.EXACT)
    mode = {"draws": draws, "tries": tries, "method": method if tries else None, "seed": seed}
    began = perf_counter()
    with (
        stoppable(_STOPPING) as stop,
        bar("sets") as told,
        sweep_told.journal(given.key, mode, fresh=fresh) as kept,
    ):
        sweeper = Sweeper(given, pool, kept, stop, told)
        found = _swept(sweeper, draws, tries, seed, Method(method))
    study = sweep_told.study_of(given, found, windows, max_loss, perf_counter() - began)
    if csv_file is not None:
        sweep_told.write_csv(csv_file, study)
    if picture is not None and len(found.rows):
        picture.write_bytes(sweep_told.picture(study))
    if as_json:
        click.echo(json.dumps(sweep_told.as_json(study, market.load_s)))
    else:
        _print(study, market, strategy.nome)
    if not found.complete:
        click.echo(
            f"stopped: {study.done:,} of {found.total:,} sets are kept; the same command goes on", err=True
        )
        raise SystemExit(STOPPED)


def _swept(sweeper: Sweeper, draws: int | None, tries: int | None, seed: int, method: Method) -> Sweep:
    if tries is not None:
        return sweeper.search(tries, seed, method)
    return sweeper.grid() if draws is None else sweeper.random(draws, seed)


def _print(study: Any, market: Market, name: str) -> None:  # noqa: ANN401 - a sweep_told.Study, not loaded here
    from bot.cli import sweep_words  # noqa: PLC0415 - JSON needs none

    click.echo(f"{name} on {market.terms.rules.symbol} ({market.history.source})\n")
    for text in sweep_words.lines(study):
        click.echo(text)
    click.echo(f"\nassumed: {'; '.join(market.notes)}")
    click.echo("History, not a forecast: the best of many tries is partly luck.")
