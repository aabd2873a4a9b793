"""Alerts: at least once, in order, through whatever Telegram does."""

import asyncio
from dataclasses import dataclass, field

import pytest
from telegram.error import Forbidden, NetworkError, RetryAfter

from bot.domain.money import Base, Price, Quote
from bot.domain.notices import FirstBuyFilled, NotEnough, Paused
from bot.ports import OutboxItem, Person, Role, SystemClock
from handlers.limiter import Limiter
from handlers.notifier import Notifier
from tests.handlers.household import SECONDS


async def announce(household, number, user=1):
    person = await household.person(user)
    notice = NotEnough(Quote.of(number), Quote.of("0.5"))
    await household.app.store.announce(person.id, notice, key=f"test:{number}")


async def told(household, user=1):
    return [
        m["text"].split("necessários ")[1].split(",")[0]
        for m in await household.messages(user)
        if "insuficiente" in m["text"]
    ]


async def all_told(household, count, user=1):
    async with asyncio.timeout(SECONDS):
        while len(await told(household, user)) < count:
            await asyncio.sleep(0.02)


async def test_alerts_come_in_their_order_and_once(household):
    await household.ask("/start", "Trader Automata")
    for number in range(100, 105):
        await announce(household, number)
    await announce(household, 104)  # the same key: the same alert
    await all_told(household, 5)
    assert await told(household) == ["100", "101", "102", "103", "104"]


async def test_an_alert_survives_a_telegram_outage_and_a_restart(household):
    await household.ask("/start", "Trader Automata")
    household.telegram.faults.add("sendMessage", "reset", 1000)
    for number in (200, 201):
        await announce(household, number)
    await household.until(lambda: sent(household) > 0 or household.telegram.faults.waiting()[0].count < 1000)
    await household.close()
    assert await told(household) == []
    household.telegram.faults.clear()
    await household.open()
    await all_told(household, 2)
    assert await told(household) == ["200", "201"]


def sent(household):
    return len([c for c in household.telegram.calls if c.method.lower() == "sendmessage"])


@pytest.mark.parametrize("kind", ["429", "500", "reset"])
async def test_a_refused_alert_is_sent_again_and_nothing_overtakes_it(household, kind):
    await household.ask("/start", "Trader Automata")
    household.telegram.faults.add("sendMessage", kind, 1, retry_after=1)
    for number in (300, 301, 302):
        await announce(household, number)
    await all_told(household, 3)
    assert await told(household) == ["300", "301", "302"]


async def test_a_lost_reply_may_double_an_alert_but_never_loses_it(household):
    await household.ask("/start", "Trader Automata")
    household.telegram.faults.add("sendMessage", "reply_lost", 1)
    for number in (400, 401):
        await announce(household, number)
    await household.until_rows("SELECT 1 FROM outbox WHERE sent_at IS NULL", [])
    assert await told(household) in (["400", "400", "401"], ["400", "401"])


async def test_who_blocks_the_bot_gets_no_more_and_harms_nobody(household):
    await household.ask("/start", "Trader Automata")
    await household.app.store.add_person(chat_id=2, name="Bob", locale="pt_BR", role=Role.USER)
    await household.ask("/start", "Trader Automata", user=2)
    await household._post("user", user=1, blocked=True)
    await announce(household, 500)
    await announce(household, 501, user=2)
    await all_told(household, 1, user=2)
    await household.until_rows("SELECT dropped_at IS NULL FROM outbox ORDER BY id", [(0,), (1,)])
    assert await told(household) == []


async def test_alerts_speak_the_language_of_the_moment_they_are_sent(household):
    await household.ask("/start", "Trader Automata")
    await household.ask("/language", "idioma")
    await household.tap("English", "English it is")
    await announce(household, 600)
    await household.wait_for("Not enough money for the first buy")


@dataclass
class Owed:
    """An outbox in memory, with the promises of the stored one."""

    items: list[OutboxItem]
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    done: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    later: dict[int, int] = field(default_factory=dict)

    async def due(self, now, limit=100):
        late = {i.person_id for i in self.items if i.id in self.later}
        return [i for i in self.items if i.person_id not in late][:limit]

    async def next_due(self):
        return None

    async def sent(self, *item_ids):
        self._take(item_ids, self.done)

    async def dropped(self, *item_ids):
        self._take(item_ids, self.gone)

    async def failed(self, item_id, retry_at):
        self.later[item_id] = retry_at

    def _take(self, item_ids, to):
        to.extend(item_ids)
        self.items = [i for i in self.items if i.id not in item_ids]


