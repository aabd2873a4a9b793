"""`survival FILE.js`: the ladder started at every hour of a history."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.backtest.model import Engine
from bot.cli.market_options import Asked, Market, engine_option, market_options, open_market, read_strategy
from bot.cli.run_words import length, moment, money, percent, table
from bot.cli.studies import STOPPED, bar, pool_options, stoppable, tell_of_compiling
from bot.domain.money import plain

if TYPE_CHECKING:
    from bot.backtest.survival import CrashReplay, Spread, Survival


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@market_options
@engine_option
@pool_options
@click.option(
    "--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), help="Each start as a row."
)
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="A png.")
@click.option("--json", "as_json", is_flag=True)
def survival(
    *,
    file: Path,
    engine: str,
    workers: int | None,
    dask: str | None,
    csv_file: Path | None,
    picture: Path | None,
    as_json: bool,
    **asked: Any,  # noqa: ANN401 - the options
) -> None:
    """Start a strategy FILE at every hour of the candles: how often it ran out, how long it took, what it lost."""
    strategy = read_strategy(file)
    market = open_market(Asked(**asked), strategy.par)
    from bot.backtest.pools import ThreadPool, open_pool  # noqa: PLC0415 - after the candles
    from bot.backtest.survival import Study, survive  # noqa: PLC0415 - the same

    exact = engine == Engine.EXACT
    pool = ThreadPool(workers) if dask is None and not exact else open_pool(workers, dask)
    study = Study(market.history, strategy.params, market.terms, exact=exact)
    if not exact and dask is None:
        tell_of_compiling("run_starts")
    with stoppable("stopping: of this nothing is kept") as stop, bar("starts") as told:
        found = survive(study, pool, stop=stop, on_progress=told)
    if found is None:
        raise SystemExit(STOPPED)
    if csv_file is not None:
        _write_csv(csv_file, found)
    if picture is not None:
        picture.write_bytes(_picture(found, market))
    if as_json:
        click.echo(json.dumps(survival_as_json(found)))
        return
    quote = market.terms.rules.symbol.quote
    click.echo(f"{strategy.nome} on {found.symbol} ({market.history.source})\n")
    click.echo(line(found) + "\n")
    for text in table([list(_rows(found, quote))]):
        click.echo(text)
    for text in _crashes(found, quote):
        click.echo(text)
    click.echo(f"\nassumed: {'; '.join(market.notes)}; each start has the whole budget to itself")


def line(found: "Survival") -> str:
    """The whole in one sentence."""
    half = found.exit_ms[0]
    out = (
        f"half were out within {length(half)}" if half is not None else "fewer than half were out by the end"
    )
    ran_out = f"{percent(found.out_of_rebuys)} ran out of re-buys"
    if found.out_of_money:
        ran_out = f"{percent(found.ran_out)} ran out of re-buys or of money"
    return (
        f"In {found.starts:,} starts since {moment(found.since)[:10]}: {ran_out}, {out}, worst paper loss "
        f"{percent(found.worst_of_budget)} of the budget (history, not a forecast)."
    )


def _rows(found: "Survival", quote: str) -> Iterator[tuple[str, str]]:
    yield "period (UTC)", f"{moment(found.since)} to {moment(found.until)}"
    yield "starts, one an hour", f"{found.starts:,}"
    yield "ran out of re-buys", percent(found.out_of_rebuys)
    yield "ran out of saldo_limite or balance", percent(found.out_of_money)
    still = percent(found.still_open)
    if found.longest_open_ms is not None:
        still += f", the longest for {length(found.longest_open_ms)} (counted as not out below)"
    yield "still open at the end", still
    for share, ms in zip(("half", "9 of 10", "99 of 100"), found.exit_ms, strict=True):
        yield f"{share} were out within", length(ms) if ms is not None else "not by the end"
    yield "longest time to an exit", length(found.longest_exit_ms)
    yield "worst paper loss: half, 9 of 10, worst", _spread(found.worst, quote)
    yield (
        "",
        f"{percent(found.worst_of_budget)} of the budget of {money(found.budget.value)}, started {moment(found.worst_start)}",
    )
    yield "money locked: half, 9 of 10, most", _spread(found.locked, quote)


def _spread(spread: "Spread", quote: str) -> str:
    return ", ".join(money(amount.value) for amount in (spread.half, spread.most, spread.worst)) + f" {quote}"


def _crashes(found: "Survival", quote: str) -> Iterator[str]:
    if found.crashes:
        yield "\nstarted as they began:"
    for one in found.crashes:
        yield f"  {one.crash.title} ({_days(one)}, {percent(-one.fall)}): {_went(one, quote)}"


def _days(one: "CrashReplay") -> str:
    crash = one.crash
    return crash.first if crash.first == crash.last else f"{crash.first} to {crash.last}"


def _went(one: "CrashReplay", quote: str) -> str:
    end = f"out after {length(one.exit_ms)}" if one.exit_ms is not None else "not out by the end"
    ran_out = ", could buy no more" if one.ran_out else ""
    others = (
        f"of {one.starts} starts in those days {one.ran_out_within} could buy no more, "
        f"the worst lost {money(one.worst_within.value)} on paper"
    )
    return (
        f"{one.rebuys} re-buys{ran_out}, worst paper loss {money(one.worst.value)} {quote}, {end}; {others}"
    )


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


def _picture(found: "Survival", market: Market) -> bytes:
    from bot.backtest.charts_studies import Look, survival_png  # noqa: PLC0415 - matplotlib, for a picture only

    under = f"{found.starts:,} starts, {moment(found.since)[:10]} to {moment(found.until)[:10]}"
    look = Look(found.symbol, market.terms.rules.symbol.quote, under, "en")
    return survival_png(look, found.table.exit_ms / 86_400_000, found.table.ran_out)
