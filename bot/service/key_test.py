"""The test of a key: each step with its time, from reach to a smallest order that is placed and cancelled."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.market import Side
from bot.domain.money import Quote
from bot.domain.orders import PREFIX
from bot.errors import AccessDenied, BotError, ExchangeError, KeyElsewhere, NotAllowed, OutcomeUnknown
from bot.ports import Clock, Credentials, Environment, Exchange, KeyFacts, OrderRequest, Person, Vault
from bot.service.key_order import SmallOrder, cancelled, smallest_order
from bot.service.key_stream import Stage, reached, watch

MOST_OFFSET_S = 0.8
_ELSEWHERE_S = 8.0


class Step(StrEnum):
    REACH = "reach"
    CLOCK = "clock"
    SIGNATURE = "signature"
    PERMISSIONS = "permissions"
    BALANCE = "balance"
    STREAM_CONNECT = "stream_connect"
    STREAM_AUTH = "stream_auth"
    STREAM_SUBSCRIBE = "stream_subscribe"
    ORDER_PLACE = "order_place"
    ORDER_CANCEL = "order_cancel"


STEPS = tuple(s for s in Step if not s.value.startswith("order_"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step done. `ms` is what it took; `fault` None when it went well.

    `belongs_to` names the environment that a refused key is of, where that was found out.
    """

    step: Step
    ms: int
    fault: Exception | None = None
    offset: float | None = None
    facts: KeyFacts | None = None
    free: Quote | None = None
    coin: str = ""
    belongs_to: Environment | None = None


