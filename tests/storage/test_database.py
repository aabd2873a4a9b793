import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest
import sqlite_utils

from bot.errors import InvalidInput, StoreError
from storage.database import Database
from storage.migrations import STEPS, migrate
from storage.store import open_store
from tests.storage.samples import person_of, strategy_of


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


async def pragma(database, name):
    return await database.run(lambda db: db.execute(f"PRAGMA {name}").fetchone()[0])


async def test_only_its_owner_may_read_it(database, path):
    await database.run(lambda db: db["marks"].insert({"name": "a", "value": "b"}))
    assert mode(path.parent) == 0o700
    for file in path.parent.iterdir():
        assert mode(file) == 0o600, file
    assert path.with_name("trader.db-wal") in path.parent.iterdir()


async def test_a_file_that_others_could_read_is_closed_to_them(path):
    path.parent.mkdir()
    path.touch(0o644)
    async with await Database.open(path):
        assert mode(path) == 0o600


async def test_the_connection_is_set_up_for_safety(database):
    assert await pragma(database, "journal_mode") == "wal"
    assert await pragma(database, "synchronous") == 2
    assert await pragma(database, "foreign_keys") == 1
    assert await pragma(database, "secure_delete") == 1
    assert await pragma(database, "trusted_schema") == 0
    assert await pragma(database, "busy_timeout") == 5000
    assert await pragma(database, "journal_size_limit") == 32 * 1024 * 1024


async def test_every_table_is_strict_and_no_column_is_a_float(database):
    tables = await database.run(
        lambda db: {t.name: (t.strict, set(t.columns_dict.values())) for t in db.tables if t.name[0] != "_"}
    )
    tables.pop("sqlite_sequence")
    assert len(tables) >= 15
    for name, (strict, types) in tables.items():
        assert strict, name
        assert types <= {int, str, bytes}, name


async def test_a_number_in_a_money_column_is_refused(store, database):
    person = await person_of(store)
    with pytest.raises(StoreError, match="refused a row"):
        await database.run(lambda db: db.execute("UPDATE people SET created_at = 'soon'"))
    assert await store.people() == [person]
    assert not database.faulted.is_set()


async def test_an_error_undoes_the_whole_command(store, database):
    person = await person_of(store)

    def half(db):
        db.execute("UPDATE people SET name = 'half'")
        raise InvalidInput("nome", "no")

    with pytest.raises(InvalidInput):
        await database.run(half)
    assert await store.people() == [person]


async def test_what_follows_a_command_waits_for_the_commit(database):
    seen, done = [], asyncio.Event()
    with pytest.raises(StoreError):
        await database.run(lambda db: db.execute("bad sql"), then=lambda: seen.append("refused"))
    await database.run(lambda db: None, then=done.set)
    async with asyncio.timeout(60):
        await done.wait()
    assert seen == []


async def test_a_failure_of_the_database_itself_is_told(database):
    with pytest.raises(StoreError) as failed:
        await database.run(lambda db: db.execute("SELECT * FROM nowhere"))
    assert isinstance(failed.value.__cause__, sqlite3.OperationalError)
    assert database.faulted.is_set()


async def test_a_second_user_of_the_folder_is_refused_until_the_first_has_closed(path):
    async with await Database.open(path):
        with pytest.raises(StoreError, match="another process uses"):
            await Database.open(path)
    async with await Database.open(path):
        pass


async def test_a_closed_database_frees_its_folder_though_a_process_is_just_being_started(path):
    """Between its fork and its exec it has a copy of every handle."""
    database = await Database.open(path)
    copy = os.dup(database._lock)
    await database.close()
    async with await Database.open(path):
        os.close(copy)
        with pytest.raises(StoreError, match="another process uses"):
            await Database.open(path)


async def test_a_second_process_is_refused(database, path):
    script = (
        "import asyncio, sys, pathlib\n"
        "from storage.database import Database\n"
        "asyncio.run(Database.open(pathlib.Path(sys.argv[1])))\n"
    )
    tried = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert tried.returncode == 1
    assert "StoreError: another process uses" in tried.stderr


async def test_a_closed_database_says_so_and_closes_twice(path):
    database = await Database.open(path)
    await database.close()
    await database.close()
    with pytest.raises(StoreError, match="closed"):
        await database.run(lambda db: None)


async def test_a_file_that_is_no_database_is_a_store_error_and_frees_the_folder(path):
    path.parent.mkdir()
    path.write_text("this is not a database, whatever its name says" * 99)
    for _ in range(2):
        with pytest.raises(StoreError, match="not a database"):
            await Database.open(path)


async def test_a_newer_versions_file_is_refused(path):
    async with await Database.open(path) as database:
        row = {"migration_set": "trader-automata", "name": "9999_future", "applied_at": "x"}
        await database.run(lambda db: db["_sqlite_migrations"].insert(row))
    with pytest.raises(StoreError, match="newer version"):
        await Database.open(path)


def test_a_database_of_every_earlier_version_comes_up_to_date():
    full = sqlite_utils.Database(memory=True)
    migrate(full)
    for count in range(len(STEPS)):
        older = sqlite_utils.Database(memory=True)
        migrate(older, dict(list(STEPS.items())[:count]))
        assert older.schema != full.schema
        migrate(older)
        assert older.schema == full.schema
        older.close()
    full.close()


async def test_a_backup_is_one_whole_private_file(store, database, path, tmp_path):
    strategy = await strategy_of(store, await person_of(store))
    target = tmp_path / "backups" / "copy.db"
    await database.backup(target)
    assert [p.name for p in target.parent.iterdir()] == ["copy.db"]
    assert mode(target) == 0o600
    assert target.read_bytes()[18:20] == b"\x01\x01"  # the header's word for "no write-ahead log needed"
    await store.set_locale(strategy.person_id, "xx")
    async with open_store(target) as copy:
        assert await copy.strategies(strategy.person_id) == [strategy]
        assert (await copy.person(strategy.person_id)).locale != "xx"
    await database.backup(target)
    with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True)) as copy:
        assert copy.execute("SELECT locale FROM people").fetchall() == [("xx",)]
        assert copy.execute("PRAGMA quick_check").fetchall() == [("ok",)]


async def test_the_check_finds_damage(database, path):
    assert await database.faults() == []
    await database.close()
    body = bytearray(path.read_bytes())
    page = 4096
    body[page : 2 * page] = os.urandom(page)
    path.write_bytes(body)
    with pytest.raises(StoreError):
        async with await Database.open(path) as damaged:
            if await damaged.faults():
                raise StoreError("found by the check")


async def test_a_store_in_memory_is_the_same_store():
    async with open_store(None) as store:
        strategy = await strategy_of(store, await person_of(store))
        assert await store.strategies(strategy.person_id) == [strategy]
