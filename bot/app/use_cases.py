"""What people may ask for, over one storage, one vault and one engine."""

from bot.app.exchanges import Exchanges
from bot.engine.supervisor import Supervisor
from bot.ports import Clock
from bot.processes import Bounds, WorkerProcesses
from bot.service import Service
from bot.service.backtest_desk import BacktestDesk, Shelf
from bot.service.backtests import Backtests
from bot.service.key_hygiene import KeyHygiene
from bot.service.people import People, Quotas
from bot.service.reports import Reports
from bot.service.vault_care import VaultCare
from bot.settings import Settings
from storage.backtests import WaitingRuns
from storage.database import Database
from storage.people import PeopleBook
from storage.preferences import Preferences
from storage.store import SqliteStore
from storage.vault_audited import AuditedVault
from storage.vault_crypto import suggest_password

WORK = "work"


class UseCases:
    """The service, reports, the care of keys, and backtests with their `queue` of processes.

    `service` and `queue` are to be closed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        store: SqliteStore,
        book: PeopleBook,
        vault: AuditedVault,
        exchanges: Exchanges,
        supervisor: Supervisor,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._book = book
        self._vault = vault
        self._exchanges = exchanges
        self._supervisor = supervisor
        self._clock = clock
        self.service = self._service()
        self.reports = self._reports()
        self.hygiene = self._hygiene()
        self.queue = self._queue()
        self.backtests = self._backtests()

    def _service(self) -> Service:
        settings, exchanges = self._settings, self._exchanges
        return Service(
            store=self._store,
            vault=self._vault,
            supervisor=self._supervisor,
            exchanges=exchanges.open,
            environments=exchanges.environments,
            clock=self._clock,
            sandbox_credentials=exchanges.sandbox_credentials(),
            master_key_present=bool(settings.master_keys()),
            secrets_in_chat=settings.secrets_in_chat,
            default_pair=settings.default_pair,
            care=self._vault_care(),
            people=self._people(),
        )

    def _vault_care(self) -> VaultCare:
        return VaultCare(
            store=self._store,
            vault=self._vault,
            supervisor=self._supervisor,
            clock=self._clock,
            suggest=suggest_password,
        )

    def _people(self) -> People:
        settings = self._settings
        quotas = Quotas(
            running=settings.max_running_strategies,
            saved=settings.max_saved_strategies,
            commands_a_minute=settings.max_commands_a_minute,
        )
        return People(
            book=self._book,
            store=self._store,
            vault=self._vault,
            supervisor=self._supervisor,
            clock=self._clock,
            quotas=quotas,
        )

    def _reports(self) -> Reports:
        return Reports(
            store=self._store,
            preferences=Preferences(self._database),
            service=self.service,
            supervisor=self._supervisor,
            clock=self._clock,
        )

    def _hygiene(self) -> KeyHygiene:
        return KeyHygiene(
            store=self._store,
            vault=self._vault,
            exchanges=self._exchanges.open,
            zone_of=self.reports.zone,
            clock=self._clock,
        )

    def _queue(self) -> Backtests:
        """With nothing left of the processes that an earlier program may have had."""
        settings = self._settings
        queue = Backtests(
            workers=WorkerProcesses(bounds=Bounds(settings.backtest_max_mb, settings.backtest_max_seconds)),
            root=settings.data_dir / WORK,
            at_once=settings.backtests_at_once,
        )
        queue.clear_leftovers()
        return queue

    def _backtests(self) -> BacktestDesk:
        return BacktestDesk(
            service=self.service,
            store=self._store,
            queue=self.queue,
            book=WaitingRuns(self._database),
            sources=self._exchanges.history_source,
            shelf=Shelf(self._settings.history, self._settings.history_max_mb),
        )
