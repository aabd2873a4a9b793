"""/log: the last events in plain words, and all of them as a file."""

import re
from collections.abc import Sequence
from datetime import datetime
from html import unescape
from zoneinfo import ZoneInfo

from telegram import Update

from bot.service.reports import Entry
from handlers.alert_context import reports_of
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.formats import Formats
from handlers.keyboards import Button, keyboard
from handlers.talk import answer, chat_id_of, say
from handlers.texts import Texts
from handlers.views import notice_lines

_SHOWN = 15
_IN_FILE = 5000
_ROOM = 3900
_TAG = re.compile(r"<[^>]*>")


async def log(update: Update, context: ChatContext) -> None:
    """The last events, the newest at the end."""
    await answer(update)
    entries = await reports_of(context).log(context.person, _SHOWN)
    if not entries:
        await say(update, context, context.texts("log.nothing"))
        return
    zone = await reports_of(context).zone(context.person)
    file = Button(context.texts.plain("button.log_file"), Press("log_file"))
    await say(update, context, log_text(context.texts, entries, zone), keyboard([file]))


async def log_file(update: Update, context: ChatContext) -> None:
    """The last 5,000 events as a text file."""
    await answer(update)
    texts = context.texts
    entries = await reports_of(context).log(context.person, _IN_FILE)
    zone = await reports_of(context).zone(context.person)
    lines = [bare(entry_line(texts, entry, zone, whole=True)) for entry in entries]
    name = texts.plain("log.file_name", day=datetime.now(zone).date().isoformat())
    content = ("\r\n".join(lines) + "\r\n").encode("utf-8-sig")
    caption = texts.count("log.file", len(entries))
    await context.bot.send_document(chat_id_of(update), content, filename=name, caption=caption)


def log_text(texts: Texts, entries: Sequence[Entry], zone: ZoneInfo) -> str:
    """As many of the newest as fit one message, under a line for each day."""
    lines: list[str] = []
    room = _ROOM
    for entry in reversed(entries):
        line = entry_line(texts, entry, zone)
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join([texts("log.head", zone=zone.key), "", *reversed(lines)])


def entry_line(texts: Texts, entry: Entry, zone: ZoneInfo, *, whole: bool = False) -> str:
    """Day, time, whose it was, what happened: the first line of what was told, or all of it."""
    when = datetime.fromtimestamp(entry.told.at / 1000, zone)
    symbol = entry.strategy.symbol if entry.strategy is not None else None
    told = notice_lines(texts, entry.told.notice, symbol, zone)
    said = " · ".join(line for text in told for line in text.splitlines()) if whole else told[0]
    moment = f"{when:%Y-%m-%d %H:%M:%S}" if whole else Formats(texts.locale, zone).stamp(entry.told.at)
    if entry.strategy is None:
        return texts("log.line_alone", moment=moment) + f" {said}"
    return texts("log.line", moment=moment, name=entry.strategy.name) + f" {said}"


def bare(markup: str) -> str:
    """Telegram's HTML as plain text."""
    return unescape(_TAG.sub("", markup))
