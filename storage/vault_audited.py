"""The vault, with a note in the audit log of who opened it and whose keys came and went; never a secret."""

from collections.abc import Awaitable, Callable, Mapping

from bot.errors import WrongPassword
from bot.ports.clock import Clock
from bot.ports.exchange import Environment
from bot.ports.vault import Credentials, Secret
from storage.database import Database
from storage.vault import SqliteVault

Note = Callable[[int, str, str], Awaitable[None]]


class AuditedVault(SqliteVault):
    """`note(person_id, deed, about)` is called after each deed."""

    def __init__(
        self,
        database: Database,
        *,
        note: Note,
        master_keys: Mapping[str, Secret] | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(database, master_keys=master_keys, clock=clock)
        self._note = note

    async def unlock(self, person_id: int, password: Secret) -> None:
        try:
            await super().unlock(person_id, password)
        except WrongPassword:
            await self._note(person_id, "unlock_failed", "")
            raise
        await self._note(person_id, "unlocked", "")

    async def create(self, person_id: int, password: Secret) -> None:
        await super().create(person_id, password)
        await self._note(person_id, "vault_made", "")

    async def change_password(self, person_id: int, old: Secret, new: Secret) -> None:
        try:
            await super().change_password(person_id, old, new)
        except WrongPassword:
            await self._note(person_id, "unlock_failed", "")
            raise
        await self._note(person_id, "password_changed", "")

    async def put(self, person_id: int, environment: Environment, credentials: Credentials) -> None:
        await super().put(person_id, environment, credentials)
        await self._note(person_id, "key_added", environment.value)

    async def remove(self, person_id: int, environment: Environment) -> bool:
        gone = await super().remove(person_id, environment)
        if gone:
            await self._note(person_id, "key_removed", environment.value)
        return gone

    async def forget(self, person_id: int) -> None:
        await super().forget(person_id)
        await self._note(person_id, "vault_forgotten", "")
