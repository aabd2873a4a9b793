import pytest

from bot.errors import ConfigError, NotAllowed
from bot.exchanges.bybit import BybitExchange
from bot.exchanges.environments import ENVIRONMENTS, Endpoints, is_loopback
from bot.exchanges.factory import build_exchange, supported_environments
from bot.ports import Credentials, Environment, Secret, SystemClock

KEYS = Credentials(Secret("k"), Secret("s"))
SANDBOX = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1/v5/private")


def test_every_environment_is_in_the_table_and_agrees_on_whose_money_it_is():
    assert set(ENVIRONMENTS) == set(Environment)
    assert {one for one, facts in ENVIRONMENTS.items() if facts.real_money} == {
        Environment.BYBIT,
        Environment.BINANCE,
    }
    assert all(facts.real_money is one.real_money for one, facts in ENVIRONMENTS.items())


def test_addresses_are_encrypted_distinct_and_of_their_venue():
    published = {one: facts for one, facts in ENVIRONMENTS.items() if facts.endpoints}
    assert set(Environment) - set(published) == {Environment.SANDBOX_BYBIT, Environment.SANDBOX_BINANCE}
    for facts in published.values():
        assert facts.endpoints.rest.startswith("https://")
        assert facts.endpoints.ws_private.startswith("wss://")
        assert facts.venue in facts.endpoints.rest
        assert facts.venue in facts.endpoints.ws_private
        assert not facts.endpoints.rest.endswith("/")
    for part in ("rest", "ws_private"):
        assert len({getattr(facts.endpoints, part) for facts in published.values()}) == len(published)


def test_the_chat_offers_what_works_and_the_sandbox_only_where_one_runs():
    real = (Environment.BYBIT, Environment.BYBIT_DEMO, Environment.BYBIT_TESTNET)
    assert supported_environments(sandbox=False) == real
    assert supported_environments(sandbox=True) == (*real, Environment.SANDBOX_BYBIT)


@pytest.mark.parametrize("environment", [one for one in Environment if "binance" in one.value])
def test_binance_says_that_it_is_not_supported_yet(environment, pool):
    with pytest.raises(NotAllowed, match=f"{environment.value} is not supported yet"):
        build_exchange(environment, KEYS, pool=pool, clock=SystemClock(), endpoints=SANDBOX)


async def test_the_sandbox_needs_an_address_and_others_bring_theirs(pool):
    with pytest.raises(ConfigError):
        build_exchange(Environment.SANDBOX_BYBIT, KEYS, pool=pool, clock=SystemClock())
    for environment in (Environment.BYBIT, Environment.BYBIT_DEMO, Environment.BYBIT_TESTNET):
        exchange = build_exchange(environment, KEYS, pool=pool, clock=SystemClock())
        assert isinstance(exchange, BybitExchange)
        assert exchange.environment is environment
        assert exchange._endpoints == ENVIRONMENTS[environment].endpoints
        await exchange.close()


def test_loopback_is_told_from_the_world():
    assert is_loopback("http://127.0.0.1:80")
    assert is_loopback("ws://[::1]:80/x")
    assert not is_loopback("https://api.bybit.com")
    assert not is_loopback("https://127.0.0.1.example.com")
