"""What went wrong, in the person's words; the update itself is never logged, for it may hold a secret."""

import secrets

import structlog
from telegram import InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Conflict, Forbidden, NetworkError, RetryAfter, TelegramError
from telegram.ext import ApplicationHandlerStop

from bot.errors import (
    AccessDenied,
    ExchangeError,
    InsufficientBalance,
    InvalidInput,
    KeyElsewhere,
    NotAllowed,
    OrderRejected,
    OutcomeUnknown,
    StoreError,
    Unavailable,
    VaultDamaged,
    VaultError,
    VaultLocked,
    WrongPassword,
)
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.form_faults import fault_text
from handlers.keyboards import Button, keyboard
from handlers.texts import Texts, locale_of, texts_for

_log = structlog.get_logger(__name__)
_HARMLESS = ("not modified", "query is too old", "query id is invalid")


async def on_error(update: object, context: ChatContext) -> None:
    """PTB's error handler: everything that a handler did not catch ends here."""
    error = context.error
    try:
        if error is not None and not _is_telegrams_own(error):
            await _explain_to(update, context, error)
    finally:
        if not context.known:
            raise ApplicationHandlerStop  # the gate itself has failed: nothing behind it may run


async def _explain_to(update: object, context: ChatContext, error: Exception) -> None:
    texts = _texts(update, context)
    text = explain(texts, error)
    buttons = way_out(texts, error)
    if text is None:
        reference = secrets.token_hex(4)
        _log.error("handler failed", reference=reference, exc_info=error)
        text = texts("error.unknown", reference=reference)
    else:
        _log.info("refused", reason=type(error).__name__)
    await _tell(update, context, text, buttons)


def _is_telegrams_own(error: Exception) -> bool:
    """Trouble with Telegram itself, about which nobody can be told through Telegram."""
    match error:
        case Conflict():
            _log.error("another program polls with this token")
        case Forbidden():
            _log.info("chat unreachable", reason=error.message)
        case RetryAfter():
            _log.warning("telegram asks to wait", seconds=str(error.retry_after))
        case BadRequest():
            return any(words in error.message.lower() for words in _HARMLESS)
        case NetworkError():
            _log.warning("telegram out of reach", reason=error.message)
        case _:
            return False
    return True


async def _tell(
    update: object, context: ChatContext, text: str, buttons: InlineKeyboardMarkup | None
) -> None:
    if not isinstance(update, Update) or update.effective_chat is None or not context.known:
        return
    try:
        await context.bot.send_message(update.effective_chat.id, text, reply_markup=buttons)
    except TelegramError as exc:
        _log.warning("an error could not be told", reason=exc.message)


def _texts(update: object, context: ChatContext) -> Texts:
    if context.known:
        return context.texts
    user = update.effective_user if isinstance(update, Update) else None
    return texts_for(locale_of(user.language_code if user else None))


def explain(texts: Texts, error: Exception) -> str | None:
    """A person's words for one of this house's errors; None for what should never have happened."""
    match error:
        case InvalidInput():
            return fault_text(texts, error)
        case NotAllowed():
            key = f"error.{error}"
            return texts(key) if key in texts else texts("error.not_allowed", reason=error)
        case WrongPassword():
            return wrong_password(texts, error)
        case VaultError():
            return texts(_VAULT.get(type(error), "error.vault"))
        case KeyElsewhere():
            return texts("error.key_elsewhere", environment=texts.plain(f"environment.{error.belongs_to}"))
        case ExchangeError():
            key = next((key for kind, key in _EXCHANGE if isinstance(error, kind)), "error.exchange")
            return texts(key, reason=error)
        case StoreError():
            return texts("error.store")
        case TimeoutError():
            return texts("error.slow")
        case _:
            return None


_VAULT: dict[type[VaultError], str] = {
    VaultLocked: "error.vault_locked",
    VaultDamaged: "error.vault_damaged",
}
_EXCHANGE: tuple[tuple[type[ExchangeError], str], ...] = (
    (AccessDenied, "error.access_denied"),
    (Unavailable, "error.unavailable"),
    (OutcomeUnknown, "error.outcome_unknown"),
    (InsufficientBalance, "error.insufficient_balance"),
    (OrderRejected, "error.order_rejected"),
)


def wrong_password(texts: Texts, error: WrongPassword) -> str:
    """Says how long the next try must wait."""
    seconds = int(error.retry_after + 0.999)
    if seconds <= 0:
        return texts("error.wrong_password")
    minutes = -(-seconds // 60)
    wait = texts.count("wait.seconds", seconds) if seconds < 120 else texts.count("wait.minutes", minutes)
    return texts("error.wrong_password_wait", wait=wait)


def way_out(texts: Texts, error: Exception) -> InlineKeyboardMarkup | None:
    """The button that mends it, where there is one."""
    if isinstance(error, VaultLocked):
        return keyboard([Button(texts.plain("button.unlock"), Press("unlock"))])
    if isinstance(error, AccessDenied) or (
        isinstance(error, NotAllowed) and str(error).startswith(("no_key", "key_"))
    ):
        return keyboard([Button(texts.plain("button.keys"), Press("keys"))])
    if isinstance(error, NotAllowed) and str(error) == "backtest_busy":
        return keyboard([Button(texts.plain("button.bt_stop"), Press("bt_stop"))])
    return None
