"""A sweep as lines that a person reads: the front, the choice, and how far to believe it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from bot.backtest.space import written
from bot.backtest.walk import Fold, Walk
from bot.cli.run_words import moment, money, percent
from bot.cli.studies import span
from bot.cli.sweep_told import Shown, Study, thinned

_MOST_ROWS = 12


def lines(study: Study) -> Iterator[str]:
    sweep = study.sweep
    kept = f" ({sweep.kept:,} by an earlier run)" if sweep.kept else ""
    yield f"{len(sweep.rows):,} sets judged in {span(study.seconds)}{kept}, of {sweep.total:,}"
    if sweep.rejudged:
        yield f"{sweep.rejudged:,} of them by the exact path, where the fast one could not prove itself"
    for name, count in sorted(sweep.refused.items()):
        yield f"{count:,} left out, which are no strategy: {_blame(name)}"
    yield from (f"! {text}" for text in (*sweep.failed, *study.warnings))
    if not sweep.rows:
        return
    yield ""
    yield "result against worst paper loss, none better in both (result: closed cycles and the open one at its last price)"
    yield from _table(study)
    yield ""
    yield from _choice(study)
    if study.walk is not None:
        yield ""
        yield from _walk(study.walk, study)


def _blame(name: str) -> str:
    return "an order under the exchange's least" if name == "min_notional" else name


def _table(study: Study) -> Iterator[str]:
    names = [axis.name for axis in study.given.space.axes]
    shown = thinned(study.front, _MOST_ROWS)
    heads = ["", "result", "of it open", "worst loss", "of budget", "cycles", *names]
    rows = [_cells("*" if one.best else "", one, study.budget) for one in shown]
    if study.best is not None and study.best not in shown:
        rows.append(_cells("*", study.best, study.budget))
    rows.append(_cells("as it is", study.base, study.budget))
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        cells = [
            f"{row[0]:<{widths[0]}}",
            *(f"{cell:>{wide}}" for cell, wide in zip(row[1:], widths[1:], strict=True)),
        ]
        yield "  ".join(cells).rstrip()
    if len(shown) < study.front_size:
        yield f"({len(shown)} of the front's {study.front_size}; --json and --csv give more)"


def _cells(mark: str, one: Shown, budget: Decimal) -> Sequence[str]:
    outcome = one.outcome
    return [
        mark,
        money(outcome.result),
        money(outcome.unrealised),
        money(outcome.worst_loss),
        percent(outcome.worst_loss / budget),
        str(outcome.cycles),
        *one.values.values(),
    ]


def _choice(study: Study) -> Iterator[str]:
    limit = f"a worst paper loss of at most {money(study.limit)} ({percent(study.limit / study.budget)} of the budget)"
    if study.best is None:
        yield f"no set stays within {limit}"
        return
    yield f"* the largest result within {limit}"
    beside = study.beside
    if beside is None or beside.middle is None:
        yield "! too few sets stand near it to tell whether it is luck"
    elif beside.alone:
        yield (
            f"! it stands alone: the median of the {beside.count} sets next to it is {money(beside.middle)}. "
            "A small change may lose it; it is likely luck"
        )
    else:
        yield f"the median of the {beside.count} sets next to it is {money(beside.middle)}"
    if study.edges:
        yield f"! it stands at the end of what was tried: {', '.join(study.edges)}; better ones may lie beyond"
    if study.best.outcome.result <= study.base.outcome.result:
        yield "! it is no better than the strategy as it is"
    if study.walk is None:
        yield "! chosen and judged on the same prices: --walk 6 judges it on prices that it has not seen"


def _walk(walk: Walk, study: Study) -> Iterator[str]:
    if not walk.folds:
        yield "! no window had a set to choose"
        return
    yield "chosen on one window, judged on the next, which it has not seen (each window begins from nothing):"
    for fold in walk.folds:
        yield _fold(fold, study)
    yield (
        f"together: {money(walk.before)} where they were chosen, {money(walk.after)} on what they had not seen "
        f"(worst paper loss {money(walk.worst_after)})"
    )
    other = "" if walk.as_it_is is None else f"the strategy as it is {money(walk.as_it_is)}, "
    yield f"on the same unseen windows: {other}the median set {money(walk.middle)}"
    yield _verdict(walk)


def _verdict(walk: Walk) -> str:
    if walk.believable:
        return "choosing did better than not choosing, on these windows; that is no promise"
    if walk.after <= 0:
        return "! what was chosen lost on what it had not seen: do not believe the best set's result"
    return "! choosing did no better than not choosing: do not believe the best set's result"


def _fold(fold: Fold, study: Study) -> str:
    chosen = ", ".join(
        f"{axis.name}={text}"
        for axis, text in zip(study.given.space.axes, map(written, fold.chosen.point), strict=True)
    )
    return (
        f"  {moment(fold.unseen[0])[:10]} to {moment(fold.unseen[1])[:10]}: {money(fold.before.result)} seen, "
        f"{money(fold.after.result)} unseen, better than {percent(Decimal(str(round(fold.beaten, 4))))} of the sets ({chosen})"
    )
