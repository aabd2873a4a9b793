"""Questions that want a second press: answered once, by the person who was asked, within 60 seconds.

They live in memory on purpose: after a restart no old press can act, it is asked again.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

VALID_SECONDS = 60.0
_NONCE_BYTES = 9


@dataclass(frozen=True, slots=True)
class _Question:
    person_id: int
    what: object
    until: float


class Confirmations:
    """Open questions by their nonce; `what` is any value that says what would be done."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, _Question] = {}

    def ask(self, person_id: int, what: object) -> str:
        """The nonce that goes into the button (12 characters, no colon)."""
        now = self._clock()
        self._open = {nonce: q for nonce, q in self._open.items() if q.until > now}
        nonce = secrets.token_urlsafe(_NONCE_BYTES)
        self._open[nonce] = _Question(person_id, what, now + VALID_SECONDS)
        return nonce

    def take(self, person_id: int, nonce: str) -> object | None:
        """What was asked, once; None when it is unknown, answered, expired or somebody else's."""
        question = self._open.get(nonce)
        if question is None or question.person_id != person_id:
            return None
        del self._open[nonce]
        return question.what if question.until > self._clock() else None
