"""Times of day are those of the person's own clock, wherever they are told."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.sandbox.telegram_html import parse_html
from handlers.formats import Formats
from tests.handlers.household import PASSWORD
from tests.handlers.test_trading_chat import running

FAR = "Pacific/Kiritimati"  # UTC+14: no other clock of these tests shows the same hour


def is_now(clock, zone):
    """Whether these hours and minutes were on the clocks of `zone` within the last two minutes."""
    now = datetime.now(ZoneInfo(zone))
    return clock in {f"{now - timedelta(minutes=n):%H:%M}" for n in range(3)}


def clocks(text):
    return re.findall(r"\b(\d\d:\d\d)(?::\d\d)?\b", text)


async def test_cards_the_locked_message_the_summary_and_the_logs_show_the_persons_own_time(household):
    await household.ask(f"/fuso {FAR}", FAR)
    await running(household)
    card = await household.ask("/status", "Ciclo 1")
    assert "UTC" not in card["text"]
    assert is_now(clocks(card["text"])[-1], FAR)
    await household.ask("/fuso", FAR)
    await household.forge("v1:status:1")
    refreshed = await household.wait_for("Ciclo 1")
    assert is_now(clocks(refreshed["text"])[-1], FAR)
    household.mark()
    await household.restart()
    locked = await household.wait_for("trancado desde")
    assert is_now(clocks(locked["text"])[0], FAR)
    assert "UTC" not in locked["text"]
    for command, words in (("/registro", "Últimos acontecimentos"), ("/auditoria", "Quem fez o quê")):
        told = await household.ask(command, words)
        assert is_now(clocks(told["text"])[-1], FAR), command
    await household.ask("/unlock", "senha")
    await household.ask(PASSWORD, "🔓")
    summary = await household.wait_for("nenhuma execução nesse meio-tempo")
    since, until = clocks(summary["text"])
    assert is_now(since, FAR)
    assert is_now(until, FAR)


def test_utc_is_named_where_nobody_chose_a_zone():
    at = int(datetime(2026, 11, 22, 9, 5, 7, tzinfo=UTC).timestamp() * 1000)
    assert Formats("en").moment(at) == "09:05:07 UTC"
    assert Formats("en").minute(at) == "09:05 UTC"
    there = Formats("pt_BR", ZoneInfo(FAR))
    assert (there.moment(at), there.minute(at)) == ("23:05:07", "23:05")
    late = at + 3_600_000
    assert parse_html(there.day(late))[0].startswith("23"), "a day begins at the person's own midnight"
