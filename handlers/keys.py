"""/keys: which exchange keys there are, and adding, removing, locking, resuming without a person."""

from dataclasses import dataclass

from telegram import InlineKeyboardMarkup, Update

from bot.errors import NotAllowed
from bot.ports import Environment
from bot.service import VaultState
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.keyboards import GOOD, GRAVE, Button, column, keyboard
from handlers.secret_entry import Awaited, Goal, Want
from handlers.secrets_typed import keep_sandbox_key, new_password_text
from handlers.start import environment_name
from handlers.talk import answer, press_of, say, show, word_in
from handlers.texts import Texts
from handlers.vault_page import offer_page


@dataclass(frozen=True, slots=True)
class RemoveKey:
    """What a confirmed press removes."""

    environment: Environment


@dataclass(frozen=True, slots=True)
class Unattended:
    """What a confirmed press sets."""

    enabled: bool


async def keys(update: Update, context: ChatContext) -> None:
    """The card: vault, keys per environment, what can be done."""
    await answer(update)
    vault = await context.service.vault_state(context.person)
    sandbox = context.service.sandbox_key(context.person) is not None
    typed = context.service.secrets_in_chat or context.service.care.page_url is not None
    text = keys_text(context.texts, vault, typed=typed)
    await show(update, context, text, keys_keyboard(context.texts, vault, sandbox=sandbox, typed=typed))


def keys_text(texts: Texts, vault: VaultState, *, typed: bool) -> str:
    """What the vault holds; `typed` says whether secrets may be entered here, in the chat or on the page."""
    state = "none" if not vault.exists else "open" if vault.unlocked else "locked"
    lines = [texts("keys.head"), texts(f"keys.vault_{state}"), ""]
    if vault.environments:
        lines += [texts("keys.line", environment=environment_name(texts, e)) for e in vault.environments]
    else:
        lines.append(texts("keys.empty"))
    if vault.unattended:
        lines += ["", texts("keys.unattended_on")]
    if not typed:
        lines += ["", texts("keys.no_way_in")]
    return "\n".join(lines)


def keys_keyboard(texts: Texts, vault: VaultState, *, sandbox: bool, typed: bool) -> InlineKeyboardMarkup:
    rows: list[list[Button]] = []
    if sandbox:
        rows.append([Button(texts.plain("button.sandbox_key"), Press("key_sandbox"), GOOD)])
    if typed:
        rows.append([Button(texts.plain("button.add_key"), Press("key_add"))])
    if vault.environments:
        test = Button(texts.plain("button.test_key"), Press("key_test"))
        rows.append([test, Button(texts.plain("button.remove_key"), Press("key_remove"))])
    if vault.exists:
        lock = Button(texts.plain("button.lock"), Press("lock"))
        unlock = Button(texts.plain("button.unlock"), Press("unlock"))
        rows.append([lock if vault.unlocked else unlock])
        if typed:
            rows.append([Button(texts.plain("button.change_password"), Press("vault_password"))])
    if vault.unattended:
        rows.append([Button(texts.plain("button.unattended_off"), Press("unattended", ("off",)))])
    elif vault.can_be_unattended and vault.unlocked:
        rows.append([Button(texts.plain("button.unattended"), Press("unattended", ("on",)))])
    if vault.exists:
        rows.append([Button(texts.plain("button.forget"), Press("vault_forget"))])
    return keyboard(*rows)


async def add_key(update: Update, context: ChatContext) -> None:
    """Which environment is the key for?"""
    await answer(update)
    texts = context.texts
    buttons = [
        Button(environment_name(texts, e), Press("key_env", (e.value,))) for e in context.service.environments
    ]
    back = Button(texts.plain("button.back"), Press("keys"))
    await show(update, context, texts("keys.which_environment"), column([*buttons, back]))


async def key_environment(update: Update, context: ChatContext) -> None:
    """The environment is chosen: ask for the key, or first for what opens the vault."""
    await answer(update)
    await begin(update, context, Goal(_environment(word_in(press_of(update)))))


async def sandbox_key(update: Update, context: ChatContext) -> None:
    """The sandbox's key pair takes the same way as any other, only without typing it."""
    await answer(update)
    if context.service.sandbox_key(context.person) is None:
        raise NotAllowed("dead_button")
    vault = await context.service.vault_state(context.person)
    if vault.unlocked:
        await keep_sandbox_key(update, context)
    else:
        await begin(update, context, Goal(sandbox=True))


async def begin(update: Update, context: ChatContext, goal: Goal) -> None:
    """Ask for the first secret on the way to `goal`."""
    page = context.service.care.page_url is not None
    if not context.service.secrets_in_chat:
        if page:
            await offer_page(update, context, goal, None)
        else:
            await say(update, context, context.texts("keys.no_way_in"))
        return
    asked = await _asked_in_chat(context, goal)
    if page:
        await offer_page(update, context, goal, asked)
    else:
        await say(update, context, asked)


