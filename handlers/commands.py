"""The commands, each with its Portuguese alias, and the menu that Telegram shows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from telegram import BotCommand, BotCommandScope, BotCommandScopeAllPrivateChats, BotCommandScopeChat
from telegram.error import BadRequest
from telegram.ext import CallbackQueryHandler, CommandHandler, ExtBot

from handlers.callback import pattern
from handlers.context import ChatContext, Handler
from handlers.texts import Texts, texts_for

_log = structlog.get_logger(__name__)


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
BACKTEST = Command("backtest", "backtest")
OPTIMIZE = Command("optimize", "otimizar")

COMMANDS = (
    START,
    HELP,
    KEYS,
    UNLOCK,
    LOCK,
    NEW_STRATEGY,
    STRATEGIES,
    BACKTEST,
    OPTIMIZE,
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


def menu(locale: str, *, owner: bool = False) -> Sequence[BotCommand]:
    texts = texts_for(locale)
    shown = (*COMMANDS, *OWNERS) if owner else COMMANDS
    return [BotCommand(command.in_locale(locale), command.told(texts)) for command in shown]


async def publish_commands(sender: ExtBot[Any]) -> None:
    """Put the menu up: English for everybody, Portuguese for those whose Telegram is Portuguese.

    Telegram takes two letters only: `pt`, never `pt-br`.
    """
    await _put_up(sender, BotCommandScopeAllPrivateChats(), owner=False)


async def publish_owners_commands(sender: ExtBot[Any], chat_id: int) -> None:
    """The owner's menu has the owner's commands too, in their chat alone.

    Telegram refuses that before they have written to the bot for the first time: then it is put up.
    """
    try:
        await _put_up(sender, BotCommandScopeChat(chat_id), owner=True)
    except BadRequest as exc:
        _log.info("owner's menu not published", reason=exc.message)


async def _put_up(sender: ExtBot[Any], scope: BotCommandScope, *, owner: bool) -> None:
    await sender.set_my_commands(menu("en", owner=owner), scope=scope)
    await sender.set_my_commands(menu("pt_BR", owner=owner), scope=scope, language_code="pt")
