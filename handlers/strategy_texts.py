"""Saved strategies in words: pages of the list, the card with what waits, the warning of a shared purse. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from bot.ports import RunStatus, Strategy
from bot.service.worst_case import Shortage
from handlers.cards import list_text, strategy_text
from handlers.formats import Formats
from handlers.start import environment_name
from handlers.texts import Texts

PAGE = 8
"""Strategies on one page of the list."""


def page_of(found: Sequence[Strategy], page: int) -> tuple[Sequence[Strategy], int, int]:
    """The strategies of a page, its number (the last where it is past the end) and how many pages there are."""
    pages = max(1, -(-len(found) // PAGE))
    page = min(page, pages - 1)
    return found[page * PAGE : (page + 1) * PAGE], page, pages


def page_text(texts: Texts, found: Sequence[Strategy], page: int, words: str) -> str:
    """The list, what was searched for, and where in it this page stands."""
    if words and not found:
        return texts("strategies.not_found", words=words)
    shown, page, pages = page_of(found, page)
    lines = [list_text(texts, shown)]
    if words:
        lines.append(texts.count("strategies.found", len(found), words=words))
    if pages > 1:
        lines.append(texts("strategies.page", page=page + 1, pages=pages, total=len(found)))
    return "\n\n".join(lines)


def card_text(texts: Texts, found: Strategy) -> str:
    """The card with what was chosen last; what the cycle under way still runs on is said."""
    text = strategy_text(texts, replace(found, params=found.chosen))
    if found.pending is None:
        return text
    key = "strategy.pending" if found.status is RunStatus.IDLE else "strategy.pending_running"
    return f"{text}\n\n{texts(key)}"


def shortage_text(texts: Texts, about: Strategy, short: Shortage) -> str:
    """What the strategies of one purse may need together, and whose buy is the first without money."""
    formats, symbol = Formats(texts.locale), about.symbol
    alone = len(short.needed) == 1
    head = texts(
        "strategy.short_alone" if alone else "strategy.short_together",
        environment=environment_name(texts, about.environment),
        needed=formats.quote(short.together, symbol),
        free=formats.quote(short.free, symbol),
    )
    lines = [
        texts("strategy.short_line", name=name, amount=formats.quote(amount, symbol))
        for name, amount in short.needed
    ]
    first = short.first
    key = "strategy.short_rebuy" if first.k else "strategy.short_first_buy"
    last = texts(key, name=first.name, k=first.k, fall=formats.percent(first.fall))
    return "\n".join([head, *([] if alone else lines), last])
