"""The report as one page that needs nothing beside itself: no network, no script; pictures for light and for dark.

Whatever comes from outside (names, pairs, sources) is escaped where it is put in.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import NamedTuple

from bot.backtest.charts import equity_png, period, price_png, price_range, rebuys_png
from bot.backtest.charts_months import months_png
from bot.backtest.figures import Figures
from bot.backtest.html_style import STYLE
from bot.backtest.html_tables import cell, cycles_table, months_table, settings_table
from bot.backtest.model import BacktestRun
from bot.backtest.statements import assumptions, facts, headlines
from bot.backtest.words import Words
from bot.domain.market import Side

_LANG = {"pt_BR": "pt-BR", "en": "en"}
_PNG = "data:image/png;base64,"


class _Section(NamedTuple):
    name: str
    title: str
    body: str


def page(run: BacktestRun, found: Figures, language: str, name: str = "") -> str:
    """The whole page; `name` is the strategy's, empty where it has none."""
    words = Words(language)
    pair = run.terms.rules.symbol.name
    title = escape(words("title.named", name=name, pair=pair) if name else words("title", pair=pair))
    sections = list(_sections(words, run, found))
    links = "".join(f'<li><a href="#{part.name}">{escape(part.title)}</a></li>' for part in sections)
    parts = "".join(
        f'<section aria-labelledby="{part.name}"><h2 id="{part.name}">{escape(part.title)}</h2>{part.body}</section>'
        for part in sections
    )
    return (
        f'<!doctype html><html lang="{_LANG[language]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        '<link rel="icon" href="data:,">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>{title}</h1><p>{escape(period(words, found))}</p>"
        f'<p class="faint">{escape(words("not.forecast"))}</p></header>'
        f"<main>{_cards(words, run, found)}"
        f'<nav aria-label="{escape(words("jump"))}"><ul>{links}</ul></nav>{parts}</main></body></html>\n'
    )


def _sections(words: Words, run: BacktestRun, found: Figures) -> Iterable[_Section]:
    yield _Section("pictures", words("pictures"), _pictures(words, run, found))
    for name, rows in facts(words, run, found):
        yield _Section(name, words(name), _facts(rows) if rows else f"<p>{escape(words('open.none'))}</p>")
    hint = f'<p class="faint">{escape(words("months.hint"))}</p>'
    yield _Section("months", words("months"), hint + months_table(words, run, found))
    yield _Section("cycle-list", words("cycles.list"), cycles_table(words, run))
    yield _Section("settings", words("settings"), settings_table(words, run))
    yield _Section("assumptions", words("assumptions"), _list(assumptions(words, run, found)))


def _cards(words: Words, run: BacktestRun, found: Figures) -> str:
    cards = []
    for card in headlines(words, run, found):
        more = f"<dd>{escape(card.more)}</dd>" if card.more else ""
        tint = f' class="{card.tint}"' if card.tint else ""
        value = escape(
            card.value.replace("\N{NO-BREAK SPACE}", " ")
        )  # on a narrow card the coin may take a line
        cards.append(f"<div><dt>{escape(card.name)}</dt><dd{tint}>{value}</dd>{more}</div>")
    return f'<dl class="cards">{"".join(cards)}</dl>'


def _pictures(words: Words, run: BacktestRun, found: Figures) -> str:
    symbol = run.terms.rules.symbol
    low, high = (words.price(price) for price in price_range(found))
    exits = sum(fill.side is Side.SELL for fill in run.fills)
    buys = len(run.fills) - exits
    result, drawdown = words.quote(found.result, symbol), words.quote(found.drawdown.amount, symbol)
    hold = words.quote(found.hold.net, symbol)
    mean, most = words.quote(found.mean_invested, symbol), words.quote(found.most_invested, symbol)
    drawn: Sequence[tuple[Callable[..., bytes], str]] = (
        (price_png, words("alt.price", low=low, high=high, buys=buys, exits=exits)),
        (equity_png, words("alt.equity", result=result, drawdown=drawdown, hold=hold)),
        (rebuys_png, words("alt.rebuys", mean=mean, most=most)),
        (months_png, words("alt.months")),
    )
    figures = "".join(
        _picture(draw(run, found, words.language), draw(run, found, words.language, dark=True), text)
        for draw, text in drawn
    )
    return f'<div class="pictures">{figures}</div>'


def _picture(light: bytes, dark: bytes, text: str) -> str:
    """Paper always takes the light one."""
    width, height = (int.from_bytes(light[at : at + 4], "big") for at in (16, 20))  # PNG's IHDR
    return (
        '<figure><picture><source media="screen and (prefers-color-scheme: dark)" '
        f'srcset="{_PNG}{b64encode(dark).decode()}">'
        f'<img src="{_PNG}{b64encode(light).decode()}" width="{width}" height="{height}" alt="{escape(text)}">'
        "</picture></figure>"
    )


def _facts(rows: Iterable[tuple[str, str, str]]) -> str:
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{cell(value, tone)}</tr>' for name, value, tone in rows
    )
    return f'<table class="facts"><tbody>{cells}</tbody></table>'


def _list(lines: Iterable[str]) -> str:
    return f'<ul class="plain">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'
