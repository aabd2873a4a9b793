"""Backtests in words: what to choose, how far it is, what came of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date

from bot.domain.market import Symbol
from bot.domain.money import Base, Quote
from bot.errors import InvalidInput
from bot.ports import Environment, Strategy
from bot.service.backtest_desk import Subject
from bot.service.backtest_wishes import MINUTE_MS, days_of
from bot.service.backtests import Failed, Progress
from handlers.callback import Press
from handlers.cards import strategy_label
from handlers.form import DRAFT
from handlers.form_faults import fault_text
from handlers.form_views import Screen, paragraphs
from handlers.formats import Formats
from handlers.keyboards import GOOD, Button, keyboard
from handlers.strategy_texts import page_of
from handlers.texts import Texts

_BAR = 12
_MINUTES_FROM_S = 100
"""So many seconds left, or more, are told in minutes."""
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_STAGES = frozenset({"start", "history", "run", "pictures", "files", "survival", "sweep", "judge", "against"})
_ROWS = (("1m", "3m"), ("1y", "3y", "all"))


@dataclass(frozen=True, slots=True)
class Choice:
    """A backtest as far as buttons carry it: whose strategy, which pair, since when."""

    who: str
    pair: str = ""
    period: str = ""

    @classmethod
    def of(cls, subject: Subject) -> "Choice":
        return cls(DRAFT if subject.strategy_id is None else str(subject.strategy_id), subject.pair)

    def press(self, action: str, *more: str) -> Press:
        return Press(action, (*(word for word in (self.who, self.pair, self.period) if word), *more))


# --- choosing -----------------------------------------------------------------------------------------------


def choose_strategy(
    texts: Texts, mine: Sequence[Strategy], page: int, *, action: str, draft: bool, head: str
) -> Screen:
    """One button a strategy, and the form under way where there is one; the next card comes in this one's place."""
    if not mine and not draft:
        new = Button(texts.plain("button.new_strategy"), Press("new"), GOOD)
        return Screen(texts("backtest.no_strategy"), keyboard([new]))
    shown, page, pages = page_of(mine, page)
    rows = [[Button(strategy_label(s), Press(f"{action}_in", (str(s.id),)))] for s in shown]
    if draft:
        rows.append([Button(texts.plain("button.bt_draft"), Press(f"{action}_in", (DRAFT,)))])
    turn = []
    if page:
        turn.append(Button(texts.plain("button.page_back"), Press(f"{action}s", (str(page - 1),))))
    if page + 1 < pages:
        turn.append(Button(texts.plain("button.page_on"), Press(f"{action}s", (str(page + 1),))))
    return Screen(texts(head), keyboard(*rows, turn))


def choose_period(texts: Texts, subject: Subject, pair: str) -> Screen:
    """Since when, on which pair, and what else can be asked of the past."""
    choice = Choice(Choice.of(subject).who, pair)
    rows = [
        [Button(texts.plain(f"button.bt_{p}"), Choice(choice.who, pair, p).press("bt_go")) for p in names]
        for names in _ROWS
    ]
    text = texts(
        "backtest.choose_period",
        name=subject.name,
        pair=pair,
        source=source_name(texts, subject.environment),
        candles=texts.plain(
            f"backtest.candles.{'sandbox' if _is_sandbox(subject.environment) else 'exchange'}"
        ),
    )
    return Screen(
        text,
        keyboard(
            *rows,
            [
                Button(texts.plain("button.bt_dates"), choice.press("bt_dates")),
                Button(texts.plain("button.bt_pair"), Press("bt_pair", (choice.who,))),
            ],
            [
                Button(texts.plain("button.bt_optimize"), choice.press("opt_of")),
                Button(texts.plain("button.bt_survival"), choice.press("survival")),
            ],
        ),
    )


def source_name(texts: Texts, environment: Environment) -> str:
    """Whose public prices an environment's backtest runs on."""
    key = "sandbox" if _is_sandbox(environment) else environment.value.partition("-")[0]
    return texts.plain(f"backtest.source.{key}")


def _is_sandbox(environment: Environment) -> bool:
    return environment.value.startswith("sandbox-")


