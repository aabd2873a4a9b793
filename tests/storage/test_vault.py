import asyncio
import base64
import os
import time
from collections.abc import Awaitable

import pytest

from bot.errors import InvalidInput, NotAllowed, VaultDamaged, VaultError, VaultLocked, WrongPassword
from bot.ports import Credentials, Environment, Secret
from storage.database import Database
from storage.store import SqliteStore
from storage.vault import SqliteVault
from storage.vault_crypto import Argon
from tests.storage.samples import person_of

CHEAP = Argon(memory_kib=64, iterations=1, lanes=1)
RIGHT, OTHER = Secret("cavalo correto bateria"), Secret("grampo outra coisa longa")
BYBIT, SANDBOX = Environment.BYBIT, Environment.SANDBOX_BYBIT
PAIR = Credentials(Secret("key-à-1"), Secret("s3cr3t"))


def master():
    return Secret(base64.b64encode(os.urandom(32)).decode())


class Vaults:
    """Vaults over one database, as one process after another would make them."""

    def __init__(self, database, clock):
        self.database, self.clock = database, clock

    def fresh(self, **more):
        return SqliteVault(self.database, clock=self.clock, **{"argon": CHEAP, **more})

    async def column(self, table, column):
        return await self.database.run(
            lambda db: [row[0] for row in db.execute(f"SELECT {column} FROM {table}")]
        )


@pytest.fixture
def vaults(database, clock):
    return Vaults(database, clock)


@pytest.fixture
async def ana(store):
    return (await person_of(store)).id


@pytest.fixture
async def rui(store):
    return (await person_of(store, 8)).id


@pytest.fixture
async def vault(vaults, ana):
    made = vaults.fresh()
    await made.create(ana, RIGHT)
    return made


async def test_a_new_vault_is_unlocked_and_keeps_a_pair_per_environment(vault, ana):
    await vault.put(ana, BYBIT, PAIR)
    other = Credentials(Secret("k"), Secret("s"))
    await vault.put(ana, SANDBOX, other)
    assert await vault.credentials(ana, BYBIT) == PAIR
    assert await vault.credentials(ana, SANDBOX) == other
    assert await vault.credentials(ana, Environment.BINANCE) is None
    assert await vault.environments(ana) == (BYBIT, SANDBOX)
    await vault.put(ana, BYBIT, other)
    assert await vault.credentials(ana, BYBIT) == other
    assert await vault.remove(ana, BYBIT) is True
    assert await vault.remove(ana, BYBIT) is False
    assert await vault.environments(ana) == (SANDBOX,)


async def test_after_a_restart_the_password_opens_it_and_nothing_else_does(vault, vaults, ana):
    await vault.put(ana, BYBIT, PAIR)
    later = vaults.fresh()
    assert await later.exists(ana)
    assert not later.unlocked(ana)
    assert await later.environments(ana) == (BYBIT,)
    for refused in (
        later.credentials(ana, BYBIT),
        later.put(ana, BYBIT, PAIR),
        later.set_unattended(ana, enabled=True),
        later.set_unattended(ana, enabled=False),
    ):
        with pytest.raises(VaultLocked):
            await refused
    with pytest.raises(WrongPassword):
        await later.unlock(ana, OTHER)
    assert not later.unlocked(ana)
    await later.unlock(ana, RIGHT)
    assert await later.credentials(ana, BYBIT) == PAIR


async def test_locking_wipes_the_key(vault, ana):
    key = vault._keys[ana]
    assert any(key)
    vault.lock(ana)
    assert not any(key)
    assert not vault.unlocked(ana)
    with pytest.raises(VaultLocked):
        await vault.credentials(ana, BYBIT)
    vault.lock(ana)


async def test_the_end_of_the_program_wipes_every_key(vault, ana, rui):
    await vault.create(rui, OTHER)
    keys = list(vault._keys.values())
    vault.lock_all()
    assert len(keys) == 2
    assert not any(map(any, keys))


async def test_there_is_no_vault_to_unlock_before_it_is_made(vaults, ana):
    vault = vaults.fresh()
    assert not await vault.exists(ana)
    assert await vault.environments(ana) == ()
    with pytest.raises(VaultLocked):
        await vault.unlock(ana, RIGHT)
    await vault.create(ana, RIGHT)
    with pytest.raises(VaultError, match="already"):
        await vault.create(ana, OTHER)


