"""What the handlers of backtests share, and whose strategy a button means."""

from collections.abc import Sequence
from typing import cast

from telegram.ext import ConversationHandler

from bot.domain.strategy_file import pair_name
from bot.domain.validation import problems
from bot.errors import NotAllowed
from bot.ports import Environment, Person
from bot.service.backtest_desk import BacktestDesk, Subject
from bot.service.backtest_wishes import is_period
from handlers.alert_context import reports_of
from handlers.backtest_shows import BacktestShows
from handlers.context import ChatContext
from handlers.form import DRAFT, ENVIRONMENT, PAIR, WISH, Form, Step
from handlers.form_shelf import taken_off

BACKTESTS = "backtests"
ASIDE = frozenset({Step.TEST_PAIR, Step.TEST_DATES})
END = ConversationHandler.END


def shows_of(context: ChatContext) -> BacktestShows:
    return cast("BacktestShows", context.application.bot_data[BACKTESTS])


def desk_of(context: ChatContext) -> BacktestDesk:
    return shows_of(context).desk


async def dark_of(context: ChatContext) -> bool:
    """Whether this person's pictures are dark."""
    return (await reports_of(context).preferences.taste(context.person.id)).dark


async def subject_of(context: ChatContext, who: str) -> Subject:
    """A saved strategy by its number, or the form under way; NotAllowed for what is not this person's, or is gone."""
    if who == DRAFT:
        found = await draft_subject(context)
        if found is None:
            raise NotAllowed("backtest_no_draft")
        return found
    if not who.isdecimal():
        raise NotAllowed("dead_button")
    return Subject.of(await context.service.strategy(context.person, int(who)))


async def draft_subject(context: ChatContext) -> Subject | None:
    """The form that is being filled in, once every question is answered and nothing in it is wrong."""
    form = await draft_form(context, context.person)
    if form is None or ENVIRONMENT not in form.answers or not form.complete or problems(form.params):
        return None
    mine = await context.service.strategies(context.person) if form.edits is not None else ()
    of = next((s.name for s in mine if s.id == form.edits), form.answers.get(WISH))
    texts = context.texts
    name = texts.plain("backtest.draft_of", name=of) if of else texts.plain("backtest.draft")
    return Subject(None, name, Environment(form.answers[ENVIRONMENT]), form.answers[PAIR], form.params)


async def draft_form(context: ChatContext, person: Person) -> Form | None:
    """The form as it lies under a question of ours."""
    draft = await context.service.draft(person)
    form = Form.of(draft) if draft else None
    while form is not None and form.cursor.step in ASIDE:
        form = taken_off(form)
    return form


def pair_of(args: Sequence[str], subject: Subject) -> str:
    """The pair that a button carries, the strategy's own where it carries none."""
    return pair_name(args[1]) if len(args) > 1 else subject.pair


def period_of(args: Sequence[str], position: int = 2) -> str:
    if len(args) <= position or not is_period(args[position]):
        raise NotAllowed("dead_button")
    return args[position]
