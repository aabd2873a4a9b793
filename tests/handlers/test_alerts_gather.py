"""What is told and how: choices, the last re-buy, bursts of fills as one message, the urgent first."""

from dataclasses import dataclass, field

import pytest

from bot.domain.money import Base, Price, Quote
from bot.domain.notices import CycleClosed, Digest, FirstBuyFilled, NotEnough, Paused, RebuyFilled, Started
from bot.ports import OutboxItem, SystemClock
from bot.ports.preferences import Choice
from handlers.alert_kinds import CHOOSABLE, MOST_IN_ONE, batches, choice_for
from handlers.limiter import Limiter
from handlers.notifier import Notifier
from tests.handlers.test_alerts import Owed, People
from tests.handlers.test_status_live import move
from tests.handlers.test_trading_chat import running

P, Q, B = Price.of("60000"), Quote.of("300"), Base.of("0.005")
FIRST = FirstBuyFilled(1, P, B, Q, P, P)
PAUSED = Paused("no_key")


def rebuy(k, limit=30):
    below = P if k < limit else None
    return RebuyFilled(1, k, limit, P, B, Q, P, P, P, below)


def closed(cycle):
    return CycleClosed(cycle, 0, P, B, Q, Q, Quote.of(1).over(Quote.of(30)), Q, cycle, by_hand=False)


def items(*notices, start=1):
    """(strategy, notice) pairs as waiting items of person 1."""
    return [OutboxItem(n, 1, s, notice, 0, 0) for n, (s, notice) in enumerate(notices, start)]


@dataclass
class Chosen:
    chosen: dict[str, Choice]

    async def choices(self, person_id):
        return self.chosen


@dataclass
class Listener:
    """Keeps what it is told, and whether it rang."""

    heard: list[tuple[str, bool]] = field(default_factory=list)
    rate_limiter: None = None

    async def send_message(self, chat_id, text, *, disable_notification=False, **_):
        self.heard.append((text, not disable_notification))


class Strategies(People):
    async def strategy(self, person, strategy_id):
        from bot.errors import NotAllowed

        raise NotAllowed("no_such_strategy")


def notifier(outbox, listener, chosen=None, gather=0.2):
    return Notifier(
        outbox=outbox,
        service=Strategies(),
        sender=listener,
        clock=SystemClock(),
        choices=Chosen(chosen or {}),
        limiter=Limiter(lambda: 0.0),
        gather=gather,
    )


def test_fills_of_one_strategy_come_together_and_its_order_is_kept():
    found = batches(
        items((7, FIRST), (8, FIRST), (7, rebuy(1)), (7, PAUSED), (7, rebuy(2)), (8, rebuy(1))), {}
    )
    assert [[i.id for i in b.items] for b in found] == [[1, 3], [4], [5], [2, 6]]


def test_urgent_strategies_go_first_and_digests_last():
    day = Digest("2026-11-22", ())
    found = batches(items((None, day), (7, FIRST), (8, PAUSED), (9, rebuy(30))), {})
    assert [b.items[0].id for b in found] == [3, 4, 2, 1]


def test_no_message_takes_more_than_it_can_hold():
    found = batches(items(*[(7, rebuy(1))] * 50), {})
    assert [len(b.items) for b in found] == [MOST_IN_ONE, MOST_IN_ONE, 10]
    assert [b.may_grow for b in found] == [False, False, True]


@pytest.mark.parametrize("choice", list(Choice))
def test_what_needs_a_person_always_rings(choice):
    everything = dict.fromkeys([*CHOOSABLE, "paused", "refused", "not_enough", "stopped"], choice)
    assert choice_for(PAUSED, everything) is Choice.ON
    assert choice_for(NotEnough(Q, Q), everything) is Choice.ON
    assert choice_for(rebuy(30), everything) is Choice.ON
    assert choice_for(rebuy(29), everything) is choice


async def test_a_burst_of_twenty_fills_comes_as_two_messages_with_each_fill_in_a_line():
    outbox, listener = Owed(items((7, FIRST))), Listener()
    teller = notifier(outbox, listener, gather=60)
    assert await teller.send_due() == []
    outbox.items = items(*[(7, rebuy(k)) for k in range(1, 20)], start=2)
    (wait,) = await teller.send_due()
    assert 0 < wait <= 60
    assert len(listener.heard) == 1
    teller._gathering = {
        which: until - 60 for which, until in teller._gathering.items()
    }  # what the wait does
    assert await teller.send_due() == []
    assert outbox.done == list(range(1, 21))
    first, second = (text for text, _ in listener.heard)
    assert "First buy of cycle 1" in first
    named = [line.split(":")[0] for line in second.splitlines() if line.startswith("🔵")]
    assert named == [f"🔵 Re-buy {k}/30" for k in range(1, 20)]
    assert second.startswith("19 events")


