"""The whole error tree. Each class states who handles it.

BotError
├─ InvalidInput(field, reason)        ask again, same question                 (handlers, __main__)
├─ ConfigError(problems)              list all problems, exit 2                (__main__)
├─ NotAllowed                         tell the person plainly                  (handlers)
├─ ExchangeError
│  ├─ Unavailable                     wait with backoff; reads only            (engine)
│  │  └─ RateLimited(retry_after)
│  ├─ OutcomeUnknown(order_id)        look the order up; never send again      (executor)
│  ├─ OrderRejected(code)             becomes an event                         (executor)
│  │  ├─ InsufficientBalance
│  │  ├─ RuleViolation                reload the market's rules
│  │  └─ DuplicateOrderId             the order exists: look it up
│  ├─ OrderGone                       cancel of an order no longer open: query (executor)
│  └─ AccessDenied                    pause this account, tell the owner       (supervisor)
│     └─ KeyElsewhere(belongs_to)     say where the key is to be added         (handlers)
├─ StoreError                         no state, no trading: stop               (app)
├─ VaultError                         the chat explains                        (handlers)
│  ├─ VaultLocked
│  ├─ WrongPassword(retry_after)
│  └─ VaultDamaged
└─ InvariantBroken                    our bug: freeze this strategy, keep its orders, page the owner
"""

from collections.abc import Sequence


class BotError(Exception):
    """Root of everything this program raises on purpose."""


class InvalidInput(BotError):  # noqa: N818
    """A person's value does not fit.

    `field` is the name the person knows (a parameter, a file's key), `reason` says what would be accepted
    in plain English, `key` and `values` let the chat say the same in the person's language.
    """

    def __init__(
        self, field: str, reason: str, *, key: str = "", values: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.key = key
        self.values = values or {}


class ConfigError(BotError):
    """The settings cannot work; every problem is listed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class NotAllowed(BotError):  # noqa: N818
    """The person may not do this, or not now; the message says why."""


class ExchangeError(BotError):
    """An exchange, or the way to it, did not do what was asked."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class Unavailable(ExchangeError):  # noqa: N818
    """A read failed for a passing reason: network, maintenance, clock window."""


class RateLimited(Unavailable):
    """Too many requests; nothing may be sent for `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float, code: int | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class OutcomeUnknown(ExchangeError):  # noqa: N818
    """A write may or may not have happened."""

    def __init__(self, order_id: str, message: str, *, code: int | None = None) -> None:
        super().__init__(f"{order_id}: {message}", code=code)
        self.order_id = order_id


class OrderRejected(ExchangeError):  # noqa: N818
    """The exchange definitely did not take the order."""


class InsufficientBalance(OrderRejected):
    """Not enough free coins for this order."""


class RuleViolation(OrderRejected):
    """A filter of the pair (tick, lot, minimum, price band) refused the order."""


class DuplicateOrderId(OrderRejected):
    """The client id was used before: that order exists."""


class OrderGone(ExchangeError):  # noqa: N818
    """A cancel met an order that is filled, cancelled or unknown: its state must be queried."""


class AccessDenied(ExchangeError):  # noqa: N818
    """The key is wrong, expired, of another environment, or lacks a permission."""


class KeyElsewhere(AccessDenied):
    """The key works in another environment of the same exchange; `belongs_to` is that environment's name."""

    def __init__(self, message: str, *, belongs_to: str) -> None:
        super().__init__(message)
        self.belongs_to = belongs_to


class StoreError(BotError):
    """State could not be saved or read: trading stops."""


class VaultError(BotError):
    """Secrets could not be opened or kept. Never carries a secret."""


class VaultLocked(VaultError):  # noqa: N818
    """The person's vault is locked: ask for /unlock."""


class WrongPassword(VaultError):  # noqa: N818
    """The password does not open this vault; `retry_after` seconds must pass before the next try."""

    def __init__(self, *, retry_after: float = 0) -> None:
        super().__init__("wrong password")
        self.retry_after = retry_after


class VaultDamaged(VaultError):  # noqa: N818
    """A record does not authenticate: wrong key or changed bytes."""


class InvariantBroken(BotError):  # noqa: N818
    """Our own bug: the state would have become impossible."""