def period_name(texts: Texts, period: str) -> str:
    """A period as a person calls it, plain."""
    days = days_of(period)
    if days is None:
        return texts.plain(f"backtest.period.{period}")
    return _days(*(str(format_date(day, "medium", locale=texts.locale)) for day in days))


def _days(first: str, last: str) -> str:
    return first if first == last else f"{first} – {last}"


# --- on the way ---------------------------------------------------------------------------------------------


def progress_text(texts: Texts, head: str, progress: Progress) -> str:
    """How far it is; `head` is HTML."""
    if progress.place:
        return paragraphs(head, texts("backtest.queued", place=progress.place))
    full = min(_BAR, max(0, round(progress.done * _BAR)))
    bar = "▓" * full + "░" * (_BAR - full)
    stage = progress.stage if progress.stage in _STAGES else "start"
    line = texts("backtest.progress", bar=bar, percent=round(progress.done * 100))
    lines = [line, texts(f"backtest.stage.{stage}")]
    if progress.left_s is not None and progress.left_s >= 1:
        lines.append(_left(texts, round(progress.left_s)))
    return paragraphs(head, "\n".join(lines))


def _left(texts: Texts, seconds: int) -> str:
    if seconds < _MINUTES_FROM_S:
        return texts.count("backtest.left", seconds)
    return texts.count("backtest.left_minutes", round(seconds / 60))


def failed_text(texts: Texts, failed: Failed) -> str:
    """Why there is nothing, in the person's words where there are some."""
    for key in (f"backtest.failed.{failed.key}", f"backtest.failed.{failed.reason}"):
        if key in texts:
            return texts(key, **_shown(texts, failed.values), reason=failed.reason)
    if failed.about:
        wrong = InvalidInput(failed.about, failed.reason, key=failed.key, values=dict(failed.values))
        return fault_text(texts, wrong)
    return texts("backtest.failed.other", reason=failed.reason)


def period_fault(texts: Texts, wrong: InvalidInput) -> str:
    """What was wrong with typed dates."""
    key = f"backtest.fault.{wrong.key}"
    return texts(key, **_shown(texts, wrong.values)) if key in texts else fault_text(texts, wrong)


def _shown(texts: Texts, values: Mapping[str, str]) -> dict[str, str]:
    """Days as a person writes them."""
    return {
        name: _day(texts, value) if name in {"first", "last"} else value for name, value in values.items()
    }


def _day(texts: Texts, value: str) -> str:
    try:
        return str(format_date(date.fromisoformat(value), "medium", locale=texts.locale))
    except ValueError:
        return value


# --- what came of it ----------------------------------------------------------------------------------------


def result_text(texts: Texts, card: Mapping[str, Any]) -> str:
    """The one card of a backtest."""
    run, symbol = card["runs"][0], Symbol(**card["symbol"])
    return paragraphs(
        head_text(texts, run["name"], card),
        "\n".join(_profit_lines(texts, run, symbol)),
        "\n".join(_risk_lines(texts, run, symbol)),
        "\n".join(_beside_lines(texts, run, symbol)),
        assumptions_text(texts, card, run),
    )


def head_text(texts: Texts, name: str, card: Mapping[str, Any], mark: str = "📈") -> str:
    formats, minutes = Formats(texts.locale), card["step_ms"] // MINUTE_MS
    return texts(
        "backtest.head",
        mark=mark,
        name=name,
        pair=card["symbol"]["name"],
        days=_days(formats.day(card["start"]), formats.day(card["end"] - 1)),  # the last day that is in it
        minutes=minutes,
        source=texts.plain(f"backtest.source.{card['source']}"),
    )


def _profit_lines(texts: Texts, run: Mapping[str, Any], symbol: Symbol) -> list[str]:
    formats = Formats(texts.locale)
    lines = [
        texts("backtest.net", amount=money(texts, run["net_profit"], symbol, signed=True)),
        texts(
            "backtest.returns",
            on_budget=formats.percent(Decimal(run["on_budget"]), signed=True),
            budget=money(texts, run["budget"], symbol),
            on_invested=formats.percent(Decimal(run["on_invested"]), signed=True),
            invested=money(texts, run["most_invested"], symbol),
        ),
        *_with_open(texts, run, symbol),
        texts.count("backtest.cycles", run["cycles"]) if run["cycles"] else texts("backtest.no_cycle"),
    ]
    if run["rebuys"]:
        lines.append(
            texts.count("backtest.rebuys", run["rebuys"], deepest=run["deepest"], limit=run["limit"])
        )
    elif run["limit"]:
        lines.append(texts("backtest.no_rebuy", limit=run["limit"]))
    return lines


