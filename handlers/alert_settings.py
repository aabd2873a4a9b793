"""/alerts and /timezone: what is told and how, the digest's hour, the pictures' colours."""

from datetime import datetime
from zoneinfo import ZoneInfo

from telegram import InlineKeyboardMarkup, Update

from bot.errors import InvalidInput, NotAllowed
from bot.ports.preferences import Choice, Taste
from handlers.alert_context import reports_of
from handlers.alert_kinds import CHOOSABLE
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.keyboards import GOOD, Button, keyboard
from handlers.talk import answer, number_in, press_of, say, show, word_in
from handlers.texts import Texts

_NEXT = {Choice.ON: Choice.SILENT, Choice.SILENT: Choice.OFF, Choice.OFF: Choice.ON}
_MARKS = {Choice.ON: "🔔", Choice.SILENT: "🔕", Choice.OFF: "🚫"}
ZONES = (
    "America/Sao_Paulo", "America/Manaus", "America/Rio_Branco", "America/Noronha", "America/New_York",
    "America/Los_Angeles", "Europe/Lisbon", "Europe/London", "Europe/Berlin", "Asia/Tokyo", "UTC",
)  # fmt: skip


async def alerts(update: Update, context: ChatContext) -> None:
    """All settings on one card."""
    await answer(update)
    await _show(update, context)


async def alert_kind(update: Update, context: ChatContext) -> None:
    """The pressed kind goes on: with sound, silent, off, with sound ..."""
    await answer(update)
    kind = word_in(press_of(update))
    if kind not in CHOOSABLE:
        raise NotAllowed("dead_button")
    reports = reports_of(context)
    now = (await reports.choices(context.person)).get(kind, Choice.ON)
    await reports.preferences.choose(context.person.id, kind, _NEXT[now])
    await _show(update, context)


async def dark(update: Update, context: ChatContext) -> None:
    """Pictures on dark ground, or on white again."""
    await answer(update)
    reports = reports_of(context)
    taste = await reports.preferences.taste(context.person.id)
    await reports.set_dark(context.person, dark=not taste.dark)
    await _show(update, context)


async def digest(update: Update, context: ChatContext) -> None:
    """Ask for the hour of the daily digest."""
    await answer(update)
    texts = context.texts
    zone = await reports_of(context).zone(context.person)
    hours = [Button(f"{hour:02d}:00", Press("digest_at", (str(hour),))) for hour in range(24)]
    rows = [hours[n : n + 4] for n in range(0, 24, 4)]
    off = [
        Button(texts.plain("button.digest_off"), Press("digest_at", ("off",))),
        Button(texts.plain("button.back"), Press("alerts")),
    ]
    await show(update, context, texts("digest.ask", zone=zone.key), keyboard(*rows, off))


async def digest_at(update: Update, context: ChatContext) -> None:
    await answer(update)
    press = press_of(update)
    hour = None if word_in(press) == "off" else number_in(press)
    if hour is not None and hour not in range(24):
        raise NotAllowed("dead_button")
    await reports_of(context).set_digest(context.person, hour)
    await _show(update, context)


async def timezone(update: Update, context: ChatContext) -> None:
    """The common zones as buttons; `/timezone Europe/Paris` sets any."""
    await answer(update)
    texts, reports = context.texts, reports_of(context)
    wanted = " ".join(context.args or ()) if update.callback_query is None else ""
    if wanted:
        try:
            zone = await reports.set_zone(context.person, wanted[:60])
        except InvalidInput:
            await say(update, context, texts("zone.unknown", name=wanted[:60]))
            return
        await say(update, context, texts("zone.set", zone=zone.key, time=_time(zone)))
        return
    zone = await reports.zone(context.person)
    buttons = [
        Button(
            name.split("/")[-1].replace("_", " "), Press("zone", (name,)), GOOD if name == zone.key else None
        )
        for name in ZONES
    ]
    rows = [buttons[n : n + 2] for n in range(0, len(buttons), 2)]
    back = [Button(texts.plain("button.back"), Press("alerts"))]
    await show(update, context, texts("zone.ask", zone=zone.key, time=_time(zone)), keyboard(*rows, back))


async def zone(update: Update, context: ChatContext) -> None:
    await answer(update)
    name = word_in(press_of(update))
    if name not in ZONES:
        raise NotAllowed("dead_button")
    await reports_of(context).set_zone(context.person, name)
    await _show(update, context)


async def _show(update: Update, context: ChatContext) -> None:
    reports = reports_of(context)
    choices = await reports.choices(context.person)
    taste = await reports.preferences.taste(context.person.id)
    zone = await reports.zone(context.person)
    kinds = {kind: choices.get(kind, Choice.ON) for kind in CHOOSABLE}
    text = alerts_text(context.texts, taste, zone)
    await show(update, context, text, _buttons(context.texts, kinds, taste))


def alerts_text(texts: Texts, taste: Taste, zone: ZoneInfo) -> str:
    if taste.digest_hour is None:
        daily = texts("alerts.no_digest")
    else:
        daily = texts("alerts.digest", hour=f"{taste.digest_hour:02d}:00")
    return "\n\n".join(
        [
            texts("alerts.head"),
            texts("alerts.always"),
            f"{daily}\n{texts('alerts.zone', zone=zone.key, time=_time(zone))}",
        ]
    )


def _buttons(texts: Texts, kinds: dict[str, Choice], taste: Taste) -> InlineKeyboardMarkup:
    rows = [
        [
            Button(
                f"{_MARKS[choice]} {texts.plain(f'alerts.kind_{kind}')}: {texts.plain(f'alerts.{choice.value}')}",
                Press("alert", (kind,)),
            )
        ]
        for kind, choice in kinds.items()
    ]
    return keyboard(
        *rows,
        [
            Button(texts.plain("button.digest"), Press("digest")),
            Button(texts.plain("button.timezone"), Press("timezone")),
        ],
        [Button(texts.plain("button.to_light" if taste.dark else "button.to_dark"), Press("dark"))],
    )


def _time(zone: ZoneInfo) -> str:
    return f"{datetime.now(zone):%H:%M}"
