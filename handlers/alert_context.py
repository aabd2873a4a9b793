"""What the handlers of alerts and reports share, by name in PTB's bot_data."""

from typing import cast
from zoneinfo import ZoneInfo

from bot.service.reports import Reports
from handlers.context import ChatContext
from handlers.status_live import LiveCards

REPORTS = "reports"
LIVE_CARDS = "live_cards"


def reports_of(context: ChatContext) -> Reports:
    return cast("Reports", context.application.bot_data[REPORTS])


async def zone_of(context: ChatContext) -> ZoneInfo:
    """The time zone of the person who asks."""
    return await reports_of(context).zone(context.person)


def live_cards_of(context: ChatContext) -> LiveCards:
    return cast("LiveCards", context.application.bot_data[LIVE_CARDS])
