"""/keys, then test: each step with its time, in one message that grows as the steps end."""

from dataclasses import dataclass, field
from decimal import Decimal

from telegram import InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest

from bot.domain.market import Symbol
from bot.errors import NotAllowed
from bot.ports import Environment
from bot.service.key_order import SmallOrder
from bot.service.key_test import STEPS, Outcome, Step
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.failures import explain
from handlers.formats import Formats
from handlers.keyboards import Button, column, keyboard
from handlers.secrets_typed import reach_lines, validity_line
from handlers.start import environment_name
from handlers.talk import answer, press_of, say, show, word_in
from handlers.texts import Texts


@dataclass(frozen=True, slots=True)
class TryOrder:
    """A confirmed press places and cancels this."""

    environment: Environment
    order: SmallOrder


@dataclass(slots=True)
class _Card:
    """The message under way: its lines, and the step that is waited for."""

    texts: Texts
    environment: Environment
    now: int
    lines: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.lines += outcome_lines(self.texts, outcome, self.now)

    def text(self, waiting: Step | None, tail: str = "") -> str:
        head = self.texts("keytest.head", environment=environment_name(self.texts, self.environment))
        waits = [f"⏳ {self.texts(f'keytest.{waiting.value}')}"] if waiting else []
        return "\n".join([head, "", *self.lines, *waits, *(["", tail] if tail else [])])


def outcome_lines(texts: Texts, outcome: Outcome, now: int) -> list[str]:
    """One step for the eye: what was found out stands beside it, why it failed below it; `now` in ms UTC."""
    mark = "✅" if outcome.fault is None else "❌"
    took = texts("keytest.ms", ms=outcome.ms)
    lines = [f"{mark} {texts(f'keytest.{outcome.step.value}')}{took}{_found(texts, outcome)}"]
    if outcome.facts is not None and outcome.fault is None:
        lines += reach_lines(texts, outcome.facts)
        lines.append(validity_line(texts, outcome.facts, now))
    if outcome.belongs_to is not None:
        lines.append(texts("keytest.belongs_to", environment=environment_name(texts, outcome.belongs_to)))
    elif outcome.fault is not None:
        lines.append(
            explain(texts, outcome.fault) or texts("error.exchange", reason=type(outcome.fault).__name__)
        )
    return lines


def _found(texts: Texts, outcome: Outcome) -> str:
    formats = Formats(texts.locale)
    if outcome.offset is not None:
        return texts("keytest.offset", seconds=_seconds(texts, outcome.offset))
    if outcome.free is not None:
        return texts("keytest.free", amount=formats.quote(outcome.free, Symbol("", "", outcome.coin)))
    return ""


async def test_key(update: Update, context: ChatContext) -> None:
    """Which key? With one there is nothing to choose."""
    await answer(update)
    texts = context.texts
    vault = await context.service.vault_state(context.person)
    if not vault.unlocked and vault.environments:
        await say(update, context, texts("error.vault_locked"), keyboard([_unlock(texts)]))
        return
    if len(vault.environments) == 1:
        await _test(update, context, vault.environments[0])
        return
    buttons = [
        Button(environment_name(texts, e), Press("key_test_of", (e.value,))) for e in vault.environments
    ]
    back = Button(texts.plain("button.back"), Press("keys"))
    await show(update, context, texts("keytest.which"), column([*buttons, back]))


async def test_key_of(update: Update, context: ChatContext) -> None:
    await answer(update)
    await _test(update, context, _environment(word_in(press_of(update))))


async def _test(update: Update, context: ChatContext, environment: Environment) -> None:
    texts, care = context.texts, context.service
    card = _Card(texts, environment, care.now())
    message = await say(update, context, card.text(STEPS[0]))
    outcome = None
    async for outcome in care.key_test.run(context.person, environment):
        card.add(outcome)
        after = STEPS.index(outcome.step) + 1
        if outcome.fault is None and after < len(STEPS):
            await _edit(message, card.text(STEPS[after]))
    if outcome is not None and outcome.fault is None:
        order = Button(texts.plain("button.try_order"), Press("key_order", (environment.value,)))
        await _edit(message, card.text(None, texts("keytest.fine")), keyboard([order], [_back(texts)]))
    else:
        await _edit(message, card.text(None, texts("keytest.bad")), keyboard([_back(texts)]))


async def ask_order(update: Update, context: ChatContext) -> None:
    """What would be placed, with its money, before it is."""
    await answer(update)
    texts, environment = context.texts, _environment(word_in(press_of(update)))
    order = await context.service.key_test.smallest_order(context.person, environment)
    formats, symbol = Formats(texts.locale), order.rules.symbol
    nonce = context.confirmations.ask(context.person.id, TryOrder(environment, order))
    question = texts(
        "keytest.ask_real" if environment.real_money else "keytest.ask_simulation",
        environment=environment_name(texts, environment),
        quantity=formats.base(order.quantity, symbol),
        price=formats.price(order.price),
        value=formats.quote(order.value, symbol),
    )
    yes = Button(texts.plain("button.yes_order"), Press("key_order_yes", (nonce,)))
    await say(update, context, question, keyboard([yes], [Button(texts.plain("button.no"), Press("no"))]))


async def try_order(update: Update, context: ChatContext) -> None:
    """Placed and cancelled, each with its time."""
    await answer(update)
    texts = context.texts
    what = context.confirmations.take(context.person.id, word_in(press_of(update)))
    if not isinstance(what, TryOrder):
        await show(update, context, texts("confirm.expired"))
        return
    card = _Card(texts, what.environment, context.service.now())
    message = await say(update, context, card.text(Step.ORDER_PLACE))
    outcome = None
    async for outcome in context.service.key_test.try_order(context.person, what.environment, what.order):
        card.add(outcome)
        if outcome.step is Step.ORDER_PLACE and outcome.fault is None:
            await _edit(message, card.text(Step.ORDER_CANCEL))
    if outcome is not None and outcome.step is Step.ORDER_CANCEL and outcome.fault is not None:
        tail = texts("keytest.order_stays")
    else:
        tail = texts("keytest.order_gone" if outcome and outcome.fault is None else "keytest.bad")
    await _edit(message, card.text(None, tail))


async def _edit(message: Message, text: str, buttons: InlineKeyboardMarkup | None = None) -> None:
    try:
        await message.edit_text(text, reply_markup=buttons)
    except BadRequest as exc:
        if "not modified" not in exc.message.lower():
            raise


def _seconds(texts: Texts, offset: float) -> str:
    return Formats(texts.locale).number(Decimal(repr(offset)), least=2, most=2, signed=True)


def _unlock(texts: Texts) -> Button:
    return Button(texts.plain("button.unlock"), Press("unlock"))


def _back(texts: Texts) -> Button:
    return Button(texts.plain("button.keys"), Press("keys"))


def _environment(name: str) -> Environment:
    if name not in set(Environment):
        raise NotAllowed("dead_button")
    return Environment(name)
