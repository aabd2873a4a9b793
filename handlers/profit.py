"""/profit: what was earned in a day, a week, a month or always, with a picture and a file."""

from telegram import InlineKeyboardMarkup, InputMediaPhoto, Message, Update
from telegram.error import BadRequest

from bot.domain.market import Symbol
from bot.domain.money import Quote
from bot.errors import NotAllowed
from bot.service.reports import Period, Profits, Sale
from handlers.alert_context import reports_of
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.formats import Formats
from handlers.keyboards import GOOD, Button, keyboard
from handlers.profit_file import csv_file
from handlers.profit_picture import picture
from handlers.talk import answer, chat_id_of, press_of, say, word_in
from handlers.texts import Texts

_MOST_STRATEGIES = 8


async def profit(update: Update, context: ChatContext) -> None:
    """This week's profit; other periods by button."""
    await answer(update)
    profits = await reports_of(context).profits(context.person, Period.WEEK)
    always = await reports_of(context).profits(context.person, Period.ALL)
    if not always.sales:
        await say(update, context, context.texts("profit.nothing"))
        return
    await context.bot.send_photo(
        chat_id_of(update),
        await _picture(context, profits),
        caption=profit_text(context.texts, profits),
        reply_markup=_buttons(context.texts, profits.period),
        filename="profit.png",
    )


async def profit_period(update: Update, context: ChatContext) -> None:
    """The same message with another period."""
    await answer(update)
    profits = await reports_of(context).profits(context.person, _period(update))
    query = update.callback_query
    if query is None or not isinstance(query.message, Message) or not query.message.photo:
        raise NotAllowed("dead_button")
    photo = InputMediaPhoto(
        await _picture(context, profits), caption=profit_text(context.texts, profits), filename="profit.png"
    )
    try:
        await query.message.edit_media(photo, reply_markup=_buttons(context.texts, profits.period))
    except BadRequest as exc:  # deleted meanwhile, or the same picture again
        if "to edit" not in exc.message.lower() and "not modified" not in exc.message.lower():
            raise


async def profit_file(update: Update, context: ChatContext) -> None:
    """Each closed cycle of the period as a line of a csv file."""
    await answer(update)
    profits = await reports_of(context).profits(context.person, _period(update))
    name, content = csv_file(context.texts, profits)
    await context.bot.send_document(
        chat_id_of(update),
        content,
        filename=name,
        caption=context.texts.count("profit.file", len(profits.sales)),
    )


def _period(update: Update) -> Period:
    word = word_in(press_of(update))
    if word not in set(Period):
        raise NotAllowed("dead_button")
    return Period(word)


async def _picture(context: ChatContext, profits: Profits) -> bytes:
    taste = await reports_of(context).preferences.taste(context.person.id)
    return await picture(context.texts, profits, dark=taste.dark)


def profit_text(texts: Texts, profits: Profits) -> str:
    """Sums by coin, real money and simulation apart, then the strategies that earned most."""
    lines = [texts("profit.head", period=texts.plain(f"profit.{profits.period.value}"))]
    groups = profits.groups()
    if not groups:
        lines += ["", texts("profit.none_in_period")]
    for (real, coin), sales in groups.items():
        lines += ["", *_group_lines(texts, sales, coin, real=real)]
    lines += ["", texts("profit.zone", zone=profits.zone.key)]
    return "\n".join(lines)


def _group_lines(texts: Texts, sales: tuple[Sale, ...], coin: str, *, real: bool) -> list[str]:
    formats, symbol = Formats(texts.locale), Symbol("", "", coin)
    total = _sum(sales)
    lines = [
        texts(
            "profit.total",
            mode=texts.plain("mode.real" if real else "mode.simulation"),
            amount=formats.quote(total, symbol, signed=True),
        ),
        texts.count("profit.cycles", len(sales)),
    ]
    by_strategy: dict[int, list[Sale]] = {}
    for sale in sales:
        by_strategy.setdefault(sale.strategy.id, []).append(sale)
    if len(by_strategy) > 1 or any(sale.strategy.deleted for sale in sales):
        best = sorted(by_strategy.values(), key=lambda mine: _sum(tuple(mine)), reverse=True)
        for mine in best[:_MOST_STRATEGIES]:
            key = "profit.deleted_strategy" if mine[0].strategy.deleted else "profit.strategy"
            amount = formats.quote(_sum(tuple(mine)), symbol, signed=True)
            lines.append(texts(key, name=mine[0].strategy.name[:40], amount=amount, cycles=len(mine)))
    return lines


def _sum(sales: tuple[Sale, ...]) -> Quote:
    return sum((sale.closed.net_profit for sale in sales), Quote.zero())


def _buttons(texts: Texts, chosen: Period) -> InlineKeyboardMarkup:
    periods = [
        Button(
            texts.plain(f"button.profit_{period.value}"),
            Press("profit", (period.value,)),
            GOOD if period is chosen else None,
        )
        for period in Period
    ]
    file = Button(texts.plain("button.csv"), Press("profit_file", (chosen.value,)))
    return keyboard(periods[:2], periods[2:], [file])
