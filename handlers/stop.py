"""/stop: which strategy, in which of three ways, and a second look before anything is cancelled or sold."""

from dataclasses import dataclass

from telegram import InlineKeyboardMarkup, Update

from bot.domain.events import StopMode
from bot.errors import NotAllowed
from bot.ports import RunStatus
from bot.service import StopOutcome
from bot.service.stopping import Halt, Halted
from handlers.callback import Press
from handlers.cards import strategy_label
from handlers.context import ChatContext
from handlers.keyboards import GOOD, GRAVE, Button, column, keyboard
from handlers.stop_views import stop_card, stop_done, stop_sure
from handlers.talk import answer, number_in, press_of, say, show, word_in
from handlers.texts import Texts


@dataclass(frozen=True, slots=True)
class StopStrategy:
    """What a confirmed press stops, and how."""

    strategy_id: int
    mode: StopMode


async def stop(update: Update, context: ChatContext) -> None:
    """/stop: straight to the three ways where only one strategy runs."""
    running = [s for s in await context.service.strategies(context.person) if s.status is not RunStatus.IDLE]
    texts = context.texts
    if not running:
        await say(update, context, texts("stop.nothing_runs"))
    elif len(running) == 1:
        await _ask_how(update, context, running[0].id)
    else:
        buttons = [Button(strategy_label(s), Press("stop", (str(s.id),))) for s in running]
        everything = Button(texts.plain("button.stop_all"), Press("panic"), GRAVE)
        await say(update, context, texts("stop.which"), column([*buttons, everything]))


async def stop_one(update: Update, context: ChatContext) -> None:
    await answer(update)
    await _ask_how(update, context, number_in(press_of(update)))


async def _ask_how(update: Update, context: ChatContext, strategy_id: int) -> None:
    outcome = await context.service.stop_outcome(context.person, strategy_id)
    if outcome.strategy.status is RunStatus.IDLE:
        raise NotAllowed("not_running")
    locked = context.service.stopping.locked(context.person)
    card = stop_card(context.texts, outcome, locked=locked)
    await show(update, context, card, how_keyboard(context.texts, outcome))


def how_keyboard(texts: Texts, outcome: StopOutcome) -> InlineKeyboardMarkup:
    """The three ways, pausing or resuming re-buys, and taking a stop after this cycle back."""
    strategy_id, paused = outcome.strategy.id, outcome.state.rebuys_paused
    styles = {StopMode.AFTER_CYCLE: None, StopMode.KEEP_COINS: GRAVE, StopMode.SELL_NOW: GRAVE}
    ways = [
        Button(texts.plain(f"button.{mode.value}"), Press("stop_how", (str(strategy_id), mode.value)), style)
        for mode, style in styles.items()
    ]
    word = "resume" if paused else "pause"
    rebuys = Button(texts.plain(f"button.{word}_rebuys"), Press("stop_rebuys", (str(strategy_id), word)))
    going = Button(texts.plain("button.keep_going"), Press("stop_not", (str(strategy_id),)), GOOD)
    if outcome.wish is not None:
        ways.insert(0, going)
    elif outcome.state.stop is StopMode.AFTER_CYCLE:
        ways[0] = going
    return column([*ways, rebuys, Button(texts.plain("button.never_mind"), Press("no"))])


async def hold_rebuys(update: Update, context: ChatContext) -> None:
    """Pause re-buys alone, or let them go on; the other press takes it back, so it is not asked twice."""
    await answer(update)
    press = press_of(update)
    strategy_id, word = number_in(press), word_in(press, 1)
    if word not in {"pause", "resume"}:
        raise NotAllowed("dead_button")
    paused = word == "pause"
    strategy = await context.service.stopping.hold_rebuys(context.person, strategy_id, paused=paused)
    key = "stop.paused_now" if paused else "stop.resumed_now"
    await show(update, context, context.texts(key, name=strategy.name))


async def do_not_stop(update: Update, context: ChatContext) -> None:
    """A stop that waits is forgotten; a strategy that would stop after this cycle goes on; any other is left alone."""
    await answer(update)
    outcome = await context.service.stop_outcome(context.person, number_in(press_of(update)))
    if outcome.wish is not None:
        strategy = await context.service.stopping.take_back(context.person, outcome.strategy.id)
        await show(update, context, context.texts("stop.taken_back", name=strategy.name))
        return
    if outcome.strategy.status is RunStatus.IDLE or outcome.state.stop is not StopMode.AFTER_CYCLE:
        raise NotAllowed("dead_button")
    strategy = await context.service.run(context.person, outcome.strategy.id)
    await show(update, context, context.texts("stop.goes_on", name=strategy.name))


async def stop_how(update: Update, context: ChatContext) -> None:
    """After this cycle happens at once; the two that touch orders and coins are asked again."""
    await answer(update)
    press = press_of(update)
    strategy_id, mode = number_in(press), _mode(word_in(press, 1))
    if mode is StopMode.AFTER_CYCLE:
        await _stop(update, context, StopStrategy(strategy_id, mode))
    else:
        await _ask_again(update, context, StopStrategy(strategy_id, mode))


async def _ask_again(update: Update, context: ChatContext, what: StopStrategy) -> None:
    outcome = await context.service.stop_outcome(context.person, what.strategy_id)
    nonce = context.confirmations.ask(context.person.id, what)
    buttons = sure_keyboard(context.texts, what, nonce)
    locked = context.service.stopping.locked(context.person)
    await show(update, context, stop_sure(context.texts, outcome, what.mode, locked=locked), buttons)


def sure_keyboard(texts: Texts, what: StopStrategy, nonce: str) -> InlineKeyboardMarkup:
    press = Press("stop_yes", (str(what.strategy_id), what.mode.value, nonce))
    return keyboard(
        [Button(texts.plain(f"button.yes_{what.mode.value}"), press, GRAVE)],
        [Button(texts.plain("button.no"), Press("no"))],
    )


async def stop_yes(update: Update, context: ChatContext) -> None:
    await answer(update)
    press = press_of(update)
    what = StopStrategy(number_in(press), _mode(word_in(press, 1)))
    if context.confirmations.take(context.person.id, word_in(press, 2)) != what:
        await say(update, context, context.texts("confirm.expired"))
        await _ask_again(update, context, what)
        return
    await _stop(update, context, what)


async def _stop(update: Update, context: ChatContext, what: StopStrategy) -> None:
    """What cannot be done now is kept as a wish, and can be taken back."""
    outcome = await context.service.stop_outcome(context.person, what.strategy_id)
    if outcome.strategy.status is RunStatus.IDLE:
        raise NotAllowed("not_running")
    (halted,) = await context.service.stopping.halt(context.person, [what.strategy_id], what.mode)
    if halted.why is not None:
        raise halted.why
    await show(
        update, context, stop_done(context.texts, halted, what.mode), _after_stop(context.texts, halted)
    )


def _after_stop(texts: Texts, halted: Halted) -> InlineKeyboardMarkup | None:
    if halted.halt is Halt.STOPPING:
        return None
    going = Button(texts.plain("button.keep_going"), Press("stop_not", (str(halted.strategy.id),)), GOOD)
    unlock = Button(texts.plain("button.unlock"), Press("unlock"))
    return column([unlock, going] if halted.halt is Halt.NOTED else [going])


def _mode(word: str) -> StopMode:
    if word not in set(StopMode):
        raise NotAllowed("dead_button")
    return StopMode(word)
