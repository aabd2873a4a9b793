"""The commands, each with its Portuguese alias, and the menu that Telegram shows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from telegram import BotCommand, BotCommandScopeAllPrivateChats
from telegram.ext import CallbackQueryHandler, CommandHandler, ExtBot

from handlers.callback import pattern
from handlers.context import ChatContext, Handler
from handlers.texts import Texts, texts_for


@dataclass(frozen=True, slots=True)
class Command:
    """`name` in English and `alias` in Portuguese; both work in every language."""

    name: str
    alias: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.name, self.alias)))

    def in_locale(self, locale: str) -> str:
        return self.alias if locale == "pt_BR" else self.name

    def told(self, texts: Texts) -> str:
        """What it does, as plain text."""
        return texts.plain(f"command.{self.name}")


START = Command("start", "iniciar")
HELP = Command("help", "ajuda")
KEYS = Command("keys", "chaves")
UNLOCK = Command("unlock", "desbloquear")
LOCK = Command("lock", "bloquear")
NEW_STRATEGY = Command("newstrategy", "novaestrategia")
STRATEGIES = Command("strategies", "estrategias")
STATUS = Command("status", "estado")
STOP = Command("stop", "parar")
LANGUAGE = Command("language", "idioma")
PROFIT = Command("profit", "lucro")
WHY = Command("why", "porque")
LOG = Command("log", "registro")
ALERTS = Command("alerts", "alertas")
TIMEZONE = Command("timezone", "fuso")
CANCEL = Command("cancel", "cancelar")
PANIC = Command("panic", "panico")
PEOPLE = Command("people", "pessoas")
INVITE = Command("invite", "convidar")
AUDIT = Command("audit", "auditoria")

COMMANDS = (
    START,
    HELP,
    KEYS,
    UNLOCK,
    LOCK,
    NEW_STRATEGY,
    STRATEGIES,
    STATUS,
    STOP,
    PANIC,
    PROFIT,
    WHY,
    LOG,
    ALERTS,
    TIMEZONE,
    LANGUAGE,
    CANCEL,
)
OWNERS = (PEOPLE, INVITE, AUDIT)
NAMES = frozenset(name for command in (*COMMANDS, *OWNERS) for name in command.names)


def on_command(command: Command, callback: Handler) -> CommandHandler[ChatContext, None]:
    return CommandHandler(command.names, callback)


def on_press(action: str, callback: Handler) -> CallbackQueryHandler[ChatContext, None]:
    return CallbackQueryHandler(callback, pattern(action))


def menu(locale: str) -> Sequence[BotCommand]:
    texts = texts_for(locale)
    return [BotCommand(command.in_locale(locale), command.told(texts)) for command in COMMANDS]


async def publish_commands(sender: ExtBot[Any]) -> None:
    """Put the menu up: English for everybody, Portuguese for those whose Telegram is Portuguese.

    Telegram takes two letters only: `pt`, never `pt-br`.
    """
    scope = BotCommandScopeAllPrivateChats()
    await sender.set_my_commands(menu("en"), scope=scope)
    await sender.set_my_commands(menu("pt_BR"), scope=scope, language_code="pt")