async def _asked_in_chat(context: ChatContext, goal: Goal) -> str:
    """From now on a secret is awaited; the text that asks for it."""
    vault = await context.service.vault_state(context.person)
    if not vault.exists:
        want, key = Want.NEW_PASSWORD, ""
    elif goal.change_password:
        want, key = Want.OLD_PASSWORD, "secret.old_password"
    elif not vault.unlocked:
        want, key = Want.PASSWORD, "secret.password"
    else:
        want, key = Want.API_KEY, "secret.api_key"
    context.secret_entry.ask(context.person.chat_id, Awaited(want, goal))
    texts = context.texts
    place = environment_name(texts, goal.environment) if goal.environment else ""
    asks = texts(key, environment=place) if key else new_password_text(context)
    return f"{asks}\n\n{texts('secret.warning')}"


async def unlock(update: Update, context: ChatContext) -> None:
    """/unlock: ask for the password where there is something to open."""
    await answer(update)
    vault = await context.service.vault_state(context.person)
    if not vault.exists:
        await say(update, context, context.texts("unlock.no_vault"))
    elif vault.unlocked:
        await say(update, context, context.texts("unlock.is_open"))
    else:
        await begin(update, context, Goal())


async def lock(update: Update, context: ChatContext) -> None:
    await answer(update)
    vault = await context.service.vault_state(context.person)
    if not vault.exists:
        await say(update, context, context.texts("unlock.no_vault"))
        return
    await context.service.lock(context.person)
    context.secret_entry.drop(context.person.chat_id)
    again = keyboard([Button(context.texts.plain("button.unlock"), Press("unlock"))])
    await say(update, context, context.texts("lock.done"), again)


async def remove_key(update: Update, context: ChatContext) -> None:
    """Which key should go?"""
    await answer(update)
    texts = context.texts
    vault = await context.service.vault_state(context.person)
    buttons = [Button(environment_name(texts, e), Press("key_drop", (e.value,))) for e in vault.environments]
    back = Button(texts.plain("button.back"), Press("keys"))
    await show(update, context, texts("keys.which_to_remove"), column([*buttons, back]))


async def drop_key(update: Update, context: ChatContext) -> None:
    """The second look before a key goes."""
    await answer(update)
    environment = _environment(word_in(press_of(update)))
    nonce = context.confirmations.ask(context.person.id, RemoveKey(environment))
    texts = context.texts
    buttons = keyboard(
        [Button(texts.plain("button.yes_remove"), Press("key_drop_yes", (nonce,)), GRAVE)],
        [Button(texts.plain("button.no"), Press("keys"))],
    )
    await show(
        update,
        context,
        texts("keys.confirm_remove", environment=environment_name(texts, environment)),
        buttons,
    )


async def drop_key_yes(update: Update, context: ChatContext) -> None:
    await answer(update)
    what = context.confirmations.take(context.person.id, word_in(press_of(update)))
    if not isinstance(what, RemoveKey):
        await show(update, context, context.texts("confirm.expired"))
        return
    await context.service.remove_key(context.person, what.environment)
    name = environment_name(context.texts, what.environment)
    await show(update, context, context.texts("keys.removed", environment=name))


async def unattended(update: Update, context: ChatContext) -> None:
    """Going on after a restart without a password, or not any more: what follows is told before the second press."""
    await answer(update)
    await _ask_unattended(update, context, word_in(press_of(update)))


async def _ask_unattended(update: Update, context: ChatContext, wish: str) -> None:
    if wish not in {"on", "off"}:
        raise NotAllowed("dead_button")
    texts = context.texts
    nonce = context.confirmations.ask(context.person.id, Unattended(enabled=wish == "on"))
    yes = Button(texts.plain(f"button.unattended_{wish}_yes"), Press("unattended_yes", (wish, nonce)), GRAVE)
    buttons = keyboard([yes], [Button(texts.plain("button.no"), Press("keys"))])
    await show(update, context, f"{texts(f'keys.unattended_{wish}_ask')}\n\n{texts('run.valid')}", buttons)


async def unattended_yes(update: Update, context: ChatContext) -> None:
    """Done once, within the minute, and as it was asked."""
    await answer(update)
    wish = word_in(press_of(update))
    what = context.confirmations.take(context.person.id, word_in(press_of(update), 1))
    if not isinstance(what, Unattended) or what.enabled != (wish == "on"):
        await say(update, context, context.texts("confirm.expired"))
        await _ask_unattended(update, context, wish)
        return
    await context.service.set_unattended(context.person, enabled=what.enabled)
    await show(update, context, context.texts(f"keys.unattended_{wish}"))


def _environment(name: str) -> Environment:
    if name not in set(Environment):
        raise NotAllowed("dead_button")
    return Environment(name)
