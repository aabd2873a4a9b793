"""Balances of one account: coins in total, and how much of them open orders lock."""

from dataclasses import dataclass, field
from decimal import Decimal

from bot.errors import InvariantBroken
from bot.sandbox.orders import ZERO, Reason, Refusal


@dataclass(slots=True)
class Balance:
    total: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        return self.total - self.locked


@dataclass(slots=True)
class Account:
    """One person's wallet and key pair on the stand-in.

    `read_only` keys may not trade; `wallet_permissions` is what query-api reports (for example `Withdraw`).
    """

    name: str
    api_key: str
    api_secret: str
    uid: int
    read_only: bool = False
    wallet_permissions: tuple[str, ...] = ()
    balances: dict[str, Balance] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Account({self.name!r}, uid={self.uid})"

    def coin(self, coin: str) -> Balance:
        return self.balances.setdefault(coin, Balance())

    def lock(self, coin: str, amount: Decimal) -> None:
        """Set `amount` aside for an order; refused when it is not free."""
        balance = self.coin(coin)
        if amount > balance.free:
            raise Refusal(Reason.INSUFFICIENT, f"{coin}: {amount} wanted, {balance.free} free")
        balance.locked += amount

    def unlock(self, coin: str, amount: Decimal) -> None:
        balance = self.coin(coin)
        balance.locked -= amount
        if balance.locked < ZERO:
            raise InvariantBroken(f"{coin}: more unlocked than was locked")

    def move(self, coin: str, amount: Decimal) -> None:
        """Credit (or, negative, debit) coins that are not locked."""
        balance = self.coin(coin)
        balance.total += amount
        if balance.free < ZERO:
            raise InvariantBroken(f"{coin}: {balance.total} held, {balance.locked} locked")
