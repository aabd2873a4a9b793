"""`survival FILE.js`: the ladder started at every hour of a history."""

import csv
import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from bot.backtest.model import Engine
from bot.cli.history_words import of_candles
from bot.cli.language import language_option
from bot.cli.market_options import Asked, Market, engine_option, market_options, open_market, read_strategy
from bot.cli.outputs import NewFile, writing
from bot.cli.studies import STOPPED, bar, pool_options, stoppable, tell_of_compiling
from bot.domain.money import plain

if TYPE_CHECKING:
    from bot.backtest.survival import Spread, Survival
    from bot.backtest.words import Words


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@market_options
@engine_option
@pool_options
@click.option("--csv", "csv_file", type=NewFile(), help="Each start as a row.")
@click.option("--picture", type=NewFile(), help="A png.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def survival(
    *,
    file: Path,
    engine: str,
    workers: int | None,
    dask: str | None,
    csv_file: Path | None,
    picture: Path | None,
    language: str,
    as_json: bool,
    **asked: Any,  # noqa: ANN401 - the options
) -> None:
    """Start a strategy FILE at every hour of the candles: how often it ran out, how long it took, what it lost."""
    strategy = read_strategy(file)
    market = open_market(Asked(**asked), strategy.par)
    from bot.backtest.pools import ThreadPool, open_pool  # noqa: PLC0415 - after the candles
    from bot.backtest.survival import Study, survive  # noqa: PLC0415 - the same
    from bot.backtest.words import Words  # noqa: PLC0415 - the same

    words = Words(language)
    for warning in of_candles(market, language):
        click.echo(f"! {warning}", err=True)
    exact = engine == Engine.EXACT
    pool = ThreadPool(workers) if dask is None and not exact else open_pool(workers, dask)
    began = perf_counter()
    study = Study(market.history, strategy.params, market.terms, exact=exact)
    if not exact and dask is None:
        tell_of_compiling("run_starts", words)
    with stoppable(words("way.stopping.starts")) as stop, bar(words("way.starts"), words) as told:
        found = survive(study, pool, stop=stop, on_progress=told)
    if found is None:
        raise SystemExit(STOPPED)
    seconds = {"load": round(market.load_s, 6), "run": round(perf_counter() - began, 6)}
    if csv_file is not None:
        with writing(csv_file):
            _write_csv(csv_file, found)
    if picture is not None:
        with writing(picture):
            picture.write_bytes(_picture(found, market, words))
    if as_json:
        click.echo(json.dumps({**survival_as_json(found), "engine": str(engine), "seconds": seconds}))
        return
    click.echo(
        words("study.head", name=strategy.nome, pair=found.symbol, source=market.history.source) + "\n"
    )
    _print(words, found, market)


def _print(words: "Words", found: "Survival", market: Market) -> None:
    from bot.cli import run_words, survival_words  # noqa: PLC0415 - texts, which JSON needs none of

    for text in survival_words.lines(words, found, market.terms.rules.symbol.quote):
        click.echo(text)
    click.echo(f"\n{words('assumptions')}")
    for rule in run_words.rules(words, market):
        click.echo("\n".join(run_words.filled(rule, "  - ")))
    click.echo("\n" + "\n".join(run_words.filled(words("not.forecast"))))


def survival_as_json(found: "Survival") -> dict[str, Any]:
    """Decimals as strings, times and lengths in ms; fractions of the starts."""
    half, most, nearly_all = found.exit_ms
    return {
        "symbol": found.symbol,
        "since": found.since,
        "until": found.until,
        "starts": found.starts,
        "budget": plain(found.budget.value),
        "out_of_rebuys": _share(found.out_of_rebuys),
        "out_of_money": _share(found.out_of_money),
        "still_open": _share(found.still_open),
        "exit_ms": {
            "0.5": half, "0.9": most, "0.99": nearly_all,
            "longest": found.longest_exit_ms, "longest_open": found.longest_open_ms,
        },
        "worst_loss": _spread_as_json(found.worst)
        | {"of_budget": _share(found.worst_of_budget), "start": found.worst_start},
        "locked": _spread_as_json(found.locked),
        "crashes": [
            {
                "name": one.crash.key, "first": one.crash.first, "last": one.crash.last,
                "fall": _share(one.fall), "started": one.started, "rebuys": one.rebuys, "ran_out": one.ran_out,
                "worst_loss": plain(one.worst.value), "exit_ms": one.exit_ms,
                "starts": one.starts, "ran_out_within": one.ran_out_within,
                "worst_within": plain(one.worst_within.value),
            }
            for one in found.crashes
        ],
        "unproven": found.unproven,
    }  # fmt: skip


def _share(share: Any) -> str:  # noqa: ANN401 - a Decimal of up to 60 digits
    return plain(round(share, 10))


def _spread_as_json(spread: "Spread") -> dict[str, Any]:
    return {
        "0.5": plain(spread.half.value),
        "0.9": plain(spread.most.value),
        "worst": plain(spread.worst.value),
    }


def _write_csv(file: Path, found: "Survival") -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ["start", "exit_ms", "rebuys", "out_of_rebuys", "out_of_money", "worst_loss", "most_invested"]
        )
        for start, row, exit_ms in zip(
            found.table.times.tolist(), found.table.rows, found.table.exit_ms.tolist(), strict=True
        ):
            writer.writerow([
                start, "" if row["exit"] < 0 else int(exit_ms), int(row["rebuys"]), int(row["out_of_rebuys"]),
                int(row["out_of_money"]), f"{row['worst_loss']:.8f}", f"{row['most_invested']:.8f}",
            ])  # fmt: skip


def _picture(found: "Survival", market: Market, words: "Words") -> bytes:
    from bot.backtest.charts_studies import Look, survival_png  # noqa: PLC0415 - matplotlib, for a picture only
    from bot.cli.survival_words import counted  # noqa: PLC0415 - texts, which JSON needs none of

    start, end = words.date(found.since), words.date(found.until - 1)
    under = words("starts.under", n=counted(words, "starts.n", found.starts), start=start, end=end)
    look = Look(found.symbol, market.terms.rules.symbol.quote, under, words.language)
    return survival_png(look, found.table.exit_ms / 86_400_000, found.table.ran_out)
