"""/log: what happened, in words, also what was not told."""

from zoneinfo import ZoneInfo

import pytest

from bot.ports.preferences import Choice, Told
from bot.sandbox.telegram_html import parse_html
from bot.service.reports import Entry
from handlers.log import entry_line, log_text
from handlers.texts import LOCALES, texts_for
from tests.handlers.test_texts import EVIL, NOTICES, STRATEGY
from tests.handlers.test_trading_chat import running

UTC = ZoneInfo("UTC")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("notice", NOTICES, ids=lambda n: n.kind)
def test_every_event_has_its_line(notice, locale):
    for strategy in (STRATEGY, None):
        line = entry_line(texts_for(locale), Entry(Told(1, notice, 0), strategy), UTC)
        shown = parse_html(line)[0]
        assert "1970" not in shown
        assert "00:00" in shown
        assert (EVIL in shown) or strategy is None


def test_a_long_log_fits_a_message_and_keeps_the_newest():
    entries = [Entry(Told(1, NOTICES[n % len(NOTICES)], n * 60_000), STRATEGY) for n in range(200)]
    text = log_text(texts_for("pt_BR"), entries, UTC)
    assert len(parse_html(text)[0]) <= 4096
    assert "03:19" in text


async def test_the_log_has_what_was_turned_off_too_and_comes_as_a_file(household):
    person_id = None
    await household.ask("/registro", "Ainda não aconteceu nada")
    person_id = (await household.person()).id
    await household.app.reports.preferences.choose(person_id, "started", Choice.OFF)
    await running(household)
    told = await household.ask("/log", "Últimos acontecimentos")
    for part in ("America/Sao_Paulo", "iniciada", "Primeira compra do ciclo 1"):
        assert part in told["text"]
    assert not [m for m in await household.messages() if m["text"].endswith("iniciada")]
    await household.press("Como arquivo")
    await household.settled()
    sent = [m["document"] for m in await household.messages() if m["document"]]
    assert sent[0]["name"].startswith("registro-")
