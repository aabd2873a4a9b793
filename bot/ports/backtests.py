"""What backtests need of the world: a process for one job, and a note of who waits for one."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Line = Mapping[str, Any]
"""A worker's line, read from JSON: `{"progress": {...}}`, at last `{"done": {...}}` or `{"failed": {...}}`."""


class Workers(Protocol):
    """Starts a process for each job; what is heavy is loaded there and is gone with it."""

    def run(self, job: Mapping[str, object]) -> AsyncGenerator[Line, None]:
        """The job's lines as they come. The last is `done` or `failed`, also when the process is lost:

        `failed` carries `field` and `reason`; of a process that did not end by itself the reason is `memory`,
        `time` or `lost`. Closing the generator kills the process.
        """


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A chat message that promises a result; `again` is the button that asks for it once more, `at` ms UTC."""

    person_id: int
    message_id: int
    again: str
    at: int


class RunBook(Protocol):
    """Who waits for what, so that a new process can say what became of it. One row a person."""

    async def note(self, run: WaitingRun) -> None: ...

    async def forget(self, person_id: int, message_id: int) -> None:
        """Nobody waits for this message any more."""

    async def waiting(self) -> Sequence[WaitingRun]: ...
