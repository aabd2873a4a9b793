"""Keys that end soon or may be used from anywhere: told in the morning, once a day at most."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.domain.notices import KeyExpires, KeyMayWithdraw, KeyUnbound
from bot.errors import Unavailable
from bot.ports import Credentials, Environment, KeyFacts, Secret
from bot.service.key_hygiene import KeyHygiene, warnings

DAY = 86_400_000
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
NOON = int(datetime(2026, 11, 22, 12, tzinfo=SAO_PAULO).timestamp() * 1000)
GOOD = KeyFacts(can_trade=True, can_withdraw=False, ip_bound=True, expires_at=None, read_only=False)


def told(facts, environment=Environment.BYBIT):
    return [notice for notice, _ in warnings(environment, facts, now=NOON, day="2026-11-22", week="2026-47")]


@pytest.mark.parametrize(
    ("days", "said"),
    [(90, False), (30, True), (29, False), (14, True), (8, False), (7, True), (1, True), (0, True)],
)
def test_the_end_of_a_key_is_told_early_and_then_daily_in_its_last_week(days, said):
    ends = NOON + days * DAY + 1000
    assert told(replace(GOOD, expires_at=ends)) == ([KeyExpires("bybit", days, ends)] if said else [])


def test_a_key_that_is_good_is_not_spoken_of_and_one_that_has_ended_ends_today():
    assert told(GOOD) == []
    assert told(replace(GOOD, expires_at=NOON - DAY)) == [KeyExpires("bybit", 0, NOON - DAY)]


def test_no_bound_address_is_told_for_real_money_only():
    free = replace(GOOD, ip_bound=False)
    assert told(free) == [KeyUnbound("bybit")]
    assert told(free, Environment.BYBIT_DEMO) == []


def test_a_right_to_withdraw_that_came_later_is_told_every_day():
    rich = replace(GOOD, can_withdraw=True)
    for environment in (Environment.BYBIT, Environment.BYBIT_DEMO):
        assert told(rich, environment) == [KeyMayWithdraw(environment.value)]
    (today,) = warnings(Environment.BYBIT, rich, now=NOON, day="2026-11-22", week="2026-47")
    (next_day,) = warnings(Environment.BYBIT, rich, now=NOON, day="2026-11-23", week="2026-47")
    assert today[1] != next_day[1]


async def test_what_the_exchange_says_of_a_kept_keys_rights_is_looked_at(household):
    await household.ready()
    key, secret = household.venue.add_account("rich", wallet_permissions=("Withdraw",))
    person, kept = await household.person(), Credentials(Secret(key), Secret(secret))
    await household.app.vault.put(person.id, Environment.SANDBOX_BYBIT, kept)
    household.app.hygiene._clock = Moment()
    household.mark()
    await household.app.hygiene.announce()
    said = await household.wait_for("agora permite saques")
    assert "Chaves" in said["buttons"][0][0]["text"]


class Moment:
    at = NOON

    def now(self):
        return self.at


class Desk:
    """An account that says only what its key is good for."""

    def __init__(self, answer, asked):
        self.answer, self.asked = answer, asked

    async def key_facts(self):
        self.asked.append(1)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self):
        pass


def hygiene(household, answer, asked, moment):
    return KeyHygiene(
        store=household.app.store,
        vault=household.app.vault,
        exchanges=lambda _environment, _credentials: Desk(answer, asked),
        zone_of=household.app.reports.zone,
        clock=moment,
    )


async def owed(household):
    return await household.rows("SELECT kind FROM outbox WHERE kind LIKE 'key_%'")


async def test_a_warning_comes_in_the_morning_once_a_day_also_after_a_restart(household):
    await household.ready()
    asked, moment = [], Moment()
    ending = replace(GOOD, expires_at=NOON + 5 * DAY + 1000)
    care = hygiene(household, ending, asked, moment)
    moment.at = NOON - 4 * 3_600_000  # eight in the morning
    await care.announce()
    assert asked == []
    moment.at = NOON
    household.mark()
    await care.announce()
    await care.announce()
    said = await household.wait_for("vence em 5 dias")
    assert "Chaves" in said["buttons"][0][0]["text"]
    assert len(asked) == 1
    await hygiene(household, ending, asked, moment).announce()
    assert await owed(household) == [("key_expires",)]
    moment.at += DAY
    await care.announce()
    await household.wait_for("vence em 4 dias")


async def test_a_locked_vault_is_left_alone_and_an_exchange_out_of_reach_is_asked_again(household):
    await household.ready()
    asked, moment = [], Moment()
    away = hygiene(household, Unavailable("away"), asked, moment)
    await away.announce()
    await away.announce()
    assert len(asked) == 2
    assert await owed(household) == []
    await household.app.service.lock(await household.person())
    await away.announce()
    assert len(asked) == 2


async def test_the_real_stand_in_is_asked_with_the_kept_key(household):
    await household.ready()
    household.app.hygiene._clock = Moment()
    await household.app.hygiene.announce()
    assert list(household.app.hygiene._looked.values()) == ["2026-11-22"]
    assert await owed(household) == []  # the stand-in's key does not end, and there is no real money
