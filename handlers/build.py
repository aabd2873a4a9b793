"""The chat put together: PTB's application with every handler."""

import asyncio
from typing import Any, cast

from telegram import LinkPreviewOptions, Update
from telegram.constants import ParseMode
from telegram.ext import (
    ApplicationBuilder,
    BasePersistence,
    CallbackQueryHandler,
    ContextTypes,
    Defaults,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot.service import Service
from handlers import (
    backtest,
    backtest_against,
    backtest_compare,
    commands,
    keys,
    keys_test,
    optimize,
    people,
    start,
    status,
    stop,
    stop_all,
    strategies,
    survival,
    vault_change,
)
from handlers.access import Gate
from handlers.alert_settings import alert_kind, alerts, dark, digest, digest_at, timezone, zone
from handlers.application import ChatByChat, Inbox, TraderApplication
from handlers.commands import on_command, on_press
from handlers.confirm import Confirmations
from handlers.context import CONFIRMATIONS, SECRET_ENTRY, SERVICE, ChatApplication, ChatContext, Handler
from handlers.failures import on_error
from handlers.limiter import AnswersFirst
from handlers.log import log, log_file
from handlers.new_strategy import new_strategy_handler
from handlers.ordered_updates import OrderedUpdates
from handlers.polling import POLL_SECONDS
from handlers.profit import profit, profit_file, profit_period
from handlers.secret_entry import SecretEntry
from handlers.secrets_typed import AwaitedSecret, typed
from handlers.why import why, why_one

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 20.0

_COMMANDS: tuple[tuple[commands.Command, Handler], ...] = (
    (commands.START, start.start),
    (commands.HELP, start.help_),
    (commands.KEYS, keys.keys),
    (commands.UNLOCK, keys.unlock),
    (commands.LOCK, keys.lock),
    (commands.STRATEGIES, strategies.strategies),
    (commands.BACKTEST, backtest.backtest),
    (commands.OPTIMIZE, optimize.optimize),
    (commands.STATUS, status.all_status),
    (commands.STOP, stop.stop),
    (commands.PANIC, stop_all.panic),
    (commands.PEOPLE, people.people),
    (commands.INVITE, people.invite),
    (commands.AUDIT, people.audit),
    (commands.PROFIT, profit),
    (commands.WHY, why),
    (commands.LOG, log),
    (commands.ALERTS, alerts),
    (commands.TIMEZONE, timezone),
    (commands.LANGUAGE, start.languages),
    (commands.CANCEL, start.cancel),
)
_PRESSES: tuple[tuple[str, Handler], ...] = (
    ("keys", keys.keys),
    ("key_add", keys.add_key),
    ("key_env", keys.key_environment),
    ("key_sandbox", keys.sandbox_key),
    ("key_remove", keys.remove_key),
    ("key_drop", keys.drop_key),
    ("key_drop_yes", keys.drop_key_yes),
    ("unlock", keys.unlock),
    ("lock", keys.lock),
    ("unattended", keys.unattended),
    ("unattended_yes", keys.unattended_yes),
    ("key_test", keys_test.test_key),
    ("key_test_of", keys_test.test_key_of),
    ("key_order", keys_test.ask_order),
    ("key_order_yes", keys_test.try_order),
    ("vault_password", vault_change.change_password),
    ("vault_forget", vault_change.forget),
    ("vault_forget_yes", vault_change.forget_yes),
    ("strategies", strategies.strategies),
    ("strategy", strategies.strategy),
    ("run", strategies.run),
    ("run_yes", strategies.run_yes),
    ("file", strategies.file),
    ("plan", strategies.plan),
    ("delete", strategies.delete),
    ("delete_yes", strategies.delete_yes),
    ("status", status.one_status),
    ("card_pin", status.pin),
    ("picture", status.status_picture),
    ("profit", profit_period),
    ("profit_file", profit_file),
    ("log_file", log_file),
    ("why", why_one),
    ("alerts", alerts),
    ("alert", alert_kind),
    ("dark", dark),
    ("digest", digest),
    ("digest_at", digest_at),
    ("timezone", timezone),
    ("zone", zone),
    ("bts", backtest.backtest),
    ("bt_of", backtest.period),
    ("bt_in", backtest.period_in_place),
    ("bt_go", backtest.go),
    ("bt_run", backtest.run),
    ("bt_stop", backtest.cancel),
    ("bt_cmp", backtest_compare.choose),
    ("bt_vs", backtest_compare.compare),
    ("bt_against", backtest_against.against),
    ("survival", survival.survival),
    ("opts", optimize.optimize),
    ("opt_of", optimize.fields),
    ("opt_in", optimize.fields_in_place),
    ("opt_go", optimize.go),
    ("stop", stop.stop_one),
    ("stop_how", stop.stop_how),
    ("stop_yes", stop.stop_yes),
    ("stop_rebuys", stop.hold_rebuys),
    ("stop_not", stop.do_not_stop),
    ("panic", stop_all.panic),
    ("panic_how", stop_all.panic_how),
    ("panic_yes", stop_all.panic_yes),
    ("people", people.people),
    ("invite", people.invite),
    ("person", people.person),
    ("person_remove", people.remove),
    ("person_remove_yes", people.remove_yes),
    ("audit", people.audit),
    ("audit_file", people.audit_file),
    ("languages", start.languages),
    ("language", start.language),
    ("no", start.never_mind),
)


def build_application(
    *,
    token: str,
    service: Service,
    inbox: Inbox,
    conversations: BasePersistence[Any, Any, Any],
    secret_entry: SecretEntry,
    base_url: str | None = None,
    base_file_url: str | None = None,
) -> TraderApplication:
    """The application with its handlers, not started.

    `inbox` is the durable queue, made with `is_secret=secret_entry.is_secret`; `base_url` and `base_file_url`
    point at a Bot API stand-in (`http://127.0.0.1:8081/bot`), None means Telegram.
    """
    builder = _builder(token, inbox, conversations)
    if base_url is not None:
        builder = builder.base_url(base_url)
    if base_file_url is not None:
        builder = builder.base_file_url(base_file_url)
    application = cast("TraderApplication", builder.build())
    inbox.bind(application.bot)
    application.bot_data[SERVICE] = service
    application.bot_data[CONFIRMATIONS] = Confirmations()
    application.bot_data[SECRET_ENTRY] = secret_entry
    register(application)
    return application


def _builder(
    token: str, inbox: Inbox, conversations: BasePersistence[Any, Any, Any]
) -> ApplicationBuilder[Any, Any, Any, Any, Any, Any]:
    return (
        ApplicationBuilder()
        .application_class(TraderApplication, {"inbox": inbox})
        .token(token)
        .update_queue(cast("asyncio.Queue[object]", inbox))
        .concurrent_updates(ChatByChat())
        .persistence(conversations)
        .context_types(ContextTypes(context=ChatContext))
        .defaults(
            Defaults(parse_mode=ParseMode.HTML, link_preview_options=LinkPreviewOptions(is_disabled=True))
        )
        .rate_limiter(AnswersFirst())
        .job_queue(None)
        .connect_timeout(_CONNECT_SECONDS)
        .read_timeout(_ANSWER_SECONDS)
        .write_timeout(_ANSWER_SECONDS)
        .pool_timeout(_ANSWER_SECONDS)
        .connection_pool_size(64)
        .get_updates_request(
            OrderedUpdates(connection_pool_size=1, read_timeout=POLL_SECONDS + _CONNECT_SECONDS)
        )
    )


def register(application: ChatApplication) -> None:
    """Every handler, in the order in which they are asked.

    The gate stands before all others. An awaited secret comes before the conversation, which would take it
    for an answer; what nobody wanted comes last.
    """
    application.add_handler(TypeHandler(Update, Gate()), group=-1)
    secret_entry: SecretEntry = application.bot_data[SECRET_ENTRY]
    application.add_handler(MessageHandler(AwaitedSecret(secret_entry), typed))
    application.add_handler(new_strategy_handler())
    for command, callback in _COMMANDS:
        application.add_handler(on_command(command, callback))
    for action, callback in _PRESSES:
        application.add_handler(on_press(action, callback))
    application.add_handler(CallbackQueryHandler(start.dead_button))
    application.add_handler(MessageHandler(filters.COMMAND, start.unknown_command))
    application.add_handler(MessageHandler(filters.ALL, start.unknown_message))
    application.add_error_handler(on_error)
