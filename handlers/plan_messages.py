"""A plan sent to a person: the picture, the long table as a file, the tables."""

from bot.domain.plan import Plan
from bot.service import Market
from handlers import plan_table
from handlers.context import ChatContext
from handlers.plan_picture import picture
from handlers.texts import Texts


async def send_plan(context: ChatContext, market: Market, plan: Plan) -> str:
    """The picture, the long table as a file, and the tables but for the last, which is given back as HTML."""
    texts, chat_id, sender = context.texts, context.person.chat_id, context.bot
    png = await picture(texts, plan)
    await sender.send_photo(chat_id, png, caption=_summary(texts, market, plan), filename="plan.png")
    if plan_table.shortened(plan):
        name = f"{texts.plain('plan.file')}-{market.symbol}.txt"
        await sender.send_document(chat_id, plan_table.as_file(texts, plan).encode(), filename=name)
    *first, last = plan_table.messages(texts, plan)
    for text in first:
        await sender.send_message(chat_id, text)
    return last


def _summary(texts: Texts, market: Market, plan: Plan) -> str:
    mode = texts.plain("form.mode.real" if market.environment.real_money else "form.mode.sim")
    return plan_table.summary(texts, plan, environment=market.environment.value, mode=mode)
