"""What is said of a locked vault and of the time that it was locked. Pure."""

from collections import Counter
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from bot.domain.money import Price
from bot.domain.notices import VaultLockedNotice
from bot.service.vault_care import Opened, RestingExit, WhileAway
from handlers.formats import Formats
from handlers.texts import Texts


def locked_lines(texts: Texts, notice: VaultLockedNotice, zone: ZoneInfo) -> list[str]:
    """Since when, and where each exit still rests."""
    if not notice.since:
        return [
            texts.count("notice.vault_locked", len(notice.strategies), names=", ".join(notice.strategies))
        ]
    head = texts.count(
        "locked.since", len(notice.strategies), since=Formats(texts.locale, zone).minute(notice.since)
    )
    exits = [_exit_line(texts, "locked", note.strategy, note.pair, note.price) for note in notice.exits]
    return [head, *exits, texts("locked.go_on")]


def opened_text(texts: Texts, opened: Opened) -> str:
    """How many strategies go on, and which now stop because somebody had asked for it meanwhile."""
    if opened.running or not opened.stops:
        first = texts.count("unlock.done", opened.running) if opened.running else texts("unlock.idle")
    else:
        first = texts("unlock.only_stops")
    stops = [texts(f"unlock.stops_{mode.value}", name=strategy.name) for strategy, mode in opened.stops]
    return "\n".join([first, *stops])


def away_text(texts: Texts, away: WhileAway, zone: ZoneInfo) -> str:
    """The fills of the locked time, and the exits now."""
    formats = Formats(texts.locale, zone)
    times = {"since": formats.minute(away.opened.since), "until": formats.minute(away.opened.at)}
    kinds = Counter(record.leg for record in away.fills)
    if kinds:
        told = ", ".join(texts.count(f"away.kind_{leg}", n) for leg, n in sorted(kinds.items()))
        lines = [texts.count("away.fills", len(away.fills), kinds=told, **times)]
    else:
        lines = [texts("away.none", **times)]
    lines += exit_lines(texts, away.exits)
    if not away.complete:
        lines.append(texts("away.incomplete"))
    return "\n".join(lines)


def exit_lines(texts: Texts, exits: Sequence[RestingExit]) -> list[str]:
    """A line for each strategy."""
    return [_exit_line(texts, "away", e.strategy.name, e.strategy.symbol.name, e.price) for e in exits]


def _exit_line(texts: Texts, kind: str, strategy: str, pair: str, price: Price | None) -> str:
    if price is None:
        return texts(f"{kind}.no_exit", strategy=strategy, pair=pair)
    shown = Formats(texts.locale).price(price)
    return texts(f"{kind}.exit", strategy=strategy, pair=pair, price=shown)
