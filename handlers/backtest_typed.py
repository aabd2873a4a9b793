"""What of a backtest can be typed: another pair, other dates. Asked over the form's draft, of which nothing is lost."""

from telegram import Update

from bot.domain.strategy_file import pair_name
from bot.errors import AccessDenied, InvalidInput, NotAllowed, Unavailable
from bot.service.backtest_desk import Subject
from bot.service.backtest_wishes import read_period
from handlers import backtest
from handlers.backtest_context import ASIDE, pair_of, subject_of
from handlers.backtest_views import choose_period, period_fault
from handlers.context import ChatContext
from handlers.form import Cursor, Form, Step
from handlers.form_faults import fault_text
from handlers.form_shelf import laid_over, taken_off
from handlers.form_turn import END, Outcome, Turn, trouble
from handlers.talk import answer, press_of, word_in


async def ask_pair(update: Update, context: ChatContext) -> Outcome:
    await answer(update)
    who = word_in(press_of(update))
    await subject_of(context, who)
    return await _asked(update, context, Cursor(Step.TEST_PAIR, who))


async def ask_dates(update: Update, context: ChatContext) -> Outcome:
    await answer(update)
    args = press_of(update).args
    who = word_in(press_of(update))
    pair = pair_of(args, await subject_of(context, who))
    return await _asked(update, context, Cursor(Step.TEST_DATES, f"{who}:{pair}"))


async def _asked(update: Update, context: ChatContext, cursor: Cursor) -> Outcome:
    left = await context.service.draft(context.person)
    below = Form.of(left) if left else None
    while below is not None and below.cursor.step in ASIDE:  # our own question, asked anew
        await Turn(update, context, below).put_away(below.message_id)
        below = taken_off(below)
    return await Turn(update, context, laid_over(Form(cursor), below)).show(laid_over(Form(cursor), below))


async def typed_pair(turn: Turn, words: str) -> Outcome:
    """The period card on the typed pair; one that is not traded there is asked again."""
    subject = await _subject(turn, turn.form.cursor.about)
    if subject is None:
        return await turn.leave(turn.texts("error.backtest_no_draft"))
    try:
        pair = pair_name(words)
        await turn.service.public(subject.environment).rules(pair)
    except InvalidInput as wrong:
        return await turn.show(turn.form, before=fault_text(turn.texts, wrong))
    except (Unavailable, AccessDenied) as exc:
        return await turn.show(turn.form, before=trouble(turn.texts, exc))
    await _restored(turn)
    screen = choose_period(turn.texts, subject, pair)
    await turn.context.bot.send_message(turn.person.chat_id, screen.text, reply_markup=screen.keyboard)
    return END


async def typed_dates(turn: Turn, words: str) -> Outcome:
    """A backtest of these days; what is no two dates is asked again."""
    who, _, pair = turn.form.cursor.about.partition(":")
    subject = await _subject(turn, who)
    if subject is None:
        return await turn.leave(turn.texts("error.backtest_no_draft"))
    try:
        since = read_period(words, turn.service.now(), day_first=turn.texts.locale == "pt_BR")
    except InvalidInput as wrong:
        return await turn.show(turn.form, before=period_fault(turn.texts, wrong))
    try:
        await backtest.start(turn.context, subject, pair or subject.pair, since)
    except (Unavailable, AccessDenied) as exc:
        return await turn.show(turn.form, before=trouble(turn.texts, exc))
    await _restored(turn)
    return END


async def _subject(turn: Turn, who: str) -> Subject | None:
    """None where the strategy was deleted, or the form dropped, while the question stood."""
    try:
        return await subject_of(turn.context, who)
    except NotAllowed:
        return None


async def _restored(turn: Turn) -> None:
    """The form that waited under our question waits again."""
    await turn.put_away(turn.form.message_id)
    below = taken_off(turn.form)
    if below is None:
        await turn.service.drop_draft(turn.person)
    else:
        await turn.service.save_draft(below.draft(turn.person.id))