@pytest.mark.parametrize(
    "weak", ["", "123456", "onze letras", "aaaaaaaaaaaaaaaa", "121212121212", "           a"]
)
async def test_a_weak_password_is_refused_without_repeating_it(vaults, ana, weak):
    with pytest.raises(InvalidInput) as refused:
        await vaults.fresh().create(ana, Secret(weak))
    assert refused.value.field == "password"
    assert not weak or weak not in str(refused.value)
    assert not await vaults.fresh().exists(ana)


async def test_an_accent_is_the_same_on_every_keyboard_and_blanks_around_do_not_count(vaults, ana):
    vault = vaults.fresh()
    await vault.create(ana, Secret("  coração de leão\n"))
    await vaults.fresh().unlock(ana, Secret("corac\u0327a\u0303o de lea\u0303o"))
    with pytest.raises(WrongPassword):
        await vaults.fresh().unlock(ana, Secret("coracao de leao"))


async def test_a_new_password_replaces_the_old_one_and_opens_the_same_secrets(vault, vaults, ana):
    await vault.put(ana, BYBIT, PAIR)
    later = vaults.fresh()
    with pytest.raises(WrongPassword):
        await later.change_password(ana, OTHER, OTHER)
    with pytest.raises(InvalidInput):
        await later.change_password(ana, RIGHT, Secret("curta"))
    await later.change_password(ana, RIGHT, OTHER)
    assert await later.credentials(ana, BYBIT) == PAIR
    last = vaults.fresh()
    with pytest.raises(WrongPassword):
        await last.unlock(ana, RIGHT)
    await last.unlock(ana, OTHER)
    assert await last.credentials(ana, BYBIT) == PAIR


async def test_a_cheaper_hash_is_raised_at_the_next_unlock(vault, vaults, ana):
    dearer = Argon(memory_kib=128, iterations=1, lanes=1)
    salt = await vaults.column("vaults", "salt")
    await vaults.fresh(argon=dearer).unlock(ana, RIGHT)
    assert await vaults.column("vaults", "memory_kib") == [128]
    assert await vaults.column("vaults", "salt") != salt
    await vaults.fresh().unlock(ana, RIGHT)


# --- unattended resume ----------------------------------------------------------------------------------------


async def test_the_server_opens_only_what_was_opted_in(vaults, ana, rui):
    keys = {"k1": master()}
    vault = vaults.fresh(master_keys=keys)
    await vault.create(ana, RIGHT)
    await vault.create(rui, OTHER)
    await vault.put(ana, BYBIT, PAIR)
    await vault.set_unattended(ana, enabled=True)
    assert (await vault.unattended(ana), await vault.unattended(rui)) == (True, False)

    later = vaults.fresh(master_keys=keys)
    assert await later.unlock_unattended(ana) is True
    assert await later.unlock_unattended(ana) is True
    assert await later.unlock_unattended(rui) is False
    assert await later.credentials(ana, BYBIT) == PAIR

    await later.set_unattended(ana, enabled=False)
    assert await later.unattended(ana) is False
    assert await vaults.fresh(master_keys=keys).unlock_unattended(ana) is False


async def test_without_the_master_key_the_vault_stays_locked_and_the_password_still_opens_it(vaults, ana):
    vault = vaults.fresh(master_keys={"k1": master()})
    await vault.create(ana, RIGHT)
    await vault.set_unattended(ana, enabled=True)
    for keys in (None, {"k2": master()}):
        later = vaults.fresh(master_keys=keys)
        assert await later.unlock_unattended(ana) is False
        await later.unlock(ana, RIGHT)
    with pytest.raises(VaultDamaged):
        await vaults.fresh(master_keys={"k1": master()}).unlock_unattended(ana)


async def test_a_server_without_a_master_key_cannot_be_opted_in_to(vault, ana):
    with pytest.raises(NotAllowed):
        await vault.set_unattended(ana, enabled=True)


async def test_a_newer_master_key_takes_over_when_the_old_one_has_opened(vaults, ana):
    old, new = master(), master()
    vault = vaults.fresh(master_keys={"k1": old})
    await vault.create(ana, RIGHT)
    await vault.set_unattended(ana, enabled=True)
    assert await vaults.fresh(master_keys={"k2": new, "k1": old}).unlock_unattended(ana) is True
    assert await vaults.column("vaults", "kid") == ["k2"]
    assert await vaults.fresh(master_keys={"k2": new}).unlock_unattended(ana) is True


async def test_a_new_password_keeps_the_opt_in(vaults, ana):
    keys = {"k1": master()}
    vault = vaults.fresh(master_keys=keys)
    await vault.create(ana, RIGHT)
    await vault.set_unattended(ana, enabled=True)
    await vault.change_password(ana, RIGHT, OTHER)
    assert await vaults.fresh(master_keys=keys).unlock_unattended(ana) is True


