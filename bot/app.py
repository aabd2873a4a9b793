"""The composition root: the only file that names concrete classes."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import structlog

from bot.backtest.jobs import Source
from bot.engine.executor import Patience
from bot.engine.jobs import schedule
from bot.engine.supervisor import Supervisor
from bot.errors import ConfigError, StoreError
from bot.exchanges.environments import ENVIRONMENTS, Endpoints
from bot.exchanges.factory import build_exchange, supported_environments
from bot.logs import masker
from bot.ports import Credentials, Environment, Exchange, Person, Secret, SystemClock
from bot.processes import Bounds, WorkerProcesses
from bot.service import Service
from bot.service.backtest_desk import BacktestDesk, Shelf
from bot.service.backtests import Backtests
from bot.service.key_hygiene import KeyHygiene
from bot.service.people import People, Quotas
from bot.service.reports import Reports
from bot.service.vault_care import VaultCare
from bot.settings import Settings, secret
from bot.web.server import WebPart
from handlers.alert_context import LIVE_CARDS, REPORTS
from handlers.backtest_context import BACKTESTS
from handlers.backtest_shows import BacktestShows
from handlers.build import build_application, start_chat, stop_chat
from handlers.context import VAULT_NEWS
from handlers.notifier import Notifier
from handlers.secret_entry import SecretEntry
from handlers.status_live import LiveCards
from handlers.vault_news import VaultNews
from handlers.vault_page import PageWords
from storage.backtests import WaitingRuns
from storage.conversations import Conversations
from storage.database import Database
from storage.inbox import DurableQueue
from storage.outbox import Outbox
from storage.people import PeopleBook
from storage.preferences import Preferences
from storage.store import SqliteStore
from storage.vault_audited import AuditedVault
from storage.vault_crypto import suggest_password

log = structlog.get_logger()
DATABASE = "trader.sqlite"
WORK = "work"
HTTP_THREADS = 16
DIGESTS_S = 60
HYGIENE_S = 1800
_NOBODY = Credentials(Secret(""), Secret(""))


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
        stack, settings, clock = self._stack, self.settings, self._clock
        self.database = await Database.open(settings.data_dir / DATABASE)
        stack.push_async_callback(self.database.close)
        self.store = SqliteStore(self.database, clock=clock)
        book = PeopleBook(self.database, clock=clock)
        self.vault = AuditedVault(
            self.database, note=book.note, master_keys=settings.master_keys(), clock=clock
        )
        stack.callback(self.vault.lock_all)
        self._pool = ThreadPoolExecutor(HTTP_THREADS, thread_name_prefix="exchange")
        stack.callback(self._pool.shutdown, wait=False, cancel_futures=True)
        self.supervisor = Supervisor(
            store=self.store,
            vault=self.vault,
            exchanges=self._exchange,
            clock=clock,
            on_store_failure=self.fail,
            patience=self._patience,
        )
        care = VaultCare(
            store=self.store,
            vault=self.vault,
            supervisor=self.supervisor,
            clock=clock,
            suggest=suggest_password,
        )
        self.service = Service(
            store=self.store,
            vault=self.vault,
            supervisor=self.supervisor,
            exchanges=lambda environment, credentials: self._exchange(environment, credentials or _NOBODY),
            environments=self._environments(),
            clock=clock,
            sandbox_credentials=self._sandbox_credentials(),
            master_key_present=bool(settings.master_keys()),
            secrets_in_chat=settings.secrets_in_chat,
            default_pair=settings.default_pair,
            care=care,
            people=self._people(book),
        )
        stack.push_async_callback(self.service.close)
        self.reports = self._reports()
        self.hygiene = KeyHygiene(
            store=self.store,
            vault=self.vault,
            exchanges=self._exchange,
            zone_of=self.reports.zone,
            clock=clock,
        )
        self._open_backtests()
        await self._announce_claim()
        stack.push_async_callback(self.supervisor.close)
        await self.supervisor.start()
        await self._start_chat()
        await self._start_web()
        self._start_jobs()
        log.info("ready", environments=[e.value for e in self.service.environments])

    def _reports(self) -> Reports:
        return Reports(
            store=self.store,
            preferences=Preferences(self.database),
            service=self.service,
            supervisor=self.supervisor,
            clock=self._clock,
        )

    def _open_backtests(self) -> None:
        """Their queue, with nothing left of the processes that an earlier program may have had."""
        settings = self.settings
        bounds = Bounds(settings.backtest_max_mb, settings.backtest_max_seconds)
        queue = Backtests(
            workers=WorkerProcesses(bounds=bounds),
            root=settings.data_dir / WORK,
            at_once=settings.backtests_at_once,
        )
        queue.clear_leftovers()
        self._stack.push_async_callback(queue.close)
        self.backtests = BacktestDesk(
            service=self.service,
            store=self.store,
            queue=queue,
            book=WaitingRuns(self.database),
            sources=self._history_source,
            shelf=Shelf(settings.history, settings.history_max_mb),
        )

    def _history_source(self, environment: Environment) -> Source:
        """Play environments have no history of their own: theirs is the main site's. The sandbox tells its own."""
        if environment is Environment.SANDBOX_BYBIT:
            return Source("sandbox-bybit", self.settings.sandbox_bybit_rest)
        return Source(ENVIRONMENTS[environment].venue)

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

    async def _start_chat(self) -> None:
        stack, settings = self._stack, self.settings
        secret_entry = SecretEntry()
        api = settings.telegram_api_url
        self.application = application = build_application(
            token=self._token.reveal(),
            service=self.service,
            inbox=DurableQueue(self.database, is_secret=secret_entry.is_secret, clock=self._clock),
            conversations=Conversations(self.database),
            secret_entry=secret_entry,
            base_url=f"{api}/bot" if api else None,
            base_file_url=f"{api}/file/bot" if api else None,
        )
        notifier = Notifier(
            outbox=Outbox(self.database, clock=self._clock),
            service=self.service,
            sender=application.bot,
            clock=self._clock,
            choices=self.reports.preferences,
            zone_of=self.reports.zone,
        )
        live = LiveCards(
            service=self.service, reports=self.reports, sender=application.bot, clock=self._clock
        )
        application.bot_data[REPORTS] = self.reports
        application.bot_data[LIVE_CARDS] = live
        shows = BacktestShows(
            service=self.service, desk=self.backtests, sender=application.bot, clock=self._clock
        )
        application.bot_data[BACKTESTS] = shows
        stack.push_async_callback(shows.close)
        shows.keep(shows.tell_cut(await self.backtests.book.waiting()))
        stack.push_async_callback(stop_chat, application)
        self.vault_news = VaultNews(
            service=self.service,
            sender=application.bot,
            secret_entry=secret_entry,
            clock=self._clock,
            zone_of=self.reports.zone,
        )
        application.bot_data[VAULT_NEWS] = self.vault_news.away
        stack.push_async_callback(self.vault_news.close)
        self._chat = self._keep(start_chat(application), "chat")
        self._keep(notifier.run(), "notifier")
        self._keep(live.run(), "live-cards")

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
            on_news=self.vault_news.from_page,
            clock=self._clock,
            ill=self._ill,
        )

    def _ill(self) -> list[str]:
        """Why this program cannot do its work now; empty when it is ready."""
        reasons = []
        if self.database.faulted.is_set():
            reasons.append("the database failed")
        if not self._chat.done():
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

    async def polling(self) -> None:
        """Until the chat is being listened to; sooner where it failed."""
        await asyncio.wait({self._chat})

    def _people(self, book: PeopleBook) -> People:
        settings = self.settings
        quotas = Quotas(
            running=settings.max_running_strategies,
            saved=settings.max_saved_strategies,
            commands_a_minute=settings.max_commands_a_minute,
        )
        return People(
            book=book,
            store=self.store,
            vault=self.vault,
            supervisor=self.supervisor,
            clock=self._clock,
            quotas=quotas,
        )

    # --- pieces -----------------------------------------------------------------------------------------------

    def _exchange(self, environment: Environment, credentials: Credentials) -> Exchange:
        for part in (credentials.key, credentials.secret):
            masker.add(part.reveal())
        addresses = self.settings.sandbox_addresses() if environment is Environment.SANDBOX_BYBIT else None
        endpoints = Endpoints(*addresses) if addresses else None
        return build_exchange(
            environment, credentials, pool=self._pool, clock=self._clock, endpoints=endpoints
        )

    def _environments(self) -> tuple[Environment, ...]:
        offered = supported_environments(sandbox=self.settings.sandbox)
        return tuple(e for e in offered if ENVIRONMENTS[e].endpoints is None) if self._offline else offered

    def _sandbox_credentials(self) -> Callable[[Person], Credentials] | None:
        key, hidden = secret(self.settings.sandbox_bybit_key), secret(self.settings.sandbox_bybit_secret)
        if key is None or hidden is None:
            return None
        pair = Credentials(key, hidden)
        return lambda _person: pair

    async def _announce_claim(self) -> None:
        owner = self.settings.telegram_owner_id
        if owner is not None:
            await self.service.ensure_owner(chat_id=owner)
            return
        code = await self.service.new_claim_code()
        if code is not None:
            log.info("claim_this_bot", send_to_the_bot=f"/start {code}", valid_hours=24)

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
