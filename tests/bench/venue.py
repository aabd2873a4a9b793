"""The stand-in exchange in a process of its own, without delays of its own: `python -m tests.bench.venue SEED`."""

import asyncio
import sys

from bot.logs import configure
from bot.sandbox.exchange import ExchangeOptions, serve_bybit
from bot.sandbox.lockstep import LockstepTimes


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    configure(json_lines=False)
    # the market stands still while a client answers, which delays no answer; effects follow their acknowledgement at once
    still = LockstepTimes(quiet_ms=40)
    asyncio.run(
        serve_bybit(
            ExchangeOptions(speed=0, paused=True, seed=int(sys.argv[1]), lockstep=still, ack_lead_ms=0), _say
        )
    )
