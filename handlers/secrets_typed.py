"""What a person types while a secret is awaited: deleted from the chat at once, then straight into the vault."""

import time
from contextlib import suppress
from dataclasses import replace

from telegram import InlineKeyboardMarkup, Message, Update
from telegram.error import TelegramError
from telegram.ext.filters import MessageFilter

from bot.errors import WrongPassword
from bot.ports import Credentials, Environment, KeyFacts, Secret
from handlers.callback import Press
from handlers.commands import NAMES
from handlers.context import ChatContext
from handlers.failures import wrong_password
from handlers.formats import Formats
from handlers.keyboards import Button, keyboard
from handlers.secret_entry import Awaited, Goal, SecretEntry, Want
from handlers.start import environment_name
from handlers.talk import chat_id_of, erase, say
from handlers.texts import Texts
from handlers.vault_texts import opened_text

MIN_PASSWORD = 12
_MAX_SECRET = 512
_DAY_MS = 24 * 3_600_000
_FAR_DAYS = 366
_EVER_DAYS = 3653


class AwaitedSecret(MessageFilter):
    """Any message of a chat in which a secret is awaited, unless it is one of our commands."""

    def __init__(self, entry: SecretEntry) -> None:
        super().__init__("AwaitedSecret")
        self._entry = entry

    def filter(self, message: Message) -> bool:
        if not self._entry.hides(message.chat.id):
            return False
        first = (message.text or "").split(maxsplit=1)[:1]
        return not (first and first[0].startswith("/") and first[0][1:].partition("@")[0].lower() in NAMES)


async def typed(update: Update, context: ChatContext) -> None:
    """Delete first; then see what was awaited."""
    chat_id = context.person.chat_id
    gone = await erase(update)
    awaited = context.secret_entry.awaited(chat_id)
    texts = context.texts
    if not gone:
        await say(update, context, texts("secret.not_deleted"))
    if awaited is None:
        context.secret_entry.drop(chat_id)
        await say(update, context, texts("secret.too_late"))
        return
    text = (update.message.text or "").strip() if update.message else ""
    if not text or len(text) > _MAX_SECRET:
        await say(update, context, texts("secret.text_please"))
        return
    await _take(update, context, awaited, Secret(text))


async def _take(update: Update, context: ChatContext, awaited: Awaited, secret: Secret) -> None:
    match awaited.want:
        case Want.NEW_PASSWORD:
            await _first_password(update, context, awaited, secret)
        case Want.NEW_PASSWORD_AGAIN:
            await _second_password(update, context, awaited, secret)
        case Want.OLD_PASSWORD:
            await _ask_new(update, context, Awaited(Want.NEW_PASSWORD, awaited.goal, old=secret))
        case Want.PASSWORD:
            await _password(update, context, awaited.goal, secret)
        case Want.API_KEY:
            await _ask(update, context, Awaited(Want.API_SECRET, awaited.goal, secret), "secret.api_secret")
        case Want.API_SECRET:
            await _pair(update, context, awaited, secret)


async def _ask(update: Update, context: ChatContext, awaited: Awaited, key: str) -> None:
    context.secret_entry.ask(context.person.chat_id, awaited)
    place = environment_name(context.texts, awaited.goal.environment) if awaited.goal.environment else ""
    await say(update, context, context.texts(key, environment=place))


async def _ask_new(update: Update, context: ChatContext, awaited: Awaited) -> None:
    """A new password, with five random words as an offer."""
    context.secret_entry.ask(context.person.chat_id, awaited)
    await say(update, context, new_password_text(context))


def new_password_text(context: ChatContext) -> str:
    words = context.service.care.suggest().reveal()
    return f"{context.texts('secret.new_password')}\n\n{context.texts('secret.words_offered', words=words)}"


async def _first_password(update: Update, context: ChatContext, awaited: Awaited, secret: Secret) -> None:
    if len(secret.reveal()) < MIN_PASSWORD:
        await _ask(update, context, awaited, "secret.password_short")
        return
    again = replace(awaited, want=Want.NEW_PASSWORD_AGAIN, held=secret)
    await _ask(update, context, again, "secret.password_again")


