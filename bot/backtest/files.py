"""A report as files: json, csv of fills and of cycles, and one self-contained html page."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bot.backtest.as_json import report_as_json
from bot.backtest.figures import Figures
from bot.backtest.html import page
from bot.backtest.model import BacktestRun
from bot.backtest.words import Words
from bot.domain.market import Side
from bot.domain.money import EXACT, plain

_PLACES = Decimal("1e-10")


def write(run: BacktestRun, found: Figures, directory: Path, language: str, name: str = "") -> list[Path]:
    """The page, the json and both csv files in `directory`, which is made; files of the same names are replaced.

    `language` is "pt_BR" or "en"; `name` the strategy's, for the page's title. Portuguese csv files have semicolons,
    decimal commas and a mark at the start for Excel; English ones commas and points.
    """
    words = Words(language)
    stem = _stem(run, found)
    directory.mkdir(parents=True, exist_ok=True)
    contents = (
        (f"{stem}.html", page(run, found, language, name).encode()),
        (f"{stem}.json", json.dumps(report_as_json(run, found), indent=1).encode()),
        (f"{stem}-{words('file.fills')}.csv", fills_csv(run, language)),
        (f"{stem}-{words('file.cycles')}.csv", cycles_csv(run, language)),
    )
    for file_name, content in contents:
        (directory / file_name).write_bytes(content)
    return [directory / file_name for file_name, _ in contents]


def fills_csv(run: BacktestRun, language: str) -> bytes:
    """A row for each fill: exact prices and quantities, its fee valued in quote."""
    words, symbol = Words(language), run.terms.rules.symbol
    heads = (
        words("csv.time"),
        words("csv.cycle"),
        words("csv.side"),
        words("csv.rebuy"),
        words("csv.price", coin=symbol.quote),
        words("csv.quantity", coin=symbol.base),
        words("csv.value", coin=symbol.quote),
        words("csv.fee", coin=symbol.quote),
    )
    sides = {Side.BUY: words("csv.buy"), Side.SELL: words("csv.sell")}
    rows = (
        (
            fill.time, fill.cycle, sides[fill.side], fill.k, fill.price.value, fill.quantity.value,
            fill.quantity.at(fill.price).value, fill.quantity.at(fill.price).times(run.params.taxa).value,
        )
        for fill in run.fills
    )  # fmt: skip
    return _csv(words, heads, rows, times=1)


def cycles_csv(run: BacktestRun, language: str) -> bytes:
    """A row for each closed cycle; amounts to ten places."""
    words, coin = Words(language), run.terms.rules.symbol.quote
    heads = (
        words("csv.start"),
        words("csv.end"),
        words("csv.rebuys"),
        *(words(f"csv.{name}", coin=coin) for name in ("spent", "net", "base_fees", "sell_fees")),
    )
    rows = (
        (
            cycle.start, cycle.end, cycle.rebuys, cycle.spent.value, cycle.net_profit.value,
            cycle.base_fees_value.value, cycle.sell_fees.value,
        )
        for cycle in run.cycles
    )  # fmt: skip
    return _csv(words, heads, rows, times=2)


def _csv(
    words: Words, heads: Sequence[str], rows: Iterable[Sequence[int | str | Decimal]], *, times: int
) -> bytes:
    """`rows` begin with `times` moments in ms UTC."""
    portuguese = words.language == "pt_BR"
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if portuguese else ",", lineterminator="\r\n")
    writer.writerow(heads)
    for row in rows:
        moments = [_moment(int(cell), portuguese=portuguese) for cell in row[:times]]
        writer.writerow([*moments, *(_cell(cell, portuguese=portuguese) for cell in row[times:])])
    return text.getvalue().encode("utf-8-sig" if portuguese else "utf-8")


def _cell(value: int | str | Decimal, *, portuguese: bool) -> str:
    if not isinstance(value, Decimal):
        return str(value)
    short = value.quantize(_PLACES, context=EXACT) if value.as_tuple().exponent < -10 else value  # type: ignore[operator]
    return plain(short).replace(".", ",") if portuguese else plain(short)


def _moment(at: int, *, portuguese: bool) -> str:
    form = "%d/%m/%Y %H:%M:%S" if portuguese else "%Y-%m-%d %H:%M:%S"
    return datetime.fromtimestamp(at // 1000, UTC).strftime(form)


def _stem(run: BacktestRun, found: Figures) -> str:
    pair = re.sub(r"[^A-Za-z0-9_-]+", "-", run.terms.rules.symbol.name)[:40]
    days = (datetime.fromtimestamp(at / 1000, UTC).date().isoformat() for at in (found.start, found.end - 1))
    return "-".join(("backtest", pair, *days))