# --- lockout --------------------------------------------------------------------------------------------------


async def refusal(vault, person, password=OTHER):
    with pytest.raises(WrongPassword) as refused:
        await vault.unlock(person, password)
    return refused.value.retry_after


async def test_five_tries_are_free_then_the_waits_grow_to_an_hour(vault, vaults, ana, clock):
    later = vaults.fresh()
    assert [await refusal(later, ana) for _ in range(4)] == [0, 0, 0, 0]
    waits = []
    for _ in range(8):
        waits.append(await refusal(later, ana))
        await clock.sleep(waits[-1])
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_while_it_waits_not_even_the_right_password_is_tried_and_a_restart_does_not_help(
    vault, vaults, ana, clock
):
    for _ in range(5):
        await refusal(vaults.fresh(), ana)
    await clock.sleep(59)
    assert await refusal(vaults.fresh(), ana, RIGHT) == 1
    with pytest.raises(WrongPassword):
        await vaults.fresh().change_password(ana, RIGHT, OTHER)
    await clock.sleep(1)
    later = vaults.fresh()
    await later.unlock(ana, RIGHT)
    assert await refusal(later, ana) == 0  # forgiven: the count starts anew


async def test_one_persons_lockout_is_not_anothers(vault, vaults, ana, rui):
    await vault.create(rui, OTHER)
    for _ in range(5):
        await refusal(vault, ana)
    later = vaults.fresh()
    await later.unlock(rui, OTHER)


async def test_tries_at_the_same_time_are_all_counted(vault, ana):
    outcomes = await asyncio.gather(*(vault.unlock(ana, OTHER) for _ in range(8)), return_exceptions=True)
    assert [type(o) for o in outcomes] == [WrongPassword] * 8
    assert [o.retry_after for o in outcomes] == [0, 0, 0, 0, 60, 60, 60, 60]


async def test_a_try_whose_caller_gave_up_is_counted(vault, vaults, ana):
    task = asyncio.create_task(vault.unlock(ana, OTHER))
    async with asyncio.timeout(60):
        while (await vaults.column("vaults", "failures")) == [0]:
            pass  # the question itself takes a turn of the loop
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await vaults.column("vaults", "failures") == [1]


async def test_a_crowd_is_turned_away_instead_of_queued_without_end(vault, ana):
    outcomes = await asyncio.gather(*(vault.unlock(ana, RIGHT) for _ in range(12)), return_exceptions=True)
    assert outcomes[:9] == [None] * 9
    assert [type(o) for o in outcomes[9:]] == [VaultError] * 3
    await vault.unlock(ana, RIGHT)


async def test_deriving_does_not_hold_up_the_loop(vaults, ana):
    """With the real cost, the loop keeps turning while the key is derived: a busy machine may stall some tries, not all five."""
    vault = vaults.fresh(argon=Argon())
    await vault.create(ana, RIGHT)
    assert min([await _longest_stall(vault.unlock(ana, RIGHT)) for _ in range(5)]) < 1 / 2


async def _longest_stall(work: Awaitable[None]) -> float:
    """The longest time that the loop stood still meanwhile, as a share of all of it."""
    began = last = time.perf_counter()
    under_way, longest = asyncio.ensure_future(work), 0.0
    while not under_way.done():
        await asyncio.sleep(0.001)
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    await under_way
    return longest / (last - began)


# --- damage, swaps, forgetting --------------------------------------------------------------------------------


async def test_a_box_opens_only_in_its_own_place(vault, vaults, ana, rui):
    """Whoever can write the database cannot pass one secret off as another."""
    await vault.create(rui, OTHER)
    for person in (ana, rui):
        for environment in (BYBIT, SANDBOX):
            await vault.put(person, environment, PAIR)
    swaps = (
        (
            "person_id = ? AND environment = 'bybit' AND field = 'key'",
            "environment = 'bybit' AND field = 'secret'",
        ),
        (
            "person_id = ? AND environment = 'bybit' AND field = 'key'",
            "environment = 'sandbox-bybit' AND field = 'key'",
        ),
    )
    for place, source in swaps:
        query = f"UPDATE secrets SET box = (SELECT box FROM secrets WHERE person_id = ? AND {source}) WHERE {place}"
        await vaults.database.run(lambda db, q=query: db.execute(q, [ana, ana]))
        with pytest.raises(VaultDamaged):
            await vault.credentials(ana, BYBIT)
        await vault.put(ana, BYBIT, PAIR)
    query = "UPDATE secrets SET box = (SELECT box FROM secrets s WHERE s.person_id = ? AND s.environment = secrets.environment AND s.field = secrets.field) WHERE person_id = ?"
    await vaults.database.run(lambda db: db.execute(query, [rui, ana]))
    with pytest.raises(VaultDamaged):
        await vault.credentials(ana, BYBIT)


