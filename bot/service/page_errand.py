"""What the one-time page does: which secrets an errand needs now, and the errand itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.errors import InvalidInput
from bot.ports import Credentials, Environment, KeyFacts, Person, Secret
from bot.service.core import Service
from bot.service.tickets import Errand, Purpose
from bot.service.vault_care import Opened

PASSWORD = "password"  # noqa: S105 - a field's name
NEW_PASSWORD = "new_password"  # noqa: S105 - a field's name
NEW_PASSWORD_AGAIN = "new_password_again"  # noqa: S105 - a field's name
API_KEY = "api_key"
API_SECRET = "api_secret"  # noqa: S105 - a field's name
_NEW = (NEW_PASSWORD, NEW_PASSWORD_AGAIN)


@dataclass(frozen=True, slots=True)
class VaultMade:
    """The first password is set; the vault is open."""


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """The new password holds."""


@dataclass(frozen=True, slots=True)
class KeyKept:
    environment: Environment
    facts: KeyFacts


News = VaultMade | Opened | PasswordChanged | KeyKept


async def fields(service: Service, person: Person, errand: Errand) -> tuple[str, ...]:
    """The secrets that are wanted now; none when there is nothing to do."""
    vault = await service.vault_state(person)
    if errand.purpose is Purpose.PASSWORD:
        return (PASSWORD, *_NEW) if vault.exists else _NEW
    wanted: tuple[str, ...] = ()
    if not vault.exists:
        wanted = _NEW
    elif not vault.unlocked:
        wanted = (PASSWORD,)
    return (*wanted, API_KEY, API_SECRET) if errand.purpose is Purpose.KEY else wanted


async def carry_out(
    service: Service, person: Person, errand: Errand, given: Mapping[str, Secret], news: list[News]
) -> None:
    """Does the errand; `news` grows with each step that is done, also when a later one fails.

    InvalidInput for a secret that is missing or does not fit; else what the vault and the exchange raise.
    """
    wanted = await fields(service, person, errand)
    for name in wanted:
        if not given.get(name, Secret("")).reveal():
            raise InvalidInput(name, "something in each field", key="page_field_empty")
    if NEW_PASSWORD in wanted and given[NEW_PASSWORD] != given[NEW_PASSWORD_AGAIN]:
        raise InvalidInput(NEW_PASSWORD, "the same password twice", key="page_passwords_differ")
    if errand.purpose is Purpose.PASSWORD and PASSWORD in wanted:
        await service.care.change_password(person, given[PASSWORD], given[NEW_PASSWORD])
        news.append(PasswordChanged())
        return
    await _open(service, person, wanted, given, news)
    await _keep(service, person, errand, given, news)


async def _open(
    service: Service,
    person: Person,
    wanted: tuple[str, ...],
    given: Mapping[str, Secret],
    news: list[News],
) -> None:
    if NEW_PASSWORD in wanted:
        await service.create_vault(person, given[NEW_PASSWORD])
        news.append(VaultMade())
    elif PASSWORD in wanted:
        news.append(await service.care.unlock(person, given[PASSWORD]))


async def _keep(
    service: Service, person: Person, errand: Errand, given: Mapping[str, Secret], news: list[News]
) -> None:
    if errand.purpose is Purpose.KEY and errand.environment is not None:
        pair = Credentials(given[API_KEY], given[API_SECRET])
        news.append(KeyKept(errand.environment, await service.add_key(person, errand.environment, pair)))
    elif errand.purpose is Purpose.SANDBOX:
        sandbox, credentials = sandbox_of(service), service.sandbox_key(person)
        if sandbox is not None and credentials is not None:
            news.append(KeyKept(sandbox, await service.add_key(person, sandbox, credentials)))


def sandbox_of(service: Service) -> Environment | None:
    """The sandbox environment that is offered here."""
    sandboxes = {Environment.SANDBOX_BYBIT, Environment.SANDBOX_BINANCE}
    return next((e for e in service.environments if e in sandboxes), None)
