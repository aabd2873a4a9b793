"""/panic: all of one's strategies at once. Consequences first, then a second press, then what was done for each."""

from dataclasses import dataclass

from telegram import InlineKeyboardMarkup, Update

from bot.domain.events import StopMode
from bot.errors import NotAllowed
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.keyboards import GRAVE, Button, column, keyboard
from handlers.stop_views import panic_done, panic_question, panic_sure
from handlers.talk import answer, press_of, say, show, word_in
from handlers.texts import Texts

_WAYS = (StopMode.KEEP_COINS, StopMode.SELL_NOW)


@dataclass(frozen=True, slots=True)
class StopEverything:
    """What a confirmed press stops: exactly the strategies that the person was shown."""

    strategy_ids: tuple[int, ...]
    mode: StopMode


async def panic(update: Update, context: ChatContext) -> None:
    """/panic: what runs, what it holds, and the two ways out."""
    await answer(update)
    stopping, texts = context.service.stopping, context.texts
    outcomes = await stopping.at_work(context.person)
    if not outcomes:
        await say(update, context, texts("panic.nothing_runs"))
        return
    text = panic_question(texts, outcomes, locked=stopping.locked(context.person))
    await say(update, context, text, panic_keyboard(texts))


def panic_keyboard(texts: Texts) -> InlineKeyboardMarkup:
    ways = [
        Button(texts.plain(f"button.panic_{way.value}"), Press("panic_how", (way.value,)), GRAVE)
        for way in _WAYS
    ]
    return column([*ways, Button(texts.plain("button.never_mind"), Press("no"))])


async def panic_how(update: Update, context: ChatContext) -> None:
    """The second look, with the amounts of now."""
    await answer(update)
    mode = _way(word_in(press_of(update)))
    await _ask(update, context, mode)


async def _ask(update: Update, context: ChatContext, mode: StopMode) -> None:
    stopping, texts = context.service.stopping, context.texts
    outcomes = await stopping.at_work(context.person)
    if not outcomes:
        await show(update, context, texts("panic.nothing_runs"))
        return
    what = StopEverything(tuple(o.strategy.id for o in outcomes), mode)
    nonce = context.confirmations.ask(context.person.id, what)
    buttons = keyboard(
        [Button(texts.plain("button.panic_yes"), Press("panic_yes", (mode.value, nonce)), GRAVE)],
        [Button(texts.plain("button.no"), Press("no"))],
    )
    locked = stopping.locked(context.person)
    await show(update, context, panic_sure(texts, outcomes, mode, locked=locked), buttons)


async def panic_yes(update: Update, context: ChatContext) -> None:
    """Carried out once; an old press, or one whose strategies are no longer those shown, is asked again."""
    await answer(update)
    press = press_of(update)
    mode = _way(word_in(press))
    what = context.confirmations.take(context.person.id, word_in(press, 1))
    if not isinstance(what, StopEverything) or what.mode is not mode:
        await say(update, context, context.texts("confirm.expired"))
        await _ask(update, context, mode)
        return
    halted = await context.service.stopping.halt(context.person, what.strategy_ids, mode)
    unlock = [Button(context.texts.plain("button.unlock"), Press("unlock"))]
    locked = context.service.stopping.locked(context.person)
    await show(update, context, panic_done(context.texts, halted, mode), keyboard(unlock) if locked else None)


def _way(word: str) -> StopMode:
    if word not in set(_WAYS):
        raise NotAllowed("dead_button")
    return StopMode(word)
