"""Another password, and the end of a vault: asked once, told what follows, done on the second press."""

from dataclasses import dataclass

from telegram import Update

from handlers.callback import Press
from handlers.context import ChatContext
from handlers.keyboards import GRAVE, Button, keyboard
from handlers.keys import begin
from handlers.secret_entry import Goal
from handlers.talk import answer, press_of, say, show, word_in
from handlers.vault_texts import exit_lines


@dataclass(frozen=True, slots=True)
class ForgetVault:
    """A confirmed press forgets the vault of the person who was asked."""


async def change_password(update: Update, context: ChatContext) -> None:
    """The present password first, wherever secrets may be entered."""
    await answer(update)
    vault = await context.service.vault_state(context.person)
    if not vault.exists:
        await say(update, context, context.texts("unlock.no_vault"))
        return
    await begin(update, context, Goal(change_password=True))


async def forget(update: Update, context: ChatContext) -> None:
    """What follows, before it is done: it works while the vault is locked too, for a lost password."""
    await answer(update)
    texts = context.texts
    vault = await context.service.vault_state(context.person)
    if not vault.exists:
        await say(update, context, texts("unlock.no_vault"))
        return
    running = await context.service.care.running(context.person)
    parts = [texts("forget.ask")]
    if running:
        parts.append("\n".join([texts.count("forget.running", len(running)), *exit_lines(texts, running)]))
    else:
        parts.append(texts("forget.idle"))
    parts.append(texts("forget.valid"))
    nonce = context.confirmations.ask(context.person.id, ForgetVault())
    buttons = keyboard(
        [Button(texts.plain("button.yes_forget"), Press("vault_forget_yes", (nonce,)), GRAVE)],
        [Button(texts.plain("button.no"), Press("keys"))],
    )
    await show(update, context, "\n\n".join(parts), buttons)


async def forget_yes(update: Update, context: ChatContext) -> None:
    """Crypto-shred."""
    await answer(update)
    what = context.confirmations.take(context.person.id, word_in(press_of(update)))
    if not isinstance(what, ForgetVault):
        await show(update, context, context.texts("confirm.expired"))
        return
    context.secret_entry.drop(context.person.chat_id)
    await context.service.care.forget(context.person)
    await show(update, context, context.texts("forget.done"))
