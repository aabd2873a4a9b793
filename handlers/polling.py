"""The chat's life: polling Telegram from the start to the end."""

import asyncio

import structlog
from telegram.constants import UpdateType
from telegram.error import InvalidToken, TelegramError

from bot.service import Service
from handlers.application import ChatByChat, TraderApplication
from handlers.commands import publish_commands, publish_owners_commands
from handlers.context import SERVICE
from handlers.texts import LOCALES, texts_for

_log = structlog.get_logger(__name__)

ALLOWED_UPDATES = (UpdateType.MESSAGE, UpdateType.CALLBACK_QUERY, UpdateType.MY_CHAT_MEMBER)
POLL_SECONDS = 25
STOP_SECONDS = 8.0
_LONGEST_WAIT_S = 60.0


async def start_chat(application: TraderApplication) -> None:
    """Take up what was left undone, then poll. Waits as long as Telegram is out of reach.

    Raises InvalidToken for a token that Telegram does not know. Run it as a task: trading does not wait for it.
    """
    await _initialized(application)
    await application.inbox.requeue()
    await application.start()
    updater = application.updater
    if updater is None:
        raise LookupError("the application was built without an updater")
    await updater.start_polling(
        timeout=POLL_SECONDS,
        bootstrap_retries=-1,
        allowed_updates=ALLOWED_UPDATES,
        drop_pending_updates=False,
        error_callback=_polling_failed,
    )
    try:
        await publish_commands(application.bot)
        owner = await application.bot_data[SERVICE].people.owner()
        if owner is not None:
            await publish_owners_commands(application.bot, owner.chat_id)
        await _ask_again(application)
    except TelegramError as exc:
        _log.warning("command menu not published", reason=exc.message)


async def stop_chat(application: TraderApplication) -> None:
    """Stop polling, let handlers end within 8 seconds; what does not end stays in the inbox for the next start."""
    stopping = asyncio.create_task(_stop(application))
    await asyncio.wait({stopping}, timeout=STOP_SECONDS)
    if not stopping.done():
        _log.warning("handlers did not end in time")
        processor = application.update_processor
        if isinstance(processor, ChatByChat):
            processor.abandon()
    await stopping
    await application.shutdown()


async def _stop(application: TraderApplication) -> None:
    updater = application.updater
    if updater is not None and updater.running:
        await updater.stop()
    if application.running:
        await application.stop()


async def _initialized(application: TraderApplication) -> None:
    wait = 1.0
    while True:
        try:
            await application.initialize()
        except InvalidToken:
            raise
        except TelegramError as exc:
            _log.warning("telegram out of reach", reason=exc.message, again_in=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_S)
        else:
            return


async def _ask_again(application: TraderApplication) -> None:
    """A secret was on its way when the last process died: it was kept nowhere, so it must be typed again."""
    service: Service = application.bot_data[SERVICE]
    for chat_id in application.inbox.lost_secrets:
        person = await service.person(chat_id)
        if person is not None:
            texts = texts_for(person.locale if person.locale in LOCALES else "en")
            await application.bot.send_message(chat_id, texts("secret.lost"))


def _polling_failed(error: TelegramError) -> None:
    """PTB retries by itself; its own report would carry a traceback each time."""
    _log.warning("polling failed", reason=error.message, kind=type(error).__name__)
