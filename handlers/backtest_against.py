"""What a strategy really did, laid over the backtest of the same hours: each difference by its name."""

from functools import partial

from telegram import Update

from handlers.backtest_against_views import against_screen
from handlers.backtest_context import dark_of, desk_of, shows_of
from handlers.backtest_shows import Wanted
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.talk import answer, number_in, press_of


async def against(update: Update, context: ChatContext) -> None:
    """Queue it; NotAllowed("backtest_no_fills") for one that never traded."""
    await answer(update)
    found = await context.service.strategy(context.person, number_in(press_of(update)))
    job = await desk_of(context).against(context.person, found, dark=await dark_of(context))
    head = context.texts("backtest.checking", name=found.name, pair=found.symbol.name)
    again = Press("bt_against", (str(found.id),))
    view = partial(against_screen, again=again)
    await shows_of(context).begin(context.person, Wanted(job, head, again, view))
