"""Real fills against the backtest's, in words. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bot.domain.market import Symbol
from bot.domain.money import Base, Price
from bot.service.backtests import Done
from handlers.backtest_views import head_text, money
from handlers.callback import Press
from handlers.form_views import Screen, paragraphs
from handlers.formats import Formats
from handlers.keyboards import Button, keyboard
from handlers.texts import Texts

_MOST = 10
_SLIGHT = Decimal("0.00005")


def against_screen(texts: Texts, done: Done, again: Press) -> Screen:
    """Same cycles or not, then money, slippage and fees, then every difference by its name; `again` asks anew."""
    card = done.card
    symbol, formats = Symbol(**card["symbol"]), Formats(texts.locale)
    same = texts.count("against.same", card["total"], same=card["same"])
    if card["total"] and card["same"] == card["total"]:
        same = texts.count("against.all_same", card["total"])
    lines = [
        _profit(texts, card, symbol),
        _slippage(texts, Decimal(card["slippage"]), formats),
        texts(
            "against.fees",
            paid=money(texts, card["fees"], symbol),
            expected=money(texts, card["expected_fees"], symbol),
        ),
    ]
    found = card["differences"]
    told = [_difference(texts, one, symbol) for one in found[:_MOST]]
    left = card["differences_in_all"] - len(told)
    if left > 0:
        told.append(texts.count("against.more", left))
    listed = "\n".join([texts("against.differences"), *told]) if told else texts("against.no_difference")
    how = texts("against.how_sandbox" if card["source"] == "sandbox" else "against.how")
    text = paragraphs(head_text(texts, card["name"], card, "🔍"), same, "\n".join(lines), listed, how)
    return Screen(text, keyboard([Button(texts.plain("button.bt_retry"), again)]))


def _profit(texts: Texts, card: Mapping[str, Any], symbol: Symbol) -> str:
    names = ("net_profit", "tested_net_profit")
    if not any(Decimal(card[name]) for name in names):  # a cycle that closed has earned or lost something
        return texts("against.no_profit")
    real, tested = (money(texts, card[name], symbol, signed=True) for name in names)
    return texts("against.profit", real=real, tested=tested)


def _slippage(texts: Texts, share: Decimal, formats: Formats) -> str:
    if abs(share) < _SLIGHT:
        return texts("against.no_slippage")
    key = "against.slippage" if share > 0 else "against.slippage_better"
    return texts(key, share=formats.number(abs(share) * 100, most=3) + "%")


def _difference(texts: Texts, one: Mapping[str, Any], symbol: Symbol) -> str:
    """`• cycle 3, 11-05 12:40: re-buy 2 at 59,406.00 should have filled and did not`."""
    formats, kind = Formats(texts.locale), one["kind"]
    if kind == "NotComparable":
        return texts("against.NotComparable", cycle=one["cycle"])
    values: dict[str, str] = {
        "cycle": str(one["cycle"]),
        "moment": formats.stamp(one["time"]),
    }
    if "k" in one:
        values["order"] = _order(texts, one)
    for name in ("price", "tested"):
        if isinstance(value := one.get(name), str) and kind != "OtherQuantity":
            values[name] = formats.price(Price(Decimal(value)))
    if kind == "OtherTime":
        values["tested"] = formats.stamp(one["tested"])
    if kind == "OtherQuantity":
        for name in ("quantity", "tested"):
            values[name] = formats.base(Base(Decimal(one[name])), symbol)
    return texts(f"against.{kind}", **values)


def _order(texts: Texts, one: Mapping[str, Any]) -> str:
    if one["side"] == "sell":
        return texts.plain("against.order.exit")
    return texts.plain("against.order.rebuy", k=one["k"]) if one["k"] else texts.plain("against.order.first")
