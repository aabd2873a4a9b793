"""What a person wants to be told, how and when; and where each strategy's living card stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.domain.notices import Notice


class Choice(StrEnum):
    """How one kind of event is told."""

    ON = "on"
    SILENT = "silent"
    """Without a sound."""
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Taste:
    """A person's settings. `zone` is an IANA name, None for the language's own; `digest_hour` None is no digest.

    `digest_day` is the local day (ISO) of the last digest that was due.
    """

    zone: str | None = None
    digest_hour: int | None = None
    digest_day: str | None = None
    dark: bool = False


@dataclass(frozen=True, slots=True)
class LiveCard:
    """The message that shows a strategy as it stands; `at` is when it was sent (ms UTC)."""

    strategy_id: int
    person_id: int
    message_id: int
    pinned: bool
    at: int


@dataclass(frozen=True, slots=True)
class Told:
    """A notice of the past, whether it was sent or not."""

    strategy_id: int | None
    notice: Notice
    at: int


class PreferenceStore(Protocol):
    """Kept by person; a card belongs to its strategy's person."""

    async def choices(self, person_id: int) -> Mapping[str, Choice]:
        """What was chosen, by kind of notice; what is absent is ON."""

    async def choose(self, person_id: int, kind: str, choice: Choice) -> None: ...

    async def taste(self, person_id: int) -> Taste: ...

    async def keep_taste(self, person_id: int, taste: Taste) -> None: ...

    async def digest_people(self) -> Sequence[int]:
        """Who wants a digest."""

    async def cards(self, person_id: int | None = None) -> Sequence[LiveCard]:
        """Every living card, or one person's."""

    async def keep_card(self, card: LiveCard) -> None: ...

    async def drop_card(self, card: LiveCard) -> None:
        """Forget it, unless another message has taken its place."""

    async def told(self, person_id: int, limit: int) -> Sequence[Told]:
        """The last notices, oldest first."""
