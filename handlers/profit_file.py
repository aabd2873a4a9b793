"""Closed cycles as a csv file that a spreadsheet of the person's country opens by itself. Pure."""

import csv
import io
from datetime import datetime
from decimal import Decimal

from bot.domain.money import plain
from bot.service.reports import Profits, Sale
from handlers.texts import Texts

_COLUMNS = (
    "time", "strategy", "pair", "environment", "cycle", "rebuys", "quantity", "price", "received",
    "profit", "percent", "coin",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_file(texts: Texts, profits: Profits) -> tuple[str, bytes]:
    """Name and content: exact amounts, times in the person's zone.

    Portuguese: semicolons and decimal commas; English: commas and points. Both in UTF-8 with a mark at the
    start, without which Excel takes it for Latin-1.
    """
    portuguese = texts.locale == "pt_BR"
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if portuguese else ",", lineterminator="\r\n")
    writer.writerow([texts.plain(f"csv.{name}") for name in _COLUMNS])
    writer.writerows(_row(profits, sale, comma=portuguese) for sale in profits.sales)
    day = datetime.fromtimestamp(profits.end / 1000, profits.zone).date()
    name = texts.plain("csv.name", period=profits.period.value, day=day.isoformat())
    return name, text.getvalue().encode("utf-8-sig")


def _row(profits: Profits, sale: Sale, *, comma: bool) -> list[str]:
    closed, strategy = sale.closed, sale.strategy

    def number(value: Decimal) -> str:
        return plain(value).replace(".", ",") if comma else plain(value)

    when = datetime.fromtimestamp(sale.at // 1000, profits.zone)
    return [
        when.strftime("%d/%m/%Y %H:%M:%S" if comma else "%Y-%m-%d %H:%M:%S"),
        _harmless(strategy.name),
        strategy.symbol.name,
        strategy.environment.value,
        str(closed.cycle),
        str(closed.rebuys),
        number(closed.quantity.value),
        number(closed.price.value),
        number(closed.received.value),
        number(closed.net_profit.value),
        number(round(closed.percent * 100, 4)),
        strategy.symbol.quote,
    ]


def _harmless(name: str) -> str:
    """A spreadsheet would run a name that begins like a formula."""
    return f"'{name}" if name.startswith(_FORMULA) else name