async def _second_password(update: Update, context: ChatContext, awaited: Awaited, secret: Secret) -> None:
    if secret != awaited.held:
        again = replace(awaited, want=Want.NEW_PASSWORD, held=None)
        await _ask(update, context, again, "secret.password_differs")
        return
    context.secret_entry.drop(context.person.chat_id)
    await _take_link_away(update, context)
    if awaited.old is not None:
        await context.service.care.change_password(context.person, awaited.old, secret)
        await say(update, context, context.texts("secret.password_changed"))
        return
    await context.service.create_vault(context.person, secret)
    await say(update, context, context.texts("secret.vault_made"))
    await _go_on(update, context, awaited.goal)


async def _password(update: Update, context: ChatContext, goal: Goal, secret: Secret) -> None:
    try:
        opened = await context.service.care.unlock(context.person, secret)
    except WrongPassword as wrong:
        context.secret_entry.ask(context.person.chat_id, Awaited(Want.PASSWORD, goal))
        await say(update, context, wrong_password(context.texts, wrong))
        return
    context.secret_entry.drop(context.person.chat_id)
    await say(update, context, opened_text(context.texts, opened))
    await _take_link_away(update, context)
    context.tell_away(opened)
    await _go_on(update, context, goal)


async def _take_link_away(update: Update, context: ChatContext) -> None:
    """What was typed needs no page any more: its link goes, as it does after the page was used."""
    message_id = context.service.care.tickets.drop(context.person.id)
    if message_id is not None:
        with suppress(TelegramError):
            await context.bot.delete_message(chat_id_of(update), message_id)


async def _go_on(update: Update, context: ChatContext, goal: Goal) -> None:
    """The vault is open: what was it opened for?"""
    if goal.sandbox:
        await keep_sandbox_key(update, context)
    elif goal.environment is not None:
        await _ask(update, context, Awaited(Want.API_KEY, goal), "secret.api_key")


async def _pair(update: Update, context: ChatContext, awaited: Awaited, secret: Secret) -> None:
    context.secret_entry.drop(context.person.chat_id)
    await _take_link_away(update, context)
    if awaited.goal.environment is None or awaited.held is None:
        return
    await _keep(update, context, awaited.goal.environment, Credentials(awaited.held, secret))


async def keep_sandbox_key(update: Update, context: ChatContext) -> None:
    """The sandbox exchange's pair, through the same check and the same vault as a typed one."""
    credentials = context.service.sandbox_key(context.person)
    sandbox = [
        e
        for e in context.service.environments
        if e in {Environment.SANDBOX_BYBIT, Environment.SANDBOX_BINANCE}
    ]
    if credentials is not None and sandbox:
        await _keep(update, context, sandbox[0], credentials)


async def _keep(
    update: Update, context: ChatContext, environment: Environment, credentials: Credentials
) -> None:
    facts = await context.service.add_key(context.person, environment, credentials)
    text = facts_text(context.texts, environment, facts, time.time_ns() // 1_000_000)
    await say(update, context, text, _next_step(context.texts))


def facts_text(texts: Texts, environment: Environment, facts: KeyFacts, now: int) -> str:
    """What the exchange says of a key that was taken; `now` in ms UTC."""
    lines = [
        texts("facts.kept", environment=environment_name(texts, environment)),
        texts("facts.can_trade"),
        texts("facts.no_withdrawal"),
        *reach_lines(texts, facts),
    ]
    return "\n".join([*lines, validity_line(texts, facts, now)])


def reach_lines(texts: Texts, facts: KeyFacts) -> list[str]:
    """From where, and for what else, a key can be used."""
    lines = [texts("facts.ip_bound" if facts.ip_bound else "facts.ip_free")]
    if facts.needless:
        lines.append(texts("facts.needless", rights="; ".join(facts.needless)))
    return lines


def validity_line(texts: Texts, facts: KeyFacts, now: int) -> str:
    """How long a key is good for; more than ten years is as good as for ever. `now` in ms UTC."""
    if facts.expires_at is None or facts.expires_at - now > _EVER_DAYS * _DAY_MS:
        return texts("facts.no_end")
    days = max(0, (facts.expires_at - now) // _DAY_MS)
    day = Formats(texts.locale).day(facts.expires_at)
    return texts("facts.until", day=day) if days > _FAR_DAYS else texts.count("facts.days", days, day=day)


def _next_step(texts: Texts) -> InlineKeyboardMarkup:
    return keyboard([Button(texts.plain("button.new_strategy"), Press("new"))])
