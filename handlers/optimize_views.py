"""What an optimisation found: a few choices between profit and worst loss, and how each did on what it had not seen."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from bot.domain.market import Symbol
from bot.domain.params import BY_NAME
from bot.service.backtests import Done
from handlers.backtest_views import Choice, head_text, money
from handlers.callback import MAX_BYTES, Press
from handlers.form import pressed_value
from handlers.form_views import Screen, paragraphs, shown_value
from handlers.formats import Formats
from handlers.keyboards import Button, keyboard
from handlers.texts import Texts

MOST_FIELDS = 3
"""Varied at once: more would be drawn too thinly from a few hundred sets, and would not fit a button."""
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "a": "lucro_alvo_inicial",
        "b": "multiplicador_lucro",
        "c": "recompra_queda_inicial",
        "d": "multiplicador_recompra",
        "e": "limite_recompras",
        "f": "qty_inicial",
        "g": "multiplicador_qty",
    }
)
"""What the chat offers to vary, by the letter that stands for it in a button."""
_LETTERS = {name: letter for letter, name in FIELDS.items()}
_MARKS = ("1️⃣", "2️⃣", "3️⃣", "4️⃣")


def optimized_screen(texts: Texts, done: Done, *, choice: Choice) -> Screen:
    """The front's choices, each with a button, the warnings under them."""
    card = done.card
    symbol = Symbol(**card["symbol"])
    parts = [
        _choice_text(texts, symbol, mark, one) for mark, one in zip(_MARKS, card["choices"], strict=False)
    ]
    warnings = [texts(f"optimize.warn.{name}") for name in card["warnings"]]
    text = paragraphs(
        head_text(texts, card["name"], card, "🎯"),
        texts(
            "optimize.judged",
            sets=Formats(texts.locale).number(Decimal(card["sets"]), most=0),
            unseen=Formats(texts.locale).day(card["unseen_from"]),
        )
        + ("" if card["complete"] else f"\n{texts('optimize.stopped_early')}"),
        *parts,
        "\n".join(warnings),
        texts("optimize.not_a_forecast"),
    )
    tries = [
        [Button(texts.plain("button.opt_try", mark=mark), press)]
        for mark, one in zip(_MARKS, card["choices"], strict=False)
        if one["changes"] and (press := _try(choice.who, one["changes"])) is not None
    ]
    again = Button(texts.plain("button.opt_again"), Choice(choice.who, choice.pair).press("opt_of"))
    test = Button(texts.plain("button.bt_test"), Choice(choice.who, choice.pair).press("bt_of"))
    return Screen(text, keyboard(*tries, [again, test]))


def _try(who: str, changes: Mapping[str, str]) -> Press | None:
    """None where the values are longer than a button may be."""
    press = Press("opt_try", (who, *(f"{_LETTERS[name]}{value}" for name, value in changes.items())))
    return press if len(":".join(("v1", press.action, *press.args)).encode()) <= MAX_BYTES else None


def _choice_text(texts: Texts, symbol: Symbol, mark: str, one: Mapping[str, Any]) -> str:
    lines = [texts(f"optimize.choice.{one['kind']}", mark=mark)]
    for name, value in one["changes"].items():
        shown = shown_value(texts, name, pressed_value(name, value))
        lines.append(texts("optimize.value", field=f"{BY_NAME[name].item} {name}", value=shown))
    for key in ("seen", "unseen"):
        told = one[key]
        lines.append(
            texts.count(
                f"optimize.{key}",
                told["cycles"],
                result=money(texts, told["result"], symbol, signed=True),
                worst=money(texts, told["worst"], symbol).removesuffix(symbol.quote).strip(),
            )
        )
    return "\n".join(lines)
