"""`sweep FILE.js --vary ...`: many variations of a strategy on real candles, and whether the choice can be trusted."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from bot.backtest.model import Engine
from bot.backtest.optimise import Method
from bot.backtest.sweep import Sweeper
from bot.cli.history_words import of_candles
from bot.cli.language import language_option
from bot.cli.market_options import Asked, Market, engine_option, market_options, open_market, read_strategy
from bot.cli.moments import Share
from bot.cli.outputs import NewFile, writing
from bot.cli.studies import STOPPED, bar, pool_options, stoppable, tell_of_compiling
from bot.errors import InvalidInput

if TYPE_CHECKING:
    from bot.backtest.executors import Pool
    from bot.backtest.space import Space
    from bot.backtest.words import Words
    from bot.cli.sweep_told import Study


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
@click.option("--csv", "csv_file", type=NewFile(), help="Each set as a row.")
@click.option("--picture", type=NewFile(), help="A png of the front.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def sweep(
    *,
    file: Path,
    vary: tuple[str, ...],
    engine: str,
    workers: int | None,
    dask: str | None,
    language: str,
    **typed: Any,  # noqa: ANN401 - the other options
) -> None:
    """Run variations of a strategy FILE over candles. The same command goes on where a stopped one ended."""
    from bot.backtest.pools import open_pool  # noqa: PLC0415 - `--help` needs no numbers
    from bot.backtest.space import read_space  # noqa: PLC0415 - the same
    from bot.backtest.words import Words  # noqa: PLC0415 - the same

    wanted = Wanted(**{name: typed.pop(name) for name in Wanted.__slots__})
    if wanted.draws is not None and wanted.tries is not None:
        raise InvalidInput("random", "--random or --optimize, not both")
    strategy = read_strategy(file)
    space = read_space(strategy.params, vary)
    if wanted.draws is None and wanted.tries is None:
        _ = space.size
    pool = open_pool(workers, dask)
    market = open_market(Asked(**typed), strategy.par)
    words = Words(language)
    for warning in of_candles(market, language):
        click.echo(f"! {warning}", err=True)
    if engine == Engine.FAST and dask is None:
        tell_of_compiling("run_sets", words)
    found = _study(wanted, space, market, pool, words, exact=engine == Engine.EXACT)
    _tell(wanted, found, market, words, strategy.nome)
    if not found.sweep.complete:
        counts = {"done": words.tick(found.done), "total": words.tick(found.sweep.total)}
        click.echo(words("way.stopped", **counts), err=True)
        raise SystemExit(STOPPED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed beside strategy, candles and workers."""

    draws: int | None
    tries: int | None
    method: str
    seed: int
    walk: int | None
    max_loss: Decimal | None
    fresh: bool
    csv_file: Path | None
    picture: Path | None
    as_json: bool

    def mode(self) -> dict[str, Any]:
        """Which points: a part of the sweep's name."""
        method = self.method if self.tries else None
        return {"draws": self.draws, "tries": self.tries, "method": method, "seed": self.seed}


def _study(
    wanted: Wanted, space: "Space", market: Market, pool: "Pool", words: "Words", *, exact: bool
) -> "Study":
    from bot.backtest.judging import Assignment  # noqa: PLC0415 - `--help` needs no numbers
    from bot.backtest.walk import windows_of  # noqa: PLC0415 - the same
    from bot.backtest.words import Words  # noqa: PLC0415 - the same
    from bot.cli.sweep_told import journal, study_of  # noqa: PLC0415 - the same

    history = market.history
    whole = (int(history.times[0]), int(history.times[-1]) + history.step_ms)
    windows = windows_of(history, wanted.walk) if wanted.walk is not None else ()
    given = Assignment(space, market.terms, history, (whole, *windows), exact=exact)
    began = perf_counter()
    with (
        stoppable(words("way.stopping")) as stop,
        bar(words("way.sets"), words) as told,
        journal(given.key, wanted.mode(), fresh=wanted.fresh) as kept,
    ):
        sweeper = Sweeper(given, pool, kept, stop, told)
        if wanted.tries is not None:
            found = sweeper.search(wanted.tries, wanted.seed, Method(wanted.method))
        else:
            found = sweeper.grid() if wanted.draws is None else sweeper.random(wanted.draws, wanted.seed)
    said = Words("en") if wanted.as_json else words
    return study_of(given, found, windows, wanted.max_loss, seconds=perf_counter() - began, words=said)


def _tell(wanted: Wanted, study: "Study", market: Market, words: "Words", name: str) -> None:
    from bot.cli import run_words, sweep_told, sweep_words  # noqa: PLC0415 - `--help` needs no numbers

    if wanted.csv_file is not None:
        with writing(wanted.csv_file):
            sweep_told.write_csv(wanted.csv_file, study)
    if wanted.picture is not None and len(study.sweep.rows):
        with writing(wanted.picture):
            wanted.picture.write_bytes(sweep_told.picture(study, words))
    if wanted.as_json:
        click.echo(json.dumps(sweep_told.as_json(study, market.load_s)))
        return
    pair, source = market.terms.rules.symbol, market.history.source
    click.echo(words("study.head", name=name, pair=pair, source=source) + "\n")
    for text in sweep_words.lines(words, study):
        click.echo(text)
    click.echo(f"\n{words('assumptions')}")
    for rule in run_words.rules(words, market):
        click.echo("\n".join(run_words.filled(rule, "  - ")))
    click.echo("\n" + "\n".join(run_words.filled(words("sweep.luck"))))
