"""What Bybit's answers mean, in the house's errors (docs "error"; the outcome of a write is never guessed).

A code that is not listed proves nothing: a read is repeated later, a write has to be looked up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from bot.errors import (
    AccessDenied,
    DuplicateOrderId,
    ExchangeError,
    InsufficientBalance,
    OrderGone,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    RuleViolation,
    Unavailable,
)
from bot.exchanges.gate import BAN_SECONDS


class Meaning(Enum):
    """What a retCode says."""

    KEY = auto()
    CLOCK = auto()
    RATE = auto()
    UNKNOWN = auto()
    FUNDS = auto()
    RULE = auto()
    DUPLICATE = auto()
    REFUSED = auto()
    GONE = auto()


class Doing(Enum):
    """What was asked when the answer came."""

    READ = auto()
    PLACE = auto()
    CANCEL = auto()


_KEY = {-2015, 10003, 10004, 10005, 10007, 10008, 10009, 10010, 10020, 10024, 10027, 10028, 33004}
_CLOCK = {-1, 10002}
_RATE = {429, 10006, 10018, 10429, 20003, 170005, 170222}
# Listed although unlisted codes mean the same, so that a reader sees them: timeouts between Bybit's own parts,
# and cancels that are still on their way.
_UNKNOWN = {10000, 10014, 10016, 170001, 170007, 170032, 170035, 170146, 170147, 170149, 170150, 170234}
_UNKNOWN |= {170144, 170190, 170191, 170212}
_FUNDS = {170033, 170131}
_RULE = {30208, 30209, 170121, 170124, 170132, 170133, 170134, 170136, 170137, 170140, 170148, 170151, 170157}
_RULE |= {170192, 170193, 170194, 170341, 170371, 170372, 170381, 170382}
_DUPLICATE = {110072, 170141}
_REFUSED = {
    10001,
    10029,
    170010,
    170011,
    170031,
    170034,
    170105,
    170115,
    170116,
    170117,
    170130,
    170159,
    170209,
}
_REFUSED |= {170195, 170196, 170197, 170198, 170199, 170200, 170201, 170210, 170217, 170218, 170219, 170220}
_REFUSED |= {170223, 170224, 170226, 170227, 170228, 170229, 170241, 170348, 170358, 170709, 170810}
_GONE = {170139, 170142, 170143, 170213}

BY_CODE: Mapping[int, Meaning] = MappingProxyType(
    {
        code: meaning
        for meaning, codes in (
            (Meaning.KEY, _KEY),
            (Meaning.CLOCK, _CLOCK),
            (Meaning.RATE, _RATE),
            (Meaning.UNKNOWN, _UNKNOWN),
            (Meaning.FUNDS, _FUNDS),
            (Meaning.RULE, _RULE),
            (Meaning.DUPLICATE, _DUPLICATE),
            (Meaning.REFUSED, _REFUSED),
            (Meaning.GONE, _GONE),
        )
        for code in codes
    }
)

_REJECTIONS: Mapping[Meaning, type[OrderRejected]] = MappingProxyType(
    {
        Meaning.FUNDS: InsufficientBalance,
        Meaning.RULE: RuleViolation,
        Meaning.DUPLICATE: DuplicateOrderId,
        Meaning.REFUSED: OrderRejected,
        Meaning.GONE: OrderRejected,
        # A stale timestamp is refused before the order reaches the engine: it surely does not exist.
        Meaning.CLOCK: OrderRejected,
    }
)


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer with a retCode. `wait` is the seconds until the rate limit's reset, where one was given."""

    code: int
    message: str
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """An HTTP status that is not 200."""

    status: int


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No readable answer: nobody knows whether the request arrived. `what` names the kind of failure."""

    what: str


Fault = Refused | Failed | NoAnswer


def error_for(fault: Fault, doing: Doing, *, order_id: str = "", where: str = "Bybit") -> ExchangeError:
    """The house's error for a fault; `order_id` is the order of a write, `where` names the environment."""
    match fault:
        case Refused():
            return _refused(fault, doing, order_id, where)
        case Failed(status=403):
            text = "HTTP 403: this address sent too much, or its country is not served"
            return RateLimited(text, retry_after=BAN_SECONDS, code=403)
        case Failed(status=429):
            return RateLimited("HTTP 429: too many requests", retry_after=1.0, code=429)
        case Failed(status=401):
            return AccessDenied(f"{where} refused the key (HTTP 401)", code=401)
        case Failed(status=status):
            return _unsure(f"HTTP {status}", doing, order_id, status)
        case NoAnswer(what=what):
            return _unsure(f"no answer ({what})", doing, order_id, None)


def _refused(fault: Refused, doing: Doing, order_id: str, where: str) -> ExchangeError:
    meaning = BY_CODE.get(fault.code, Meaning.UNKNOWN)
    text = f"{fault.message or 'refused'} ({fault.code})"
    if meaning is Meaning.KEY:
        hint = f"; a key works only where it was made: is it one of {where}?" if fault.code == 10003 else ""
        return AccessDenied(f"{text}{hint}", code=fault.code)
    if meaning is Meaning.RATE:
        wait = BAN_SECONDS if fault.code == 10018 else fault.wait or 1.0
        return RateLimited(text, retry_after=wait, code=fault.code)
    if doing is Doing.PLACE and meaning in _REJECTIONS:
        return _REJECTIONS[meaning](text, code=fault.code)
    if doing is Doing.CANCEL and meaning is Meaning.GONE:
        return OrderGone(text, code=fault.code)
    return _unsure(text, doing, order_id, fault.code)


def _unsure(text: str, doing: Doing, order_id: str, code: int | None) -> ExchangeError:
    if doing is Doing.READ:
        return Unavailable(text, code=code)
    return OutcomeUnknown(order_id, text, code=code)
