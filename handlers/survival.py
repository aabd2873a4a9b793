"""Survival: the ladder started at every hour of the past. One line on the plan, and the whole on a button."""

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from telegram import Update
from telegram.error import TelegramError

from bot.backtest.jobs import Kind
from bot.domain.market import Symbol
from bot.errors import ExchangeError, InvalidInput, NotAllowed
from bot.service.backtest_desk import SURVIVAL_PERIOD
from bot.service.backtests import Done, Failed, Run
from handlers.backtest_context import dark_of, desk_of, draft_subject, pair_of, shows_of, subject_of
from handlers.backtest_shows import BacktestShows, Wanted
from handlers.backtest_views import Choice, head_text, length, money, period_name
from handlers.context import ChatContext
from handlers.form_turn import Turn
from handlers.form_views import Screen, paragraphs
from handlers.formats import Formats
from handlers.keyboards import Button, keyboard
from handlers.talk import answer, press_of, word_in
from handlers.texts import Texts


async def survival(update: Update, context: ChatContext) -> None:
    """The whole of it, as a run of its own; what is not on disk is fetched."""
    await answer(update)
    args = press_of(update).args
    subject = await subject_of(context, word_in(press_of(update)))
    pair = pair_of(args, subject)
    job = await desk_of(context).job(
        context.person,
        Kind.SURVIVAL,
        [subject],
        pair=pair,
        period=SURVIVAL_PERIOD,
        dark=await dark_of(context),
    )
    texts, choice = context.texts, Choice(Choice.of(subject).who, pair)
    head = texts(
        "backtest.surviving", name=subject.name, pair=pair, period=period_name(texts, SURVIVAL_PERIOD)
    )

    def view(texts: Texts, done: Done) -> Screen:
        again = Button(texts.plain("button.bt_test"), choice.press("bt_of"))
        optimize = Button(texts.plain("button.bt_optimize"), choice.press("opt_of"))
        return Screen(survival_text(texts, done.card), keyboard([again, optimize]))

    await shows_of(context).begin(context.person, Wanted(job, head, choice.press("survival"), view))


def survival_text(texts: Texts, card: Mapping[str, Any]) -> str:
    """Shares of starts that ran out, how long the rest took, and what the named crashes did."""
    symbol, formats = Symbol(**card["symbol"]), Formats(texts.locale)
    lines = [
        texts.count(
            "survival.starts", card["starts"], starts=formats.number(Decimal(card["starts"]), most=0)
        ),
        texts("survival.out_of_rebuys", share=formats.percent(Decimal(card["out_of_rebuys"]))),
    ]
    if Decimal(card["out_of_money"]):
        lines.append(texts("survival.out_of_money", share=formats.percent(Decimal(card["out_of_money"]))))
    exits = _exits(texts, card)
    key = "exits" if "most" in exits else "exits_half" if exits else "no_exit"
    lines += [
        texts(f"survival.{key}", **exits),
        texts("survival.still_open", share=formats.percent(Decimal(card["still_open"]))),
    ]
    losses = {name: money(texts, amount, symbol) for name, amount in card["worst"].items()}
    lines.append(texts("survival.worst", **losses))
    crashes = [
        texts.count(
            "survival.crash",
            crash["rebuys"],
            name=texts.plain(f"crash.{crash['name']}"),
            fall=formats.percent(Decimal(crash["fall"])),
            worst=money(texts, crash["worst"], symbol),
            exit=texts.plain("survival.sold", length=length(texts, crash["exit_ms"]))
            if crash["exit_ms"] is not None
            else texts.plain("survival.not_yet"),
        )
        for crash in card["crashes"]
    ]
    head = head_text(texts, card["name"], card, "🛟")
    return paragraphs(
        head,
        "\n".join(lines),
        "\n".join([texts("survival.crashes"), *crashes]) if crashes else "",
        texts("backtest.not_a_forecast"),
    )


def _exits(texts: Texts, card: Mapping[str, Any]) -> dict[str, str]:
    """Within how long half (and nine of ten) of the starts were out, as far as they were by the end."""
    return {name: length(texts, ms) for name, ms in card["exit_ms"].items() if ms is not None}


# --- one line on the plan -----------------------------------------------------------------------------------


def line_text(texts: Texts, card: Mapping[str, Any]) -> str:
    """The plan's one line; an offer where the pair's past is not on disk."""
    if card.get("absent"):
        return texts("survival.absent")
    symbol, formats, exits = Symbol(**card["symbol"]), Formats(texts.locale), _exits(texts, card)
    key = "line_most" if "most" in exits else "line_half" if exits else "line_none"
    out = Decimal(card["out_of_rebuys"]) + Decimal(card["out_of_money"])
    return texts(
        "survival.line",
        starts=formats.number(Decimal(card["starts"]), most=0),
        out=formats.percent(out),
        exits=texts.plain(f"survival.{key}", **exits),
        worst=money(texts, card["worst"]["worst"], symbol),
    )


async def line_under(turn: Turn, screen: Screen) -> None:
    """Work the line out in the background and put it under the plan that has just been shown."""
    shows, context = shows_of(turn.context), turn.context
    subject = await draft_subject(context)
    shown = await turn.service.draft(turn.person)
    if subject is None or shown is None or shown.message_id is None:
        return
    line = _Line(shows, turn, screen, shown.message_id)
    try:
        job = await shows.desk.job(
            turn.person, Kind.LINE, [subject], pair=subject.pair, period=SURVIVAL_PERIOD, dark=False
        )
        if not shows.desk.on_disk(job):
            shows.keep(line.show({"absent": True}))
            return
        run = shows.desk.queue.submit(turn.person.id, job.packed(), background=True)
    except (ExchangeError, InvalidInput, NotAllowed):
        return  # the plan is whole without it
    shows.keep(line.when_done(run))


class _Line:
    """A line to come under one plan."""

    def __init__(self, shows: BacktestShows, turn: Turn, screen: Screen, message_id: int) -> None:
        self._shows, self._turn, self._screen, self._message_id = shows, turn, screen, message_id

    async def when_done(self, run: Run) -> None:
        try:
            outcome = await run.outcome
            if isinstance(outcome, Done):
                await self.show(outcome.card)
            elif isinstance(outcome, Failed) and outcome.key == "absent":
                await self.show({"absent": True})
        finally:
            self._shows.desk.queue.release(run)

    async def show(self, card: Mapping[str, Any]) -> None:
        """Only as long as this plan is the last that was asked for: older ones have lost their buttons."""
        draft = await self._turn.service.draft(self._turn.person)
        if draft is None or draft.message_id != self._message_id:
            return
        with suppress(TelegramError):
            await self._turn.context.bot.edit_message_text(
                paragraphs(self._screen.text, line_text(self._turn.texts, card)),
                chat_id=self._turn.person.chat_id,
                message_id=self._message_id,
                reply_markup=self._screen.keyboard,
            )
