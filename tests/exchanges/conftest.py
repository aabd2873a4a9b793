from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.exchanges.scripted import ScriptedBybit
from tests.exchanges.stage import STAGES


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
