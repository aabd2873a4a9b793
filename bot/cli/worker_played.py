"""Real fills on a stand-in: they carry the clock's time, its candles their own, and it alone knows which belong together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlencode, urlsplit

from bot.backtest.jobs import Job, RealFill
from bot.errors import InvalidInput, Unavailable

_PATH = "/sandbox/fill-candles"
_PATIENCE_S = 20.0
_Mark = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Told:
    """Fills of an account and pair, oldest first, each with its candle's open time (ms), None where unknown.

    A fill is known by its id and its time: a stand-in that lost its memory gives the same ids again. `under_way` is the
    open time of the candle that was not closed yet.
    """

    fills: Sequence[tuple[_Mark, int | None]]
    under_way: int


def placed(job: Job) -> Job:
    """The job with each fill at the open of the candle it was made in, and with those candles' hours.

    A cycle of which one fill's candle is not known is laid over nothing: InvalidInput("sandbox_clock") where that is
    every cycle, Unavailable where the stand-in cannot be asked. The hours end before the first fill that the job has
    not heard of: the market may have gone on for days since it was written.
    """
    told = _asked(job.source.rest or "", job.fills[-1].exec_id)
    at = {mark: candle for mark, candle in told.fills if candle is not None}
    lost = {fill.cycle for fill in job.fills if _mark(fill) not in at}
    known = [replace(fill, time=at[_mark(fill)]) for fill in job.fills if fill.cycle not in lost]
    if not known:
        raise InvalidInput("ambiente", "the sandbox does not know these fills' candles", key="sandbox_clock")
    return replace(
        job,
        fills=tuple(known),
        unplaced=tuple(fill for fill in job.fills if fill.cycle in lost),
        start=known[0].time,
        end=_heard_until(told, {_mark(fill) for fill in job.fills}),
    )


def _mark(fill: RealFill) -> _Mark:
    return fill.exec_id, fill.time


def _heard_until(told: _Told, heard: set[_Mark]) -> int:
    last = max(number for number, (mark, _) in enumerate(told.fills) if mark in heard)
    after = [candle for _, candle in told.fills[last + 1 :] if candle is not None]
    return min([told.under_way, *after])


def _asked(rest: str, exec_id: str) -> _Told:
    """Nothing from a stand-in that does not know this fill, or is too old to be asked."""
    address = urlsplit(rest)
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(address.netloc, timeout=_PATIENCE_S)
    try:
        connection.request("GET", f"{address.path.rstrip('/')}{_PATH}?{urlencode({'exec_id': exec_id})}")
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as exc:
        raise Unavailable(f"{rest} cannot be asked: {exc}") from exc
    finally:
        connection.close()
    if answer.status in {403, 404}:
        return _Told((), 0)
    try:
        found = json.loads(text)
        fills = [((str(exec_id), int(time)), candle) for exec_id, time, candle in found["fills"]]
        return _Told(fills, int(found["under_way"]))
    except (ValueError, LookupError, TypeError) as exc:
        raise Unavailable(f"{rest} answered {answer.status} without candles") from exc