def _with_open(texts: Texts, run: Mapping[str, Any], symbol: Symbol) -> list[str]:
    """Beside the profit of closed cycles, or a ladder that never sells at a loss would hide its losses."""
    if run["open"] is None:
        return []
    share = Formats(texts.locale).percent(Decimal(run["result_of_budget"]), signed=True)
    return [texts("backtest.result", amount=money(texts, run["result"], symbol, signed=True), share=share)]


def _risk_lines(texts: Texts, run: Mapping[str, Any], symbol: Symbol) -> list[str]:
    formats = Formats(texts.locale)
    lines = [texts("backtest.no_loss")]
    if run["worst_at"] is not None:
        lines = [
            texts(
                "backtest.worst",
                amount=money(texts, run["worst"], symbol),
                share=formats.percent(Decimal(run["worst_of_budget"])),
                day=formats.day(run["worst_at"]),
            )
        ]
    if run["under_water_ms"] >= _HOUR_MS:
        key = "backtest.under_water" if run["under_water_ended"] else "backtest.under_water_still"
        lines.append(texts(key, length=length(texts, run["under_water_ms"])))
    if Decimal(run["exhausted"]):
        lines.append(texts("backtest.exhausted", share=formats.percent(Decimal(run["exhausted"]))))
    return lines


def _beside_lines(texts: Texts, run: Mapping[str, Any], symbol: Symbol) -> list[str]:
    formats, lines, held = Formats(texts.locale), [], run["open"]
    if held is not None:
        lines.append(
            texts.count(
                "backtest.open",
                held["rebuys"],
                held=formats.base(Base(Decimal(held["held"])), symbol),
                paper=money(texts, held["unrealised"], symbol, signed=True),
            )
        )
    lines.append(texts("backtest.fees", amount=money(texts, run["fees"], symbol)))
    hold = run["hold"]
    lines.append(
        texts(
            "backtest.hold",
            share=formats.percent(Decimal(hold["of_budget"]), signed=True),
            amount=money(texts, hold["net"], symbol, signed=True),
            worst=money(texts, hold["worst"], symbol),
        )
    )
    return lines


def assumptions_text(texts: Texts, card: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    formats = Formats(texts.locale)
    lines = [texts("backtest.assumes", fee=formats.percent(Decimal(run["taxa"])))]
    if card["missing"]:
        lines.append(texts.count("backtest.gaps", card["missing"]))
    lines.append(texts("backtest.not_a_forecast"))
    return "\n".join(lines)


def money(texts: Texts, text: str, symbol: Symbol, *, signed: bool = False) -> str:
    return Formats(texts.locale).quote(Quote(Decimal(text)), symbol, signed=signed)


def length(texts: Texts, ms: int) -> str:
    """A stretch of time in the one unit that suits it, plain."""
    for unit, size in (("days", _DAY_MS), ("hours", _HOUR_MS)):
        if ms >= 2 * size:
            return texts.count(f"backtest.{unit}", round(ms / size))
    return texts.count("backtest.minutes", max(1, round(ms / MINUTE_MS)))


def result_buttons(texts: Texts, choice: Choice) -> tuple[list[Button], ...]:
    """What one does next with a result."""

    def button(key: str, press: Press) -> Button:
        return Button(texts.plain(f"button.{key}"), press)

    pair = Choice(choice.who, choice.pair)
    compare = button("bt_compare", choice.press("bt_cmp"))
    again = [button("bt_again", pair.press("bt_of")), button("bt_optimize", pair.press("opt_of"))]
    survival = button("bt_survival", pair.press("survival"))
    if choice.who == DRAFT:
        form = Button(texts.plain("button.bt_form"), Press("new", ("on",)), GOOD)
        return [form], again, [compare, survival]
    run = Button(texts.plain("button.bt_run"), Press("bt_run", (choice.who,)), GOOD)
    change = button("bt_change", Press("clone", (choice.who,)))
    return [run, compare], [change], again, [survival]
