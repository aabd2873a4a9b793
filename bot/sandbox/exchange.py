"""The stand-in exchange as one object: market, matching core, memory and sockets, on loopback only.

`SandboxExchange` is what the demo and the tests start; `serve_bybit` is what the command line runs.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Self

import structlog
from aiohttp import web

from bot.candle_rows import symbol_in
from bot.errors import InvalidInput
from bot.sandbox.account import Account, Balance
from bot.sandbox.binance_public import BinancePublic, PublicMarket
from bot.sandbox.bybit_private import PrivateStream
from bot.sandbox.bybit_public import PublicStream
from bot.sandbox.bybit_rest import BybitRest
from bot.sandbox.candles import CandleSource, file_source, random_source
from bot.sandbox.desk import CoreRules
from bot.sandbox.exchange_control import Control
from bot.sandbox.exchange_faults import Faults
from bot.sandbox.journal import Journal, Snapshot
from bot.sandbox.lockstep import Lockstep, LockstepTimes
from bot.sandbox.market import Market
from bot.sandbox.matching import Matching
from bot.sandbox.orders import Batch, Filters
from bot.sandbox.venue import Effects, Venue, real_clock_ms

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
FIRST_ACCOUNT = "demo"
_POSITION_EVERY_S = 1.0
_MAX_BODY = 256 * 1024


@dataclass(frozen=True, slots=True)
class ExchangeOptions:
    """How to start a stand-in exchange.

    `candles`: a candle file, else prices walk at random by `seed` from 60000; `speed`: candles a second, 0 for as
    fast as possible; `symbol`: the pair, else as the file's name tells; `filters`: the pair's rules, else Bybit's;
    `offset`: candles to skip, which are the past (None: half of a file); `past_days`: a made-up past for made-up
    prices; `paused`: stand on the first open until resumed; `lockstep`: wait for clients after
    fills (None: never); `ack_lead_ms`: how long effects follow their acknowledgement; `state_file`: survive restarts;
    `balances`: what each account starts with; `api_key`, `api_secret`: the first account's, else made up.
    """

    port: int = 0
    candles: Path | None = None
    seed: int = 1
    speed: float = 1.0
    symbol: str | None = None
    filters: Filters | None = None
    offset: int | None = 0
    past_days: int = 0
    paused: bool = False
    rules: CoreRules = field(default_factory=CoreRules)
    lockstep: LockstepTimes | None = None
    ack_lead_ms: int = 2
    rate_limits: bool = False
    state_file: Path | None = None
    balances: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(10000)})
    api_key: str = ""
    api_secret: str = ""
    control_key: str = ""
    clock: Callable[[], int] = real_clock_ms


class SandboxExchange:
    """One stand-in of Bybit V5 spot: `start`, use its URLs and keys, `stop`."""

    def __init__(self, options: ExchangeOptions | None = None) -> None:
        self.options = options or ExchangeOptions()
        self.faults = Faults()
        self.port = 0
        self._journal: Journal | None = None
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._position_saved = 0.0

    # Addresses and keys

    @property
    def rest_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def ws_private_url(self) -> str:
        return f"ws://{HOST}:{self.port}/v5/private"

    @property
    def ws_public_url(self) -> str:
        return f"ws://{HOST}:{self.port}/v5/public/spot"

    @property
    def api_key(self) -> str:
        return self._first.api_key

    @property
    def api_secret(self) -> str:
        return self._first.api_secret

    @property
    def control_key(self) -> str:
        """Opens `/sandbox/...`: the one given, else the first account's secret."""
        return self.options.control_key or self.api_secret

    @property
    def _first(self) -> Account:
        return next(iter(self.core.accounts.values()))

    def add_account(
        self,
        name: str,
        *,
        balances: Mapping[str, Decimal] | None = None,
        read_only: bool = False,
        wallet_permissions: tuple[str, ...] = (),
        api_key: str = "",
        api_secret: str = "",
    ) -> tuple[str, str]:
        """Open another person's account and return its key and secret; the name must be new."""
        if name in self.core.accounts:
            raise InvalidInput("account", f"{name} exists already")
        start = self.options.balances if balances is None else balances
        account = Account(
            name=name,
            api_key=api_key or secrets.token_hex(9),
            api_secret=api_secret or secrets.token_hex(18),
            uid=100_000_001 + len(self.core.accounts),
            read_only=read_only,
            wallet_permissions=wallet_permissions,
            balances={coin: Balance(total) for coin, total in start.items()},
        )
        self.core.add_account(account)
        if self._journal is not None:
            self._journal.save_account(account)
        return account.api_key, account.api_secret

    # Life

    async def start(self) -> None:
        """Read the candles, take up an earlier life's state, listen on loopback, let the market run."""
        source = await asyncio.to_thread(self._source)
        try:
            snapshot = self._build(source)
            await self._listen()
        except BaseException:
            await self.stop()
            raise
        self._bring_in(snapshot)
        self.public.start()
        market = asyncio.create_task(self.market.run(), name="market")
        market.add_done_callback(_report)
        self._tasks.append(market)

    def _build(self, source: CandleSource) -> Snapshot | None:
        """Put the parts together; returns what an earlier life left."""
        options = self.options
        symbol = options.symbol or (symbol_in(options.candles.name) if options.candles else "") or "BTCUSDT"
        filters = options.filters or Filters.of(symbol)
        self.core = Matching([filters], clock=options.clock, rules=options.rules)
        self.lockstep = Lockstep(options.lockstep)
        snapshot = self._recall(source)
        same_candles = snapshot is not None and snapshot.source == source.name
        self.market = Market(
            self.core,
            filters.symbol,
            source,
            lockstep=self.lockstep,
            speed=options.speed,
            paused=options.paused,
            start_at=snapshot.position if snapshot and same_candles else None,
            offset=(source.rows or 0) // 2 if options.offset is None else options.offset,
        )
        self.market.on_move = self._on_move
        if self._journal is not None:
            self._journal.save_source(source.name, self.market.position)
        self.effects = Effects(self.lockstep, options.ack_lead_ms)
        self.venue = Venue(
            core=self.core,
            markets={filters.symbol: self.market},
            lockstep=self.lockstep,
            effects=self.effects,
            faults=self.faults,
            clock=options.clock,
            rate_limits=options.rate_limits,
        )
        self.private = PrivateStream(self.venue)
        self.public = PublicStream(self.venue)
        self.core.listeners += [self._on_change, self.private.publish]
        return snapshot

    async def stop(self) -> None:
        """Stop the market, carry out what was acknowledged, close every socket and the state file."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._runner is not None:
            self.effects.finish()
            await self.private.close()
            await self.public.close()
            await self._runner.cleanup()
            self._runner = None
            self._save_place()
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def announcement(self) -> str:
        """The one JSON object that the command line prints as its first line."""
        return json.dumps(
            {
                "rest": self.rest_url,
                "ws_private": self.ws_private_url,
                "ws_public": self.ws_public_url,
                "api_key": self.api_key,
                "api_secret": self.api_secret,
            }
        )

    # Inside

    def _source(self) -> CandleSource:
        path = self.options.candles
        return (
            file_source(path)
            if path is not None
            else random_source(self.options.seed, past_days=self.options.past_days)
        )

    def _recall(self, source: CandleSource) -> Snapshot | None:
        """Open the state file and take up accounts and orders, or open the first account of a new life."""
        options = self.options
        snapshot = None
        if options.state_file is not None:
            self._journal = Journal(options.state_file)
            found = self._journal.load()
            snapshot = found if found.accounts else None
        if snapshot is None:
            self.add_account(FIRST_ACCOUNT, api_key=options.api_key, api_secret=options.api_secret)
            return None
        for account in snapshot.accounts:
            self.core.add_account(account)
        executions = snapshot.executions
        if snapshot.source != source.name:
            executions = [replace(one, candle_ms=None) for one in executions]
        self.core.restore(snapshot.orders, executions, snapshot.seq)
        return snapshot

    def _bring_in(self, snapshot: Snapshot | None) -> None:
        """Orders that were acknowledged and had not reached the book when the earlier life ended."""
        for order in snapshot.orders if snapshot else ():
            if order.arriving:
                self.core.arrive(order.order_id)

    def _open_for(self, name: str, balances: Mapping[str, Decimal]) -> tuple[str, str]:
        return self.add_account(name, balances=balances)

    def _on_change(self, batch: Batch) -> None:
        if self._journal is not None:
            self._journal.save(batch, self.core.accounts[batch.account], self.market.position)
        if batch.executions:
            self.lockstep.executed(batch.account)

    def _on_move(self) -> None:
        """Remember the market's place now and then, also where nobody trades."""
        if time.monotonic() - self._position_saved > _POSITION_EVERY_S:
            self._position_saved = time.monotonic()
            self._save_place()

    def _save_place(self) -> None:
        if self._journal is not None:
            self._journal.save_position(self.market.position)

    def _public_history(self) -> BinancePublic:
        """The same candles as Binance would publish them, so that both ways to a history can be tried here."""
        markets = {
            name: PublicMarket(market.filters, market.archive) for name, market in self.venue.markets.items()
        }
        return BinancePublic(markets, faults=self.faults, clock=self.options.clock)

    async def _listen(self) -> None:
        app = web.Application(client_max_size=_MAX_BODY)
        control = Control(self.venue, self.private, self.control_key, self._open_for)
        app.router.add_get("/v5/private", self.private.handle)
        app.router.add_get("/v5/public/spot", self.public.handle)
        app.router.add_route("*", "/sandbox/{rest:.*}", control.handle)
        self._public_history().routes(app)
        app.router.add_route("*", "/{rest:.*}", BybitRest(self.venue).handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.options.port)
        await site.start()
        self.port = self._runner.addresses[0][1]


def _report(task: asyncio.Task[None]) -> None:
    """A market that died says so; without it prices would just stand still."""
    if not task.cancelled() and task.exception() is not None:
        log.error("sandbox_market_stopped", error=repr(task.exception()))


def parse_speed(text: str) -> float:
    """Candles a second from a command line: a number above 0, or `max` (0) for as fast as possible."""
    if text.strip().lower() in {"max", "0"}:
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 < speed < 1e6:
        raise InvalidInput("speed", 'candles a second, for example 1 or 20, or "max"')
    return speed


async def serve_bybit(options: ExchangeOptions, write: Callable[[str], None]) -> None:
    """Run a stand-in until cancelled. `write` gets the announcement as one line, newline included, once it listens."""
    async with SandboxExchange(options) as exchange:
        write(exchange.announcement() + "\n")
        await asyncio.Event().wait()
