"""/start, /help, /language, /cancel, and what is said to anything else."""

from telegram import InlineKeyboardMarkup, Update

from bot.ports import Environment, Role
from handlers.callback import Press
from handlers.commands import COMMANDS, OWNERS
from handlers.context import ChatContext
from handlers.keyboards import Button, column, keyboard
from handlers.talk import answer, erase, press_of, say, show, word_in
from handlers.texts import LOCALES, Texts, texts_for


async def start(update: Update, context: ChatContext) -> None:
    """Who I am, with which money I trade here, and the next step."""
    await answer(update)
    texts = context.texts
    vault = await context.service.vault_state(context.person)
    mode = "real" if any(e.real_money for e in context.service.environments) else "simulation"
    ready = vault.exists and bool(vault.environments)
    parts = (
        texts("start.welcome", name=update.effective_user.full_name if update.effective_user else ""),
        texts(f"start.{mode}"),
        texts("start.ready" if ready else "start.steps"),
    )
    await show(update, context, "\n\n".join(parts), start_keyboard(texts, ready=ready))


def start_keyboard(texts: Texts, *, ready: bool) -> InlineKeyboardMarkup:
    keys = "button.keys" if ready else "button.first_keys"
    new = "button.new_strategy" if ready else "button.then_strategy"
    return keyboard(
        [Button(texts.plain(keys), Press("keys"))],
        [Button(texts.plain(new), Press("new"))],
        [
            Button(texts.plain("button.strategies"), Press("strategies")),
            Button(texts.plain("button.language"), Press("languages")),
        ],
    )


async def help_(update: Update, context: ChatContext) -> None:
    await say(update, context, help_text(context.texts, owner=context.person.role is Role.OWNER))


def help_text(texts: Texts, *, owner: bool = False) -> str:
    """What can be done, with the owner's commands for the owner."""
    told = (*COMMANDS, *OWNERS) if owner else COMMANDS
    lines = [f"/{command.in_locale(texts.locale)}: {command.told(texts)}" for command in told]
    return "\n".join([texts("help.head"), "", *lines, "", texts("help.tail")])


async def languages(update: Update, context: ChatContext) -> None:
    await answer(update)
    await show(update, context, context.texts("language.ask"), language_keyboard())


def language_keyboard() -> InlineKeyboardMarkup:
    return column(
        Button(texts_for(code).plain("language.name"), Press("language", (code,))) for code in LOCALES
    )


async def language(update: Update, context: ChatContext) -> None:
    """The pressed language holds from this answer on, for alerts too."""
    await answer(update)
    locale = word_in(press_of(update))
    if locale not in LOCALES:
        return
    await context.service.set_locale(context.person, locale)
    await show(update, context, texts_for(locale)("language.set"))


async def cancel(update: Update, context: ChatContext) -> None:
    """Outside a conversation: at most a secret is being asked for."""
    dropped = context.secret_entry.drop(context.person.chat_id)
    await say(update, context, context.texts("cancel.done" if dropped else "cancel.nothing"))


async def never_mind(update: Update, context: ChatContext) -> None:
    """The card of a question that was answered with no."""
    await answer(update)
    await show(update, context, context.texts("nevermind"))


async def unknown_command(update: Update, context: ChatContext) -> None:
    await say(update, context, context.texts("unknown.command"), _ways(context.texts))


async def unknown_message(update: Update, context: ChatContext) -> None:
    """Free text, stickers, voice and whatever else nobody asked for."""
    if context.secret_entry.from_before(update):  # it may answer a question of the process before: a password
        gone = await erase(update)
        await say(update, context, context.texts("unknown.away" if gone else "unknown.away_stays"))
        return
    await say(update, context, context.texts("unknown.message"), _ways(context.texts))


async def dead_button(update: Update, context: ChatContext) -> None:
    """A button of an older version, or one that has had its day."""
    await answer(update, context.texts.plain("error.dead_button"))


def _ways(texts: Texts) -> InlineKeyboardMarkup:
    return keyboard(
        [
            Button(texts.plain("button.new_strategy"), Press("new")),
            Button(texts.plain("button.strategies"), Press("strategies")),
        ],
        [Button(texts.plain("button.keys"), Press("keys"))],
    )


def environment_name(texts: Texts, environment: Environment) -> str:
    """The environment as a person calls it, as plain text."""
    return texts.plain(f"environment.{environment.value}")


def mode_name(texts: Texts, environment: Environment) -> str:
    """REAL or SIMULATION, as plain text."""
    return texts.plain("mode.real" if environment.real_money else "mode.simulation")
