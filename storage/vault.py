"""Key pairs of people, each under a data key of its own that only the person's password opens.

docs/adr/0003 has the design. Where a person opts in, the server's master key opens the data key too.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from bot.errors import NotAllowed, VaultDamaged, VaultError, VaultLocked, WrongPassword
from bot.ports.clock import Clock, SystemClock
from bot.ports.exchange import Environment
from bot.ports.vault import Credentials, Secret
from storage import vault_rows
from storage.database import Database
from storage.vault_crypto import (
    SALT_BYTES,
    Argon,
    Key,
    check_password,
    new_key,
    seal,
    server_key,
    unseal,
)
from storage.vault_rows import Wraps

_WAITING_AT_MOST = 8
_FIELDS = ("key", "secret")


class SqliteVault:
    """Implements bot.ports.vault.Vault.

    `master_keys` are the server's own (name to 32 bytes in base64), newest first; without any nobody can opt in
    to unattended resume. Opened data keys live in memory only, until `lock` or `lock_all` wipes them.
    """

    def __init__(
        self,
        database: Database,
        *,
        master_keys: Mapping[str, Secret] | None = None,
        argon: Argon | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._masters = dict(master_keys or {})
        self._argon = argon or Argon()
        self._clock = clock or SystemClock()
        self._keys: dict[int, Key] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0
        # One thread, so that a caller who gives up does not let a second derivation start beside the first.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vault")

    async def exists(self, person_id: int) -> bool:
        return await self._database.run(lambda db: vault_rows.wraps(db, person_id)) is not None

    async def create(self, person_id: int, password: Secret) -> None:
        """A new vault, unlocked. InvalidInput for a weak password, VaultError when there is a vault already."""
        check_password(password)
        async with self._my_turn():
            if await self.exists(person_id):
                raise VaultError("there is a password already: change it instead")
            key = new_key()
            wraps = await self._wrapped(person_id, key, password, version=1)
            at = self._clock.now()
            await self._database.run(lambda db: vault_rows.create(db, wraps, at))
            self._hold(person_id, key)

    async def unlock(self, person_id: int, password: Secret) -> None:
        async with self._my_turn():
            wraps, key = await self._opened(person_id, password)
            if wraps.argon != self._argon:
                await self._rewrap(wraps, key, password)
            self._hold(person_id, key)

    async def unlock_unattended(self, person_id: int) -> bool:
        if self.unlocked(person_id):
            return True
        wraps = await self._database.run(lambda db: vault_rows.wraps(db, person_id))
        if wraps is None or wraps.kid is None or wraps.wrap_srv is None or wraps.kid not in self._masters:
            return False
        with server_key(self._masters[wraps.kid], person_id=person_id) as master:
            key = unseal(master, wraps.wrap_srv, _server_context(wraps.kid, person_id, wraps.version))
        self._hold(person_id, key)
        if wraps.kid != next(iter(self._masters)):
            await self.set_unattended(person_id, enabled=True)
        return True

    def lock(self, person_id: int) -> None:
        key = self._keys.pop(person_id, None)
        if key is not None:
            key.wipe()

    def unlocked(self, person_id: int) -> bool:
        return person_id in self._keys

    async def set_unattended(self, person_id: int, *, enabled: bool) -> None:
        """VaultLocked while locked; NotAllowed when this server has no master key."""
        self._held(person_id)
        if not enabled:
            await self._database.run(lambda db: vault_rows.drop_server_wrap(db, person_id))
            await self._database.scrub()
            return
        if not self._masters:
            raise NotAllowed("this server has no master key (VAULT_MASTER_KEYS)")
        version = (await self._stored(person_id)).version
        kid = next(iter(self._masters))
        with server_key(self._masters[kid], person_id=person_id) as master:
            wrap = seal(master, self._held(person_id), _server_context(kid, person_id, version))
        await self._database.run(lambda db: vault_rows.set_server_wrap(db, person_id, kid, wrap))

    async def unattended(self, person_id: int) -> bool:
        wraps = await self._database.run(lambda db: vault_rows.wraps(db, person_id))
        return wraps is not None and wraps.wrap_srv is not None

    async def change_password(self, person_id: int, old: Secret, new: Secret) -> None:
        """The data key stays, its wrap is new; the vault is unlocked afterwards."""
        check_password(new)
        async with self._my_turn():
            wraps, key = await self._opened(person_id, old)
            await self._rewrap(wraps, key, new)
            self._hold(person_id, key)
        await self._database.scrub()

    async def put(self, person_id: int, environment: Environment, credentials: Credentials) -> None:
        self._held(person_id)
        version = (await self._stored(person_id)).version
        key, at = self._held(person_id), self._clock.now()  # taken last: a lock meanwhile has wiped it
        boxes = {}
        for field, secret in zip(_FIELDS, (credentials.key, credentials.secret), strict=True):
            with Key(secret.reveal().encode()) as content:
                boxes[field] = seal(key, content, _secret_context(person_id, environment, field, version))
        await self._database.run(
            lambda db: vault_rows.put(db, person_id, environment.value, boxes, version=version, at=at)
        )

    async def credentials(self, person_id: int, environment: Environment) -> Credentials | None:
        self._held(person_id)
        boxes = await self._database.run(lambda db: vault_rows.boxes(db, person_id, environment.value))
        key = self._held(person_id)
        if not boxes:
            return None
        if boxes.keys() != set(_FIELDS):
            raise VaultDamaged("half of a key pair is missing")
        opened = []
        for field in _FIELDS:
            version, box = boxes[field]
            with unseal(key, box, _secret_context(person_id, environment, field, version)) as content:
                opened.append(Secret(content.decode()))
        return Credentials(*opened)

    async def environments(self, person_id: int) -> tuple[Environment, ...]:
        found = await self._database.run(lambda db: vault_rows.environments(db, person_id))
        return tuple(map(Environment, found))

    async def remove(self, person_id: int, environment: Environment) -> bool:
        gone = await self._database.run(lambda db: vault_rows.remove(db, person_id, environment.value))
        await self._database.scrub()
        return gone

    async def forget(self, person_id: int) -> None:
        """The wraps first: without them what is left, here or in a backup made later, opens for nobody."""
        async with self._turn:
            self.lock(person_id)
            await self._database.run(lambda db: vault_rows.drop_wraps(db, person_id))
            await self._database.run(lambda db: vault_rows.drop_secrets(db, person_id))
        await self._database.scrub()

    def lock_all(self) -> None:
        """At the end of the program: no data key stays in memory."""
        for person_id in list(self._keys):
            self.lock(person_id)

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        """One at a time: 64 MiB and a core each. VaultError when too many wait already."""
        if self._waiting > _WAITING_AT_MOST:
            raise VaultError("too many passwords at once: try again in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1

    async def _opened(self, person_id: int, password: Secret) -> tuple[Wraps, Key]:
        """The data key by the password. A try is counted before it is made, so that no crash makes it free."""
        now = self._clock.now()
        attempt = await self._database.run(lambda db: vault_rows.begin_try(db, person_id, now))
        if attempt is None:
            raise VaultLocked("there is no password yet")
        if not attempt.allowed:
            raise WrongPassword(retry_after=attempt.wait_ms / 1000)
        wraps = attempt.wraps
        with await self._derived(wraps.argon, wraps.salt, person_id, password) as kek:
            try:
                key = unseal(kek, wraps.wrap_pw, _password_context(person_id, wraps.version))
            except VaultDamaged:  # a wrong key and a changed byte look the same
                raise WrongPassword(retry_after=attempt.wait_ms / 1000) from None
        await self._database.run(lambda db: vault_rows.forgive(db, person_id))
        return wraps, key

    async def _rewrap(self, wraps: Wraps, key: Key, password: Secret) -> None:
        renewed = await self._wrapped(wraps.person_id, key, password, version=wraps.version)
        await self._database.run(lambda db: vault_rows.set_password_wrap(db, renewed))

    async def _wrapped(self, person_id: int, key: Key, password: Secret, *, version: int) -> Wraps:
        """The data key under a password, with a salt of its own."""
        salt = os.urandom(SALT_BYTES)
        with await self._derived(self._argon, salt, person_id, password) as kek:
            wrap = seal(kek, key, _password_context(person_id, version))
        return Wraps(person_id, version, salt, self._argon, wrap)

    async def _derived(self, argon: Argon, salt: bytes, person_id: int, password: Secret) -> Key:
        derive = partial(argon.derive, password, salt=salt, person_id=person_id)
        return await asyncio.get_running_loop().run_in_executor(self._thread, derive)

    async def _stored(self, person_id: int) -> Wraps:
        wraps = await self._database.run(lambda db: vault_rows.wraps(db, person_id))
        if wraps is None:
            raise VaultLocked("there is no password yet")
        return wraps

    def _hold(self, person_id: int, key: Key) -> None:
        if person_id in self._keys:
            key.wipe()
        else:
            self._keys[person_id] = key

    def _held(self, person_id: int) -> Key:
        key = self._keys.get(person_id)
        if key is None:
            raise VaultLocked("the vault is locked")
        return key


def _password_context(person_id: int, version: int) -> str:
    return f"v1|wrap_pw|{person_id}|{version}"


def _server_context(kid: str, person_id: int, version: int) -> str:
    return f"v1|wrap_srv|{kid}|{person_id}|{version}"


def _secret_context(person_id: int, environment: Environment, field: str, version: int) -> str:
    """What a stored secret is bound to: in another place it does not open."""
    return f"v1|sec|{person_id}|{environment.value}|{field}|{version}"
