import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.exchanges import gate
from bot.exchanges.bybit import BybitExchange
from bot.ports import Environment, SystemClock
from tests.exchanges.kit import FAST
from tests.exchanges.rows import KEYS
from tests.exchanges.scripted import ScriptedBybit
from tests.exchanges.stage import STAGES


@pytest.fixture(autouse=True)
def hosts_forgotten():
    """A later test may be given a port whose host was banned here, for ten minutes and this whole process."""
    yield
    gate._HOSTS.clear()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(max_workers=4) as executor:
        yield executor


@pytest.fixture(params=sorted(STAGES))
async def stage(request, pool):
    stage = STAGES[request.param](pool)
    await stage.start()
    yield stage
    await stage.stop()


@pytest.fixture
async def scripted(pool):
    async with ScriptedBybit() as server:
        yield server


@pytest.fixture
async def exchange(scripted, pool):
    exchange = BybitExchange(
        Environment.BYBIT_DEMO, KEYS, scripted.endpoints, pool=pool, clock=SystemClock(), timeout=30
    )
    yield exchange
    await exchange.close()


@pytest.fixture
async def connect(scripted, pool):
    opened = []

    def build(timings=FAST, *, clock=None, endpoints=None):
        exchange = BybitExchange(
            Environment.BYBIT,
            KEYS,
            endpoints or scripted.endpoints,
            pool=pool,
            clock=clock or SystemClock(),
            timings=timings,
            jitter=random.Random(1).random,
        )
        opened.append(exchange)
        return exchange.stream()

    yield build
    for exchange in opened:
        await exchange.close()
