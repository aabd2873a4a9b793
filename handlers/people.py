"""/invite, /people and /audit: the owner says who may use this, and sees who did what."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from telegram import InlineKeyboardMarkup, Update
from telegram.error import TelegramError

from bot.errors import NotAllowed
from bot.ports import Role, Strategy
from bot.ports.people import AuditEntry, Member
from handlers.alert_context import zone_of
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.formats import Formats
from handlers.keyboards import GRAVE, Button, keyboard
from handlers.talk import answer, number_in, press_of, say, show, word_in
from handlers.texts import LOCALES, Texts, texts_for

_SHOWN = 20
_IN_FILE = 10_000
_MARKS = {Role.OWNER: "👑", Role.USER: "👤"}


@dataclass(frozen=True, slots=True)
class RemovePerson:
    """Whom a confirmed press removes, and whether their keys are forgotten."""

    person_id: int
    forget: bool


async def invite(update: Update, context: ChatContext) -> None:
    """/invite: a single-use code, as a link and plain; shown once."""
    await answer(update)
    made = await context.service.people.invite(context.person)
    link = f"https://t.me/{context.bot.username}?start={made.code}"
    await say(update, context, context.texts("invite.made", hours=made.hours, link=link, code=made.code))


async def people(update: Update, context: ChatContext) -> None:
    """/people: who is served; a press on one opens their card."""
    await answer(update)
    texts = context.texts
    members, invites = await context.service.people.everybody(context.person)
    lines = [texts("people.head"), *(_line(texts, member) for member in members)]
    if invites:
        lines.append(texts.count("people.invites", invites))
    others = [m for m in members if m.person.role is not Role.OWNER]
    buttons = [[Button(_name(m), Press("person", (str(m.person.id),)))] for m in others]
    more = [
        Button(texts.plain("button.invite"), Press("invite")),
        Button(texts.plain("button.audit"), Press("audit")),
    ]
    await show(update, context, "\n\n".join(lines), keyboard(*buttons, more))


async def person(update: Update, context: ChatContext) -> None:
    """One member: what runs, and removing them with or without their keys."""
    await answer(update)
    person_id = number_in(press_of(update))
    member, at_work = await context.service.people.member(context.person, person_id)
    await show(
        update, context, person_text(context.texts, member, at_work), _person_keyboard(context.texts, member)
    )


def person_text(texts: Texts, member: Member, at_work: Sequence[Strategy]) -> str:
    card = texts("people.card", **_words(texts, member), chat=member.person.chat_id)
    runs = texts("people.runs", names=_names(at_work)) if at_work else texts("people.nothing_runs")
    return f"{card}\n\n{runs}"


def _person_keyboard(texts: Texts, member: Member) -> InlineKeyboardMarkup:
    back = [Button(texts.plain("button.back"), Press("people"))]
    if member.person.role is Role.OWNER:
        return keyboard(back)
    ways = {"keep": "button.person_remove", "forget": "button.person_remove_forget"}
    rows = [
        [Button(texts.plain(key), Press("person_remove", (str(member.person.id), word)), GRAVE)]
        for word, key in ways.items()
    ]
    return keyboard(*rows, back)


async def remove(update: Update, context: ChatContext) -> None:
    """The second look: what becomes of their strategies and keys."""
    await answer(update)
    press, texts = press_of(update), context.texts
    person_id, word = number_in(press), word_in(press, 1)
    if word not in {"keep", "forget"}:
        raise NotAllowed("dead_button")
    member, at_work = await context.service.people.member(context.person, person_id)
    nonce = context.confirmations.ask(context.person.id, RemovePerson(person_id, word == "forget"))
    parts = [texts(f"people.confirm_{word}", name=_name(member))]
    if at_work:
        parts.append(texts("people.confirm_running", names=_names(at_work), name=_name(member)))
    buttons = keyboard(
        [Button(texts.plain("button.yes_remove_person"), Press("person_remove_yes", (nonce,)), GRAVE)],
        [Button(texts.plain("button.no"), Press("people"))],
    )
    await show(update, context, "\n\n".join([*parts, texts("run.valid")]), buttons)


async def remove_yes(update: Update, context: ChatContext) -> None:
    await answer(update)
    what = context.confirmations.take(context.person.id, word_in(press_of(update)))
    if not isinstance(what, RemovePerson):
        await show(update, context, context.texts("confirm.expired"))
        return
    texts = context.texts
    member, left = await context.service.people.remove(context.person, what.person_id, forget=what.forget)
    context.service.care.tickets.drop(what.person_id)
    parts = [texts("people.removed_forgotten" if what.forget else "people.removed", name=_name(member))]
    if left:
        parts.append(texts("people.removed_suspended", names=_names(left)))
    await show(update, context, "\n\n".join(parts))
    await _tell_removed(context, member)


async def _tell_removed(context: ChatContext, member: Member) -> None:
    """The removed person learns it once; that they cannot be reached changes nothing."""
    locale = member.person.locale if member.person.locale in LOCALES else "en"
    try:
        await context.bot.send_message(member.person.chat_id, texts_for(locale)("people.you_are_removed"))
    except TelegramError:
        return


async def audit(update: Update, context: ChatContext) -> None:
    """/audit: the newest deeds; all of them as a file on request."""
    await answer(update)
    texts = context.texts
    entries = await context.service.people.audit(context.person, _SHOWN)
    if not entries:
        await say(update, context, texts("audit.empty"))
        return
    zone = await zone_of(context)
    lines = [
        texts("audit.head", n=len(entries), zone=zone.key),
        "",
        *(_deed(texts, entry, zone) for entry in entries),
    ]
    button = Button(texts.plain("button.audit_file"), Press("audit_file"))
    await say(update, context, "\n".join(lines), keyboard([button]))


async def audit_file(update: Update, context: ChatContext) -> None:
    """The log as tab-separated text: time in ISO 8601 UTC, person, deed, about."""
    await answer(update)
    entries = await context.service.people.audit(context.person, _IN_FILE)
    text = "".join(f"{_row(entry)}\n" for entry in entries)
    file = io.BytesIO(text.encode())
    await context.bot.send_document(context.person.chat_id, file, filename="audit.tsv")


def _row(entry: AuditEntry) -> str:
    at = datetime.fromtimestamp(entry.at / 1000, UTC).isoformat(timespec="seconds")
    return "\t".join(_flat(word) for word in (at, entry.name, entry.deed, entry.about))


def _flat(word: str) -> str:
    return " ".join(word.split())


def _deed(texts: Texts, entry: AuditEntry, zone: ZoneInfo) -> str:
    return texts(
        "audit.line",
        moment=Formats(texts.locale, zone).stamp(entry.at),
        name=entry.name or "?",
        deed=texts.plain(f"deed.{entry.deed}"),
        about=entry.about,
    ).rstrip()


def _line(texts: Texts, member: Member) -> str:
    return texts("people.line", **_words(texts, member), running=member.running, saved=member.saved)


def _words(texts: Texts, member: Member) -> dict[str, str]:
    return {
        "mark": _MARKS[member.person.role],
        "name": _name(member),
        "role": texts.plain(f"people.role_{member.person.role.value}"),
        "day": Formats(texts.locale).day(member.since),
    }


def _name(member: Member) -> str:
    return member.person.name or str(member.person.chat_id)


def _names(strategies: Sequence[Strategy]) -> str:
    return ", ".join(f"{s.name} ({s.symbol.name})" for s in strategies)
