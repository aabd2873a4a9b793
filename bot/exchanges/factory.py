"""The one place that knows which adapter serves which environment."""

from concurrent.futures import ThreadPoolExecutor

from bot.errors import ConfigError, NotAllowed
from bot.exchanges.bybit import BybitExchange
from bot.exchanges.environments import ENVIRONMENTS, Endpoints
from bot.ports import Clock, Credentials, Environment, Exchange

_VENUES = frozenset({"bybit"})


def supported_environments(*, sandbox: bool) -> tuple[Environment, ...]:
    """What the chat may offer, in the order of the list; the sandbox only where one is running."""
    return tuple(
        environment
        for environment, facts in ENVIRONMENTS.items()
        if facts.venue in _VENUES and (facts.endpoints is not None or sandbox)
    )


def build_exchange(
    environment: Environment,
    credentials: Credentials,
    *,
    pool: ThreadPoolExecutor,
    clock: Clock,
    endpoints: Endpoints | None = None,
) -> Exchange:
    """An adapter for one person's account.

    `endpoints` replaces the published addresses (the sandbox has none of its own; Bybit has regional ones).
    NotAllowed where the environment is not supported; ConfigError where its address is missing.
    """
    facts = ENVIRONMENTS[environment]
    if facts.venue not in _VENUES:
        raise NotAllowed(f"{environment.value} is not supported yet")
    where = endpoints or facts.endpoints
    if where is None:
        raise ConfigError([f"{environment.value} needs the address of a running sandbox"])
    return BybitExchange(environment, credentials, where, pool=pool, clock=clock)
