"""The daily digest: at the person's hour, once, and only when something happened."""

from datetime import UTC, datetime

import pytest

from bot.errors import InvalidInput
from bot.ports.preferences import Taste
from tests.handlers.test_status_live import move
from tests.handlers.test_trading_chat import running


class Moment:
    def __init__(self, zone, at):
        self.zone = zone
        self.at = at

    def now(self):
        return self.at


async def today(household):
    """Reports with a clock that the test holds, beginning now; Ana lives where it is about noon: no midnight comes."""
    reports = household.app.reports
    ahead = 12 - datetime.now(UTC).hour
    zone = await reports.set_zone(await household.person(), f"Etc/GMT{-ahead:+d}")  # its signs are POSIX's
    moment = Moment(zone, reports._clock.now())
    reports._clock = moment
    return moment, reports


async def digests(household):
    return await household.rows("SELECT payload FROM outbox WHERE kind = 'digest'")


async def test_a_digest_comes_at_its_hour_once_and_not_for_a_day_without_events(household):
    await running(household)
    household.mark()
    move(household, "62500")
    await household.wait_for("Ciclo 1 encerrado")
    moment, reports = await today(household)
    person = await household.person()
    await reports.set_digest(person, 0)  # midnight has passed today: the next is tomorrow's
    await reports.announce_digests()
    assert await digests(household) == []
    household.mark()
    moment.at += 24 * 3_600_000
    await reports.announce_digests()
    await reports.announce_digests()
    told = await household.wait_for("Seu dia")
    assert "SIMULAÇÃO: +" in told["text"]
    assert "1 ciclo encerrado" in told["text"]
    assert len(await digests(household)) == 1
    taste = await reports.preferences.taste(person.id)
    assert taste.digest_day == datetime.fromtimestamp(moment.at / 1000, moment.zone).date().isoformat()
    await household.restart()
    moment2, reports = await today(household)
    moment2.at = moment.at + 1000
    await reports.announce_digests()
    moment2.at += 24 * 3_600_000  # nothing happened on that day
    await reports.announce_digests()
    assert len(await digests(household)) == 1


async def test_a_kill_between_the_digest_and_its_note_does_not_double_it(household):
    await running(household)
    moment, reports = await today(household)
    person = await household.person()
    await reports.set_digest(person, 0)
    before = await reports.preferences.taste(person.id)
    moment.at += 24 * 3_600_000
    await reports.announce_digests()
    await reports.preferences.keep_taste(person.id, before)
    await reports.announce_digests()
    assert len(await digests(household)) == 1


async def test_hour_and_zone_are_chosen_in_the_chat(household):
    await household.ask("/alerts", "Resumo diário: desligado")
    await household.tap("Resumo diário", "A que horas")
    await household.tap("21:00", "Resumo diário: às 21:00")
    await household.tap("Fuso", "Seu fuso é America/Sao_Paulo")
    await household.tap("Manaus", "Fuso horário: America/Manaus")
    await household.ask("/fuso europe/lisbon", "Europe/Lisbon")
    await household.ask("/fuso Nowhere/Land <b>", "Não conheço o fuso")
    person = await household.person()
    taste = await household.app.reports.preferences.taste(person.id)
    assert (taste.zone, taste.digest_hour) == ("Europe/Lisbon", 21)
    await household.ask("/alerts", "Resumo diário: às 21:00")
    await household.tap("Resumo diário", "A que horas")
    await household.tap("Sem resumo", "Resumo diário: desligado")


async def test_the_zone_goes_with_the_language_until_one_is_chosen(household):
    await household.ask("/start", "Trader Automata")
    person, reports = await household.person(), household.app.reports
    assert (await reports.zone(person)).key == "America/Sao_Paulo"
    await household.app.service.set_locale(person, "en")
    assert (await reports.zone(await household.person())).key == "UTC"
    with pytest.raises(InvalidInput):
        await reports.set_digest(person, 24)
    assert await reports.preferences.taste(person.id) == Taste()
