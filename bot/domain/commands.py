"""Wishes of a strategy. They are carried out only after the state that holds them is saved."""

from dataclasses import dataclass

from bot.domain.notices import Notice
from bot.domain.orders import OwnOrder


@dataclass(frozen=True, slots=True)
class Place:
    """Send this order once; it stands in the state as INTENDED."""

    order: OwnOrder


@dataclass(frozen=True, slots=True)
class Cancel:
    order_id: str


@dataclass(frozen=True, slots=True)
class FetchFills:
    """The order is closed with more than is booked: bring its executions."""

    order_id: str


@dataclass(frozen=True, slots=True)
class ReadBalance:
    """Read what may be spent and answer with BalanceRead."""


@dataclass(frozen=True, slots=True)
class ReloadRules:
    """A filter refused an order: read the pair's rules again, then tick."""


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Send a Tick at this time (ms UTC)."""

    at: int


@dataclass(frozen=True, slots=True)
class Announce:
    notice: Notice


Command = Place | Cancel | FetchFills | ReadBalance | ReloadRules | WakeAt | Announce
