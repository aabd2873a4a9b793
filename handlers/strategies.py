"""/strategies: the list, one card each, its plan and files, running and deleting it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from telegram import InlineKeyboardMarkup, Update

from bot.errors import NotAllowed
from bot.ports import RunStatus, Strategy
from handlers import plan_table
from handlers.callback import Press
from handlers.cards import header, run_question, strategy_label
from handlers.context import ChatContext
from handlers.form_views import paragraphs
from handlers.keyboards import GOOD, GRAVE, Button, keyboard
from handlers.plan_messages import send_plan
from handlers.strategy_texts import card_text, page_of, page_text, shortage_text
from handlers.talk import answer, number_in, press_of, say, show, word_in
from handlers.texts import Texts

_WORDS_BYTES = 32


@dataclass(frozen=True, slots=True)
class RunStrategy:
    """What a confirmed press starts."""

    strategy_id: int


@dataclass(frozen=True, slots=True)
class DeleteStrategy:
    """What a confirmed press deletes."""

    strategy_id: int


# --- the list -----------------------------------------------------------------------------------------------


async def strategies(update: Update, context: ChatContext) -> None:
    """`/strategies words` finds; a press carries the page and the words that were searched for."""
    await answer(update)
    page, words = 0, searchable(" ".join(context.args or ()))
    if update.callback_query is not None:
        page, words = _page_in(press_of(update).args)
    found = await context.service.saved.find(context.person, words)
    text = page_text(context.texts, found, page, words)
    await show(update, context, text, list_keyboard(context.texts, found, page, words))


def _page_in(args: Sequence[str]) -> tuple[int, str]:
    page = int(args[0]) if args and args[0].isdecimal() else 0
    return page, args[1] if len(args) > 1 else ""


def searchable(words: str) -> str:
    """Words short and plain enough for a button to carry them."""
    plain = " ".join(words.replace(":", " ").split())
    return plain.encode()[:_WORDS_BYTES].decode(errors="ignore").strip()


def list_keyboard(texts: Texts, found: Sequence[Strategy], page: int, words: str) -> InlineKeyboardMarkup:
    shown, page, pages = page_of(found, page)
    rows = [[Button(strategy_label(s), Press("strategy", (str(s.id),)))] for s in shown]
    turn = []
    if page:
        turn.append(Button(texts.plain("button.page_back"), Press("strategies", (str(page - 1), words))))
    if page + 1 < pages:
        turn.append(Button(texts.plain("button.page_on"), Press("strategies", (str(page + 1), words))))
    find = [Button(texts.plain("button.search"), Press("search"))] if found or words else []
    whole = [Button(texts.plain("button.all"), Press("strategies"))] if words else []
    new = [Button(texts.plain("button.new_strategy"), Press("new"))]
    return keyboard(*rows, turn, [*find, *whole], new)


# --- one strategy -------------------------------------------------------------------------------------------


async def strategy(update: Update, context: ChatContext) -> None:
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    traded = await context.service.saved.pair_is_fixed(found)
    buttons = strategy_keyboard(context.texts, found, traded=traded)
    await show(update, context, card_text(context.texts, found), buttons)


def strategy_keyboard(texts: Texts, found: Strategy, *, traded: bool) -> InlineKeyboardMarkup:
    """What can be done with this strategy as it stands."""
    args = (str(found.id),)
    run = Button(texts.plain("button.run"), Press("run", args), GOOD)
    resume = Button(texts.plain("button.resume"), Press("run", args), GOOD)
    stop = Button(texts.plain("button.stop"), Press("stop", args), GRAVE)
    first = {RunStatus.IDLE: [run], RunStatus.RUNNING: [stop], RunStatus.PAUSED: [resume, stop]}
    delete = Button(texts.plain("button.delete"), Press("delete", args), GRAVE)
    return keyboard(
        first[found.status],
        [
            Button(texts.plain("button.status"), Press("status", args)),
            Button(texts.plain("button.plan"), Press("plan", args)),
            Button(texts.plain("button.bt_test"), Press("bt_of", args)),
        ],
        [Button(texts.plain("button.bt_against"), Press("bt_against", args))] if traded else [],
        [
            Button(texts.plain("button.edit"), Press("edit", args)),
            Button(texts.plain("button.clone"), Press("clone", args)),
            Button(texts.plain("button.rename"), Press("rename", args)),
        ],
        [
            Button(".js", Press("file", (*args, "js"))),
            Button(".json", Press("file", (*args, "json"))),
            *([delete] if found.status is RunStatus.IDLE else []),
        ],
        [Button(texts.plain("button.back"), Press("strategies"))],
    )


async def plan(update: Update, context: ChatContext) -> None:
    """Item 7 of a saved strategy, at the price of now."""
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    market = await context.service.market(context.person, found.environment, found.symbol.name)
    made = context.service.plan(market, found.chosen)
    tables = await send_plan(context, market, made)
    card = Button(context.texts.plain("button.strategy"), Press("strategy", (str(found.id),)))
    await say(update, context, paragraphs(tables, plan_table.verdict(context.texts, made)), keyboard([card]))


async def file(update: Update, context: ChatContext) -> None:
    """The strategy as a .js or .json file that can be edited and sent back."""
    await answer(update)
    press = press_of(update)
    found = await context.service.strategy(context.person, number_in(press))
    kind = "json" if press.args[1:] == ("json",) else "js"
    name, text = context.service.saved.export(found, kind)
    await context.bot.send_document(context.person.chat_id, text.encode(), filename=name)


# --- run ----------------------------------------------------------------------------------------------------


async def run(update: Update, context: ChatContext) -> None:
    """A press on run: ask once more, with everything named."""
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    await ask_to_run(update, context, found)


async def ask_to_run(update: Update, context: ChatContext, found: Strategy, *, below: bool = False) -> None:
    """Item 9's question: environment, pair, money, SIM or REAL; its buttons carry a nonce for 60 seconds.

    It takes the pressed message's place, unless it is to come `below` it.
    """
    texts = context.texts
    short = await context.service.saved.shortage(context.person, found)
    warning = "" if short is None else shortage_text(texts, found, short)
    nonce = context.confirmations.ask(context.person.id, RunStrategy(found.id))
    question = paragraphs(warning, run_question(texts, replace(found, params=found.chosen)))
    await (say if below else show)(update, context, question, run_keyboard(texts, found, nonce))


def run_keyboard(texts: Texts, found: Strategy, nonce: str) -> InlineKeyboardMarkup:
    label = "button.run_real" if found.environment.real_money else "button.run_simulation"
    style = GRAVE if found.environment.real_money else GOOD
    return keyboard(
        [Button(texts.plain(label), Press("run_yes", (str(found.id), nonce)), style)],
        [Button(texts.plain("button.no"), Press("no"))],
    )


async def run_yes(update: Update, context: ChatContext) -> None:
    """The second press: run it. An old one (60 s, or from before a restart) is asked again."""
    await answer(update)
    press = press_of(update)
    found = await context.service.strategy(context.person, number_in(press))
    if context.confirmations.take(context.person.id, word_in(press, 1)) != RunStrategy(found.id):
        await say(update, context, context.texts("confirm.expired"))
        await ask_to_run(update, context, found)
        return
    started = await context.service.run(context.person, found.id)
    buttons = keyboard([Button(context.texts.plain("button.status"), Press("status", (str(started.id),)))])
    await show(update, context, context.texts("run.done", name=started.name), buttons)


# --- delete -------------------------------------------------------------------------------------------------


async def delete(update: Update, context: ChatContext) -> None:
    """A press on delete: ask once more; one that runs is refused at once."""
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    if found.status is not RunStatus.IDLE:
        raise NotAllowed("running_not_deleted")
    await _ask_to_delete(update, context, found)


async def _ask_to_delete(update: Update, context: ChatContext, found: Strategy) -> None:
    texts = context.texts
    nonce = context.confirmations.ask(context.person.id, DeleteStrategy(found.id))
    text = "\n\n".join([header(texts, found), texts("strategy.delete_sure"), texts("run.valid")])
    yes = Button(texts.plain("button.delete_yes"), Press("delete_yes", (str(found.id), nonce)), GRAVE)
    await show(update, context, text, keyboard([yes], [Button(texts.plain("button.no"), Press("no"))]))


async def delete_yes(update: Update, context: ChatContext) -> None:
    """The second press; an old one is asked again."""
    await answer(update)
    press = press_of(update)
    found = await context.service.strategy(context.person, number_in(press))
    if context.confirmations.take(context.person.id, word_in(press, 1)) != DeleteStrategy(found.id):
        await say(update, context, context.texts("confirm.expired"))
        await _ask_to_delete(update, context, found)
        return
    gone = await context.service.saved.delete(context.person, found.id)
    back = Button(context.texts.plain("button.strategies"), Press("strategies"))
    await show(update, context, context.texts("strategy.deleted", name=gone.name), keyboard([back]))
