"""/why: the next action and its distance, or what stands in the way; and the status picture."""

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from bot.domain.events import RefusalReason, StopMode
from bot.domain.market import Side
from bot.domain.money import Base, Price, Quote
from bot.domain.orders import Fill, Leg
from bot.domain.state import Obstacle, Phase, State
from bot.engine.status import Status
from bot.ports import Candle, RunStatus
from bot.sandbox.telegram_html import parse_html
from bot.service import StatusCard
from bot.service.reports import Past, Reason
from handlers.status_picture import draw
from handlers.texts import LOCALES, texts_for
from handlers.why import why_text
from tests.handlers.test_profit import NOON, SIM
from tests.handlers.test_trading_chat import running

UTC = ZoneInfo("UTC")
P = Price.of
HOLDING = Status(
    phase=Phase.HOLDING, stop=None, cycle=1, rebuys=1, max_rebuys=20, average=P("59000"),
    last_price=P("58500"), held=Base.of("0.01"), invested=Quote.of("590"), unrealised=Quote.of("-5"),
    exit_price=P("61000"), exit_distance=Decimal("0.0427"), rebuy_price=P("57800"),
    rebuy_distance=Decimal("-0.012"), total_profit=Quote.zero(), cycles_done=0, waiting_for_money=False,
)  # fmt: skip


def why(status=HOLDING, state=None, *, locale="en", locked=False, strategy=SIM):
    reason = Reason(StatusCard(strategy, status, locked, NOON), state or State(token="a", phase=status.phase))
    return parse_html(why_text(texts_for(locale), reason, UTC))[0]


def test_the_next_actions_come_with_their_distances():
    text = why()
    assert "at 61,000.00 (+4.27% from now)" in text
    assert "Re-buy 2/20 at 57,800.00 (-1.2% from now)" in text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_an_answer(phase, locale):
    text = why(replace(HOLDING, phase=phase), State(token="a", phase=phase), locale=locale)
    assert len(text.splitlines()) >= 3
    assert "None" not in text


def test_what_stands_in_the_way_is_named():
    used = why(replace(HOLDING, rebuys=20, rebuy_price=None))
    assert "all 20 are used" in used
    refused = Obstacle(Leg.REBUY, retry_at=3_600_000, strikes=1, reason=RefusalReason.NO_FUNDS)
    blocked = why(replace(HOLDING, rebuy_price=None), State(token="a", k=1, obstacles=(refused,)))
    assert "re-buy 2: the exchange says there is not enough money. I try again at 01:00:00" in blocked
    vanished = replace(refused, reason=None)
    assert "not by me" in why(state=State(token="a", k=1, obstacles=(vanished,)))
    assert "paused re-buys" in why(replace(HOLDING, rebuy_price=None), State(token="a", rebuys_paused=True))
    assert "go over the limit" in why(replace(HOLDING, rebuy_price=None))
    assert "vault is locked" in why(locked=True)
    assert "stop after this cycle" in why(replace(HOLDING, stop=StopMode.AFTER_CYCLE))
    poor = State(token="a", phase=Phase.STARTING, obstacles=(replace(refused, leg=Leg.ENTRY),))
    assert "waits for money" in why(replace(HOLDING, phase=Phase.STARTING), poor)
    assert "does not tell the price" in why(
        replace(HOLDING, last_price=None, exit_distance=None, rebuy_distance=None)
    )
    paused = replace(SIM, status=RunStatus.PAUSED, pause_reason="no_key")
    assert "It is paused" in why(strategy=paused)
    assert "It is not running" in why(strategy=replace(SIM, status=RunStatus.IDLE))


async def test_why_is_asked_in_the_chat(household):
    await household.ask("/porque", "Nada acontece porque")
    await running(household)
    told = await household.ask("/why", "Vende tudo a")
    assert "Recompra 1/2 a" in told["text"]
    await household.ask("/status", "Ciclo 1")
    await household.tap("Por quê", "Vende tudo a")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("candles", [0, 200])
def test_the_picture_is_light_or_dark_and_under_100_kb(dark, candles):
    past = Past(
        Reason(StatusCard(SIM, HOLDING, False, NOON), State(token="a")),
        tuple(
            Candle(NOON - n * 300_000, *(P(str(60000 - n * 7 % 900 + d)) for d in (0, 40, -40, 5)))
            for n in range(candles)
        ),
        tuple(
            Fill(str(n), "ta-a-1-e0-1", side, P(str(59000 - n * 300)), Base.of("0.005"), Quote.of("300"),
                 Decimal(0), "BTC", Quote.zero(), NOON - (9 - n) * 3_600_000, maker=True)
            for n, side in enumerate((Side.BUY, Side.BUY, Side.SELL))
        ),
    )  # fmt: skip
    for locale in LOCALES:
        png = draw(texts_for(locale), past, UTC, dark=dark)
        assert png.startswith(b"\x89PNG")
        assert len(png) < 100_000


def test_a_strategy_that_never_ran_has_a_picture_too():
    past = Past(Reason(StatusCard(SIM, None, True, NOON), State(token="")), (), ())
    assert draw(texts_for("en"), past, UTC, dark=False).startswith(b"\x89PNG")
