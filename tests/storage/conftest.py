from pathlib import Path

import pytest

from storage.database import Database
from storage.store import SqliteStore
from tests.storage.samples import HeldClock


@pytest.fixture
def clock():
    return HeldClock()


@pytest.fixture
def path(tmp_path: Path):
    return tmp_path / "home" / "trader.db"


@pytest.fixture
async def database(path):
    async with await Database.open(path) as opened:
        yield opened


@pytest.fixture
async def store(database, clock):
    return SqliteStore(database, clock=clock)
