"""The chat: who answers in it, and who speaks up by themselves."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack

from bot.ports import Clock
from bot.service import Service
from bot.service.backtest_desk import BacktestDesk
from bot.service.reports import Reports
from handlers.alert_context import LIVE_CARDS, REPORTS
from handlers.backtest_context import BACKTESTS
from handlers.backtest_shows import BacktestShows
from handlers.build import build_application
from handlers.context import VAULT_NEWS
from handlers.notifier import Notifier
from handlers.polling import start_chat, stop_chat
from handlers.secret_entry import SecretEntry
from handlers.status_live import LiveCards
from handlers.vault_news import VaultNews
from storage.conversations import Conversations
from storage.database import Database
from storage.inbox import DurableQueue
from storage.outbox import Outbox

Keep = Callable[[Coroutine[object, object, None], str], asyncio.Task[None]]
"""Makes work a task of the program's: when it fails, the program stops."""


class Chat:
    """The handlers, alerts, pinned cards, results of backtests and news of the vault.

    `api` is the address of a stand-in for Telegram, None means Telegram.
    """

    def __init__(
        self,
        *,
        token: str,
        api: str | None,
        database: Database,
        service: Service,
        reports: Reports,
        backtests: BacktestDesk,
        clock: Clock,
    ) -> None:
        secret_entry = SecretEntry()
        self.application = build_application(
            token=token,
            service=service,
            inbox=DurableQueue(database, is_secret=secret_entry.is_secret, clock=clock),
            conversations=Conversations(database),
            secret_entry=secret_entry,
            base_url=f"{api}/bot" if api else None,
            base_file_url=f"{api}/file/bot" if api else None,
        )
        sender, zone_of = self.application.bot, reports.zone
        self._backtests = backtests
        self._notifier = Notifier(
            outbox=Outbox(database, clock=clock),
            service=service,
            sender=sender,
            clock=clock,
            choices=reports.preferences,
            zone_of=zone_of,
        )
        self._cards = LiveCards(service=service, reports=reports, sender=sender, clock=clock)
        self._shows = BacktestShows(service=service, desk=backtests, sender=sender, clock=clock)
        self.vault_news = VaultNews(
            service=service, sender=sender, secret_entry=secret_entry, clock=clock, zone_of=zone_of
        )
        self.application.bot_data.update(
            {
                REPORTS: reports,
                LIVE_CARDS: self._cards,
                BACKTESTS: self._shows,
                VAULT_NEWS: self.vault_news.away,
            }
        )

    async def start(self, stack: AsyncExitStack, keep: Keep) -> asyncio.Task[None]:
        """Speak and listen until `stack` is closed; the task given back ends when Telegram is listened to."""
        stack.push_async_callback(self._shows.close)
        self._shows.keep(self._shows.tell_cut(await self._backtests.book.waiting()))
        stack.push_async_callback(stop_chat, self.application)
        stack.push_async_callback(self.vault_news.close)
        listening = keep(start_chat(self.application), "chat")
        keep(self._notifier.run(), "notifier")
        keep(self._cards.run(), "live-cards")
        return listening
