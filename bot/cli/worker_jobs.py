"""What a worker does for each kind of job once the candles are there: runs, pictures, the figures of one card."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bot.backtest import fast
from bot.backtest.figures import Figures, figures
from bot.backtest.history import History
from bot.backtest.jobs import Contender, Job, Kind, packed_symbol
from bot.backtest.model import BacktestRun, Terms
from bot.backtest.shared_history import let_go
from bot.domain.market import Side
from bot.domain.money import plain
from bot.errors import InvalidInput

if TYPE_CHECKING:
    from bot.backtest.charts_studies import Look

DAY_MS = 86_400_000
Tell = Callable[..., None]
Answer = dict[str, Any]
"""`card`, and the names of `pictures` and `files` in the job's folder."""


def carry_out(job: Job, history: History, tell: Tell) -> Answer:
    """InvalidInput for what a person can mend."""
    return _WAYS[job.kind](job, history, tell)


def _backtest(job: Job, history: History, tell: Tell) -> Answer:
    from bot.backtest import charts, files  # noqa: PLC0415 - matplotlib, once the candles are there

    (contender,) = job.contenders
    tell("run", 0.0)
    run, told = _ran(contender, job, history)
    tell("pictures", 0.0)
    pictures = {
        "price.png": charts.price_png(run, told, job.locale, dark=job.dark),
        "equity.png": charts.equity_png(run, told, job.locale, dark=job.dark),
    }
    tell("files", 0.0)
    paths = files.write(run, told, job.folder, job.locale, contender.name)
    return {
        "card": _card(job, history, [(contender, run, told)]),
        "pictures": written(job.folder, pictures),
        "files": [path.name for path in paths],
    }


def _compare(job: Job, history: History, tell: Tell) -> Answer:
    from bot.backtest import charts, charts_studies  # noqa: PLC0415 - matplotlib, once the candles are there

    ran = []
    for number, contender in enumerate(job.contenders):
        tell("run", number / len(job.contenders))
        ran.append((contender, *_ran(contender, job, history)))
    tell("pictures", 0.0)
    told = ran[0][2]
    equities = [one.timeline.equity for _, _, one in ran]
    names = [f"{letter} · {c.name}" for letter, (c, _, _) in zip("AB", ran, strict=True)]
    png = charts_studies.compare_png(_look(job, history), charts.close_times(told), equities, names)
    return {
        "card": _card(job, history, ran),
        "pictures": written(job.folder, {"compare.png": png}),
        "files": [],
    }


def _ran(contender: Contender, job: Job, history: History) -> tuple[BacktestRun, Figures]:
    run = fast.run(contender.params, Terms(job.rules), history)
    if not run.fills:
        pair = job.rules.symbol.name
        raise InvalidInput(
            "qty_inicial", f"no first buy of this size fits {pair}", key="no_lot", values={"pair": pair}
        )
    return run, figures(run, history)


