"""A Binance stand-in of public market data alone, over a candle file: every candle of it is the past."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aiohttp import web

from bot.candle_rows import symbol_in
from bot.sandbox.binance_public import BinancePublic, PublicMarket
from bot.sandbox.candle_archive import CandleArchive
from bot.sandbox.candles import Candle, CandleSource, file_source, random_source
from bot.sandbox.exchange_faults import Faults
from bot.sandbox.orders import Filters
from bot.sandbox.venue import real_clock_ms

HOST = "127.0.0.1"
_MADE_UP_DAYS = 180


@dataclass(frozen=True, slots=True)
class BinanceOptions:
    """`candles`: a candle file, else half a year of made-up prices by `seed`; `symbol`: else as the file's name tells."""

    port: int = 0
    candles: Path | None = None
    seed: int = 1
    symbol: str | None = None
    filters: Filters | None = None
    weight_limit: int = 6000
    clock: Callable[[], int] = real_clock_ms


class SandboxBinance:
    """`start`, use `rest_url` for both REST and archives, `stop`."""

    def __init__(self, options: BinanceOptions | None = None) -> None:
        self.options = options or BinanceOptions()
        self.faults = Faults()
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def rest_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Read the candles and listen on loopback; raises `BadCandles`."""
        options = self.options
        path = options.candles
        symbol = options.symbol or (symbol_in(path.name) if path else "") or "BTCUSDT"
        source, present = await asyncio.to_thread(self._source)
        archive = CandleArchive(source, lambda: present)
        await asyncio.to_thread(archive.read_on)
        market = PublicMarket(options.filters or Filters.of(symbol), archive)
        public = BinancePublic(
            {symbol: market}, faults=self.faults, clock=options.clock, weight_limit=options.weight_limit
        )
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", public.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, options.port).start()
        self.port = self._runner.addresses[0][1]

    def _source(self) -> tuple[CandleSource, tuple[int | None, Candle | None]]:
        path = self.options.candles
        if path is not None:
            return file_source(path), (None, None)
        return random_source(self.options.seed, past_days=_MADE_UP_DAYS), (0, None)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def announcement(self) -> str:
        """The one JSON object that the command line prints as its first line."""
        return json.dumps({"rest": self.rest_url, "archive": self.rest_url})


async def serve_binance(options: BinanceOptions, write: Callable[[str], None]) -> None:
    """Run the stand-in until cancelled. `write` gets the announcement as one line once it listens."""
    async with SandboxBinance(options) as exchange:
        write(exchange.announcement() + "\n")
        await asyncio.Event().wait()
