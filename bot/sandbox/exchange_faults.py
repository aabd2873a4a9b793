"""Faults that tests and people can order on the stand-in exchange, in-process or over `/sandbox/faults`.

A request fault waits for the next `count` calls of its `path`:

| answer   | what the client sees                                                    |
|----------|-------------------------------------------------------------------------|
| drop     | the connection is cut without an answer                                 |
| http     | HTTP `status` with a body that is not JSON                              |
| ret_code | HTTP 200 with retCode `code` and `message`                              |
| stale    | the last answer to the same question, or none found, as it was before   |
| none     | the true answer (with `delay_ms`)                                       |
| cut      | half of the true answer, then the connection ends (public data only)    |
| spoil    | the true answer with one bit changed (public data only)                 |

`effect` says whether the request is carried out all the same: drop with effect is an answer lost after the order was
taken, drop without it an order that never arrived.
"""

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any


class Answer(StrEnum):
    DROP = "drop"
    HTTP = "http"
    RET_CODE = "ret_code"
    STALE = "stale"
    NONE = "none"
    CUT = "cut"
    SPOIL = "spoil"


@dataclass(slots=True)
class RequestFault:
    path: str
    answer: Answer = Answer.DROP
    effect: bool = False
    count: int = 1
    status: int = 503
    code: int = 10000
    message: str = "Server Timeout"
    delay_ms: int = 0
    retry_after: int = 0


@dataclass(slots=True)
class StreamFaults:
    """What happens to the private streams.

    `silent`: pings are answered and nothing else comes, what would have come is lost; `duplicate`: the next N messages
    come twice; `execution_first`: executions before order rows; `refuse`: the next N connections get HTTP 503;
    `lose`: the next N messages are lost; `delay_ms`: every message comes that much later.
    """

    silent: bool = False
    execution_first: bool = False
    duplicate: int = 0
    lose: int = 0
    refuse: int = 0
    delay_ms: int = 0


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self.requests: list[RequestFault] = []
        self.stream = StreamFaults()

    def add(self, fault: RequestFault) -> None:
        self.requests.append(fault)

    def take(self, path: str) -> RequestFault | None:
        """The fault for this call of `path`, if one waits for it; counts it."""
        for fault in self.requests:
            if fault.path == path:
                fault.count -= 1
                if fault.count <= 0:
                    self.requests.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        self.requests.clear()
        self.stream = StreamFaults()

    def as_json(self) -> dict[str, Any]:
        return {"requests": [asdict(fault) for fault in self.requests], "stream": asdict(self.stream)}

    def order(self, body: dict[str, Any]) -> None:
        """Take `{"path", ...}` (a request fault) or `{"stream": {...}}`; ValueError names what is not known."""
        if "stream" in body:
            wishes = body["stream"]
            unknown = set(wishes) - {one.name for one in fields(StreamFaults)}
            if unknown:
                raise ValueError(f"no such stream fault: {', '.join(sorted(unknown))}")
            for name, value in wishes.items():
                setattr(self.stream, name, value)
            return
        unknown = set(body) - {one.name for one in fields(RequestFault)}
        if unknown or "path" not in body:
            raise ValueError(
                f"a path and known fields are wanted, not {', '.join(sorted(unknown)) or 'none'}"
            )
        self.add(RequestFault(**{**body, "answer": Answer(body.get("answer", Answer.DROP))}))
