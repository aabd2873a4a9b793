"""Two strategies over the same prices, side by side."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from telegram import Update

from bot.backtest.jobs import Kind
from bot.domain.market import Symbol
from bot.service.backtests import Done
from handlers.backtest_context import dark_of, desk_of, pair_of, period_of, shows_of, subject_of
from handlers.backtest_shows import Wanted
from handlers.backtest_views import Choice, assumptions_text, head_text, length, money, period_name
from handlers.callback import Press
from handlers.cards import strategy_label
from handlers.context import ChatContext
from handlers.form_views import Screen, paragraphs
from handlers.formats import Formats
from handlers.keyboards import Button, keyboard
from handlers.talk import answer, press_of, say, word_in
from handlers.texts import Texts

_MOST = 20
"""Strategies offered to compare with."""
_LABEL, _CELL = 13, 10
_Cell = Callable[[Mapping[str, Any]], str]


async def choose(update: Update, context: ChatContext) -> None:
    """The second strategy."""
    await answer(update)
    args = press_of(update).args
    subject = await subject_of(context, word_in(press_of(update)))
    choice = Choice(Choice.of(subject).who, pair_of(args, subject), period_of(args))
    others = [s for s in await context.service.strategies(context.person) if str(s.id) != choice.who]
    if not others:
        copy = Button(context.texts.plain("button.bt_change"), Press("clone", (choice.who,)))
        await say(update, context, context.texts("error.backtest_nothing_to_compare"), keyboard([copy]))
        return
    rows = [
        [Button(strategy_label(s), Press("bt_vs", (choice.who, choice.pair, choice.period, str(s.id))))]
        for s in others[-_MOST:]
    ]
    period = period_name(context.texts, choice.period)
    text = context.texts("backtest.choose_other", name=subject.name, pair=choice.pair, period=period)
    # the card with the result stays as it is: the question comes below it
    await context.bot.send_message(context.person.chat_id, text, reply_markup=keyboard(*rows))


async def compare(update: Update, context: ChatContext) -> None:
    """Both over the same prices, by the rules of the first one's exchange."""
    await answer(update)
    args = press_of(update).args
    first = await subject_of(context, word_in(press_of(update)))
    pair, since = pair_of(args, first), period_of(args)
    second = await subject_of(context, word_in(press_of(update), 3))
    job = await desk_of(context).job(
        context.person,
        Kind.COMPARE,
        [first, second],
        pair=pair,
        period=since,
        dark=await dark_of(context),
    )
    texts = context.texts
    head = texts(
        "backtest.comparing",
        first=first.name,
        second=second.name,
        pair=pair,
        period=period_name(texts, since),
    )
    whose = (Choice.of(first).who, Choice.of(second).who)
    again = Press("bt_vs", (whose[0], pair, since, whose[1]))
    view = partial(compared_screen, choices=[Choice(who, pair, since) for who in whose])
    await shows_of(context).begin(context.person, Wanted(job, head, again, view))


def compared_screen(texts: Texts, done: Done, *, choices: Sequence[Choice]) -> Screen:
    """A table of two columns, named A and B above it."""
    card = done.card
    first, second = card["runs"]
    symbol = Symbol(**card["symbol"])
    names = "\n".join(
        texts("backtest.contender", letter=letter, name=run["name"])
        for letter, run in zip("AB", (first, second), strict=True)
    )
    lines = [_line(symbol.quote, "A", "B")]
    lines += [
        _line(texts.plain(f"backtest.row.{key}"), cell(first), cell(second))
        for key, cell in _cells(texts, symbol).items()
    ]
    table = texts("backtest.table", table="\n".join(line.rstrip() for line in lines))
    text = paragraphs(
        head_text(texts, texts.plain("backtest.two"), card, "⚖️"),
        names,
        table,
        assumptions_text(texts, card, first),
    )
    buttons = [
        Button(f"{letter} · {texts.plain('button.bt_test')}", Choice(c.who, c.pair).press("bt_of"))
        for letter, c in zip("AB", choices, strict=True)
    ]
    return Screen(text, keyboard(buttons))


def _cells(texts: Texts, symbol: Symbol) -> dict[str, _Cell]:
    formats = Formats(texts.locale)

    def amount(key: str, *, signed: bool = False) -> _Cell:
        return lambda run: money(texts, run[key], symbol, signed=signed).removesuffix(symbol.quote).strip()

    def share(key: str, *, signed: bool = False) -> _Cell:
        return lambda run: formats.percent(Decimal(run[key]), signed=signed)

    return {
        "net": amount("net_profit", signed=True),
        "on_budget": share("on_budget", signed=True),
        "on_invested": share("on_invested", signed=True),
        "result": amount("result", signed=True),
        "invested": amount("most_invested"),
        "cycles": lambda run: str(run["cycles"]),
        "deepest": lambda run: f"{run['deepest']}/{run['limit']}",
        "worst": amount("worst"),
        "worst_share": share("worst_of_budget"),
        "water": lambda run: length(texts, run["under_water_ms"]),
        "exhausted": share("exhausted"),
        "fees": amount("fees"),
    }


def _line(label: str, first: str, second: str) -> str:
    return f"{label:<{_LABEL}}{first:>{_CELL}} {second:>{_CELL}}"
