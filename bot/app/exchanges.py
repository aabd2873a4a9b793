"""Accounts at the exchanges that the settings offer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bot.backtest.jobs import Source
from bot.exchanges.environments import ENVIRONMENTS, Endpoints
from bot.exchanges.factory import build_exchange, supported_environments
from bot.logs import masker
from bot.ports import Clock, Credentials, Environment, Exchange, Person
from bot.ports.vault import NOBODY
from bot.settings import Settings, secret

HTTP_THREADS = 16


class Exchanges:
    """Opens accounts; their blocking requests share one pool of threads until `close`.

    `offline` offers the sandbox's environments only.
    """

    def __init__(self, settings: Settings, *, clock: Clock, offline: bool) -> None:
        self._settings = settings
        self._clock = clock
        self._pool = ThreadPoolExecutor(HTTP_THREADS, thread_name_prefix="exchange")
        offered = supported_environments(sandbox=settings.sandbox)
        self.environments = tuple(e for e in offered if not offline or ENVIRONMENTS[e].endpoints is None)

    def open(self, environment: Environment, credentials: Credentials | None) -> Exchange:
        """One person's account; without credentials, what everybody sees."""
        mine = credentials or NOBODY
        for part in (mine.key, mine.secret):
            masker.add(part.reveal())
        addresses = self._settings.sandbox_addresses() if environment is Environment.SANDBOX_BYBIT else None
        endpoints = Endpoints(*addresses) if addresses else None
        return build_exchange(environment, mine, pool=self._pool, clock=self._clock, endpoints=endpoints)

    def sandbox_credentials(self) -> Callable[[Person], Credentials] | None:
        """The sandbox's key, the same for everybody; None where the deployment has none."""
        settings = self._settings
        key, hidden = secret(settings.sandbox_bybit_key), secret(settings.sandbox_bybit_secret)
        if key is None or hidden is None:
            return None
        pair = Credentials(key, hidden)
        return lambda _person: pair

    def history_source(self, environment: Environment) -> Source:
        """Play environments have no history of their own: theirs is the main site's. The sandbox tells its own."""
        if environment is Environment.SANDBOX_BYBIT:
            return Source("sandbox-bybit", self._settings.sandbox_bybit_rest)
        return Source(ENVIRONMENTS[environment].venue)

    def close(self) -> None:
        """Requests that wait for a thread are dropped; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)
