"""Real fills against the backtest's, in words. Pure."""

from bot.service.backtests import Done
from handlers.form_views import Screen
from handlers.texts import Texts


def against_screen(texts: Texts, done: Done) -> Screen:
    return Screen(texts("backtest.failed.other", reason=str(done.card)))
