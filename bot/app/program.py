"""The whole program, put together and taken apart again."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack

import structlog

from bot.app.chat import Chat
from bot.app.exchanges import Exchanges
from bot.app.use_cases import UseCases
from bot.engine.executor import Patience
from bot.engine.jobs import schedule
from bot.engine.supervisor import Supervisor
from bot.errors import ConfigError, StoreError
from bot.logs import masker
from bot.ports import SystemClock
from bot.settings import Settings, secret
from bot.web.server import WebPart
from handlers.vault_page import PageWords
from storage.database import Database
from storage.people import PeopleBook
from storage.store import SqliteStore
from storage.vault_audited import AuditedVault

log = structlog.get_logger()
DIGESTS_S = 60
HYGIENE_S = 1800


class App:
    """The whole program in one event loop: chat, engine, storage. `start`, then `wait`, then `close`.

    `offline` offers the sandbox's environments only.
    """

    def __init__(
        self, settings: Settings, *, offline: bool = False, patience: Patience | None = None
    ) -> None:
        token = secret(settings.telegram_bot_token)
        if token is None:
            raise ConfigError(["TELEGRAM_BOT_TOKEN is missing"])
        self.settings = settings
        self._offline = offline
        self._token = token
        self._patience = patience
        self._clock = SystemClock()
        self._stop = asyncio.Event()
        self._stack = AsyncExitStack()
        self._failure: BaseException | None = None
        masker.add(token.reveal())

    async def start(self) -> None:
        """Open the storage, take up the strategies, then listen to the chat; undone in reverse by `close`."""
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def _start(self) -> None:
        stack = self._stack
        await self._open_storage()
        self._exchanges = Exchanges(self.settings, clock=self._clock, offline=self._offline)
        stack.callback(self._exchanges.close)
        self.supervisor = Supervisor(
            store=self.store,
            vault=self.vault,
            exchanges=self._exchanges.open,
            clock=self._clock,
            on_store_failure=self.fail,
            patience=self._patience,
        )
        self._open_use_cases()
        await self._announce_claim()
        stack.push_async_callback(self.supervisor.close)
        await self.supervisor.start()
        await self._start_chat()
        await self._start_web()
        self._start_jobs()
        log.info("ready", environments=[e.value for e in self.service.environments])

    # --- pieces -----------------------------------------------------------------------------------------------

    async def _open_storage(self) -> None:
        settings, clock = self.settings, self._clock
        self.database = await Database.open(settings.database)
        self._stack.push_async_callback(self.database.close)
        self.store = SqliteStore(self.database, clock=clock)
        self._book = PeopleBook(self.database, clock=clock)
        self.vault = AuditedVault(
            self.database, note=self._book.note, master_keys=settings.master_keys(), clock=clock
        )
        self._stack.callback(self.vault.lock_all)

    def _open_use_cases(self) -> None:
        uses = UseCases(
            self.settings,
            database=self.database,
            store=self.store,
            book=self._book,
            vault=self.vault,
            exchanges=self._exchanges,
            supervisor=self.supervisor,
            clock=self._clock,
        )
        self._stack.push_async_callback(uses.service.close)
        self._stack.push_async_callback(uses.queue.close)
        self.service = uses.service
        self.reports = uses.reports
        self.hygiene = uses.hygiene
        self.backtests = uses.backtests

    async def _announce_claim(self) -> None:
        owner = self.settings.telegram_owner_id
        if owner is not None:
            await self.service.people.ensure_owner(chat_id=owner)
            return
        code = await self.service.people.new_claim_code()
        if code is not None:
            log.info("claim_this_bot", send_to_the_bot=f"/start {code}", valid_hours=24)

    async def _start_chat(self) -> None:
        self._chat = Chat(
            token=self._token.reveal(),
            api=self.settings.telegram_api_url,
            database=self.database,
            service=self.service,
            reports=self.reports,
            backtests=self.backtests,
            clock=self._clock,
        )
        self.application = self._chat.application
        self._listening = await self._chat.start(self._stack, self._keep)

    async def _start_web(self) -> None:
        """The one-time page and /health, where a port is given."""
        settings = self.settings
        if settings.web_port is None:
            return
        self.web = WebPart(
            host=settings.web_host,
            port=settings.web_port,
            public_url=settings.web_public_url,
            sandbox_chat=settings.telegram_api_url if self._offline else None,
        )
        self._stack.push_async_callback(self.web.close)
        await self.web.start(
            service=self.service,
            words=PageWords(),
            bot_token=self._token,
            on_news=self._chat.vault_news.from_page,
            clock=self._clock,
            ill=self._ill,
        )

    def _start_jobs(self) -> None:
        """The engine's regular work, a look each minute whether a digest is due, and one at the keys now and then."""
        scheduler = schedule(self.supervisor)
        scheduler.add_job(
            self.reports.announce_digests,
            "interval",
            seconds=DIGESTS_S,
            id="digests",
            coalesce=True,
            max_instances=1,
        )
        scheduler.add_job(
            self.hygiene.announce, "interval", seconds=HYGIENE_S, id="keys", coalesce=True, max_instances=1
        )
        scheduler.start()
        self._stack.callback(scheduler.shutdown, wait=False)

    # --- while it runs ----------------------------------------------------------------------------------------

    async def polling(self) -> None:
        """Until the chat is being listened to; sooner where it failed."""
        await asyncio.wait({self._listening})

    def _ill(self) -> list[str]:
        """Why this program cannot do its work now; empty when it is ready."""
        reasons = []
        if self.database.faulted.is_set():
            reasons.append("the database failed")
        if not self._listening.done():
            reasons.append("Telegram is out of reach")
        elif self._failure is not None or self._stop.is_set():
            reasons.append("stopping")
        return reasons

    def _keep(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """A task that belongs to the program: when it fails, the program stops and says why."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._task_ended)
        self._stack.push_async_callback(_end, task)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            self.fail(fault)

    # --- the end ----------------------------------------------------------------------------------------------

    def fail(self, failure: BaseException) -> None:
        """State cannot be saved, or the token is wrong: nothing may be done any more."""
        log.error("stopping", kind=type(failure).__name__, reason=str(failure))
        self._failure = self._failure or failure
        self._stop.set()

    def stop(self) -> None:
        self._stop.set()

    async def wait(self) -> None:
        """Until a signal, `stop`, or a failed database; the failure is raised."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        faulted = asyncio.create_task(self.database.faulted.wait())
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait({faulted, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if faulted.done() and self._failure is None:
            self._failure = StoreError("the database failed; see the log")
        for task in (faulted, stopped):
            task.cancel()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Take no new orders, let requests under way end, close everything; orders stay at the exchange."""
        await self._stack.aclose()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
