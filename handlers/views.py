"""Notices as text: what an alert says, in the reader's language at the moment it is sent. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from telegram import InlineKeyboardMarkup

from bot.domain.events import StopMode
from bot.domain.market import Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.notices import (
    CycleClosed,
    Digest,
    Earned,
    FirstBuyFilled,
    KeyExpires,
    KeyMayWithdraw,
    KeyUnbound,
    NotEnough,
    Notice,
    Paused,
    PutBack,
    RebuyFilled,
    RebuysHeld,
    Refused,
    Started,
    Stopped,
    StrayFill,
    VaultLockedNotice,
)
from bot.domain.orders import Leg
from bot.ports import Environment, Strategy
from handlers.callback import Press
from handlers.cards import header, pause_reason
from handlers.formats import UTC, Formats
from handlers.keyboards import Button, keyboard
from handlers.start import environment_name
from handlers.texts import Texts
from handlers.vault_texts import locked_lines

_NO_SYMBOL = Symbol("", "", "")


def notice_lines(texts: Texts, notice: Notice, symbol: Symbol | None, zone: ZoneInfo) -> list[str]:
    """The notice alone, without the line that names its strategy."""
    return _Words(texts, symbol or _NO_SYMBOL, zone).lines(notice)


def notices_text(
    texts: Texts, notices: Sequence[Notice], strategy: Strategy | None, zone: ZoneInfo = UTC
) -> str:
    """Notices of one strategy as one message: each named in its line, the last one told whole.

    Telegram HTML; the strategy's name, pair and SIM or REAL stand in the first line.
    """
    words = _Words(texts, strategy.symbol if strategy is not None else _NO_SYMBOL, zone)
    lines = [line for notice in notices[:-1] for line in words.brief(notice)]
    if lines:
        lines.insert(0, texts.count("alerts.several", len(notices)))
    lines += words.lines(notices[-1])
    return "\n".join(lines if strategy is None else [header(texts, strategy), *lines])


def notice_keyboard(texts: Texts, notice: Notice, strategy: Strategy | None) -> InlineKeyboardMarkup | None:
    """What the reader may want to do at once."""
    if isinstance(notice, VaultLockedNotice):
        return keyboard([Button(texts.plain("button.unlock"), Press("unlock"))])
    if isinstance(notice, KeyExpires | KeyMayWithdraw | KeyUnbound):
        return keyboard([Button(texts.plain("button.keys"), Press("keys"))])
    if strategy is None:
        return None
    args = (str(strategy.id),)
    if isinstance(notice, Paused):
        return keyboard([Button(texts.plain("button.strategy"), Press("strategy", args))])
    if isinstance(notice, NotEnough | Refused):
        return keyboard([Button(texts.plain("button.status"), Press("status", args))])
    return None


def _place(texts: Texts, environment: str) -> str:
    return environment_name(texts, Environment(environment))


class _Words:
    """The lines of each notice, with the numbers of one locale and pair."""

    def __init__(self, texts: Texts, symbol: Symbol, zone: ZoneInfo) -> None:
        self._texts = texts
        self._formats = Formats(texts.locale)
        self._symbol = symbol
        self._zone = zone

    def lines(self, notice: Notice) -> list[str]:
        texts = self._texts
        match notice:
            case Started(resumed=resumed):
                return [texts("notice.resumed" if resumed else "notice.started")]
            case RebuysHeld():
                return self._rebuys_held(notice)
            case FirstBuyFilled():
                return self._first_buy(notice)
            case RebuyFilled():
                return self._rebuy(notice)
            case CycleClosed():
                return self._closed(notice)
            case NotEnough(needed=needed, available=available):
                return [
                    texts("notice.not_enough", needed=self._quote(needed), available=self._quote(available))
                ]
            case PutBack(leg=leg, k=k, price=price):
                shown = self._formats.price(price) if price is not None else "-"
                return [texts("notice.put_back", order=self._order(leg, k), price=shown)]
            case Refused():
                return self._refused(notice)
            case Stopped():
                return self._stopped(notice)
            case StrayFill(quantity=quantity, value=value):
                return [texts("notice.stray_fill", quantity=self._base(quantity), value=self._quote(value))]
            case Paused(reason=reason):
                return [texts("notice.paused", reason=pause_reason(texts, reason))]
            case VaultLockedNotice():
                return locked_lines(texts, notice, self._zone)
            case Digest():
                return self._digest(notice)
            case KeyExpires():
                return self._key_expires(notice)
            case KeyUnbound(environment=environment):
                return [self._texts("key.unbound", environment=_place(self._texts, environment))]
            case KeyMayWithdraw(environment=environment):
                return [self._texts("key.may_withdraw", environment=_place(self._texts, environment))]
            case _:
                assert_never(notice)

    def brief(self, notice: Notice) -> list[str]:
        """What an alert must not leave out, also among others: what filled, the average and exit, the profit."""
        lines = self.lines(notice)
        match notice:
            case RebuyFilled():
                return lines[:3]
            case CycleClosed():
                return [*lines[:2], lines[-1]]
            case _:
                return lines[:1]

    def _digest(self, notice: Digest) -> list[str]:
        day = self._formats.day(
            int(datetime.fromisoformat(notice.day).replace(tzinfo=UTC).timestamp() * 1000)  # a day, no moment
        )
        return [self._texts("digest.head", day=day), *(self._earned(one) for one in notice.earned)]

    def _key_expires(self, notice: KeyExpires) -> list[str]:
        texts, place = self._texts, _place(self._texts, notice.environment)
        if not notice.days:
            return [texts("key.expires_today", environment=place)]
        day = Formats(texts.locale, self._zone).day(notice.expires_at)
        return [texts.count("key.expires", notice.days, environment=place, day=day)]

    def _earned(self, earned: Earned) -> str:
        symbol = Symbol("", "", earned.coin)
        return self._texts(
            "digest.line",
            mode=self._texts.plain("mode.real" if earned.real else "mode.simulation"),
            profit=self._formats.quote(earned.profit, symbol, signed=True),
            cycles=self._texts.count("digest.cycles", earned.cycles),
            buys=self._texts.count("digest.buys", earned.buys),
        )

    def _first_buy(self, notice: FirstBuyFilled) -> list[str]:
        line = self._texts(
            "notice.first_buy",
            cycle=notice.cycle,
            quantity=self._base(notice.quantity),
            price=self._formats.price(notice.price),
            spent=self._quote(notice.spent),
        )
        exit_line = self._optional("notice.exit", notice.exit_price)
        return [line, *exit_line, *self._next_rebuy(notice.next_rebuy, paused=notice.rebuys_paused)]

    def _rebuys_held(self, notice: RebuysHeld) -> list[str]:
        exit_line = self._optional("notice.exit", notice.exit_price)
        if notice.paused:
            return [self._texts("notice.rebuys_paused"), *exit_line]
        return [
            self._texts("notice.rebuys_resumed"),
            *exit_line,
            *self._optional("notice.next_rebuy", notice.next_rebuy),
        ]

    def _rebuy(self, notice: RebuyFilled) -> list[str]:
        texts, price = self._texts, self._formats.price
        line = texts(
            "notice.rebuy",
            k=notice.k,
            limit=notice.limit,
            quantity=self._base(notice.quantity),
            price=price(notice.spent.per(notice.quantity)),  # a limit order may fill at better than its price
            spent=self._quote(notice.spent),
        )
        average = texts("notice.average", price=price(notice.average))
        if notice.exit_before is not None and notice.exit_price is not None:
            moved = [
                texts("notice.exit_moved", before=price(notice.exit_before), after=price(notice.exit_price))
            ]
        else:
            moved = self._optional("notice.exit", notice.exit_price)
        return [line, average, *moved, *self._next_rebuy(notice.next_rebuy, paused=notice.rebuys_paused)]

    def _closed(self, notice: CycleClosed) -> list[str]:
        texts = self._texts
        won = "profit" if notice.net_profit.value >= 0 else "loss"
        way = "by_hand" if notice.by_hand else "exit"
        return [
            texts(f"notice.closed_{way}", cycle=notice.cycle, price=self._formats.price(notice.price)),
            texts(
                f"notice.closed_{won}",
                profit=self._formats.quote(notice.net_profit, self._symbol, signed=True),
                percent=self._formats.percent(notice.percent, signed=True),
            ),
            self._sold(notice),
            texts.count(
                "notice.closed_total",
                notice.cycles_done,
                total=self._formats.quote(notice.total_profit, self._symbol, signed=True),
            ),
        ]

    def _sold(self, notice: CycleClosed) -> str:
        quantity, received = self._base(notice.quantity), self._quote(notice.received)
        if not notice.rebuys:
            return self._texts("notice.closed_sold_alone", quantity=quantity, received=received)
        return self._texts.count("notice.closed_sold", notice.rebuys, quantity=quantity, received=received)

    def _refused(self, notice: Refused) -> list[str]:
        order = self._order(notice.leg, notice.k)
        line = self._texts(f"notice.refused_{notice.reason.value}", order=order)
        return [
            line,
            self._texts("notice.refused_message", message=notice.message),
            self._texts("notice.refused_again"),
        ]

    def _stopped(self, notice: Stopped) -> list[str]:
        texts = self._texts
        lines = [texts("notice.stopped")]
        if notice.kept and notice.mode is StopMode.SELL_NOW:
            lines.append(texts("notice.stopped_dust", quantity=self._base(notice.kept)))
        elif notice.kept:
            kept, cost = self._base(notice.kept), self._quote(notice.kept_cost)
            lines.append(texts("notice.stopped_kept", quantity=kept, cost=cost))
        total = self._formats.quote(notice.total_profit, self._symbol, signed=True)
        return [*lines, texts("notice.stopped_total", total=total)]

    def _order(self, leg: Leg, k: int) -> str:
        return self._texts.plain(f"order.{leg.name.lower()}", k=k)

    def _optional(self, key: str, price: Price | None) -> list[str]:
        return [] if price is None else [self._texts(key, price=self._formats.price(price))]

    def _next_rebuy(self, price: Price | None, *, paused: bool) -> list[str]:
        none = "notice.no_rebuys_while_paused" if paused else "notice.no_more_rebuys"
        return self._optional("notice.next_rebuy", price) or [self._texts(none)]

    def _quote(self, amount: Quote) -> str:
        return self._formats.quote(amount, self._symbol)

    def _base(self, quantity: Base) -> str:
        return self._formats.base(quantity, self._symbol)