async def test_another_persons_wrap_does_not_open_with_his_password(vault, vaults, ana, rui):
    await vault.create(rui, OTHER)
    query = "UPDATE vaults SET (salt, wrap_pw) = (SELECT salt, wrap_pw FROM vaults WHERE person_id = ?) WHERE person_id = ?"
    await vaults.database.run(lambda db: db.execute(query, [rui, ana]))
    with pytest.raises(WrongPassword):
        await vaults.fresh().unlock(ana, OTHER)


@pytest.mark.parametrize("damage", ["x'00'", "zeroblob(40)", "substr(box, 1, length(box) - 1)"])
async def test_a_changed_record_is_damage_and_never_a_wrong_key(vault, vaults, ana, damage):
    await vault.put(ana, BYBIT, PAIR)
    await vaults.database.run(
        lambda db: db.execute(f"UPDATE secrets SET box = {damage} WHERE field = 'secret'")
    )
    with pytest.raises(VaultDamaged):
        await vault.credentials(ana, BYBIT)


async def test_half_a_pair_is_damage(vault, vaults, ana):
    await vault.put(ana, BYBIT, PAIR)
    await vaults.database.run(lambda db: db.execute("DELETE FROM secrets WHERE field = 'key'"))
    with pytest.raises(VaultDamaged):
        await vault.credentials(ana, BYBIT)


async def test_forgetting_leaves_nothing_and_a_new_vault_starts_empty(vault, vaults, ana, rui):
    await vault.create(rui, OTHER)
    await vault.put(ana, BYBIT, PAIR)
    await vault.put(rui, BYBIT, PAIR)
    await vault.forget(ana)
    assert not vault.unlocked(ana)
    assert not await vault.exists(ana)
    assert await vaults.column("secrets", "DISTINCT person_id") == [rui]
    await vault.create(ana, OTHER)
    assert await vault.credentials(ana, BYBIT) is None
    assert await vault.credentials(rui, BYBIT) == PAIR


async def test_a_forgetting_that_was_cut_short_has_taken_the_wraps_first(vault, vaults, ana):
    """Killed between its two steps: what is left opens for nobody, and shows nowhere."""
    await vault.put(ana, BYBIT, PAIR)
    real = vaults.database.run
    steps = []

    async def dies_at_the_second(work):
        steps.append(work)
        if len(steps) == 2:
            raise SystemExit
        return await real(work)

    vaults.database.run = dies_at_the_second
    with pytest.raises(SystemExit):
        await vault.forget(ana)
    vaults.database.run = real
    assert await vaults.column("vaults", "count(*)") == [0]
    assert await vaults.column("secrets", "count(*)") == [2]
    later = vaults.fresh()
    assert await later.environments(ana) == ()
    await later.create(ana, RIGHT)
    assert await later.environments(ana) == ()
    assert await vaults.column("secrets", "count(*)") == [0]


async def test_a_pair_put_while_the_vault_is_forgotten_is_not_kept(vault, vaults, ana):
    putting = asyncio.create_task(vault.put(ana, BYBIT, PAIR))
    await asyncio.sleep(0)
    await vault.forget(ana)
    outcome = (await asyncio.gather(putting, return_exceptions=True))[0]
    assert outcome is None or isinstance(outcome, VaultLocked)
    assert await vaults.column("secrets", "count(*)") == [0]


async def test_forgotten_boxes_are_gone_from_the_files_too(path, clock):
    async with await Database.open(path) as database:
        person = (await person_of(SqliteStore(database))).id
        vault = SqliteVault(database, argon=CHEAP, clock=clock)
        await vault.create(person, RIGHT)
        await vault.put(person, BYBIT, PAIR)
        boxes = await database.run(lambda db: [row[0] for row in db.execute("SELECT box FROM secrets")])
        wrap = await database.run(lambda db: db.execute("SELECT wrap_pw FROM vaults").fetchone()[0])
        files = [f for f in path.parent.iterdir() if f.name != "trader.db-shm"]
        assert all(any(box in f.read_bytes() for f in files) for box in (*boxes, wrap))
        await vault.forget(person)
        assert not any(box in f.read_bytes() for f in files for box in (*boxes, wrap))
