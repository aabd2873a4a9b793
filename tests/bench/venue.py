"""The stand-in exchange in a process of its own, without delays of its own: `python -m tests.bench.venue SEED`.

Each event of an order carries when it was written, and when the last cancel was read, on the clock that all processes of
this machine share: so the stand-in's own part can be told from ours.
"""

import asyncio
import sys
import time

from aiohttp import web

from bot.logs import configure
from bot.sandbox.bybit_rest import BybitRest
from bot.sandbox.exchange import ExchangeOptions, serve_bybit
from bot.sandbox.lockstep import LockstepTimes


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _stamp_events() -> None:
    handle, send = BybitRest.handle, web.WebSocketResponse.send_str
    cancel_read = 0.0

    async def handle_(rest: BybitRest, request: web.Request) -> web.StreamResponse:
        nonlocal cancel_read
        if request.path.endswith("/order/cancel"):
            cancel_read = time.perf_counter()
        return await handle(rest, request)

    async def send_(socket: web.WebSocketResponse, text: str, compress: int | None = None) -> None:
        if '"topic"' in text:
            text = f'{text[:-1]}, "bench": [{time.perf_counter()}, {cancel_read}]}}'
        await send(socket, text, compress)

    BybitRest.handle, web.WebSocketResponse.send_str = handle_, send_  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    configure(json_lines=False)
    _stamp_events()
    # the market stands still while a client answers, which delays no answer; effects follow their acknowledgement at once
    still = LockstepTimes(quiet_ms=40)
    asyncio.run(
        serve_bybit(
            ExchangeOptions(speed=0, paused=True, seed=int(sys.argv[1]), lockstep=still, ack_lead_ms=0), _say
        )
    )
