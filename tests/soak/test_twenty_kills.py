"""`kill -9` at twenty random moments of a long run over real candles: nothing is lost, nothing is done twice."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.market import Symbol
from bot.domain.params import StrategyParams
from bot.domain.state import Phase
from bot.ports import Environment
from storage.database import Database
from storage.store import SqliteStore
from tests.end_to_end.conversation import open_account
from tests.end_to_end.processes import BTC_5M, PASSWORD, Chat, Street, street
from tests.soak.books import Books, told

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not BTC_5M.exists(), reason=f"real candles are not here: {BTC_5M.name}"),
]
KILLS = 20
LIVELY = replace(
    StrategyParams(),
    saldo_limite=Decimal(4000),
    lucro_alvo_inicial=Decimal("0.012"),
    recompra_queda_inicial=Decimal("0.008"),
    recompra_queda_minimo=Decimal("0.004"),
)
REFUSED = r"cofre está trancado|não vale mais"


@dataclass
class Press:
    """A command that was sent just before a kill: what it asks for, and how often that was done before."""

    kind: str
    before: int
    since: int


@dataclass
class Soak:
    """The street, its books, and what happened."""

    place: Street
    chance: random.Random
    chat: Chat = field(init=False)
    books: Books = field(init=False)
    kills: int = 0
    repeats: int = 0
    carried_out: int = 0
    refused: int = 0
    commanded: int = 2  # the second strategy's number

    def __post_init__(self) -> None:
        self.chat = self.place.chat()
        self.books = Books(self.place.database)

    # --- the beginning ------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """An account, two strategies written as the chat would, both run by the chat."""
        await self.start()
        await open_account(self.chat)
        await self.place.bot_ends()
        async with await Database.open(self.place.database) as database:
            store = SqliteStore(database)
            for name in ("longa", "curta"):
                await store.add_strategy(
                    person_id=1,
                    name=name,
                    environment=Environment.SANDBOX_BYBIT,
                    symbol=Symbol("BTCUSDT", "BTC", "USDT"),
                    params=LIVELY,
                )
        await self.start()
        await self.unlock()
        for name in ("longa", "curta"):
            await self.ask_to_run(name)
            await self.chat.press("executar a simulação")
            await self.chat.sees("está em execução")
        await self.place.until(self.agreed, timeout=60)

    async def start(self) -> None:
        """Start the bot and wait until it is ready; a second `ready` in the log means a second start."""
        readies = self.ready_count()
        await self.place.start_bot()
        await self.place.until(soon(lambda: self.ready_count() > readies), timeout=60)

    def ready_count(self) -> int:
        log = self.place.folder / "bot.log"
        return log.read_text().count("ready ") if log.exists() else 0

    async def unlock(self) -> None:
        await self.chat.say("/unlock")
        await self.chat.sees("senha")
        await self.chat.say(PASSWORD)
        await self.chat.sees("Aberto")

    # --- commands -----------------------------------------------------------------------------------------------

    async def ask_to_run(self, name: str) -> None:
        await self.chat.say("/strategies")
        await self.chat.sees("stratégias")
        await self.chat.press(name)
        await self.chat.sees(name)
        await self.chat.press("Executar")
        await self.chat.sees("vale por 60 segundos")

    async def command(self) -> Press | None:
        """Stop the second strategy after its cycle, or run it again; None while it is on its way to the stop."""
        state = self.books.states()[self.commanded - 1]
        if state.phase is Phase.IDLE:
            await self.ask_to_run("curta")
            press, label = self._press("start_asked"), "executar a simulação"
        elif state.stop is None and state.phase is Phase.HOLDING:
            await self.chat.say("/stop")
            if sum(state.running for state in self.books.states()) > 1:
                await self.chat.sees("Qual estratégia deve parar")
                await self.chat.press("curta")
            press, label = self._press("stop_asked"), "Depois deste ciclo"
        else:
            return None
        press.since = max(m["message_id"] for m in await self.chat.messages())
        await self.chat.press(label)
        return press

    def _press(self, kind: str) -> Press:
        return Press(kind, self.books.asked(self.commanded, kind), 0)

    async def judge(self, press: Press) -> None:
        """The command was done once, or refused with a word (the vault was locked when it was read again)."""
        await self.place.until(soon(self.books.inbox_empty), timeout=30)
        done = self.books.asked(self.commanded, press.kind) - press.before
        assert done in {0, 1}, f"{press.kind} was done {done} times"
        if done:
            self.carried_out += 1
        else:
            await self.chat.sees(REFUSED, since=press.since)
            self.refused += 1

    # --- killing ------------------------------------------------------------------------------------------------

    async def kill(self) -> None:
        """Kill it, and count what was told and not yet noted as told: one message at most, which may name several."""
        before = self.repeats
        await self.place.kill_bot()
        self.kills += 1
        if self.place.database.exists():
            messages = await self.chat.messages()
            self.repeats = told(messages).total() - self.books.alerts(noted=True)
            last = [n for n in (told([m]).total() for m in messages) if n][-1:] or [0]
            assert self.repeats - before in {0, *last}, "more than the one message under way was not noted"

    async def round(self, *, market_stands: bool) -> None:
        """Let it trade, perhaps command, kill, start, unlock, hold the books against the exchange."""
        await self.place.market(do="resume")
        await asyncio.sleep(self.chance.uniform(0.2, 2.5))
        press = await self.command() if self.chance.random() < 0.7 else None
        await asyncio.sleep(self.chance.uniform(0.0, 0.4))
        await self.kill()
        if market_stands:
            await self.place.market(do="pause")
        if self.chance.random() < 0.2 and self.kills < KILLS:
            await self.place.start_bot()
            await asyncio.sleep(self.chance.uniform(0.1, 1.2))
            await self.kill()
        await self.start()
        await self.unlock()
        if press is not None:
            await self.judge(press)
        await self.place.market(do="pause")
        await self.check_books()

    async def agreed(self) -> bool:
        account = (await self.place.venue())["accounts"]["demo"]
        return self.books.at_rest() and not self.books.differences(account)

    async def check_books(self) -> None:
        try:
            await self.place.until(self.agreed, timeout=60)
        except TimeoutError:
            account = (await self.place.venue())["accounts"]["demo"]
            pytest.fail(f"kill {self.kills}: {self.books.differences(account)} {self.books.states()}")

    async def check_alerts(self) -> None:
        """Every fill was told once; a repetition only where a kill fell between the answer and our note of it."""
        await self.place.until(soon(lambda: self.books.owed() == 0), timeout=600)
        assert not self.books.fills_without_alert()
        said = told(await self.chat.messages())
        assert len(said) == self.books.alerts()
        assert sum(said.values()) - len(said) == self.repeats


def soon(fact: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    """A fact as `Street.until` wants it."""

    async def ask() -> bool:
        return fact()

    return ask


@pytest.mark.parametrize("seed", [1])
async def test_twenty_kills_leave_the_books_the_alerts_and_the_commands_right(
    tmp_path: Path, seed: int
) -> None:
    exchange = ("--venue", "bybit", "--candles", str(BTC_5M), "--speed", "150", "--paused")
    async with street(tmp_path, *exchange) as place:
        soak = Soak(place, random.Random(seed))
        await soak.begin()
        while soak.kills < KILLS:
            await soak.round(market_stands=soak.kills % 2 == 0)
        await soak.check_alerts()
        await place.bot_ends()
        fills = soak.books.rows("SELECT count(*) FROM fills")[0][0]
        print(
            f"{soak.kills} kills, {fills} fills, {soak.books.alerts()} alerts of fills, {soak.repeats} of them repeated, "
            f"{soak.carried_out} commands carried out once, {soak.refused} refused with a word"
        )
        assert fills > KILLS
