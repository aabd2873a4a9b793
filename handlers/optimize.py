"""/optimize: a few hundred variations of a strategy over the past, judged on what they had not seen. Small on purpose."""

from collections.abc import Sequence
from functools import partial

from telegram import Update

from bot.backtest.jobs import Kind
from bot.domain.params import BY_NAME, Value, as_answers, from_answers
from bot.errors import InvalidInput, NotAllowed
from bot.service.backtest_desk import MOST_SECONDS, MOST_SETS, Subject
from handlers.backtest import offer
from handlers.backtest_context import dark_of, desk_of, pair_of, period_of, shows_of, subject_of
from handlers.backtest_shows import Wanted
from handlers.backtest_views import Choice, period_name
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.form import BASE, QUOTE, WISH, pressed_value
from handlers.form_turn import Outcome
from handlers.form_views import Screen
from handlers.keyboards import GOOD, Button, keyboard
from handlers.optimize_views import FIELDS, MOST_FIELDS, optimized_screen
from handlers.strategy_change import filled, opened
from handlers.talk import answer, press_of, say, show, word_in
from handlers.texts import Texts

_PERIODS = ("3m", "1y", "3y")
_FIRST = "ac"
"""Chosen to begin with: the first target and the first drop."""


async def optimize(update: Update, context: ChatContext) -> None:
    await answer(update)
    words = " ".join(context.args or ())
    await offer(update, context, action="opt", head="optimize.choose", words=words)


async def fields(update: Update, context: ChatContext) -> None:
    """Which parameters vary, and over which past. A new message: the card that was pressed is still wanted."""
    screen = await _fields(update, context)
    await say(update, context, screen.text, screen.keyboard)


async def fields_in_place(update: Update, context: ChatContext) -> None:
    """The same in the place of the list of strategies, or of itself: each press toggles a field or a period."""
    screen = await _fields(update, context)
    await show(update, context, screen.text, screen.keyboard)


async def _fields(update: Update, context: ChatContext) -> Screen:
    await answer(update)
    args = press_of(update).args
    subject = await subject_of(context, word_in(press_of(update)))
    since = args[2] if len(args) > 2 and args[2] in _PERIODS else "1y"
    chosen = _chosen(args[3]) if len(args) > 3 else _FIRST
    return fields_screen(context.texts, subject, pair_of(args, subject), since, chosen)


def _chosen(letters: str) -> str:
    """The letters of fields, each once, in their order; `-` for none."""
    return "".join(letter for letter in FIELDS if letter in letters)


def fields_screen(texts: Texts, subject: Subject, pair: str, since: str, chosen: str) -> Screen:
    who = Choice.of(subject).who

    def press(period: str, letters: str, action: str = "opt_in") -> Press:
        return Choice(who, pair, period).press(action, letters or "-")

    rows = [
        [
            Button(
                f"{'☑' if letter in chosen else '☐'} {BY_NAME[name].item} {name}",
                press(since, chosen.replace(letter, "") if letter in chosen else chosen + letter),
            )
        ]
        for letter, name in FIELDS.items()
    ]
    periods = [
        Button(
            f"{'● ' if period == since else ''}{texts.plain(f'button.bt_{period}')}", press(period, chosen)
        )
        for period in _PERIODS
    ]
    start = [Button(texts.plain("button.opt_go"), press(since, chosen, "opt_go"), GOOD)]
    key = "optimize.fields" if len(chosen) <= MOST_FIELDS else "optimize.too_many"
    text = texts(
        key, name=subject.name, pair=pair, most=MOST_FIELDS, sets=MOST_SETS, seconds=round(MOST_SECONDS)
    )
    fits = 1 <= len(chosen) <= MOST_FIELDS
    return Screen(text, keyboard(*rows, periods, start if fits else []))


async def go(update: Update, context: ChatContext) -> None:
    await answer(update)
    args = press_of(update).args
    subject = await subject_of(context, word_in(press_of(update)))
    pair, since = pair_of(args, subject), period_of(args)
    letters = _chosen(word_in(press_of(update), 3))
    if not 1 <= len(letters) <= MOST_FIELDS:
        raise NotAllowed("dead_button")
    job = await desk_of(context).job(
        context.person,
        Kind.OPTIMIZE,
        [subject],
        pair=pair,
        period=since,
        dark=await dark_of(context),
        fields=[FIELDS[letter] for letter in letters],
    )
    texts, choice = context.texts, Choice(Choice.of(subject).who, pair, since)
    period = period_name(texts, since)
    head = texts("optimize.running", name=subject.name, pair=pair, period=period)
    view = partial(optimized_screen, choice=choice)
    await shows_of(context).begin(context.person, Wanted(job, head, choice.press("opt_go", letters), view))


async def try_this(update: Update, context: ChatContext) -> Outcome:
    """The review card of a new strategy with the values of one choice; nothing is saved yet."""
    await answer(update)
    args = press_of(update).args
    subject = await subject_of(context, word_in(press_of(update)))
    answers = as_answers(subject.params) | _values(args[1:])
    market = await context.service.market(context.person, subject.environment, subject.pair)
    coins = {BASE: market.symbol.base, QUOTE: market.symbol.quote}
    form = filled(
        from_answers(answers),
        environment=subject.environment.value,
        pair=subject.pair,
        **coins,
        **{WISH: subject.name},
    )
    return await opened(update, context, form, before=context.texts("optimize.trying", name=subject.name))


def _values(words: Sequence[str]) -> dict[str, Value]:
    """`a0.035`: a field's letter with its value; NotAllowed for what no button of ours carries."""
    found: dict[str, Value] = {}
    for word in words:
        name = FIELDS.get(word[:1])
        if name is None:
            raise NotAllowed("dead_button")
        try:
            found[name] = pressed_value(name, word[1:])
        except InvalidInput:
            raise NotAllowed("dead_button") from None
    return found
