"""Values of the domain, real in shape, that the storage tests pass around."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.events import FillBooked, StartAsked, Tick
from bot.domain.market import Side, Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.notices import CycleClosed, FirstBuyFilled, Started
from bot.domain.orders import Fill, Leg, OrderStatus, OwnOrder
from bot.domain.params import StrategyParams
from bot.domain.state import Phase, State
from bot.ports import Environment, Role, RunStatus, Step

NOW = 1_790_000_000_000
BTC = Symbol("BTCUSDT", "BTC", "USDT")


class HeldClock:
    """Time stands still until a test moves it."""

    def __init__(self, now=NOW):
        self.time = now

    def now(self):
        return self.time

    async def sleep(self, seconds):
        self.time += int(seconds * 1000)


async def person_of(store, chat_id=7):
    return await store.add_person(chat_id=chat_id, name="Ana", locale="pt_BR", role=Role.OWNER)


async def strategy_of(store, person, name="lenta"):
    return await store.add_strategy(
        person_id=person.id,
        name=name,
        environment=Environment.SANDBOX_BYBIT,
        symbol=BTC,
        params=StrategyParams(saldo_limite=Decimal("1234.5678901234567890")),
    )


def entry(seq=1, token="a1", leg=Leg.ENTRY):
    return OwnOrder(
        f"ta-{token}-1-{leg.value}0-{seq}", leg, 0, OrderStatus.INTENDED, amount=Quote.of("300.10")
    )


def fill(exec_id="x-1", order_id="ta-a1-1-e0-1", **changes):
    made = Fill(
        exec_id=exec_id,
        order_id=order_id,
        side=Side.BUY,
        price=Price.of("20000.12"),
        quantity=Base.of("0.01500000"),
        value=Quote.of("300.0018"),
        fee=Decimal("0.000015"),
        fee_coin="BTC",
        fee_value=Quote.of("0.3000018"),
        at=NOW + 5,
    )
    return replace(made, **changes)


def started(strategy, token="a1"):
    """The first step: the market buy is intended."""
    order = entry(token=token)
    return Step(
        strategy_id=strategy.id,
        expected_sequence=0,
        at=NOW,
        event=StartAsked(),
        state=State(token=token, sequence=1, phase=Phase.ENTERING, cycle=1, orders=(order,)),
        status=RunStatus.RUNNING,
        placed=(order,),
        notices=(Started(resumed=False),),
    )


def filled(strategy, bought=None, token="a1", sequence=1):
    """The second: the buy has filled and is closed."""
    bought = bought or fill(order_id=f"ta-{token}-1-e0-1")
    first = FirstBuyFilled(1, bought.price, bought.quantity, bought.value, Price.of("20700.1"), None)
    return Step(
        strategy_id=strategy.id,
        expected_sequence=sequence,
        at=NOW + 10,
        event=FillBooked(bought),
        state=State(token=token, sequence=1, phase=Phase.HOLDING, cycle=1, last_buy=bought.price),
        status=RunStatus.RUNNING,
        closed=(bought.order_id,),
        fill=bought,
        notices=(first, first),
    )


def closed_cycle(cycle=1):
    return CycleClosed(
        cycle=cycle,
        rebuys=3,
        price=Price.of("20700.1"),
        quantity=Base.of("0.014985"),
        received=Quote.of("310.19"),
        net_profit=Quote.of("9.87654321"),
        percent=Decimal("0.0329"),
        total_profit=Quote.of("9.87654321"),
        cycles_done=cycle,
        by_hand=False,
    )


def tick(strategy, sequence, **changes):
    step = Step(
        strategy_id=strategy.id,
        expected_sequence=sequence,
        at=NOW + 20 + sequence,
        event=Tick(),
        state=State(token="a1", sequence=1, cycle=sequence),
        status=RunStatus.RUNNING,
    )
    return replace(step, **changes)
