"""/backtest: a saved strategy on the prices of the past, chosen by buttons, told on one card."""

from telegram import Update

from bot.backtest.jobs import Kind
from bot.ports import RunStatus
from bot.service.backtest_desk import Subject
from bot.service.backtests import Done
from handlers import strategies
from handlers.backtest_context import (
    dark_of,
    desk_of,
    draft_subject,
    pair_of,
    period_of,
    shows_of,
    subject_of,
)
from handlers.backtest_shows import Wanted, stop
from handlers.backtest_views import (
    Choice,
    choose_period,
    choose_strategy,
    period_name,
    result_buttons,
    result_text,
)
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.form_views import Screen
from handlers.keyboards import Button, keyboard
from handlers.talk import answer, number_in, press_of, say, show, word_in
from handlers.texts import Texts


async def backtest(update: Update, context: ChatContext) -> None:
    """The saved strategies, a button each; `/backtest words` finds."""
    await answer(update)
    await offer(update, context, action="bt", head="backtest.choose", words=" ".join(context.args or ()))


async def offer(update: Update, context: ChatContext, *, action: str, head: str, words: str = "") -> None:
    """Whose past it shall be."""
    page = 0
    if update.callback_query is not None:
        args = press_of(update).args
        page = int(args[0]) if args and args[0].isdecimal() else 0
    mine = await context.service.saved.find(context.person, words) or await context.service.strategies(
        context.person
    )
    draft = not words and await draft_subject(context) is not None
    screen = choose_strategy(context.texts, mine, page, action=action, draft=draft, head=head)
    await show(update, context, screen.text, screen.keyboard)


async def period(update: Update, context: ChatContext) -> None:
    """Since when: buttons, or typed dates. A new message: the card that was pressed is still wanted."""
    screen = await _period_screen(update, context)
    await say(update, context, screen.text, screen.keyboard)


async def period_in_place(update: Update, context: ChatContext) -> None:
    """The same in the place of the list of strategies."""
    screen = await _period_screen(update, context)
    await show(update, context, screen.text, screen.keyboard)


async def _period_screen(update: Update, context: ChatContext) -> Screen:
    await answer(update)
    args = press_of(update).args
    subject = await subject_of(context, word_in(press_of(update)))
    return choose_period(context.texts, subject, pair_of(args, subject))


async def go(update: Update, context: ChatContext) -> None:
    """A pressed period: queue it."""
    await answer(update)
    args = press_of(update).args
    subject = await subject_of(context, word_in(press_of(update)))
    await start(context, subject, pair_of(args, subject), period_of(args))


async def start(context: ChatContext, subject: Subject, pair: str, since: str) -> None:
    """Queue a backtest; InvalidInput for a pair or a period that is none."""
    choice = Choice(Choice.of(subject).who, pair, since)
    dark = await dark_of(context)
    job = await desk_of(context).job(
        context.person, Kind.BACKTEST, [subject], pair=pair, period=since, dark=dark
    )
    head = context.texts(
        "backtest.running", name=subject.name, pair=pair, period=period_name(context.texts, since)
    )

    def view(texts: Texts, done: Done) -> Screen:
        return Screen(result_text(texts, done.card), keyboard(*result_buttons(texts, choice)))

    await shows_of(context).begin(context.person, Wanted(job, head, choice.press("bt_go"), view))


async def run(update: Update, context: ChatContext) -> None:
    """Ask whether to run what was tested, below its card."""
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    if found.status is RunStatus.RUNNING:
        texts = context.texts
        status = Button(texts.plain("button.status"), Press("status", (str(found.id),)))
        await say(update, context, texts("backtest.runs_already", name=found.name), keyboard([status]))
        return
    await strategies.ask_to_run(update, context, found, below=True)


async def cancel(update: Update, context: ChatContext) -> None:
    """The button under the progress; an old one says that nothing runs."""
    stopped = await stop(shows_of(context), context.person)
    await answer(update, None if stopped else context.texts.plain("backtest.nothing_runs"))
