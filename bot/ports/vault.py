"""Secrets as masked types, and the vault that keeps them."""

from dataclasses import dataclass
from typing import NoReturn, Protocol

from bot.ports.exchange import Environment


class Secret:
    """Text that no repr, str, format or pickle shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; call it only where it leaves for the exchange or the cipher."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An exchange key pair."""

    key: Secret
    secret: Secret


NOBODY = Credentials(Secret(""), Secret(""))
"""For what an exchange tells everybody."""


class Vault(Protocol):
    """Key pairs of people, encrypted under each person's own password.

    Deriving a key from a password takes 64 MiB and a tenth of a second; it runs off the loop, one at a time.
    Methods raise VaultLocked, WrongPassword or VaultDamaged.
    """

    async def exists(self, person_id: int) -> bool:
        """Whether this person has set a password."""

    async def create(self, person_id: int, password: Secret) -> None:
        """A new vault, unlocked; InvalidInput for a password under 12 characters."""

    async def unlock(self, person_id: int, password: Secret) -> None: ...

    async def unlock_unattended(self, person_id: int) -> bool:
        """Opens by the server's master key where the person opted in; False where that is not possible."""

    def lock(self, person_id: int) -> None: ...

    def unlocked(self, person_id: int) -> bool: ...

    async def set_unattended(self, person_id: int, *, enabled: bool) -> None:
        """Adds or removes the wrap under the server's master key; needs an unlocked vault."""

    async def unattended(self, person_id: int) -> bool: ...

    async def change_password(self, person_id: int, old: Secret, new: Secret) -> None: ...

    async def put(self, person_id: int, environment: Environment, credentials: Credentials) -> None: ...

    async def credentials(self, person_id: int, environment: Environment) -> Credentials | None: ...

    async def environments(self, person_id: int) -> tuple[Environment, ...]:
        """Where this person has keys; readable while locked."""

    async def remove(self, person_id: int, environment: Environment) -> bool: ...

    async def forget(self, person_id: int) -> None:
        """Crypto-shred: the wraps first, then the records."""