class KeyTest:
    """`exchanges` opens an account that is closed again after the test; `environments` are those offered here."""

    def __init__(
        self,
        *,
        vault: Vault,
        exchanges: Callable[[Environment, Credentials | None], Exchange],
        environments: Sequence[Environment],
        clock: Clock,
        pair: str,
    ) -> None:
        self._vault = vault
        self._exchanges = exchanges
        self._environments = tuple(environments)
        self._clock = clock
        self._pair = pair

    async def run(self, person: Person, environment: Environment) -> AsyncIterator[Outcome]:
        """Each step as it ends; the first fault ends the test. VaultLocked, or NotAllowed without a key."""
        credentials = await self._credentials(person, environment)
        exchange = self._exchanges(environment, credentials)
        try:
            async for outcome in self._steps(exchange):
                told = outcome
                if outcome.step is Step.SIGNATURE and isinstance(outcome.fault, AccessDenied):
                    told = Outcome(
                        outcome.step,
                        outcome.ms,
                        outcome.fault,
                        belongs_to=await self._home_of(environment, credentials),
                    )
                yield told
                if told.fault is not None:
                    return
        finally:
            await exchange.close()

    async def check(self, environment: Environment, credentials: Credentials) -> KeyFacts:
        """What the exchange says of a key before it is kept.

        KeyElsewhere for one that works in another environment, AccessDenied for one that is refused, NotAllowed for
        one that may withdraw or may not trade.
        """
        exchange = self._exchanges(environment, credentials)
        try:
            facts = await exchange.key_facts()
        except AccessDenied as denied:
            home = await self._home_of(environment, credentials)
            if home is None:
                raise
            raise KeyElsewhere(str(denied), belongs_to=home.value) from denied
        finally:
            await exchange.close()
        fault = _forbidden(facts)
        if fault is not None:
            raise fault
        return facts

    async def smallest_order(self, person: Person, environment: Environment) -> SmallOrder:
        """What the person is asked to allow."""
        exchange = self._exchanges(environment, await self._credentials(person, environment))
        try:
            rules = await exchange.rules(self._pair)
            last = await exchange.last_price(self._pair)
        finally:
            await exchange.close()
        return smallest_order(rules, last)

    async def try_order(
        self, person: Person, environment: Environment, order: SmallOrder
    ) -> AsyncIterator[Outcome]:
        """Place and cancel; whatever happens, the cancel is tried before this ends."""
        exchange = self._exchanges(environment, await self._credentials(person, environment))
        order_id = f"{PREFIX}keytest-{secrets.token_hex(8)}"
        request = OrderRequest(order_id, order.rules.symbol, Side.BUY, order.price, order.quantity)
        try:
            async for outcome in self._place_and_cancel(exchange, request):
                yield outcome
        finally:
            await exchange.close()

    async def _place_and_cancel(self, exchange: Exchange, order: OrderRequest) -> AsyncIterator[Outcome]:
        began = time.monotonic()
        placed: Exception | None = None
        try:
            await exchange.place(order)
        except ExchangeError as fault:
            placed = fault
        yield Outcome(Step.ORDER_PLACE, _since(began), placed)
        if placed is not None and not isinstance(placed, OutcomeUnknown):
            return
        began = time.monotonic()
        why_not = await cancelled(exchange, order.symbol, order.order_id, clock=self._clock)
        yield Outcome(Step.ORDER_CANCEL, _since(began), why_not)

    async def _steps(self, exchange: Exchange) -> AsyncIterator[Outcome]:
        began = time.monotonic()
        try:
            offset = await exchange.clock_offset()
        except ExchangeError as fault:
            yield Outcome(Step.REACH, _since(began), fault)
            return
        yield Outcome(Step.REACH, _since(began))
        late = NotAllowed("clock_is_off") if abs(offset) > MOST_OFFSET_S else None
        yield Outcome(Step.CLOCK, 0, late, offset=offset)
        began = time.monotonic()
        try:
            facts = await exchange.key_facts()
        except ExchangeError as fault:
            yield Outcome(Step.SIGNATURE, _since(began), fault)
            return
        yield Outcome(Step.SIGNATURE, _since(began))
        yield Outcome(Step.PERMISSIONS, 0, _forbidden(facts), facts=facts)
        yield await self._balance(exchange)
        async for outcome in self._stream(exchange):
            yield outcome

    async def _balance(self, exchange: Exchange) -> Outcome:
        began = time.monotonic()
        try:
            quote = (await exchange.rules(self._pair)).symbol.quote
            free = (await exchange.balances([quote]))[quote].free
        except BotError as fault:
            return Outcome(Step.BALANCE, _since(began), fault)
        return Outcome(Step.BALANCE, _since(began), free=Quote(free), coin=quote)

    async def _stream(self, exchange: Exchange) -> AsyncIterator[Outcome]:
        """The three stages are told as they happen, each with its own time."""
        news: asyncio.Queue[Stage] = asyncio.Queue()
        ways = (
            (Step.STREAM_CONNECT, "connected"),
            (Step.STREAM_AUTH, "authenticated"),
            (Step.STREAM_SUBSCRIBE, "up"),
        )
        watching = asyncio.create_task(watch(exchange, news))
        began = time.monotonic()
        try:
            for step, wanted in ways:
                at, fault = await reached(news, wanted, watching)
                yield Outcome(step, round((at - began) * 1000), fault)
                began = at
                if fault is not None:
                    return
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _credentials(self, person: Person, environment: Environment) -> Credentials:
        credentials = await self._vault.credentials(person.id, environment)
        if credentials is None:
            raise NotAllowed("no_key")
        return credentials

    async def _home_of(self, environment: Environment, credentials: Credentials) -> Environment | None:
        """The same exchange's other environments are asked; a sandbox's key never leaves this machine."""
        for other in self._environments:
            if other is environment or _house(other) != _house(environment):
                continue
            exchange = self._exchanges(other, credentials)
            try:
                async with asyncio.timeout(_ELSEWHERE_S):
                    await exchange.key_facts()
            except (ExchangeError, TimeoutError):
                continue
            else:
                return other
            finally:
                await exchange.close()
        return None


def _house(environment: Environment) -> str:
    """`bybit`, `binance`, `sandbox`: only within one may a key be shown around."""
    return environment.value.partition("-")[0]


def _forbidden(facts: KeyFacts) -> NotAllowed | None:
    if facts.can_withdraw:
        return NotAllowed("key_can_withdraw")
    return NotAllowed("key_cannot_trade") if facts.read_only or not facts.can_trade else None


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
