"""One request to the Bybit stand-in, as its endpoints see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.account import Account
from bot.sandbox.bybit_errors import parameter
from bot.sandbox.orders import Filters, Reason, Refusal
from bot.sandbox.venue import Venue

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """Parameters as sent (query strings or JSON values) and who sends them; public calls come as nobody."""

    venue: Venue
    params: dict[str, Any]
    signer: Account | None

    @property
    def account(self) -> Account:
        if self.signer is None:
            raise LookupError("a public endpoint has no account")
        return self.signer

    def get(self, name: str) -> str:
        """The parameter as a string, "" where it is absent."""
        value = self.params.get(name)
        return "" if value is None else str(value)

    def has(self, name: str) -> bool:
        return self.get(name) != ""

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds; a parameter error names it otherwise."""
        text = self.get(name) or str(default)
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            raise parameter(f"{name} is {text!r}, {low} to {high} is wanted")
        return int(text)

    def only_spot(self) -> None:
        if self.get("category") != "spot":
            raise parameter(f"category is {self.get('category')!r}, the stand-in trades spot only")

    def filters(self, symbol: str) -> Filters:
        book = self.venue.core.books.get(symbol)
        if book is None:
            raise Refusal(Reason.UNKNOWN_SYMBOL, symbol)
        return book.filters


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`allowed` names every parameter that is implemented; `per_second` is Bybit's limit (0: by IP only)."""

    handler: Callable[[Call], Result]
    allowed: frozenset[str]
    signed: bool = True
    writes: bool = False
    per_second: int = 50
