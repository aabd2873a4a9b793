"""Unique fake secrets go through every flow and failure of the vault; then they are looked for everywhere."""

import base64
import contextlib
import copy
import logging
import os
import pickle
import traceback

import pytest

from bot.errors import BotError
from bot.ports import Credentials, Environment, Secret
from storage.database import Database
from storage.store import SqliteStore
from storage.vault import SqliteVault
from storage.vault_crypto import Argon
from tests.storage.samples import person_of

CHEAP = Argon(memory_kib=64, iterations=1, lanes=1)
MASTER = base64.b64encode(os.urandom(32)).decode()
CANARIES = {
    "password": "canary-password-5e1d07aa",
    "wrong": "canary-wrong-c0ffee77b1",
    "new": "canary-newpass-9bd3e4412f",
    "short": "cnry-7f1e",
    "key": "canaryApiKey91ab34",
    "secret": "canaryApiSecret77dd1020ef",
    "lost": "canaryLostKey66aa0912",
    "master": MASTER,
}


def forms(text):
    """As it is, and in the spellings that a careless writer would give it."""
    raw = text.encode()
    yield raw
    yield raw.hex().encode()
    yield base64.b64encode(raw).rstrip(b"=")[:-1]
    yield text.encode("utf-16-le")


def leaks(content, keys=()):
    found = [name for name, text in CANARIES.items() for form in forms(text) if form in content]
    return found + [
        "data key"
        for key in keys
        for form in (key, key.hex().encode(), repr(key)[2:-1].encode())
        if form in content
    ]


class Evidence:
    """Whatever a person, a log or a thief could read of a run."""

    def __init__(self, folder):
        self.folder, self.words, self.keys = folder, [], []

    def look_at(self, *things):
        for thing in things:
            self.words += [repr(thing), str(thing), f"{thing}"]
            if hasattr(thing, "__dict__"):
                self.words.append(repr(vars(thing)))

    @contextlib.asynccontextmanager
    async def failure(self):
        try:
            yield
        except BotError as exc:
            self.words += traceback.format_exception(exc)
            chain = exc
            while chain is not None:
                self.look_at(chain, chain.args)
                chain = chain.__cause__ or chain.__context__
        else:
            pytest.fail("this was to fail")

    def everything(self):
        files = [file.read_bytes() for file in self.folder.rglob("*") if file.is_file()]
        return b"\n".join([*files, *(word.encode() for word in self.words)])


async def every_flow(evidence, path, clock):
    s = {name: Secret(text) for name, text in CANARIES.items()}
    pair = Credentials(s["key"], s["secret"])
    async with await Database.open(path) as database:
        store = SqliteStore(database, clock=clock)
        person, other = (await person_of(store)).id, (await person_of(store, 8)).id
        vault = SqliteVault(database, master_keys={"k1": s["master"]}, argon=CHEAP, clock=clock)
        async with evidence.failure():
            await vault.create(person, s["short"])
        await vault.create(person, s["password"])
        await vault.put(person, Environment.BYBIT, pair)
        await vault.set_unattended(person, enabled=True)
        evidence.look_at(
            vault, await vault.credentials(person, Environment.BYBIT), pair, vault._keys, vault._masters
        )
        evidence.keys.append(bytes(vault._keys[person]))
        await database.backup(path.parent / "backups" / "1.db")
        await vault.change_password(person, s["password"], s["new"])
        vault.lock(person)
        async with evidence.failure():
            await vault.credentials(person, Environment.BYBIT)
        for _ in range(6):
            async with evidence.failure():
                await vault.unlock(person, s["wrong"])
        assert await vault.unlock_unattended(person)
        await vault.create(other, s["password"])
        evidence.keys.append(bytes(vault._keys[other]))
        await vault.put(other, Environment.BYBIT, Credentials(s["lost"], s["secret"]))
        await database.run(
            lambda db: db.execute("UPDATE secrets SET box = zeroblob(40) WHERE person_id = ?", [other])
        )
        async with evidence.failure():
            await vault.credentials(other, Environment.BYBIT)
        async with evidence.failure():
            await vault.create(other, s["new"])
        await database.run(lambda db: db.execute("DROP TABLE secrets"))
        async with evidence.failure():
            await vault.put(person, Environment.BYBIT, pair)
        await database.run(lambda db: db.execute("ALTER TABLE vaults RENAME TO gone"))
        async with evidence.failure():
            await vault.unlock(person, s["new"])
        evidence.look_at(vault, database, store)
        await database.backup(path.parent / "backups" / "2.db")
        assert path.with_name("trader.db-wal").stat().st_size > 0
        return evidence.everything()


async def test_no_secret_is_found_anywhere(path, clock, caplog):
    caplog.set_level(logging.DEBUG)
    evidence = Evidence(path.parent)
    logging.getLogger("canary.control").debug("the log is read")
    content = await every_flow(evidence, path, clock)
    content += evidence.everything() + caplog.text.encode()
    assert b"the log is read" in content
    assert b"CREATE TABLE vaults" in content
    assert len(evidence.keys) == 2
    assert leaks(content, evidence.keys) == []


async def test_a_forgotten_vault_leaves_nothing_either(path, clock):
    async with await Database.open(path) as database:
        person = (await person_of(SqliteStore(database))).id
        vault = SqliteVault(database, argon=CHEAP, clock=clock)
        await vault.create(person, Secret(CANARIES["password"]))
        pair = Credentials(Secret(CANARIES["key"]), Secret(CANARIES["secret"]))
        await vault.put(person, Environment.BYBIT, pair)
        await vault.forget(person)
        assert leaks(Evidence(path.parent).everything()) == []


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_copied_out(copier):
    with pytest.raises(TypeError):
        copier(Secret(CANARIES["key"]))


async def test_this_test_would_find_a_secret_that_was_written(path):
    """Planted: in the file, in its log, in a repr."""
    async with await Database.open(path) as database:
        await database.run(lambda db: db["marks"].insert({"name": "a", "value": CANARIES["key"]}))
        assert leaks(Evidence(path.parent).everything()) == ["key"]
    evidence = Evidence(path.parent / "nothing")
    evidence.look_at({"password": CANARIES["new"]}, CANARIES["secret"].encode().hex())
    assert set(leaks(evidence.everything())) == {"new", "secret"}