async def test_bad_news_does_not_wait_for_more_fills():
    outbox, listener = Owed(items((7, FIRST))), Listener()
    teller = notifier(outbox, listener, gather=60)
    await teller.send_due()
    outbox.items = items((7, rebuy(1)), (8, FIRST), start=2)
    assert len(await teller.send_due()) == 1  # 8 is another strategy: not held up
    assert outbox.done == [1, 3]
    outbox.items += items((7, PAUSED), start=4)
    await teller.send_due()
    assert outbox.done == [1, 3, 2, 4]


async def test_silent_is_silent_off_is_not_sent_and_the_last_rebuy_rings():
    chosen = {"first_buy": Choice.SILENT, "rebuy": Choice.OFF, "started": Choice.OFF}
    outbox, listener = Owed([]), Listener()
    outbox.items = items(
        (7, Started(resumed=False)), (7, FIRST), (8, rebuy(1)), (9, rebuy(30)), (10, closed(1))
    )
    await notifier(outbox, listener, chosen).send_due()
    rang = {text.splitlines()[0][:9]: ring for text, ring in listener.heard}
    assert rang == {"🟢 First b": False, "🔵 Re-buy ": True, "💰 Cycle 1": True}
    assert sorted(outbox.gone) == [1, 3]
    assert sorted(outbox.done) == [2, 4, 5]


async def test_choices_are_made_in_the_chat_and_kept(household):
    await household.ask("/alertas", "Toque em um evento")
    for wanted in ("Recompras: sem som", "Recompras: não avisar"):
        await household.press("Recompras")
        await household.settled()
        assert any(wanted in label for label in await household.buttons())
    await household.restart()
    await household.ask("/alerts", "Toque em um evento")
    assert any("Recompras: não avisar" in label for label in await household.buttons())
    await household.forge("v1:alert:paused")
    await household.wait_for("não vale mais")


async def test_fills_and_alerts_of_a_burst_survive_an_outage_as_few_messages(household):
    await household.ask("/start", "Trader Automata")
    strategy, person = await household.strategy(), await household.person()
    household.telegram.faults.add("sendMessage", "500", 3)
    for k in range(1, 21):
        await household.app.store.announce(person.id, rebuy(k), strategy_id=strategy.id, key=f"burst:{k}")
    await household.until_rows("SELECT 1 FROM outbox WHERE sent_at IS NULL", [])
    told = [m["text"] for m in await household.messages() if "Recompra " in m["text"]]
    assert 1 <= len(told) <= 2
    named = [word for text in told for word in text.split() if word.endswith("/30:")]
    assert named == [f"{k}/30:" for k in range(1, 21)]


def test_a_cards_edit_leaves_room_and_a_pause_holds():
    now = [0.0]
    limiter = Limiter(lambda: now[0])
    assert [limiter.take(1, lowly=True) for _ in range(4)] == [0, 0, 0, 1.0]
    assert limiter.take(1) == 0
    limiter.pause(1, 30)
    assert limiter.take(1) == pytest.approx(31.0)
    assert limiter.take(2) == 0
    now[0] = 32.0
    assert limiter.take(1) == 0


async def test_trading_goes_on_while_telegram_is_away_and_everything_is_told_afterwards(household):
    await running(household)
    await household.ask("/status", "Ciclo 1")
    for method in ("sendMessage", "editMessageText", "getUpdates"):
        household.telegram.faults.add(method, "reset", 1000)
    household.mark()
    move(household, "62500")
    await household.until_rows("SELECT count(*) FROM cycles", [(1,)])
    await household.until_rows("SELECT count(*) FROM outbox WHERE kind = 'first_buy'", [(2,)])
    assert not [m for m in await household.messages() if "Ciclo 1 encerrado" in m["text"]]
    household.telegram.faults.clear()
    told = await household.wait_for("Ciclo 1 encerrado")
    await household.until_rows("SELECT 1 FROM outbox WHERE sent_at IS NULL", [])
    after = [m["text"] for m in await household.messages() if m["message_id"] >= told["message_id"]]
    assert "\n".join(after).index("Ciclo 1 encerrado") < "\n".join(after).index("Primeira compra do ciclo 2")
