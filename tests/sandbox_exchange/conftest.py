from collections.abc import AsyncIterator, Iterator

import pytest
from pybit.unified_trading import HTTP

from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from tests.sandbox_exchange.client import pybit_session


@pytest.fixture
async def exchange() -> AsyncIterator[SandboxExchange]:
    """A stand-in whose market stands at 60000 until it is stepped."""
    async with SandboxExchange(ExchangeOptions(paused=True)) as running:
        yield running


@pytest.fixture
def session(exchange: SandboxExchange) -> Iterator[HTTP]:
    with pybit_session(exchange) as ready:
        yield ready