class People:
    async def person_by_id(self, person_id):
        return None if person_id == 9 else Person(person_id, person_id, "", "en", Role.USER)


@dataclass
class Phone:
    """Sends for everybody but those who are out of reach."""

    trouble: dict[int, Exception]
    sent: list[int] = field(default_factory=list)
    rate_limiter: None = None

    async def send_message(self, chat_id, text, **_):
        if chat_id in self.trouble:
            raise self.trouble[chat_id]
        self.sent.append(chat_id)


def owed(*people):
    return Owed(
        [OutboxItem(n, p, None, NotEnough(Quote.of(n), Quote.zero()), 0, 3) for n, p in enumerate(people, 1)]
    )


@pytest.mark.parametrize(("trouble", "wait"), [(NetworkError("away"), 8000), (RetryAfter(5), 5000)])
async def test_one_persons_trouble_is_not_anothers(trouble, wait):
    outbox, phone = owed(1, 2, 1, 3, 2, 9), Phone({1: trouble, 3: Forbidden("blocked")})
    clock = SystemClock()
    notifier = Notifier(outbox=outbox, service=People(), sender=phone, clock=clock)
    began = clock.now()
    assert await notifier.send_due() == []
    assert outbox.done == [2, 5]
    assert sorted(outbox.gone) == [4, 6]
    assert list(outbox.later) == [1]
    assert began + wait <= outbox.later[1] <= clock.now() + wait


async def test_a_flood_of_alerts_waits_for_its_places():
    outbox, phone = owed(*[1] * 8), Phone({})
    notifier = Notifier(
        outbox=outbox, service=People(), sender=phone, clock=SystemClock(), limiter=Limiter(lambda: 0.0)
    )
    assert await notifier.send_due() == [1.0]
    assert outbox.done == [1, 2, 3, 4, 5]


def test_the_limits_are_five_at_once_then_one_a_second_and_25_for_all():
    now = [0.0]
    limiter = Limiter(lambda: now[0])
    assert [limiter.take(1) for _ in range(6)] == [0, 0, 0, 0, 0, 1.0]
    now[0] = 1.0
    assert [limiter.take(1), limiter.take(1) > 0] == [0, True]
    now[0] = 2.0
    assert [limiter.take(100 + n, urgent=True) for n in range(25)] == [0] * 25
    assert limiter.take(999, urgent=True) == pytest.approx(1 / 25)


def test_what_is_urgent_finds_a_place_between_people_where_other_alerts_wait():
    limiter = Limiter(lambda: 0.0)
    assert [limiter.take(n) for n in range(21)] == [0] * 21
    assert limiter.take(500) > 0
    assert limiter.take(501, lowly=True) > limiter.take(500)
    assert [limiter.take(600 + n, urgent=True) for n in range(4)] == [0] * 4
    assert limiter.take(700, urgent=True) > 0


async def test_one_persons_fills_do_not_hold_up_what_needs_another_person():
    fill = FirstBuyFilled(1, Base.of("1"), Price.of("2"), Quote.of("2"), None, None)
    many = [OutboxItem(n, n, None, fill, 0, 0) for n in range(100, 130)]
    urgent = OutboxItem(500, 5, None, Paused("no_key"), 0, 0)
    outbox, phone = Owed([*many, urgent]), Phone({})
    notifier = Notifier(
        outbox=outbox, service=People(), sender=phone, clock=SystemClock(), limiter=Limiter(lambda: 0.0)
    )
    assert await notifier.send_due()
    assert 500 in outbox.done
    assert len(outbox.done) == 22, "21 fills and what is urgent: four places are kept for such"


async def test_answers_go_first_and_alerts_wait_for_them():
    limiter = Limiter(lambda: 0.0)
    for _ in range(7):
        limiter.count(1)
    assert limiter.take(1) == 1.0
    assert limiter.take(2) == 0


async def test_an_answer_that_telegram_put_off_comes_all_the_same(household):
    household.telegram.faults.add("sendMessage", "429", 2, retry_after=1)
    await household.ask("/help", "O que eu sei fazer")
