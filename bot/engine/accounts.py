"""Everybody's accounts: opened on first use, one for each person and environment."""

import asyncio
from collections.abc import Callable

from bot.domain.market import Symbol
from bot.domain.money import Quote
from bot.engine.account import Account
from bot.errors import NotAllowed
from bot.ports import Clock, Credentials, Environment, Exchange, Vault

AccountKey = tuple[int, Environment]


class Accounts:
    """The only place that takes keys out of the vault."""

    def __init__(
        self, *, vault: Vault, exchanges: Callable[[Environment, Credentials], Exchange], clock: Clock
    ) -> None:
        self._vault = vault
        self._exchanges = exchanges
        self._clock = clock
        self._open: dict[AccountKey, Account] = {}
        self._opening = asyncio.Lock()
        self._ending: set[asyncio.Task[None]] = set()

    async def of(self, person_id: int, environment: Environment) -> Account:
        """NotAllowed("no_key") for a person without a key there; VaultLocked while the vault is."""
        key = (person_id, environment)
        async with self._opening:
            if key not in self._open:
                credentials = await self._vault.credentials(person_id, environment)
                if credentials is None:
                    raise NotAllowed("no_key")
                account = Account(self._exchanges(environment, credentials), self._clock, self._denied)
                self._open[key] = account
                account.start()
            return self._open[key]

    def known(self, person_id: int, environment: Environment) -> Account | None:
        """The account if it is open."""
        return self._open.get((person_id, environment))

    def environments(self, person_id: int) -> list[Environment]:
        """Where this person's accounts are open."""
        return [environment for owner, environment in self._open if owner == person_id]

    async def available(self, person_id: int, environment: Environment, symbol: Symbol) -> Quote:
        """Free quote coins that no running strategy has reserved."""
        return await (await self.of(person_id, environment)).available(symbol)

    async def free(self, person_id: int, environment: Environment, coin: str) -> Quote:
        """What the exchange shows as free of a coin, whatever strategies have reserved of it."""
        return await (await self.of(person_id, environment)).free(coin)

    def take(self, person_id: int, environment: Environment) -> Account | None:
        """The account if it is open; the next use opens another. Whoever takes it closes it."""
        return self._open.pop((person_id, environment), None)

    async def close(self) -> None:
        """Close the connections; the runners must have been stopped before."""
        await asyncio.gather(*self._ending, return_exceptions=True)
        await asyncio.gather(*(account.close() for account in self._open.values()))
        self._open.clear()

    def _denied(self, account: Account, reason: str) -> None:
        """The exchange refuses the key: every strategy of the account stands still."""
        for key in [k for k, known in self._open.items() if known is account]:
            self._open.pop(key)
            closing = asyncio.create_task(account.close())
            self._ending.add(closing)
            closing.add_done_callback(self._ending.discard)
        for runner in tuple(account.runners.values()):
            runner.freeze(reason)
