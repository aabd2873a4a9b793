"""/why: the next action of a strategy and its distance, or what keeps it from acting. The words are pure."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from telegram import Update

from bot.domain.events import StopMode
from bot.domain.orders import Leg, OrderStatus
from bot.domain.state import Obstacle, Phase, State
from bot.engine.status import Status
from bot.ports import RunStatus
from bot.service.reports import Reason
from handlers.alert_context import reports_of
from handlers.callback import Press
from handlers.cards import header, pause_reason
from handlers.context import ChatContext
from handlers.formats import Formats
from handlers.keyboards import Button, keyboard
from handlers.talk import answer, number_in, press_of, say
from handlers.texts import Texts


async def why(update: Update, context: ChatContext) -> None:
    """Each strategy that runs or is paused, in one message each."""
    cards = await context.service.status(context.person)
    zone = await reports_of(context).zone(context.person)
    if not cards:
        new = Button(context.texts.plain("button.strategies"), Press("strategies"))
        await say(update, context, context.texts("why.nothing_runs"), keyboard([new]))
    for card in cards:
        reason = await reports_of(context).reason(context.person, card.strategy)
        await say(update, context, why_text(context.texts, reason, zone))


async def why_one(update: Update, context: ChatContext) -> None:
    await answer(update)
    strategy = await context.service.strategy(context.person, number_in(press_of(update)))
    reason = await reports_of(context).reason(context.person, strategy)
    zone = await reports_of(context).zone(context.person)
    await say(update, context, why_text(context.texts, reason, zone))


def why_text(texts: Texts, reason: Reason, zone: ZoneInfo) -> str:
    """The strongest reason first; times of the next try in `zone`."""
    strategy = reason.card.strategy
    return "\n".join([header(texts, strategy), "", *_Why(texts, reason, zone).lines()])


class _Why:
    def __init__(self, texts: Texts, reason: Reason, zone: ZoneInfo) -> None:
        self._texts = texts
        self._formats = Formats(texts.locale)
        self._card = reason.card
        self._state: State = reason.state
        self._zone = zone

    def lines(self) -> list[str]:
        texts, strategy = self._texts, self._card.strategy
        if strategy.status is RunStatus.PAUSED:
            return [texts("why.paused", reason=pause_reason(texts, strategy.pause_reason or ""))]
        status = self._card.status
        if strategy.status is RunStatus.IDLE or status is None:
            return [texts("why.idle")]
        lines = [texts("why.locked")] if self._card.locked else []
        lines += self._phase(status)
        told = Leg.ENTRY if status.phase is Phase.STARTING else None
        lines += [self._obstacle(o) for o in self._state.obstacles if o.leg is not told]
        if status.stop is StopMode.AFTER_CYCLE:
            lines.append(texts("why.last_cycle"))
        return lines

    def _phase(self, status: Status) -> list[str]:
        texts = self._texts
        obstacle = self._state.obstacle(Leg.ENTRY)
        match status.phase:
            case Phase.STARTING if obstacle is not None:
                return [texts("why.no_money", moment=self._moment(obstacle.retry_at))]
            case Phase.HOLDING:
                return self._holding(status)
            case phase:
                return [texts(f"why.phase_{phase.value}")]

    def _holding(self, status: Status) -> list[str]:
        texts, price = self._texts, self._formats.price
        lines = []
        if status.last_price is None:
            lines.append(texts("why.no_price"))
        if status.exit_price is not None:
            away = self._away(status.exit_distance)
            lines.append(texts("why.exit", price=price(status.exit_price), away=away))
        else:
            lines.append(texts("why.no_exit"))
        if status.rebuy_price is not None:
            away = self._away(status.rebuy_distance)
            k, limit = status.rebuys + 1, status.max_rebuys
            lines.append(texts("why.rebuy", k=k, limit=limit, price=price(status.rebuy_price), away=away))
        else:
            lines.append(self._no_rebuy(status))
        if any(order.status is not OrderStatus.LIVE for order in self._state.orders):
            lines.append(texts("why.underway"))
        return lines

    def _no_rebuy(self, status: Status) -> str:
        texts = self._texts
        if status.rebuys >= status.max_rebuys:
            return texts.count("why.rebuys_used", status.max_rebuys)
        if self._state.obstacle(Leg.REBUY) is not None:
            return texts("why.rebuy_refused")
        if self._state.rebuys_paused:
            return texts("why.rebuys_paused")
        return texts("why.limit")

    def _away(self, distance: Decimal | None) -> str:
        if distance is None:
            return self._texts.plain("why.away_unknown")
        return self._texts.plain("why.away", percent=self._formats.percent(distance, signed=True))

    def _obstacle(self, obstacle: Obstacle) -> str:
        texts = self._texts
        order = texts.plain(f"order.{obstacle.leg.name.lower()}", k=self._state.k + 1)
        cause = obstacle.reason.value if obstacle.reason is not None else "vanished"
        why_not = texts.plain(f"why.cause_{cause}")
        return texts("why.obstacle", order=order, cause=why_not, moment=self._moment(obstacle.retry_at))

    def _moment(self, at: int) -> str:
        return f"{datetime.fromtimestamp(at / 1000, self._zone):%H:%M:%S}"