def written(folder: Path, contents: Mapping[str, bytes]) -> list[str]:
    """The names of what now lies in the job's folder."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return list(contents)


def head(job: Job, history: History) -> dict[str, Any]:
    """What every card begins with."""
    gaps = history.gaps()
    return {
        "kind": job.kind.value,
        "symbol": packed_symbol(job.rules.symbol),
        "source": "sandbox" if job.source.rest is not None else job.source.exchange,
        "start": int(history.times[0]),
        "end": int(history.times[-1]) + history.step_ms,
        "step_ms": history.step_ms,
        "candles": len(history),
        "missing": sum(gap.missing for gap in gaps),
    }


def _card(
    job: Job, history: History, ran: Sequence[tuple[Contender, BacktestRun, Figures]]
) -> dict[str, Any]:
    return {**head(job, history), "runs": [_run_card(*one) for one in ran]}


def _run_card(contender: Contender, run: BacktestRun, told: Figures) -> dict[str, Any]:
    """Amounts and fractions as decimal text."""
    held = run.open
    deepest = max((fill.k for fill in run.fills if fill.side is Side.BUY), default=0)
    return {
        "name": contender.name,
        "net_profit": plain(told.net_profit.value),
        "unrealised": plain(told.unrealised.value),
        "result": plain(told.result.value),
        "result_of_budget": plain(told.result_of_budget),
        "budget": plain(told.budget.value),
        "most_invested": plain(told.most_invested.value),
        "on_budget": plain(told.on_budget),
        "on_invested": plain(told.on_invested),
        "cycles": told.cycles,
        "won": told.won,
        "lost": told.lost,
        "rebuys": sum(fill.side is Side.BUY and fill.k > 0 for fill in run.fills),
        "deepest": deepest,
        "limit": run.params.limite_recompras,
        "exhausted": plain(told.exhausted_share),
        "worst": plain(told.worst.amount.value),
        "worst_of_budget": plain(told.worst.of_budget),
        "worst_at": told.worst.at,
        "under_water_ms": told.under_water.length_ms,
        "under_water_ended": told.under_water.ended,
        "fees": plain(told.fees.total.value),
        "hold": {
            "net": plain(told.hold.net.value),
            "of_budget": plain(told.hold.of_budget),
            "worst": plain(told.hold.worst.value),
        },
        "open": None
        if held is None
        else {
            "held": plain(held.held.value),
            "rebuys": held.rebuys,
            "unrealised": plain(held.unrealised.value),
        },
        "taxa": plain(run.params.taxa),
    }


def _survival(job: Job, history: History, tell: Tell) -> Answer:
    from bot.backtest import charts_studies  # noqa: PLC0415 - matplotlib, once the candles are there
    from bot.cli.worker_survival import survival_card, survival_of  # noqa: PLC0415 - the compiler

    found = survival_of(job, history, tell)
    let_go(history)  # the compiler stays in memory, and now come the pictures
    tell("pictures", 0.0)
    days = found.table.exit_ms / DAY_MS
    png = charts_studies.survival_png(_look(job, history), days, found.table.ran_out)
    card = {**head(job, history), **survival_card(job, found)}
    return {"card": card, "pictures": written(job.folder, {"survival.png": png}), "files": []}


def _line(job: Job, history: History, tell: Tell) -> Answer:
    from bot.cli.worker_survival import survival_card, survival_of  # noqa: PLC0415 - the compiler

    return {"card": {**head(job, history), **survival_card(job, survival_of(job, history, tell))}}


def _optimize(job: Job, history: History, tell: Tell) -> Answer:
    from bot.backtest import charts_studies  # noqa: PLC0415 - matplotlib, once the candles are there
    from bot.cli.worker_optimize import optimize_card, swept  # noqa: PLC0415 - the compiler

    found = swept(job, history, tell)
    card = {**head(job, history), **optimize_card(job, found)}
    rows = found.sweep.rows
    pictures = {}
    if rows:
        let_go(history)
        tell("pictures", 0.0)
        best, on_front = found.sweep.best(), {row.number for row in found.sweep.front()}
        pictures["front.png"] = charts_studies.front_png(
            _look(job, history, seen_until=found.unseen_from),
            [float(row.outcome.worst_loss) for row in rows],
            [float(row.outcome.result) for row in rows],
            [row.number in on_front for row in rows],
            None if best is None else rows.place_of(best.number),
        )
    return {"card": card, "pictures": written(job.folder, pictures), "files": []}


def _against(job: Job, history: History, tell: Tell) -> Answer:
    from bot.cli.worker_against import against_card, overlaid  # noqa: PLC0415 - as above

    tell("against", 0.0)
    found = overlaid(job, history)
    return {"card": {**head(job, history), **against_card(job, found)}}


def _look(job: Job, history: History, *, seen_until: int | None = None) -> "Look":
    """With `seen_until` (ms UTC) the picture is of the part before it."""
    from bot.backtest.charts_studies import Look  # noqa: PLC0415 - matplotlib
    from bot.backtest.words import Words  # noqa: PLC0415 - texts, for a picture only

    words, symbol = Words(job.locale), job.rules.symbol
    end = seen_until or int(history.times[-1]) + history.step_ms
    candles = words("candles.of", step=words.step(history.step_ms))
    if seen_until is not None:
        candles = f"{words('front.seen')} · {candles}"
    under = f"{words.day(int(history.times[0]))} – {words.day(end - 1)} · {candles}"
    return Look(symbol.name, symbol.quote, under, job.locale, job.dark)


_WAYS: Mapping[Kind, Callable[[Job, History, Tell], Answer]] = MappingProxyType(
    {
        Kind.BACKTEST: _backtest,
        Kind.COMPARE: _compare,
        Kind.SURVIVAL: _survival,
        Kind.LINE: _line,
        Kind.OPTIMIZE: _optimize,
        Kind.AGAINST: _against,
    }
)
