"""A sweep as lines that a person reads: the front, the choice, and how far to believe it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from bot.backtest.space import Axis, Point, written
from bot.backtest.walk import Fold, Walk
from bot.backtest.words import Words
from bot.cli.language import reason
from bot.cli.run_words import WIDTH, filled, grid, money
from bot.cli.studies import span
from bot.cli.sweep_told import Shown, Study, thinned
from bot.domain.params import BY_NAME

_MOST_ROWS = 12
_COLUMNS = ("result", "open", "worst", "budget", "cycles")
_WALK_COLUMNS = ("judged", "seen", "unseen", "as_it_is", "beaten")


def lines(words: Words, study: Study) -> Iterator[str]:
    sweep = study.sweep
    counts = {"n": words.tick(len(sweep.rows)), "total": words.tick(sweep.total)}
    key = "sweep.kept" if sweep.kept else "sweep.judged"
    yield words(key, **counts, time=span(words, study.seconds), kept=words.tick(sweep.kept))
    if sweep.rejudged:
        yield from filled(words("sweep.decimals", n=words.tick(sweep.rejudged)))
    for name, count in sorted(sweep.refused.items()):
        why = words("sweep.least_order") if name == "min_notional" else name
        if name in study.faults:
            why = words("sweep.such_as", why=why, fault=reason(study.faults[name], words.language))
        yield from filled(words("sweep.left_out", n=words.tick(count), why=why))
    for text in (*sweep.failed, *study.warnings):
        yield from filled(text, "! ")
    if not sweep.rows:
        return
    yield f"\n{words('sweep.front')}"
    yield from _table(words, study)
    yield ""
    yield from _choice(words, study)
    if study.walk is not None:
        yield ""
        yield from _walk(words, study.walk, study)


def _table(words: Words, study: Study) -> Iterator[str]:
    shown = list(thinned(study.front, _MOST_ROWS))
    if study.best is not None and study.best not in shown:
        shown = sorted([*shown, study.best], key=lambda one: one.outcome.worst_loss)
    heads = ["", *(words(f"sweep.col.{name}") for name in _COLUMNS)]
    rows = [_cells(words, "*" if one.best else "", one, study.budget) for one in shown]
    rows.append(_cells(words, words("sweep.as_it_is"), study.base, study.budget))
    yield from _with_values(heads, rows, study.given.space.axes)
    if len(study.front) > _MOST_ROWS or study.front_size > len(study.front):
        count = min(len(study.front), _MOST_ROWS)
        yield words("sweep.more", shown=words.tick(count), n=words.tick(study.front_size))


def _with_values(heads: Sequence[str], rows: Sequence[Sequence[str]], axes: Sequence[Axis]) -> Iterator[str]:
    """A table of which the last columns are the axes' values; under their item numbers where the names are too wide."""
    names = [axis.name for axis in axes]
    told = grid([[*heads, *names], *rows])
    if max(map(len, told)) > WIDTH:
        items = [BY_NAME[name].item for name in names]
        yield from filled(", ".join(f"{item} {name}" for item, name in zip(items, names, strict=True)))
        told = grid([[*heads, *items], *rows])
    yield from told


def _cells(words: Words, mark: str, one: Shown, budget: Decimal) -> Sequence[str]:
    outcome = one.outcome
    return [
        mark,
        money(words, outcome.result),
        money(words, outcome.unrealised),
        money(words, outcome.worst_loss),
        words.percent(outcome.worst_loss / budget),
        words.tick(outcome.cycles),
        *one.values.values(),
    ]


def _choice(words: Words, study: Study) -> Iterator[str]:
    limit = {"loss": money(words, study.limit), "share": words.percent(study.limit / study.budget)}
    if study.best is None:
        yield from filled(words("sweep.none_within", **limit), "! ")
        return
    yield from filled(words("sweep.best", **limit))
    yield from _beside(words, study)
    if study.edges:
        yield from filled(words("sweep.edges", names=", ".join(study.edges)), "! ")
    if study.best.outcome.result <= study.base.outcome.result:
        yield from filled(words("sweep.no_better"), "! ")
    if study.walk is None:
        yield from filled(words("sweep.unwalked"), "! ")


def _beside(words: Words, study: Study) -> Iterator[str]:
    beside = study.beside
    if beside is None or beside.middle is None:
        yield from filled(words("sweep.few_near"), "! ")
        return
    told = {"n": words.tick(beside.count), "middle": money(words, beside.middle)}
    if beside.alone:
        yield from filled(words("sweep.alone", **told), "! ")
    else:
        yield from filled(words("sweep.beside", **told))


def _walk(words: Words, walk: Walk, study: Study) -> Iterator[str]:
    if not walk.folds:
        yield from filled(words("walk.none"), "! ")
        return
    yield words("walk.head")
    heads = [words(f"walk.col.{name}") for name in _WALK_COLUMNS]
    rows = [[*_fold(words, fold), *_point(fold.chosen.point)] for fold in walk.folds]
    yield from _with_values(heads, rows, study.given.space.axes)
    before, after, worst = (money(words, one) for one in (walk.before, walk.after, walk.worst_after))
    yield from filled(words("walk.together", before=before, after=after, worst=worst))
    middle = money(words, walk.middle)
    if walk.as_it_is is None:
        yield from filled(words("walk.middle", middle=middle))
    else:
        yield from filled(words("walk.others", as_it_is=money(words, walk.as_it_is), middle=middle))
    if walk.believable:
        yield from filled(words("walk.better"))
    else:
        yield from filled(words("walk.lost" if walk.after <= 0 else "walk.no_better"), "! ")


def _fold(words: Words, fold: Fold) -> Sequence[str]:
    start, end = words.date(fold.unseen[0]), words.date(fold.unseen[1] - 1)
    return [
        words("walk.days", start=start, end=end),
        money(words, fold.before.result),
        money(words, fold.after.result),
        "-" if fold.as_it_is is None else money(words, fold.as_it_is.result),
        words.percent(Decimal(str(round(fold.beaten, 4)))),
    ]


def _point(point: Point) -> Iterator[str]:
    return map(written, point)
